//! What is stored, what is due, and what has to be done about it, without I/O.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use kube::{
    ResourceExt as _,
    api::{DynamicObject, PartialObjectMeta},
};
use plimsoll_engine::memory::Fingerprint;

use super::outlet::Outlet;

/// Annotation with the digest of what a report says. An object without it is not ours.
pub(super) const DIGEST: &str = "plimsoll.dev/digest";
/// Changes within this time are written together.
const GATHER: Duration = Duration::from_secs(1);
/// Least time between two writes of one report.
const PAUSE: Duration = Duration::from_secs(20);
/// Longest name of an object.
const NAME: usize = 253;

/// What a report is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key {
    /// Empty for what no namespace governs.
    pub(super) namespace: Arc<str>,
    pub(super) baseline: Arc<str>,
}

/// The name of a baseline's reports.
pub(super) fn name_for(baseline: &str) -> String {
    let name = format!("plimsoll-{baseline}");
    if name.len() <= NAME {
        return name;
    }
    let hash = Fingerprint::of(&["report", baseline]).to_string();
    let start: String = name.chars().take(NAME - hash.len() - 1).collect();
    format!("{}-{hash}", start.trim_end_matches(['-', '.']))
}

/// A report as the API server has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stored {
    pub(super) uid: Option<String>,
    pub(super) version: Option<String>,
    generation: Option<i64>,
    digest: String,
    owner: Option<String>,
}

impl Stored {
    /// Nothing for an object that is not ours.
    pub(super) fn of(object: &impl kube::Resource) -> Option<Self> {
        let meta = object.meta();
        Some(Self {
            digest: meta.annotations.as_ref()?.get(DIGEST)?.clone(),
            uid: meta.uid.clone(),
            version: meta.resource_version.clone(),
            generation: meta.generation,
            owner: meta
                .owner_references
                .iter()
                .flatten()
                .map(|owner| owner.uid.clone())
                .next(),
        })
    }

    /// Whether somebody changed what it says, and left the digest.
    fn is_edited(&self, known: &Self) -> bool {
        self.uid == known.uid && self.digest == known.digest && self.generation != known.generation
    }

    /// Whether this is what was there before, or an answer to an earlier write that arrives late.
    fn is_older_than(&self, known: &Self) -> bool {
        let number = |version: &Option<String>| version.as_deref().and_then(|v| v.parse::<u64>().ok());
        match (number(&self.version), number(&known.version)) {
            (Some(mine), Some(theirs)) => self.uid == known.uid && mine <= theirs,
            _ => false,
        }
    }
}

/// What has to be done to a report of one kind.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Write {
    Nothing,
    Create,
    /// Carries what it was when it was read.
    Patch(Stored),
    Delete(Stored),
}

/// News of what is stored.
#[derive(Debug)]
pub(super) enum News {
    /// All there is, to follow.
    Begin,
    Listed(PartialObjectMeta<DynamicObject>),
    /// That was all.
    Complete,
    Applied(PartialObjectMeta<DynamicObject>),
    Deleted(PartialObjectMeta<DynamicObject>),
}

type Reports = BTreeMap<(Arc<str>, String), Stored>;

/// What is stored of one kind.
#[derive(Default)]
struct Shelf {
    /// Nothing is written to a kind before what there is of it is known.
    synced: bool,
    stored: Reports,
    listing: Reports,
}

/// All kinds and namespaces.
#[derive(Default)]
pub(super) struct Desk {
    shelves: BTreeMap<Outlet, Shelf>,
    due: BTreeMap<Key, Instant>,
    written: BTreeMap<Key, Instant>,
    /// Everything has to be looked at again.
    pub(super) look_at_all: bool,
}

impl Desk {
    /// Kinds that are served no longer are forgotten; new ones begin unknown. Tells what is new and what is gone.
    pub(super) fn serve(&mut self, outlets: &BTreeSet<Outlet>) -> (Vec<Outlet>, Vec<Outlet>) {
        let gone: Vec<Outlet> = self
            .shelves
            .keys()
            .filter(|o| !outlets.contains(o))
            .copied()
            .collect();
        let new: Vec<Outlet> = outlets
            .iter()
            .filter(|o| !self.shelves.contains_key(o))
            .copied()
            .collect();
        for outlet in &gone {
            self.shelves.remove(outlet);
        }
        for outlet in &new {
            self.shelves.insert(*outlet, Shelf::default());
        }
        (new, gone)
    }

    /// The kinds in which something may be written.
    pub(super) fn ready(&self, cluster: bool) -> Vec<Outlet> {
        let ready = self
            .shelves
            .iter()
            .filter(|(outlet, shelf)| outlet.cluster == cluster && shelf.synced);
        ready.map(|(outlet, _)| *outlet).collect()
    }

