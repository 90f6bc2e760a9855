//! `EvidenceRecord`: what cannot be seen in a present object and must be remembered. One per namespace, written by the
//! operator only, bounded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::CustomResource;
mod probed;
use plimsoll_engine::{
    memory::{Fingerprint, Held, Seen, Shard},
    restore::Restore,
};
pub use probed::{AnswerEvidence, AvailabilityEvidence, HandshakeEvidence, MAX_PROBED};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{schema, status::ObjectReference, summary::cut};

/// Most findings one record remembers: with everything else it stays far under what etcd accepts (1.5 MB).
pub const MAX_SEEN: usize = 4000;
/// Most repairs one record remembers; the oldest go first.
pub const MAX_REPAIRS: usize = 100;
/// Most restores one record remembers: verified ones first, then the newest.
const MAX_RESTORES: usize = 128;
/// Longest text kept of a restore.
const MAX_WORD: usize = 128;
/// Most label keys by which the environment of a restore is kept.
const MAX_ENVIRONMENTS: usize = 4;
/// Largest field value kept of a repair, in bytes of JSON.
const MAX_VALUE: usize = 256;
/// Most fields kept of one repair.
const MAX_FIELDS: usize = 4;
/// Most labels kept of a namespace.
const MAX_LABELS: usize = 64;
/// Longest text kept of a repair, in bytes of JSON.
const MAX_TEXT: usize = 512;

/// Name of the record of what belongs to no namespace. No namespace can be called so: their names have no dots.
pub const CLUSTER_SHARD: &str = "cluster.plimsoll.dev";

/// What the operator remembers of one namespace, or of the cluster.
#[derive(CustomResource, Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "plimsoll.dev",
    version = "v1alpha1",
    kind = "EvidenceRecord",
    plural = "evidencerecords",
    shortname = "er",
    category = "plimsoll",
    derive = "PartialEq",
    doc = "An EvidenceRecord holds what the operator must remember of one namespace: since when findings have been there, how the namespace was first labelled, what probes of its hosts met, which backups of it were restored in tests, and what was repaired with the values of before. Written by the operator only; deleting it makes findings look new, and restores never tested.",
    printcolumn = r#"{"name":"Namespace","type":"string","jsonPath":".spec.namespace"}"#,
    printcolumn = r#"{"name":"Overflow","type":"boolean","jsonPath":".spec.overflow","description":"Whether something was left out for lack of room"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", default)]
pub struct EvidenceRecordSpec {
    /// The namespace; empty for what belongs to none.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// `metadata.uid` of the namespace: one of the same name created later is another namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub uid: Option<String>,
    /// The first value of each namespace label that decides something, by label key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Since when findings have been there, by the unit they belong to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4000), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["unit"]))]
    pub units: Vec<UnitEvidence>,
    /// What was repaired, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-kubernetes-list-type" = "atomic"))]
    pub repairs: Vec<RepairRecord>,
    /// What TLS servers answered to the last probe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "atomic"))]
    pub handshakes: Vec<HandshakeEvidence>,
    /// How available hosts were, by the hour.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "atomic"))]
    pub availability: Vec<AvailabilityEvidence>,
    /// Restores of the namespace's databases, wherever they were restored to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), extend("x-kubernetes-list-type" = "atomic"))]
    pub restores: Vec<RestoreEvidence>,
    /// Whether something was left out for lack of room: the youngest findings, the oldest repairs and restores, the hosts
    /// that were probed the longest ago.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overflow: bool,
}

/// The findings of one unit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnitEvidence {
    /// Fingerprint of baseline, control and subject: 32 hexadecimal digits.
    #[schemars(length(min = 1, max = 32))]
    pub unit: String,
    /// Its findings.
    #[schemars(length(max = 4000))]
    pub seen: Vec<SeenEvidence>,
}

/// Since when a finding has been there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeenEvidence {
    /// Fingerprint of the finding: 32 hexadecimal digits.
    #[schemars(length(min = 1, max = 32))]
    pub fingerprint: String,
    /// When it was first seen.
    #[schemars(schema_with = "schema::time")]
    pub first_seen: Timestamp,
    /// From when on it counts as a failure.
    #[schemars(schema_with = "schema::time")]
    pub fails_at: Timestamp,
    /// The verdict that stands until then: Pass, NotApplicable or Unknown.
    pub held: HeldEvidence,
}

