//! Restores that ended well, as evidence.

use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_engine::{memory::Shard, restore::Restore, text::cut_json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EvidenceError;
use crate::schema;

/// Most restores one record remembers: verified ones first, then the newest.
const MAX_RESTORES: usize = 128;
/// Longest text kept of a restore.
const MAX_WORD: usize = 128;
/// Most label keys by which the environment of a restore is kept.
const MAX_ENVIRONMENTS: usize = 4;

/// One restore that ended well.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreEvidence {
    /// What was restored: `<Kind>/<name>`, or `*` for every database of the namespace.
    #[schemars(length(min = 1, max = 512))]
    pub target: String,
    /// When it ended.
    #[schemars(schema_with = "schema::time")]
    pub time: Timestamp,
    /// The namespace it was restored to.
    #[schemars(length(max = 253))]
    pub namespace: String,
    /// The environment in force there when it was seen, by label key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<String, String>,
    /// The object that ran it.
    #[schemars(length(max = 640))]
    pub source: String,
    /// How the backup was made: cronjob, velero, cnpg, k8up, longhorn or operator; absent where the test does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub mechanism: Option<String>,
    /// Why it verifies nothing; absent where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub flaw: Option<String>,
    /// The backup that was restored.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub backup: String,
    /// When that backup was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub backup_time: Option<Timestamp>,
    /// How long it took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub seconds: Option<i64>,
}

/// The restores that fit: verified ones first, then the newest; and whether some did not.
pub(super) fn best(shard: &Shard) -> (Vec<RestoreEvidence>, bool) {
    let all = shard
        .restores
        .iter()
        .flat_map(|(target, restores)| restores.iter().map(move |r| (target, r)));
    let mut all: Vec<_> = all.collect();
    let total = all.len();
    if total > MAX_RESTORES {
        all.sort_by_key(|(_, restore)| (!restore.is_verified(), std::cmp::Reverse(restore.at)));
        all.truncate(MAX_RESTORES);
        all.sort_by_key(|(target, restore)| (*target, std::cmp::Reverse(restore.at)));
    }
    let kept = all
        .into_iter()
        .map(|(target, restore)| RestoreEvidence::of(target, restore));
    (kept.collect(), total > MAX_RESTORES)
}

impl RestoreEvidence {
    fn of(target: &str, restore: &Restore) -> Self {
        let environments = restore.environments.iter().take(MAX_ENVIRONMENTS);
        Self {
            target: target.into(),
            time: restore.at,
            namespace: restore.namespace.to_string(),
            environments: environments
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            source: restore.source.to_string(),
            mechanism: restore.mechanism.map(|mechanism| mechanism.word().to_owned()),
            flaw: restore.flaw.as_ref().map(|flaw| cut_json(flaw, MAX_WORD)),
            backup: restore.backup.to_string(),
            backup_time: restore.backup_time,
            seconds: restore.seconds.map(i64::from),
        }
    }

    pub(super) fn engine(&self, index: usize) -> Result<Restore, EvidenceError> {
        let mechanism = self.mechanism.as_deref().map(|word| {
            serde_json::from_value(Value::from(word)).map_err(|e| EvidenceError {
                field: format!("spec.restores[{index}].mechanism"),
                expected: e.to_string(),
            })
        });
        let environments = self.environments.iter();
        Ok(Restore {
            at: self.time,
            namespace: self.namespace.as_str().into(),
            environments: environments
                .map(|(k, v)| (k.as_str().into(), v.as_str().into()))
                .collect(),
            source: self.source.as_str().into(),
            mechanism: mechanism.transpose()?,
            flaw: self.flaw.as_deref().map(Into::into),
            backup: self.backup.as_str().into(),
            backup_time: self.backup_time,
            seconds: self.seconds.and_then(|seconds| seconds.try_into().ok()),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::EvidenceRecord;

    pub(in super::super) fn restore(n: usize, flaw: &str) -> Restore {
        Restore {
            at: Timestamp::new(1_700_000_000 - i64::try_from(n).unwrap(), 123_000_000).unwrap(),
            namespace: format!("restore-{n}").into(),
            environments: [("plimsoll.dev/environment".into(), "staging".into())].into(),
            source: "s".repeat(500).into(),
            mechanism: Some(plimsoll_engine::restore::Mechanism::Velero),
            flaw: (!flaw.is_empty()).then(|| flaw.into()),
            backup: "b".repeat(128).into(),
            backup_time: Some(Timestamp::UNIX_EPOCH),
            seconds: Some(840),
        }
    }

    #[test]
    fn verified_restores_are_kept_first_and_what_is_left_out_is_said() {
        let mut shard = Shard::default();
        for n in 0..100 {
            let of = (0..10).map(|i| restore(n * 10 + i, if i < 5 { "no result" } else { "" }));
            shard
                .restores
                .insert(format!("StatefulSet/db-{n:03}"), of.collect());
        }
        let record = EvidenceRecord::of("shop", &shard, &[]);
        assert_eq!(record.spec.restores.len(), MAX_RESTORES);
        assert!(record.spec.overflow);
        assert!(record.spec.restores.iter().all(|kept| kept.flaw.is_none()));
        let kept = record.shard().unwrap();
        assert_eq!(kept.restores.values().map(Vec::len).sum::<usize>(), MAX_RESTORES);
    }
}
