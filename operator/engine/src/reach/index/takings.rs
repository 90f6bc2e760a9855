//! Who may take each way out, by the way and by the labels of the namespace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    reach::{
        Exit, Local, Shared, Ways,
        exits::Group,
        openings::{Crowd, Visit},
        shared::Map,
    },
    unknown::Unknown,
};

/// Key and value.
type Label = (Box<str>, Box<str>);

/// Who may take each way out.
#[derive(Default)]
pub(super) struct Takings {
    by_exit: Map<Shared<Exit>, Taking>,
    by_label: Map<Label, BTreeSet<Arc<str>>>,
    /// Namespaces that may have any label.
    unlabelled: BTreeSet<Arc<str>>,
    /// When a namespace was last filed anew.
    relabelled: u64,
    clock: u64,
}

#[derive(Default)]
struct Taking {
    changed: u64,
    takers: BTreeMap<Arc<str>, Group>,
}

impl Takings {
    /// Replaces the ways out of a namespace; tells which ways appeared or vanished.
    pub(super) fn replace(&mut self, namespace: &Arc<str>, before: &Ways, after: &Ways) -> Vec<Shared<Exit>> {
        self.clock += 1;
        let mut changed = Vec::new();
        for (exit, pods) in &after.0 {
            let new = !self.by_exit.contains_key(exit);
            let taking = self.by_exit.entry(exit.clone()).or_default();
            if taking.takers.get(namespace) != Some(pods) {
                taking.takers.insert(namespace.clone(), pods.clone());
                taking.changed = self.clock;
            }
            changed.extend(new.then(|| exit.clone()));
        }
        let kept = |exit: &Shared<Exit>| after.0.iter().any(|(other, _)| other == exit);
        for (exit, _) in before.0.iter().filter(|(exit, _)| !kept(exit)) {
            let Some(taking) = self.by_exit.get_mut(exit) else {
                continue;
            };
            taking.takers.remove(namespace);
            taking.changed = self.clock;
            if taking.takers.is_empty() {
                self.by_exit.remove(exit);
                changed.push(exit.clone());
            }
        }
        changed
    }

    /// Files a namespace under its labels.
    pub(super) fn relabel(&mut self, before: Option<&Local>, after: &Local) {
        if before.is_some_and(|before| before.namespace == after.namespace) {
            return;
        }
        self.clock += 1;
        self.relabelled = self.clock;
        for (key, value) in before.iter().flat_map(|local| local.namespace.labels()) {
            if let Some(names) = self.by_label.get_mut(&(key.into(), value.into())) {
                names.remove(&after.namespace.name);
            }
        }
        for (key, value) in after.namespace.labels() {
            let names = self.by_label.entry((key.into(), value.into())).or_default();
            names.insert(after.namespace.name.clone());
        }
        if after.namespace.labels.is_none() {
            self.unlabelled.insert(after.namespace.name.clone());
        } else {
            self.unlabelled.remove(&after.namespace.name);
        }
    }

    /// Every way out that somebody may take.
    pub(super) fn exits(&self) -> impl Iterator<Item = &Shared<Exit>> {
        self.by_exit.keys()
    }

    /// When the takers of these ways last changed, and when a namespace was last filed anew: while these stay, so does whom the ways
    /// lead to.
    pub(super) fn ages<'a>(&self, exits: impl Iterator<Item = &'a Shared<Exit>>) -> Vec<u64> {
        exits
            .map(|exit| self.age(exit))
            .chain([self.relabelled])
            .collect()
    }

    /// When the pods that may take a way last changed. A way that vanished and came back is no older than that.
    fn age(&self, exit: &Shared<Exit>) -> u64 {
        self.by_exit.get(exit).map_or(0, |taking| taking.changed)
    }
}

impl Crowd for Takings {
    fn labelled(&self, key: &str, value: &str) -> Result<Vec<Arc<str>>, Unknown> {
        let found = self.by_label.get(&(key.into(), value.into()));
        Ok(found
            .into_iter()
            .flatten()
            .chain(&self.unlabelled)
            .cloned()
            .collect())
    }

    fn within(
        &self,
        namespace: &Arc<str>,
        exit: &Shared<Exit>,
        visit: &mut Visit<'_>,
    ) -> Result<(), Unknown> {
        let takers = self
            .by_exit
            .get(exit)
            .and_then(|taking| taking.takers.get(namespace));
        if let Some(takers) = takers {
            visit(namespace, takers);
        }
        Ok(())
    }

    fn everywhere(&self, exit: &Shared<Exit>, visit: &mut Visit<'_>) -> Result<(), Unknown> {
        let takers = self
            .by_exit
            .get(exit)
            .into_iter()
            .flat_map(|taking| &taking.takers);
        for (name, takers) in takers {
            visit(name, takers);
        }
        Ok(())
    }
}