/// The verdict that stands while a new failure settles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum HeldEvidence {
    /// It passed before.
    Pass,
    /// It did not apply before.
    NotApplicable,
    /// It was unknown before, or its object is young.
    Unknown,
}

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

/// One repair that was made, with the values of before: touched fields only, never whole objects.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RepairRecord {
    /// The control that asked for it.
    #[schemars(length(max = 127))]
    pub control: String,
    /// The object that was changed or created.
    pub object: ObjectReference,
    /// `metadata.uid` of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub uid: Option<String>,
    /// The change in words.
    #[schemars(length(max = 512))]
    pub summary: String,
    /// The touched fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub fields: Vec<FieldChange>,
    /// When it was made.
    #[schemars(schema_with = "schema::time")]
    pub time: Timestamp,
    /// How often somebody has undone it since.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub undone: i64,
}

/// One touched field.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// JSON pointer of the field; empty for an object that was created as a whole.
    #[schemars(length(max = 512))]
    pub pointer: String,
    /// The value before; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub before: Option<Value>,
    /// The value after; absent where it is too large to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::any")]
    pub after: Option<Value>,
    /// Whether a value was too large to keep.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// Why a record cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct EvidenceError {
    /// Path of the field.
    pub field: String,
    /// What was found and what was expected.
    pub expected: String,
}

/// Which record of a namespace: where several processes remember, each has its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Part {
    /// That of whoever reads, and of whoever does everything.
    #[default]
    Main,
    /// That of a process that only repairs.
    Repairs,
    /// That of a process that only probes.
    Probes,
}

impl Part {
    /// No namespace ends so: their names have no dots.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Repairs => ".repairs",
            Self::Probes => ".probes",
        }
    }

    /// The name of this record of a namespace; of the cluster's for the empty name.
    pub fn name(self, namespace: &str) -> String {
        format!("{}{}", EvidenceRecord::name_for(namespace), self.suffix())
    }

    /// The namespace that a record's name tells, and which of its records it is.
    pub fn of(name: &str) -> (&str, Self) {
        let ends = [Self::Repairs, Self::Probes];
        let (name, part) = ends
            .into_iter()
            .find_map(|part| Some((name.strip_suffix(part.suffix())?, part)))
            .unwrap_or((name, Self::Main));
        (if name == CLUSTER_SHARD { "" } else { name }, part)
    }
}

impl EvidenceRecord {
    /// The name of a namespace's main record; of the cluster's for the empty name.
    pub fn name_for(namespace: &str) -> &str {
        if namespace.is_empty() {
            CLUSTER_SHARD
        } else {
            namespace
        }
    }

    /// The record of a namespace. What does not fit is left out, and `overflow` says so.
    pub fn of(namespace: &str, shard: &Shard, repairs: &[RepairRecord]) -> Self {
        Self::new(
            Self::name_for(namespace),
            EvidenceRecordSpec::of(namespace, shard, repairs),
        )
    }

    /// What the engine remembers of the namespace.
    pub fn shard(&self) -> Result<Shard, EvidenceError> {
        self.spec.shard()
    }
}

impl EvidenceRecordSpec {
    /// What fits of a shard and of repairs (oldest first).
    pub fn of(namespace: &str, shard: &Shard, repairs: &[RepairRecord]) -> Self {
        let (units, left_out) = oldest(shard);
        let skipped = repairs.len().saturating_sub(MAX_REPAIRS);
        let (restores, forgotten) = best(shard);
        let labels: BTreeMap<_, _> = shard.labels.clone().into_iter().take(MAX_LABELS).collect();
        let (handshakes, availability, unheard) = probed::bounded(&shard.probed);
        Self {
            namespace: namespace.into(),
            uid: shard.uid.clone(),
            overflow: left_out || forgotten || skipped > 0 || unheard || labels.len() < shard.labels.len(),
            labels,
            units,
            handshakes,
            availability,
            restores,
            repairs: repairs[skipped..].iter().map(RepairRecord::bounded).collect(),
        }
    }

    /// What the engine remembers of the namespace.
    pub fn shard(&self) -> Result<Shard, EvidenceError> {
        let mut units = BTreeMap::new();
        for (i, unit) in self.units.iter().enumerate() {
            let seen = unit.seen.iter().enumerate().map(|(k, seen)| seen.engine(i, k));
            units.insert(
                fingerprint(&unit.unit, || format!("spec.units[{i}].unit"))?,
                seen.collect::<Result<_, _>>()?,
            );
        }
        let mut shard = Shard {
            uid: self.uid.clone(),
            labels: self.labels.clone(),
            units,
            probed: self.probed()?,
            ..Shard::default()
        };
        for (i, restore) in self.restores.iter().enumerate() {
            shard.add_restores(&restore.target, [restore.engine(i)?]);
        }
        Ok(shard)
    }
}

