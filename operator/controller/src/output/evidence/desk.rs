//! What is to be written and when, without I/O.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use plimsoll_api::{EvidenceRecord, EvidenceRecordSpec, Part, RepairRecord};
use plimsoll_engine::{
    memory::{Seen, Shard},
    probe::Probed,
};

use crate::Duties;

/// Changes of a namespace within this time are written together.
const GATHER: Duration = Duration::from_millis(300);
/// Least time between two writes of one record: with [`GATHER`], a new finding waits two seconds at most.
const PAUSE: Duration = Duration::from_millis(1_700);
/// When a write that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How long repairs are kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(60 * 24);
/// Most repairs kept of one object: one that is fought over must not push out the others.
const PER_OBJECT: usize = 20;

/// What has to be done to a record.
#[derive(Debug)]
pub(super) enum Write {
    /// It says everything already.
    Nothing,
    /// There is none yet.
    Create(EvidenceRecord),
    /// It changes; carries the version it was read at.
    Replace(EvidenceRecord),
    /// Nothing is left to remember; carries the version it was read at.
    Delete(Option<String>),
}

/// All namespaces: what is remembered, what is stored, and what is due.
#[derive(Default)]
pub(super) struct Desk {
    duties: Duties,
    /// Records of processes whose duties are ours now: what they hold is in ours as soon as that is written.
    leftovers: BTreeSet<String>,
    shards: BTreeMap<Arc<str>, Shard>,
    repairs: BTreeMap<Arc<str>, Vec<RepairRecord>>,
    /// As the API server has it; `None` while this replica does not know.
    stored: Option<BTreeMap<Arc<str>, EvidenceRecord>>,
    due: BTreeMap<Arc<str>, Instant>,
    written: BTreeMap<Arc<str>, Instant>,
    /// When to read what is stored again.
    retry: Option<Instant>,
}

impl Desk {
    /// The desk of a process with these duties.
    pub(super) fn new(duties: Duties) -> Self {
        Self {
            duties,
            ..Self::default()
        }
    }

    /// Takes in what is stored already.
    pub(super) fn remember(&mut self, namespace: Arc<str>, shard: Shard) {
        self.shards.insert(namespace, shard);
    }

    /// Takes in what changed.
    pub(super) fn change(&mut self, namespace: Arc<str>, shard: Shard, now: Instant) {
        self.schedule(namespace.clone(), now + GATHER);
        self.shards.insert(namespace, shard);
    }

    /// Takes in a repair, to be written at once.
    pub(super) fn keep(&mut self, namespace: Arc<str>, repair: RepairRecord, now: Instant) {
        let repairs = self.repairs.entry(namespace.clone()).or_default();
        let same = |known: &&mut RepairRecord| {
            known.time == repair.time && known.control == repair.control && known.object == repair.object
        };
        if let Some(known) = repairs.iter_mut().find(same) {
            *known = repair;
        } else {
            let of_object = |known: &RepairRecord| known.object == repair.object;
            if repairs.iter().filter(|known| of_object(known)).count() >= PER_OBJECT
                && let Some(oldest) = repairs.iter().position(of_object)
            {
                repairs.remove(oldest);
            }
            repairs.push(repair);
            repairs.sort_by_key(|repair| repair.time);
        }
        self.due.insert(namespace, now);
    }

    fn schedule(&mut self, namespace: Arc<str>, at: Instant) {
        let earliest = self.written.get(&namespace).map(|written| *written + PAUSE);
        let at = earliest.map_or(at, |earliest| at.max(earliest));
        self.due
            .entry(namespace)
            .and_modify(|due| *due = (*due).min(at))
            .or_insert(at);
    }

