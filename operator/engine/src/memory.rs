//! What cannot be seen in a present object and is remembered: since when a finding has been there, and what a namespace was
//! first labelled, which backups were restored in a test. Persisted in `EvidenceRecord`s, one shard per namespace; loaded before the first publish.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    dep::Dep,
    name::ObjRef,
    probe::{Met, Probed},
    restore::{self, Restore},
};

/// Identifies a finding or a unit over restarts, rollouts and reordering: no uid and no index goes in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// Digests the parts, each with its length, so that no two lists of parts run together.
    pub fn of(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut head = [0; 16];
        head.copy_from_slice(&digest[..16]);
        Self(u128::from_be_bytes(head))
    }

    /// As a number.
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// The fingerprint of a unit.
    pub(crate) fn unit(baseline: &str, control: &str, subject: &ObjRef) -> Self {
        Self::of(&[
            baseline,
            control,
            &subject.kind().resource(),
            subject.namespace().unwrap_or(""),
            subject.name(),
        ])
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        u128::from_str_radix(&text, 16)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("expected a fingerprint of 32 hexadecimal digits"))
    }
}

/// The verdict that stands while a new failure settles.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Held {
    /// It passed before.
    Pass,
    /// It did not apply before.
    NotApplicable,
    /// It was unknown before, or its object is young.
    Unknown,
}

/// Since when a finding has been there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Which finding.
    pub fingerprint: Fingerprint,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// From when on it counts as a failure.
    pub fails_at: Timestamp,
    /// What stands until then.
    pub held: Held,
}

/// What is remembered of one namespace (of the cluster, under the empty name).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Shard {
    /// `metadata.uid` of the namespace: one of the same name created later is another namespace.
    pub uid: Option<String>,
    /// First value of each label that decides something, by label key.
    pub labels: BTreeMap<String, String>,
    /// Findings by the unit they belong to.
    pub units: BTreeMap<Fingerprint, Vec<Seen>>,
    /// What probes met.
    pub probed: Probed,
    /// Restores of the namespace's databases, wherever they were restored to, by `<Kind>/<name>` or `*`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restores: BTreeMap<String, Vec<Restore>>,
}

/// Most targets of one namespace whose restores are remembered.
const MOST_TARGETS: usize = 256;

impl Shard {
    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.units.is_empty() && self.probed.is_empty() && self.restores.is_empty()
    }

    /// Takes in what else is known of restores; tells whether that says anything new.
    pub fn add_restores(&mut self, target: &str, restores: impl IntoIterator<Item = Restore>) -> bool {
        if self.restores.len() >= MOST_TARGETS && !self.restores.contains_key(target) {
            return false;
        }
        let known = self.restores.entry(target.into()).or_default();
        let added = restores
            .into_iter()
            .fold(false, |added, restore| restore::insert(known, restore) | added);
        if known.is_empty() {
            self.restores.remove(target);
        }
        added
    }
}

/// What is no longer remembered of a namespace.
#[derive(Default)]
pub(crate) struct Forgotten {
    /// The keys of its first labels.
    pub(crate) labels: Vec<String>,
    /// Whether restores of its databases were.
    pub(crate) restores: bool,
    /// What probes of its hosts met, as readers of it know it.
    pub(crate) probes: Vec<Dep>,
}

/// Everything that is remembered.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Memory {
    shards: BTreeMap<Arc<str>, Shard>,
    changed: BTreeSet<Arc<str>>,
}

impl Memory {
    /// Takes in what an earlier process remembered of a namespace.
    pub fn load(&mut self, namespace: &str, shard: Shard) {
        self.shards.insert(namespace.into(), shard);
    }

    /// What is remembered of a namespace.
    pub fn shard(&self, namespace: &str) -> Option<&Shard> {
        self.shards.get(namespace).filter(|shard| !shard.is_empty())
    }

    /// The namespaces something is remembered of.
    pub fn namespaces(&self) -> impl Iterator<Item = &Arc<str>> {
        self.shards.keys()
    }