impl EvidenceRecordSpec {
    /// Whether nothing is remembered of probes.
    pub fn is_unprobed(&self) -> bool {
        self.handshakes.is_empty() && self.availability.is_empty()
    }

    /// What is remembered of probes of the namespace's hosts.
    pub fn probed(&self) -> Result<plimsoll_engine::probe::Probed, EvidenceError> {
        probed::read(&self.handshakes, &self.availability)
    }
}

/// The units with the oldest findings, as many as fit, in the order of their fingerprints; and whether some did not.
fn oldest(shard: &Shard) -> (Vec<UnitEvidence>, bool) {
    let total: usize = shard.units.values().map(Vec::len).sum();
    let mut units: Vec<_> = shard.units.iter().collect();
    if total > MAX_SEEN {
        units.sort_by_key(|(unit, seen)| (seen.iter().map(|s| s.first_seen).min(), **unit));
        let mut room = MAX_SEEN;
        units.retain(|(_, seen)| {
            let fits = seen.len() <= room;
            room = room.saturating_sub(seen.len());
            fits
        });
        units.sort_by_key(|(unit, _)| **unit);
    }
    let kept = units.into_iter().map(|(unit, seen)| UnitEvidence {
        unit: unit.to_string(),
        seen: seen.iter().map(SeenEvidence::from).collect(),
    });
    (kept.collect(), total > MAX_SEEN)
}