    /// This replica leads now: takes over the repairs that are stored, and makes everything due that differs.
    pub(super) fn take_over(&mut self, records: Vec<EvidenceRecord>, today: Timestamp, now: Instant) {
        self.retry = None;
        let mut stored = BTreeMap::new();
        self.leftovers.clear();
        for mut record in records {
            record.metadata.managed_fields = None;
            let namespace = namespace_of(&record);
            if self.duties.repair {
                self.take_repairs(&namespace, &record, today);
            }
            self.recall(&namespace, &record);
            let name = record.name_any();
            match Part::of(&name).1 {
                part if part == self.duties.part() => _ = stored.insert(namespace, record),
                Part::Repairs if self.duties.read && self.duties.repair => _ = self.leftovers.insert(name),
                Part::Probes if self.duties.read && self.duties.probe => _ = self.leftovers.insert(name),
                _ => {} // somebody else's
            }
        }
        self.stored = Some(stored);
        let known = self.stored.iter().flat_map(BTreeMap::keys);
        let all: Vec<Arc<str>> = known.chain(self.shards.keys()).cloned().collect();
        for namespace in all {
            self.schedule(namespace, now);
        }
    }

    /// What was repaired before, by whomever.
    fn take_repairs(&mut self, namespace: &Arc<str>, record: &EvidenceRecord, today: Timestamp) {
        let mut repairs = record.spec.repairs.clone();
        repairs.retain(|repair| today.duration_since(repair.time) < RETENTION);
        for own in self.repairs.remove(namespace).unwrap_or_default() {
            let same =
                |r: &RepairRecord| r.time == own.time && r.control == own.control && r.object == own.object;
            repairs.retain(|r| !same(r));
            repairs.push(own);
        }
        repairs.sort_by_key(|repair| repair.time);
        self.repairs.insert(namespace.clone(), repairs);
    }

    /// What the leader before us met is kept, where the namespace is still there.
    fn recall(&mut self, namespace: &Arc<str>, record: &EvidenceRecord) {
        let Some(shard) = self.shards.get_mut(namespace) else {
            return;
        };
        let another = shard.uid.is_some() && record.spec.uid.is_some() && shard.uid != record.spec.uid;
        if let Ok(probed) = record.spec.probed()
            && !another
        {
            shard.probed = std::mem::take(&mut shard.probed).with(&probed);
        }
    }

    /// What is stored could not be read; it is asked for again.
    pub(super) fn retry_taking_over(&mut self, now: Instant) {
        self.stored = None;
        self.retry = Some(now + RETRY);
    }

    /// Another replica leads now.
    pub(super) fn give_up(&mut self) {
        self.stored = None;
        self.retry = None;
        self.repairs.clear();
        self.due.clear();
        self.written.clear();
    }

    /// Whether this replica knows what is stored, and so may write.
    pub(super) fn knows_stored(&self) -> bool {
        self.stored.is_some()
    }

    /// When there is something to do; never while another replica leads.
    pub(super) fn next_due(&self) -> Option<Instant> {
        match &self.stored {
            Some(_) => self.due.values().min().copied(),
            None => self.retry,
        }
    }

    /// Namespaces whose record is to be written now.
    pub(super) fn due(&self, now: Instant, most: usize) -> Vec<Arc<str>> {
        let due = self.due.iter().filter(|(_, at)| **at <= now);
        due.take(most).map(|(namespace, _)| namespace.clone()).collect()
    }

    /// Records to delete now that all they hold was written to ours.
    pub(super) fn leftovers(&mut self) -> BTreeSet<String> {
        if self.stored.is_some() && self.due.is_empty() {
            std::mem::take(&mut self.leftovers)
        } else {
            BTreeSet::new()
        }
    }

    /// The process stops: everything is due.
    pub(super) fn hurry(&mut self, now: Instant) {
        for at in self.due.values_mut() {
            *at = now;
        }
    }

    /// Nothing may be written now; asks again later.
    pub(super) fn postpone(&mut self, now: Instant) {
        for at in self.due.values_mut() {
            *at = (*at).max(now + RETRY);
        }
        self.retry = self.retry.map(|at| at.max(now + RETRY));
    }

    /// A write failed; it is tried again.
    pub(super) fn failed(&mut self, namespace: &Arc<str>, now: Instant) {
        self.due.insert(namespace.clone(), now + RETRY);
    }