    /// The namespaces whose shard changed since the last call: to be persisted.
    pub fn take_changed(&mut self) -> Vec<Arc<str>> {
        let changed = std::mem::take(&mut self.changed);
        for namespace in &changed {
            // One that is gone, of which nothing is remembered any more.
            if self
                .shards
                .get(namespace)
                .is_some_and(|s| s.is_empty() && s.uid.is_none())
            {
                self.shards.remove(namespace);
            }
        }
        changed.into_iter().collect()
    }

    /// What probes of a namespace's hosts met.
    pub(crate) fn probed(&self, namespace: &str) -> Option<&Probed> {
        self.shards.get(namespace).map(|shard| &shard.probed)
    }

    /// Remembers what a prober met; tells who has to look again.
    pub(crate) fn met(&mut self, met: Met) -> Dep {
        match met {
            Met::Handshake {
                namespace,
                endpoint,
                handshake,
            } => {
                let dep = Dep::handshakes(&namespace, &endpoint.host);
                self.edit(&namespace).probed.take_handshake(endpoint, handshake);
                dep
            }
            Met::Attempts {
                namespace,
                check,
                at,
                bucket,
            } => {
                let dep = Dep::availability(&namespace, &check);
                self.edit(&namespace).probed.take_attempts(check, at, bucket);
                dep
            }
        }
    }

    /// Takes in what another process remembered of probes; tells who has to look again.
    pub(crate) fn recall(&mut self, namespace: &str, uid: Option<&str>, probed: &Probed) -> Vec<Dep> {
        let shard = self.shards.get(namespace);
        let known = shard.and_then(|shard| shard.uid.as_deref());
        if known.is_some() && uid.is_some() && known != uid {
            return Vec::new(); // of another namespace of the same name
        }
        let mut both = shard.map(|shard| shard.probed.clone()).unwrap_or_default();
        let (endpoints, checks) = both.merge(probed);
        let handshakes = endpoints
            .iter()
            .map(|endpoint| Dep::handshakes(namespace, &endpoint.host));
        let availability = checks.iter().map(|check| Dep::availability(namespace, check));
        let deps: Vec<Dep> = handshakes.chain(availability).collect();
        if !deps.is_empty() {
            self.edit(namespace).probed = both;
        }
        deps
    }

    pub(crate) fn first_label(&self, key: &str, namespace: &str) -> Option<&str> {
        self.shards.get(namespace)?.labels.get(key).map(String::as_str)
    }

    /// Remembers the first value of a label; later values change nothing. Tells whether this was the first.
    pub(crate) fn observe_label(&mut self, key: &str, namespace: &str, value: &str) -> bool {
        let first = self.first_label(key, namespace).is_none();
        if first {
            self.edit(namespace).labels.insert(key.into(), value.into());
        }
        first
    }

    /// Notes which namespace bears the name now. Where it is another one than was remembered, its labels and restores are
    /// forgotten.
    pub(crate) fn observe_namespace(&mut self, namespace: &str, uid: Option<&str>) -> Forgotten {
        let known = self.shards.get(namespace).and_then(|shard| shard.uid.as_deref());
        if known == uid {
            return Forgotten::default();
        }
        let mut forgotten = Forgotten::default();
        if known.is_some() {
            forgotten.probes = self.forget_probes(namespace);
            forgotten.labels = self.forget_labels(namespace);
            forgotten.restores = !std::mem::take(&mut self.edit(namespace).restores).is_empty();
        }
        self.edit(namespace).uid = uid.map(Into::into);
        forgotten
    }

    /// Keeps only the units that still exist.
    pub(crate) fn retain_units(&mut self, exists: impl Fn(Fingerprint) -> bool) {
        for (namespace, shard) in &mut self.shards {
            let before = shard.units.len();
            shard.units.retain(|unit, _| exists(*unit));
            if shard.units.len() < before {
                self.changed.insert(namespace.clone());
            }
        }
    }