/// The restores that fit: verified ones first, then the newest; and whether some did not.
fn best(shard: &Shard) -> (Vec<RestoreEvidence>, bool) {
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
            flaw: restore.flaw.as_ref().map(|flaw| cut(flaw, MAX_WORD - 3)),
            backup: restore.backup.to_string(),
            backup_time: restore.backup_time,
            seconds: restore.seconds.map(i64::from),
        }
    }

    fn engine(&self, index: usize) -> Result<Restore, EvidenceError> {
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

fn fingerprint(text: &str, field: impl FnOnce() -> String) -> Result<Fingerprint, EvidenceError> {
    serde_json::from_value(Value::from(text)).map_err(|e| EvidenceError {
        field: field(),
        expected: e.to_string(),
    })
}

impl From<&Seen> for SeenEvidence {
    fn from(seen: &Seen) -> Self {
        Self {
            fingerprint: seen.fingerprint.to_string(),
            first_seen: seen.first_seen,
            fails_at: seen.fails_at,
            held: match seen.held {
                Held::Pass => HeldEvidence::Pass,
                Held::NotApplicable => HeldEvidence::NotApplicable,
                Held::Unknown => HeldEvidence::Unknown,
            },
        }
    }
}

impl SeenEvidence {
    fn engine(&self, unit: usize, index: usize) -> Result<Seen, EvidenceError> {
        let field = || format!("spec.units[{unit}].seen[{index}].fingerprint");
        Ok(Seen {
            fingerprint: fingerprint(&self.fingerprint, field)?,
            first_seen: self.first_seen,
            fails_at: self.fails_at,
            held: match self.held {
                HeldEvidence::Pass => Held::Pass,
                HeldEvidence::NotApplicable => Held::NotApplicable,
                HeldEvidence::Unknown => Held::Unknown,
            },
        })
    }
}

impl RepairRecord {
    /// The same, with texts cut and values too large left out.
    #[must_use]
    pub fn bounded(&self) -> Self {
        Self {
            summary: cut(&self.summary, MAX_TEXT - 3),
            fields: self
                .fields
                .iter()
                .take(MAX_FIELDS)
                .map(FieldChange::bounded)
                .collect(),
            ..self.clone()
        }
    }
}

impl FieldChange {
    fn bounded(&self) -> Self {
        let small = |value: &Value| value.to_string().len() <= MAX_VALUE;
        let before = self.before.clone().filter(small);
        let after = self.after.clone().filter(small);
        Self {
            pointer: cut(&self.pointer, MAX_TEXT - 3),
            truncated: self.truncated
                || before.is_some() != self.before.is_some()
                || after.is_some() != self.after.is_some(),
            before,
            after,
        }
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::probe::MOST;

    use super::*;

    fn seen(n: usize) -> Seen {
        Seen {
            fingerprint: Fingerprint::of(&["finding", &n.to_string()]),
            first_seen: Timestamp::new(1_700_000_000 + i64::try_from(n).unwrap(), 123_456_789).unwrap(),
            fails_at: Timestamp::new(1_800_000_000, 987_654_321).unwrap(),
            held: [Held::Pass, Held::NotApplicable, Held::Unknown][n % 3],
        }
    }

    fn shard(units: usize) -> Shard {
        Shard {
            uid: Some("4a8e".into()),
            labels: [("plimsoll.dev/environment".into(), "production".into())].into(),
            units: (0..units)
                .map(|n| (Fingerprint::of(&["unit", &n.to_string()]), vec![seen(n)]))
                .collect(),
            probed: probed::tests::probed(units.min(MOST)),
            restores: BTreeMap::from([("StatefulSet/db".into(), vec![restore(0, ""), restore(1, "x")])]),
        }
    }

    fn restore(n: usize, flaw: &str) -> Restore {
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
        let mut shard = shard(1);
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

    fn repair(value: &str) -> RepairRecord {
        let field = FieldChange {
            pointer: "/spec/replicas".into(),
            before: Some(Value::from(value)),
            after: Some(Value::from(value)),
            truncated: false,
        };
        RepairRecord {
            control: "availability/replica-redundancy".into(),
            object: ObjectReference {
                kind: "Deployment".into(),
                name: "web".into(),
                ..ObjectReference::default()
            },
            uid: Some("1".into()),
            summary: "\u{1}".repeat(10_000),
            fields: vec![field; 20],
            time: Timestamp::UNIX_EPOCH,
            undone: 1,
        }
    }

    #[test]
    fn a_shard_comes_back_as_it_went_through_json() {
        let record = EvidenceRecord::of("shop", &shard(50), &[]);
        let again: EvidenceRecord = serde_json::from_value(serde_json::to_value(&record).unwrap()).unwrap();
        assert_eq!(again.shard().unwrap(), shard(50));
        assert!(!again.spec.overflow);
    }

    #[test]
    fn the_largest_record_fits_etcd_keeps_the_oldest_and_says_so() {
        let mut full = shard(20_000);
        let of = |n: usize| {
            (
                format!("StatefulSet/db-{n}"),
                (0..10).map(|i| restore(n * 10 + i, "")).collect(),
            )
        };
        full.restores.extend((0..30).map(of));
        let record = EvidenceRecord::of("shop", &full, &vec![repair(&"x".repeat(MAX_VALUE - 2)); 500]);
        let bytes = serde_json::to_vec(&record).unwrap().len();
        assert!(bytes < 1_400_000, "{bytes}");
        assert!(bytes > 500_000, "{bytes}: more could be kept");
        assert!(record.spec.overflow);
        let kept = record.shard().unwrap();
        assert_eq!(kept.units.len(), MAX_SEEN);
        assert!(
            kept.units
                .values()
                .flatten()
                .all(|s| s.first_seen < seen(MAX_SEEN).first_seen)
        );
        assert_eq!(record.spec.repairs.len(), MAX_REPAIRS);
    }

    #[test]
    fn a_value_too_large_to_keep_is_left_out_and_said_to_be() {
        let bounded = repair(&"x".repeat(5_000)).bounded();
        assert!(bounded.fields.iter().all(|f| f.before.is_none() && f.truncated));
    }

    #[test]
    fn a_fingerprint_that_is_none_is_named() {
        let mut record = EvidenceRecord::of("shop", &shard(1), &[]);
        record.spec.units[0].seen[0].fingerprint = "no".into();
        assert_eq!(
            record.shard().unwrap_err().field,
            "spec.units[0].seen[0].fingerprint"
        );
    }

    #[test]
    fn the_record_of_the_cluster_has_a_name_no_namespace_can_have() {
        assert_eq!(EvidenceRecord::name_for(""), CLUSTER_SHARD);
        assert_eq!(EvidenceRecord::name_for("shop"), "shop");
        for namespace in ["", "shop", "repairs"] {
            for part in [Part::Main, Part::Repairs, Part::Probes] {
                assert_eq!(Part::of(&part.name(namespace)), (namespace, part));
            }
        }
    }
}