    /// What has to be done to the record of a namespace, and takes it off the list.
    pub(super) fn write(&mut self, namespace: &Arc<str>, today: Timestamp) -> Write {
        self.due.remove(namespace);
        let stored = self.stored.as_ref().and_then(|stored| stored.get(namespace));
        if let Some(repairs) = self.repairs.get_mut(namespace) {
            repairs.retain(|repair| today.duration_since(repair.time) < RETENTION);
        }
        let repairs = self.repairs.get(namespace).map_or(&[][..], Vec::as_slice);
        let shard = self.shards.get(namespace).cloned().unwrap_or_default();
        let shard = only(self.duties, shard);
        let shard = match stored.and_then(|record| record.shard().ok()) {
            Some(before) => with_earliest(shard, &before),
            None => shard,
        };
        let mut spec = EvidenceRecordSpec::of(namespace, &shard, repairs);
        if let Some(record) = stored {
            keep_foreign(self.duties, &mut spec, &record.spec);
        }
        let empty = shard.is_empty() && spec.repairs.is_empty() && spec.is_unprobed();
        match stored {
            None if empty => Write::Nothing,
            None => Write::Create(EvidenceRecord::new(&self.duties.part().name(namespace), spec)),
            Some(record) if empty => Write::Delete(record.resource_version()),
            Some(record) => {
                if spec == record.spec {
                    return Write::Nothing;
                }
                let metadata = record.metadata.clone();
                Write::Replace(EvidenceRecord { metadata, spec })
            }
        }
    }

    /// The API server has it so now.
    pub(super) fn written(&mut self, namespace: &Arc<str>, record: Option<EvidenceRecord>, now: Instant) {
        self.written.insert(namespace.clone(), now);
        if record.is_none() {
            self.shards.remove(namespace);
            self.repairs.remove(namespace);
            self.written.remove(namespace);
        }
        let Some(stored) = &mut self.stored else { return };
        match record {
            Some(mut record) => {
                record.metadata.managed_fields = None;
                stored.insert(namespace.clone(), record);
            }
            None => _ = stored.remove(namespace),
        }
    }
}

/// The namespace a record is about: by its name, which cannot be edited.
pub(crate) fn namespace_of(record: &EvidenceRecord) -> Arc<str> {
    Part::of(&record.name_any()).0.into()
}

/// What a process with these duties is to remember.
fn only(duties: Duties, mut shard: Shard) -> Shard {
    if !duties.probe {
        shard.probed = Probed::default();
    }
    if !duties.read {
        shard.units.clear();
        shard.labels.clear();
        shard.restores.clear();
    }
    shard
}

/// What a record holds of others' duties stays: it is from when one process did everything, and nobody else has it.
fn keep_foreign(duties: Duties, spec: &mut EvidenceRecordSpec, stored: &EvidenceRecordSpec) {
    if !duties.probe {
        spec.handshakes.clone_from(&stored.handshakes);
        spec.availability.clone_from(&stored.availability);
    }
    if !duties.repair {
        spec.repairs.clone_from(&stored.repairs);
    }
}

/// The shard with what other replicas saw earlier: a change of leader makes no finding younger.
fn with_earliest(mut shard: Shard, stored: &Shard) -> Shard {
    if shard.uid != stored.uid && shard.uid.is_some() && stored.uid.is_some() {
        return shard; // another namespace of the same name
    }
    for (key, value) in &mut shard.labels {
        if let Some(first) = stored.labels.get(key) {
            value.clone_from(first);
        }
    }
    // What another replica saw of a restore, nobody may see again.
    for (target, restores) in &stored.restores {
        shard.add_restores(target, restores.iter().cloned());
    }
    for (unit, seen) in &mut shard.units {
        let Some(known) = stored.units.get(unit) else {
            continue;
        };
        for one in seen {
            let same = |known: &&Seen| known.fingerprint == one.fingerprint;
            if let Some(known) = known.iter().find(same) {
                one.first_seen = one.first_seen.min(known.first_seen);
                one.fails_at = one.fails_at.min(known.fails_at);
            }
        }
    }
    shard
}

#[cfg(test)]
mod tests;