    /// Takes in what the API server says.
    pub(super) fn hear(&mut self, outlet: Outlet, news: &News) {
        let Some(held) = self.shelves.get_mut(&outlet) else {
            return;
        };
        match news {
            News::Begin => held.listing.clear(),
            News::Listed(object) => {
                if let Some(stored) = Stored::of(object) {
                    held.listing.insert(place(object), stored);
                }
            }
            News::Complete => {
                let before = std::mem::replace(&mut held.stored, std::mem::take(&mut held.listing));
                for (at, stored) in &mut held.stored {
                    // Edited while nobody watched.
                    if before.get(at).is_some_and(|before| stored.is_edited(before)) {
                        stored.digest.clear();
                    }
                }
                held.synced = true;
                self.look_at_all = true;
            }
            News::Applied(object) => {
                let at = place(object);
                match (Stored::of(object), held.stored.get(&at)) {
                    (Some(now), Some(known)) if now.is_older_than(known) => {}
                    (Some(mut now), known) => {
                        if known.is_some_and(|known| now.is_edited(known)) {
                            now.digest.clear();
                        }
                        let differs = known.is_none_or(|k| k.digest != now.digest || k.owner != now.owner);
                        held.stored.insert(at, now);
                        self.look_at_all |= differs;
                    }
                    (None, known) => {
                        self.look_at_all |= known.is_some();
                        held.stored.remove(&at);
                    }
                }
            }
            News::Deleted(object) => self.look_at_all |= held.stored.remove(&place(object)).is_some(),
        }
    }

    /// A verdict changed.
    pub(super) fn change(&mut self, key: Key, now: Instant) {
        let earliest = self.written.get(&key).map(|written| *written + PAUSE);
        let at = earliest.map_or(now + GATHER, |earliest| earliest.max(now + GATHER));
        self.due.entry(key).or_insert(at);
    }

    /// To be tried again.
    pub(super) fn retry(&mut self, key: Key, at: Instant) {
        self.due.insert(key, at);
    }

    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        if self.look_at_all {
            return Some(now);
        }
        self.due.values().min().copied()
    }

    /// What is to be written now, taken off the list.
    pub(super) fn due(&mut self, now: Instant, most: usize) -> Vec<Key> {
        let due = self.due.iter().filter(|(_, at)| **at <= now);
        let due: Vec<Key> = due.take(most).map(|(key, _)| key.clone()).collect();
        for key in &due {
            self.due.remove(key);
        }
        due
    }

    /// Every place where something is stored, by the name of the report.
    pub(super) fn stored(&self) -> BTreeSet<(Arc<str>, String)> {
        self.shelves
            .values()
            .flat_map(|shelf| shelf.stored.keys().cloned())
            .collect()
    }

    /// What has to be done to a report so that it says `digest` (nothing: so that it is gone) and is owned by `owner`.
    pub(super) fn decide(
        &self,
        outlet: Outlet,
        namespace: &str,
        name: &str,
        digest: Option<&str>,
        owner: &str,
    ) -> Write {
        let at = (Arc::from(namespace), name.to_owned());
        let stored = self.shelves.get(&outlet).and_then(|shelf| shelf.stored.get(&at));
        match (stored, digest) {
            (None, None) => Write::Nothing,
            (None, Some(_)) => Write::Create,
            (Some(stored), None) => Write::Delete(stored.clone()),
            (Some(stored), Some(digest)) => {
                if stored.digest == digest && stored.owner.as_deref() == Some(owner) {
                    Write::Nothing
                } else {
                    Write::Patch(stored.clone())
                }
            }
        }
    }

    /// The API server has it so now.
    pub(super) fn written(
        &mut self,
        outlet: Outlet,
        key: &Key,
        name: &str,
        stored: Option<Stored>,
        now: Instant,
    ) {
        self.written
            .retain(|_, at| now.saturating_duration_since(*at) < PAUSE);
        self.written.insert(key.clone(), now);
        let Some(of_kind) = self.shelves.get_mut(&outlet) else {
            return;
        };
        let at = (key.namespace.clone(), name.to_owned());
        match stored {
            Some(stored) => _ = of_kind.stored.insert(at, stored),
            None => _ = of_kind.stored.remove(&at),
        }
    }
}

fn place(object: &PartialObjectMeta<DynamicObject>) -> (Arc<str>, String) {
    (object.namespace().unwrap_or_default().into(), object.name_any())
}

#[cfg(test)]
mod tests;
