//! One look: everything is judged once, and nothing is kept for a later turn.

use jiff::Timestamp;

use super::{
    AT_ONCE, Engine,
    evaluate::{Judged, evaluate_all},
    plan::{News, Work},
};
use crate::{
    graph::{FactStore, Graph},
    kind::Kind,
    report::{Delta, Report},
};

/// Facts kept for the units still to come. Most belong to one object and are read by its own units alone.
const FACTS: usize = 64 * 1024;

impl Engine {
    /// Judges every unit and ends. Who reads what is not kept, which is most of what a turn costs in memory; the engine is
    /// used up, so that nothing can be asked later that would need it.
    pub fn look(mut self, now: Timestamp) -> Report {
        self.observe_restores();
        for some in self.by_subject().chunks(AT_ONCE) {
            let mut delta = Delta::default();
            let (judged, computed) = evaluate_all(self.world(now), &self.plan, some);
            for fact in computed {
                self.keep_fact(fact);
            }
            for Judged {
                node,
                lanes,
                outcomes,
            } in judged
            {
                let said = outcomes.into_iter().filter_map(|(slot, mut outcome)| {
                    let settled = self.settled(node, slot, &mut outcome, now)?;
                    let judgement = settled.judgement.map(|said| self.plan.share(node, slot, said));
                    // Nobody will ask who read what.
                    Some(News {
                        slot,
                        deps: Vec::new(),
                        judgement,
                    })
                });
                let said = said.collect();
                self.say(node, lanes, said, &mut delta);
            }
            self.orphans.clear();
            if self.facts.len() > FACTS {
                (self.facts, self.graph) = (FactStore::default(), Graph::default());
            }
        }
        self.file_all_under_tenants();
        let mut delta = Delta::default();
        self.ledger
            .set_blind(self.plan.blind(&self.inventory), &mut delta);
        self.ledger.finish(now, &delta);
        self.ledger.report()
    }

    fn file_all_under_tenants(&mut self) {
        let named: Vec<_> = self
            .inventory
            .names(Kind::Namespace)
            .filter_map(|name| self.inventory.get(name))
            .map(|object| (object.name.clone(), object.meta.labels.clone()))
            .collect();
        for (name, labels) in named {
            self.file_under_tenants(name.name(), &labels);
        }
    }

    /// Every unit, those of one object and of one namespace together: they read the same facts.
    fn by_subject(&mut self) -> Vec<Work> {
        let mut work: Vec<Work> = std::mem::take(&mut self.dirty).into_iter().collect();
        work.sort_by(|a, b| {
            let subject = |work: &Work| self.plan.node(work.0).map(|node| &node.subject);
            subject(a).cmp(&subject(b))
        });
        work
    }
}
