//! The evidence that a backup was restored once, and which of it is kept.

use std::{cmp::Reverse, collections::BTreeMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{kind::Kind, object::ROLE};

/// How a backup is made. Each mechanism that backs a database up has to prove that it can bring it back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mechanism {
    /// A CronJob that dumps.
    CronJob,
    /// Velero.
    Velero,
    /// CloudNativePG's own backups.
    Cnpg,
    /// K8up.
    K8up,
    /// Longhorn's backups of volumes.
    Longhorn,
    /// Backups that another database operator schedules.
    Operator,
}

impl Mechanism {
    /// The word in results, metrics and messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::CronJob => "cronjob",
            Self::Velero => "velero",
            Self::Cnpg => "cnpg",
            Self::K8up => "k8up",
            Self::Longhorn => "longhorn",
            Self::Operator => "operator",
        }
    }

    /// The mechanism a schedule of this kind belongs to.
    pub const fn of(schedule: Kind) -> Self {
        match schedule {
            Kind::CronJob => Self::CronJob,
            Kind::VeleroSchedule => Self::Velero,
            Kind::CnpgScheduledBackup => Self::Cnpg,
            Kind::K8upSchedule => Self::K8up,
            Kind::LonghornRecurringJob => Self::Longhorn,
            _ => Self::Operator,
        }
    }
}

/// One restore that ended well.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restore {
    /// When it ended.
    pub at: Timestamp,
    /// Where to.
    pub namespace: Box<str>,
    /// The environment in force there when it was seen, by the label key of a baseline.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<Box<str>, Box<str>>,
    /// The object that ran it, such as `Job restore/db-28123`.
    pub source: Box<str>,
    /// How the backup was made; absent where the test does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<Mechanism>,
    /// Why it verifies nothing; absent where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaw: Option<Box<str>>,
    /// The backup that was restored, where that is known.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub backup: Box<str>,
    /// When that backup was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_time: Option<Timestamp>,
    /// How long it took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// Most restores remembered of one target.
pub(crate) const PER_TARGET: usize = 32;

impl Restore {
    /// Whether what was restored was looked at and found to be right.
    pub fn is_verified(&self) -> bool {
        self.flaw.is_none()
    }

    /// What is kept first, and of what is told first.
    fn rank(&self) -> impl Ord + '_ {
        (
            !self.is_verified(),
            Reverse(self.at),
            self.mechanism,
            &self.namespace,
            &self.source,
        )
    }

    /// Of restores that are alike only the newest counts.
    fn is_like(&self, other: &Self) -> bool {
        self.mechanism == other.mechanism
            && self.is_verified() == other.is_verified()
            && self.namespace == other.namespace
    }

    /// Whether both speak of one run: its Job says so as well as the CronJob that started it.
    fn is_same_run(&self, other: &Self) -> bool {
        self.at == other.at && self.namespace == other.namespace
    }
}

/// Adds evidence to what is known of a target; tells whether that says anything new. Adding again what was added before, or
/// something older, changes nothing, so that it does not matter in which order, and how often, objects are looked at.
pub(crate) fn insert(known: &mut Vec<Restore>, new: Restore) -> bool {
    let before = known.clone();
    match known.iter().position(|old| old.is_same_run(&new)) {
        Some(i) if known[i].is_verified() || !new.is_verified() => {
            // Said already, and as well: only the environment may have been unknown.
            for (key, value) in new.environments {
                known[i].environments.entry(key).or_insert(value);
            }
        }
        same => {
            let mut new = new;
            if let Some(old) = same.map(|i| known.remove(i)) {
                // The environment of then stands.
                new.environments.extend(old.environments);
            }
            if !known.iter().any(|old| old.is_like(&new) && old.at >= new.at) {
                known.retain(|old| !old.is_like(&new));
                known.push(new);
            }
        }
    }
    trim(known, PER_TARGET);
    *known != before
}

/// Keeps the verified ones first, then the newest.
fn trim(known: &mut Vec<Restore>, most: usize) {
    known.sort_by(|a, b| a.rank().cmp(&b.rank()));
    known.truncate(most);
}

/// Whether an object is marked as a restore test.
pub(crate) fn is_marked(labels: &crate::labels::Labels) -> bool {
    labels.get(ROLE) == Some(super::RESTORE_TEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restore(at: i64, flaw: Option<&str>) -> Restore {
        Restore {
            at: Timestamp::from_second(at).unwrap(),
            namespace: "restore".into(),
            environments: BTreeMap::new(),
            source: format!("Job restore/{at}").into(),
            mechanism: None,
            flaw: flaw.map(Into::into),
            backup: "b".into(),
            backup_time: None,
            seconds: Some(60),
        }
    }

    fn times(known: &[Restore]) -> Vec<(i64, bool)> {
        known
            .iter()
            .map(|r| (r.at.as_second(), r.is_verified()))
            .collect()
    }

    #[test]
    fn the_newest_verified_one_and_the_newest_other_one_are_kept() {
        let mut known = Vec::new();
        for (at, flaw) in [(10, None), (30, Some("no result")), (20, None), (5, None)] {
            insert(&mut known, restore(at, flaw));
        }
        assert_eq!(times(&known), [(20, true), (30, false)]);
        assert!(!insert(&mut known, restore(5, None)));
    }

    #[test]
    fn a_result_that_comes_late_verifies_the_same_run_and_its_loss_does_not_undo_it() {
        let mut known = Vec::new();
        assert!(insert(&mut known, restore(10, Some("no result"))));
        assert!(insert(&mut known, restore(10, None)));
        assert_eq!(times(&known), [(10, true)]);
        assert!(!insert(&mut known, restore(10, Some("no result"))));
        assert_eq!(times(&known), [(10, true)]);
    }

    #[test]
    fn an_environment_is_filled_in_and_never_rewritten() {
        let mut known = vec![restore(10, None)];
        let staging = Restore {
            environments: [("env".into(), "staging".into())].into(),
            ..restore(10, None)
        };
        let production = Restore {
            environments: [("env".into(), "production".into())].into(),
            ..restore(10, None)
        };
        assert!(insert(&mut known, staging));
        assert!(!insert(&mut known, production));
        assert_eq!(&*known[0].environments["env"], "staging");
    }

    #[test]
    fn what_is_kept_of_a_target_is_bounded() {
        let mut known = Vec::new();
        for i in 0..200 {
            let many = Restore {
                namespace: format!("n{i}").into(),
                ..restore(i, None)
            };
            insert(&mut known, many);
        }
        assert_eq!(known.len(), PER_TARGET);
        assert_eq!(known[0].at.as_second(), 199);
    }
}
