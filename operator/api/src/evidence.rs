//! `EvidenceRecord`: what cannot be seen in a present object and must be remembered. One per namespace, written by the
//! operator only, bounded.

mod part;
mod probed;
mod repairs;
mod restores;
mod seen;

use std::collections::BTreeMap;

use kube::CustomResource;
pub use part::{CLUSTER_SHARD, Part};
use plimsoll_engine::{memory::Shard, probe::Probed};
pub use probed::{AnswerEvidence, AvailabilityEvidence, HandshakeEvidence, MAX_PROBED};
pub use repairs::{FieldChange, MAX_REPAIRS, RepairRecord};
pub use restores::RestoreEvidence;
use schemars::JsonSchema;
pub use seen::{HeldEvidence, MAX_SEEN, SeenEvidence, UnitEvidence};
use serde::{Deserialize, Serialize};

/// Most labels kept of a namespace.
const MAX_LABELS: usize = 64;

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

/// Why a record cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct EvidenceError {
    /// Path of the field.
    pub field: String,
    /// What was found and what was expected.
    pub expected: String,
}

impl EvidenceRecord {
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
        let (units, left_out) = seen::oldest(shard);
        let skipped = repairs.len().saturating_sub(MAX_REPAIRS);
        let (restores, forgotten) = restores::best(shard);
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
        let units = self.units.iter().enumerate();
        let mut shard = Shard {
            uid: self.uid.clone(),
            labels: self.labels.clone(),
            units: units.map(|(i, unit)| unit.engine(i)).collect::<Result<_, _>>()?,
            probed: self.probed()?,
            ..Shard::default()
        };
        for (i, restore) in self.restores.iter().enumerate() {
            shard.add_restores(&restore.target, [restore.engine(i)?]);
        }
        Ok(shard)
    }

    /// Whether nothing is remembered of probes.
    pub fn is_unprobed(&self) -> bool {
        self.handshakes.is_empty() && self.availability.is_empty()
    }

    /// What is remembered of probes of the namespace's hosts.
    pub fn probed(&self) -> Result<Probed, EvidenceError> {
        probed::read(&self.handshakes, &self.availability)
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::{memory::Fingerprint, probe::MOST};
    use repairs::tests::{LARGEST, repair};
    use restores::tests::restore;
    use seen::tests::seen;

    use super::*;

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
        let record = EvidenceRecord::of("shop", &full, &vec![repair(&"x".repeat(LARGEST)); 500]);
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
    fn a_fingerprint_that_is_none_is_named() {
        let mut record = EvidenceRecord::of("shop", &shard(1), &[]);
        record.spec.units[0].seen[0].fingerprint = "no".into();
        assert_eq!(
            record.shard().unwrap_err().field,
            "spec.units[0].seen[0].fingerprint"
        );
    }
}
