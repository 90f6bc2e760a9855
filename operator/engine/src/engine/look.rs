//! One look: everything is judged once, and nothing is kept for a later turn.

use jiff::Timestamp;
use rayon::prelude::*;

use super::{
    AT_ONCE, Engine,
    evaluate::{Judged, evaluate_parts, groundwork, one_of_each, sums},
    plan::{Lanes, News, Work},
};
use crate::{
    kind::Kind,
    report::{Delta, Judgement, Report},
    view::World,
};

/// Facts kept for the units still to come. Most belong to one object and are read by its own units alone.
const FACTS: usize = 256 * 1024;

/// What is said of units of a node, by slot.
type Settled = (u32, Lanes, Vec<(u32, Option<Judgement>)>);

impl Engine {
    /// Judges every unit and ends. Who reads what is not recorded, which is most of what a turn costs in memory; the engine is
    /// used up, so that nothing can be asked later that would need it.
    pub fn look(mut self, now: Timestamp) -> Report {
        self.observe_restores();
        let work = self.by_subject();
        let (first, work) = one_of_each(&self.plan, &work);
        let world = World {
            records: false,
            ..self.world(now)
        };
        let (judged, mut known) = groundwork(world, &self.plan, sums(world, &self.plan), &first);
        let lasting = known.len();
        self.conclude(judged, now);
        for some in work.chunks(AT_ONCE) {
            let world = World {
                records: false,
                warm: Some(&known),
                ..self.world(now)
            };
            let (judged, computed) = evaluate_parts(world, &self.plan, some);
            self.conclude(judged, now);
            if known.len() + computed.len() > FACTS {
                known.truncate(lasting);
            }
            known.extend(computed);
        }
        self.file_all_under_tenants();
        let mut delta = Delta::default();
        self.ledger
            .set_blind(self.plan.blind(&self.inventory), &mut delta);
        self.ledger.finish(now, &delta);
        let report = self.ledger.report();
        // To take everything apart takes a while, for which nobody needs to wait.
        rayon::spawn(move || drop(self));
        report
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

    fn conclude(&mut self, judged: Vec<Judged>, now: Timestamp) {
        let mut delta = Delta::default();
        for (node, lanes, settled) in self.settle_all(judged, now) {
            let said = settled.into_iter().map(|(slot, judgement)| News {
                slot,
                // Nobody will ask who read what.
                deps: Vec::new(),
                judgement: judgement.map(|said| self.plan.share(node, slot, said)),
            });
            let said = said.collect();
            self.say(node, lanes, said, &mut delta);
        }
    }

    /// What is said of units, in parallel: nothing that is said of one changes what is said of another.
    fn settle_all(&self, judged: Vec<Judged>, now: Timestamp) -> Vec<Settled> {
        let settle = |judged: Judged| {
            let outcomes = judged.outcomes.into_iter();
            let settled = outcomes.filter_map(|(slot, mut outcome)| {
                let settled = self.settled(judged.node, slot, &mut outcome, now)?;
                Some((slot, settled.judgement))
            });
            (judged.node, judged.lanes, settled.collect())
        };
        judged.into_par_iter().with_min_len(64).map(settle).collect()
    }

    /// Every unit, those of one object and of one namespace together: they read the same facts.
    fn by_subject(&mut self) -> Vec<Work> {
        let mut work: Vec<Work> = std::mem::take(&mut self.dirty).into_iter().collect();
        work.par_sort_by(|a, b| {
            let subject = |work: &Work| self.plan.node(work.0).map(|node| &node.subject);
            subject(a).cmp(&subject(b))
        });
        work
    }
}