    /// Forgets a namespace that is gone: one of the same name is another namespace. Evidence of restores, which nothing
    /// could replace, is kept until another namespace of that name shows up.
    pub(crate) fn forget_namespace(&mut self, namespace: &str) -> Forgotten {
        if self
            .shards
            .get(namespace)
            .is_some_and(|shard| shard.uid.is_some() && shard.restores.is_empty())
        {
            self.edit(namespace).uid = None;
        }
        Forgotten {
            labels: self.forget_labels(namespace),
            restores: false,
            probes: self.forget_probes(namespace),
        }
    }

    fn forget_probes(&mut self, namespace: &str) -> Vec<Dep> {
        if self.probed(namespace).is_none_or(Probed::is_empty) {
            return Vec::new();
        }
        let probed = std::mem::take(&mut self.edit(namespace).probed);
        let handshakes = probed.handshakes.keys();
        let handshakes = handshakes.map(|endpoint| Dep::handshakes(namespace, &endpoint.host));
        let availability = probed.availability.keys();
        let availability = availability.map(|check| Dep::availability(namespace, check));
        handshakes.chain(availability).collect()
    }

    fn forget_labels(&mut self, namespace: &str) -> Vec<String> {
        match self.shards.get(namespace) {
            Some(shard) if !shard.labels.is_empty() => std::mem::take(&mut self.edit(namespace).labels)
                .into_keys()
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Whether findings are remembered in a namespace. In most there are none, and then no unit need be looked up.
    pub(crate) fn knows_units_of(&self, namespace: &str) -> bool {
        self.shards
            .get(namespace)
            .is_some_and(|shard| !shard.units.is_empty())
    }

    /// What is remembered of restores of one database, the best evidence first: of tests that name it, then of those of
    /// the whole namespace.
    pub(crate) fn restores(&self, target: &ObjRef) -> impl Iterator<Item = &Restore> {
        let shard = self.shards.get(target.namespace().unwrap_or_default());
        let own = format!("{}/{}", target.kind().info().kind, target.name());
        let of = move |key: &str| {
            shard
                .and_then(|shard| shard.restores.get(key))
                .into_iter()
                .flatten()
        };
        of(&own).chain(of("*"))
    }

    /// Remembers a restore; tells whether that says anything new.
    pub(crate) fn observe_restore(&mut self, namespace: &str, target: &str, restore: Restore) -> bool {
        // On a copy: a shard that does not change must not be marked as changed.
        let known = self.shards.get(namespace).map(|shard| &shard.restores);
        let mut of_target = known.and_then(|known| known.get(target)).cloned();
        if of_target.is_none() && known.is_some_and(|known| known.len() >= MOST_TARGETS) {
            return false;
        }
        let new = restore::insert(of_target.get_or_insert_default(), restore);
        if new {
            self.edit(namespace)
                .restores
                .insert(target.into(), of_target.unwrap_or_default());
        }
        new
    }

    pub(crate) fn seen(&self, namespace: &str, unit: Fingerprint) -> &[Seen] {
        self.shards
            .get(namespace)
            .and_then(|shard| shard.units.get(&unit))
            .map_or(&[], Vec::as_slice)
    }

    /// Replaces what is remembered of a unit; nothing is marked changed when nothing changed.
    pub(crate) fn remember(&mut self, namespace: &str, unit: Fingerprint, seen: Vec<Seen>) {
        if self.seen(namespace, unit) == seen.as_slice() {
            return;
        }
        let shard = self.edit(namespace);
        if seen.is_empty() {
            shard.units.remove(&unit);
        } else {
            shard.units.insert(unit, seen);
        }
    }

    fn edit(&mut self, namespace: &str) -> &mut Shard {
        let key = if let Some(known) = self.changed.get(namespace) {
            known.clone()
        } else {
            let key: Arc<str> = namespace.into();
            self.changed.insert(key.clone());
            key
        };
        self.shards.entry(key).or_default()
    }
}
