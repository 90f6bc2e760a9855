//! What changed is summed up again; whom that opens, or opens no longer, follows from it.

use std::{collections::BTreeSet, sync::Arc};

use super::{Reach, Space, may_select};
use crate::reach::{Exit, ExitIndex, Local, Parts, Shared, Unmodelled};

/// What a change touched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Touched {
    /// Namespaces whose summary is another: whoever asks about a connection of any other pair gets the same answer as before.
    pub summaries: Vec<Arc<str>>,
    /// Namespaces that are opened by other causes, or on other routes, than before ([`Reach::open`]).
    pub opened: Vec<Arc<str>>,
}

impl Reach {
    /// Brings the answers up to date, and tells which of them changed.
    pub fn settle(&mut self) -> Touched {
        let mut touched = Touched::default();
        let mut ways = BTreeSet::new();
        for namespace in std::mem::take(&mut self.stale) {
            let Some(space) = self.spaces.get(&namespace) else {
                continue;
            };
            let local = self.sum_up(&namespace, space);
            let Some(space) = self.spaces.get_mut(&namespace) else {
                continue;
            };
            if space.local.as_deref() == Some(&local) {
                continue;
            }
            let after = local.ways();
            self.exits.relabel(space.local.as_deref(), &local);
            space.local = Some(Arc::new(local));
            let before = std::mem::replace(&mut space.ways, after);
            ways.extend(self.exits.replace(&namespace, &before, &space.ways));
            touched.summaries.push(namespace);
        }
        let stale = self.reopened(&ways, &touched.summaries);
        touched.opened = self.open_anew(stale);
        touched
    }

    /// The namespaces whose openings must be looked at again, after ways out appeared or vanished.
    fn reopened(&mut self, ways: &BTreeSet<Shared<Exit>>, summaries: &[Arc<str>]) -> BTreeSet<Arc<str>> {
        let mut stale: BTreeSet<Arc<str>> = summaries.iter().cloned().collect();
        if !ways.is_empty() {
            self.index = ExitIndex::new(self.exits.exits().cloned().collect());
            let changed = ExitIndex::new(ways.iter().cloned().collect());
            let led_to = self
                .locals()
                .filter(|local| !changed.to(&local.namespace).is_empty());
            stale.extend(led_to.map(|local| local.namespace.name.clone()));
        }
        stale
    }

    fn open_anew(&mut self, stale: BTreeSet<Arc<str>>) -> Vec<Arc<str>> {
        let mut opened = Vec::new();
        for namespace in stale {
            let Some(local) = self.local(&namespace) else {
                continue;
            };
            let open = local.open(&self.index, &self.network);
            if self.opened.get(&namespace) != Some(&open) {
                self.opened.insert(namespace.clone(), open);
                opened.push(namespace);
            }
        }
        opened
    }

    fn sum_up(&self, name: &Arc<str>, space: &Space) -> Local {
        let parts = Parts {
            namespace: Arc::new(space.namespace(name)),
            policies: space
                .policies
                .values()
                .filter_map(|p| p.as_ref().ok())
                .cloned()
                .collect(),
            tiers: &self.tiers,
            unmodelled: self.unmodelled(name, space).map(Arc::new),
        };
        Local::new(parts, space.pods.values())
    }

    fn unmodelled(&self, namespace: &str, space: &Space) -> Option<Unmodelled> {
        let own = space
            .policies
            .iter()
            .filter_map(|(name, p)| Some((name, p.as_ref().err()?)));
        let cluster = self
            .cluster_policies
            .iter()
            .filter_map(|(name, p)| Some((name, p.as_ref().err()?)));
        let unreadable = own.chain(cluster).chain(&space.unread);
        let mut found = unreadable.map(|(name, why)| Unmodelled {
            policy: name.clone(),
            why: why.clone(),
        });
        found.next().or_else(|| {
            let mut foreign = self.foreign.iter();
            let (name, _) = foreign.find(|(name, policy)| may_select(namespace, name, policy))?;
            Some(Unmodelled {
                policy: name.clone(),
                why: "policies of its kind are not modelled".into(),
            })
        })
    }
}
