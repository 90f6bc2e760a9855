//! What a container's command or arguments hint at. The text itself, which may hold passwords, is not kept.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer};

use crate::texts::{Collector, Marks, words_of};

/// Commands that make a backup wherever they appear.
const BACKUPS: &[&str] = &[
    "pg_dump",
    "pg_basebackup",
    "mysqldump",
    "mariadb-dump",
    "mariabackup",
    "xtrabackup",
    "mongodump",
    "redis-cli --rdb",
    "etcdctl snapshot save",
    "neo4j-admin database dump",
    "restic backup",
    "borg create",
    "kopia snapshot create",
    "rclone sync",
    "rclone copy",
    "s3cmd put",
    "s3cmd sync",
    "velero backup create",
    "nodetool snapshot",
    "influx backup",
    "vault operator raft snapshot save",
    "cluster-backup.sh",
];

/// First words that make a backup when the image is such a tool and its entry point the tool itself.
const VERBS: &[&str] = &["backup", "create", "sync", "copy", "put"];

/// Which of the known backup commands a list of strings contains, by index, and what else the strings showed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Script {
    command: Option<u8>,
    verb: Option<u8>,
    marks: Marks,
}

impl Script {
    /// The backup command that occurs, such as `pg_dump`.
    pub fn backup_command(&self) -> Option<&'static str> {
        BACKUPS.get(usize::from(self.command?)).copied()
    }

    /// The first word, if it is one with which backup tools start a backup.
    pub fn verb(&self) -> Option<&'static str> {
        VERBS.get(usize::from(self.verb?)).copied()
    }

    /// What the strings showed.
    pub(crate) fn texts(&self) -> &Marks {
        &self.marks
    }

    fn of(words: &[Cow<'_, str>]) -> Self {
        let find = |list: &[&str], is: &dyn Fn(&str) -> bool| {
            list.iter()
                .position(|known| is(known))
                .and_then(|i| u8::try_from(i).ok())
        };
        let text = words.join(" ");
        Self {
            command: find(BACKUPS, &|known| text.contains(known)),
            verb: find(VERBS, &|known| words.first().is_some_and(|word| word == known)),
            marks: Collector::new()
                .map(|collector| look_at(collector, words))
                .unwrap_or_default(),
        }
    }
}

fn look_at(mut collector: Collector, words: &[Cow<'_, str>]) -> Marks {
    collector.words(words);
    collector.finish()
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({:?})", self.backup_command().or_else(|| self.verb()))
    }
}

impl<'de> Deserialize<'de> for Script {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let words = words_of(d)?;
        Ok(if words.is_empty() {
            Self::default()
        } else {
            Self::of(&words)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_across_arguments_and_inside_scripts() {
        let script = |json: &str| serde_json::from_str::<Script>(json).unwrap();
        assert_eq!(
            script(r#"["sh","-c","set -e\npg_dump -Fc db > /b/x"]"#).backup_command(),
            Some("pg_dump")
        );
        assert_eq!(
            script(r#"["restic","backup","/data"]"#).backup_command(),
            Some("restic backup")
        );
        assert_eq!(script(r#"["sync","--ssl"]"#).verb(), Some("sync"));
        assert_eq!(script(r#"["restic","forget"]"#), Script::default());
        assert_eq!(script("null"), Script::default());
    }
}
