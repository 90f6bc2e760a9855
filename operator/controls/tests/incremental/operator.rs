//! How the operator is doing, at random.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    coverage::Coverage,
    observation::{
        Observation,
        operator::{Faults, Obscured, Replica, Replicas},
    },
};

use crate::{dice::Dice, model::kinds};

/// What the operator observes of itself.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    obscured: Obscured,
    faults: Faults,
    replicas: Replicas,
}

impl Operator {
    /// Mostly well.
    pub(crate) fn random(now: Timestamp, dice: &mut Dice) -> Self {
        let mut obscured = BTreeMap::new();
        let mut faults = BTreeSet::new();
        if dice.chance(4) {
            let coverages = [
                Coverage::Forbidden,
                Coverage::Stale,
                Coverage::Syncing,
                Coverage::Absent,
            ];
            obscured.insert(*dice.pick(&kinds()), *dice.pick(&coverages));
        }
        if dice.chance(6) {
            faults.insert(("a".into(), "environments/labelled"));
        }
        let since = ago(now, dice);
        let leases = (0..dice.below(4)).map(|i| replica(i, now, dice)).collect();
        let leases = if dice.chance(8) {
            Err("timeout")
        } else {
            Ok(leases)
        };
        Self {
            obscured: Obscured(obscured),
            faults: Faults(faults),
            replicas: Replicas { since, leases },
        }
    }

    pub(crate) fn observations(&self) -> [Observation; 3] {
        [
            Observation::of((), self.obscured.clone()),
            Observation::of((), self.faults.clone()),
            Observation::of((), self.replicas.clone()),
        ]
    }
}

fn replica(number: usize, now: Timestamp, dice: &mut Dice) -> Replica {
    let sometimes = |dice: &mut Dice| (!dice.chance(4)).then(|| ago(now, dice));
    Replica {
        name: format!("replica-{number}").into(),
        renewed: ago(now, dice),
        holds: SignedDuration::from_secs(*dice.pick(&[40, 600])),
        evaluated: sometimes(dice),
        scraped: sometimes(dice),
    }
}

/// Times around those at which something is overdue, and one in the future.
fn ago(now: Timestamp, dice: &mut Dice) -> Timestamp {
    now - SignedDuration::from_secs(*dice.pick(&[-5, 0, 10, 30, 290, 590, 3_600]))
}
