//! One turn: what is stale is computed again, what was judged is settled, and who read what is filed.

use jiff::Timestamp;

use super::{
    AT_ONCE, Engine,
    evaluate::{Judged, Outcome, evaluate_all},
    plan::{Lanes, News, Work, fingerprint},
    settle::{Grace, Settled, Settling},
    wake::Sleeper,
};
use crate::{
    dep::Reader,
    fact::Computed,
    memory::{Fingerprint, Seen},
    report::Delta,
    view::{Overlay, compute},
};

impl Engine {
    /// Evaluates what changed since the last turn.
    pub fn turn(&mut self, now: Timestamp) -> Delta {
        for sleeper in self.wakes.due(now) {
            match sleeper {
                Sleeper::Fact(dep) => self.facts.wake(dep),
                Sleeper::Unit(node, slot) => self.run([(node, Lanes::of(slot))]),
            }
        }
        self.observe_namespaces();
        self.observe_restores();
        let mut delta = Delta {
            facts: self.refresh_facts(now),
            transitions: self.ledger.take_pending(),
            ..Delta::default()
        };
        let work: Vec<Work> = std::mem::take(&mut self.dirty).into_iter().collect();
        for (number, some) in work.chunks(AT_ONCE).enumerate() {
            let (judged, computed) = evaluate_all(self.world(now), &self.plan, some, number == 0);
            for fact in computed {
                delta.facts += 1;
                self.keep_fact(fact);
            }
            for judged in judged {
                self.settle(judged, now, &mut delta);
            }
        }
        if std::mem::take(&mut self.blindness_changed) {
            self.ledger
                .set_blind(self.plan.blind(&self.inventory), &mut delta);
        }
        self.drop_orphans();
        self.ledger.finish(now, &delta);
        delta
    }

    /// Computes dirty facts again, those first that others read; readers of what changed become dirty in turn.
    fn refresh_facts(&mut self, now: Timestamp) -> usize {
        let mut computed = 0;
        while let Some((stale, dep)) = self.facts.next_dirty() {
            let overlay = Overlay::default();
            let fresh = compute(self.world(now), &overlay, stale, dep);
            for fact in overlay.into_computed().chain([fresh]) {
                computed += 1;
                self.keep_fact(fact);
            }
        }
        computed
    }

    fn keep_fact(&mut self, fact: Computed) {
        let dep = fact.dep;
        if let Some(wake) = fact.reads.wake {
            self.wakes.set(Sleeper::Fact(dep), wake);
        }
        let stored = self.facts.store(fact, &mut self.graph);
        self.orphans.extend(stored.orphans);
        if stored.changed {
            self.mark_readers(dep.trace());
        }
        // Computed for a reader whose reads are not filed yet: unread for good only if it still is when the turn ends.
        self.orphans.push(dep.trace());
    }

    /// The verdict on a unit of the plan.
    pub(super) fn settled(
        &self,
        node: u32,
        slot: u32,
        outcome: &mut Outcome,
        now: Timestamp,
    ) -> Option<Settled> {
        let (node, entry) = (self.plan.node(node)?, self.plan.entry(slot)?);
        let control = entry.control.meta().id;
        let namespace = node.subject.governing_namespace().unwrap_or_default();
        let remembers = self.memory.knows_units_of(namespace);
        let unit = remembers.then(|| fingerprint(entry, &node.subject));
        let known = unit.map_or(&[][..], |unit| self.memory.seen(namespace, unit));
        let settling = Settling {
            entry,
            subject: &node.subject,
            known,
            unit,
            exceptions: self.exceptions.get(control).map_or(&[], Vec::as_slice),
            inventory: &self.inventory,
            before: node.said.get(control).map(|said| &**said),
            grace: self.grace,
            now,
        };
        Some(settling.settle(outcome))
    }

    fn settle(&mut self, judged: Judged, now: Timestamp, delta: &mut Delta) {
        let id = judged.node;
        let mut news = Vec::with_capacity(judged.outcomes.len());
        for (slot, mut outcome) in judged.outcomes {
            delta.evaluated += 1;
            delta.panicked += usize::from(outcome.panicked);
            let aside = std::mem::take(&mut outcome.findings.aside);
            self.asides.set((id, slot), aside);
            let Some(settled) = self.settled(id, slot, &mut outcome, now) else {
                continue;
            };
            self.remember(id, slot, settled.unit, settled.seen);
            let reads = outcome.reads;
            if let Some(wake) = [reads.wake, settled.wake].into_iter().flatten().min() {
                self.wakes.set(Sleeper::Unit(id, slot), wake);
            }
            let mut deps = reads.deps;
            deps.extend(settled.deps);
            let judgement = settled.judgement.map(|said| self.plan.share(id, slot, said));
            news.push(News {
                slot,
                deps,
                judgement,
            });
        }
        self.say(id, judged.lanes, news, delta);
    }

    /// Remembers since when a unit's findings have been there.
    fn remember(&mut self, node: u32, slot: u32, unit: Option<Fingerprint>, seen: Vec<Seen>) {
        let nothing = seen.is_empty() && unit.is_none();
        if nothing || self.grace == Grace::Never {
            return;
        }
        let (Some(node), Some(entry)) = (self.plan.node(node), self.plan.entry(slot)) else {
            return;
        };
        let namespace = node.subject.governing_namespace().unwrap_or_default();
        let unit = unit.unwrap_or_else(|| fingerprint(entry, &node.subject));
        self.memory.remember(namespace, unit, seen);
    }

    /// Takes in what was read and said of all units of some lanes of a node.
    pub(super) fn say(&mut self, id: u32, lanes: Lanes, news: Vec<News>, delta: &mut Delta) {
        let entry = news.first().and_then(|unit| self.plan.entry(unit.slot));
        let Some(baseline) = entry.map(|entry| entry.settings.baseline.clone()) else {
            return;
        };
        let Some((read, said)) = self.plan.set(id, lanes, news) else {
            return;
        };
        let Some(node) = self.plan.node(id) else { return };
        if let Some(read) = read {
            let orphans = self
                .graph
                .replace(Reader::node(id), read.traces(), node.reads.traces());
            self.orphans.extend(orphans);
        }
        self.ledger
            .change(&baseline, &node.subject, said, node.said.clone(), delta);
    }

    /// Drops facts nobody reads any more, and then those that only they read.
    fn drop_orphans(&mut self) {
        let mut orphans = std::mem::take(&mut self.orphans);
        while let Some(read) = orphans.pop() {
            orphans.extend(self.facts.drop_unread(read, &mut self.graph));
        }
    }
}
