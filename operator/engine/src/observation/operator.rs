//! How the operator itself is doing: observed by its own process, for who watches the watcher. A scan has none of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::Observed;
use crate::{
    coverage::Coverage,
    kind::{Kind, KindSet},
    report::Report,
};

/// The kinds that some control in force needs and that are not seen as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Obscured(pub BTreeMap<Kind, Coverage>);

impl Obscured {
    /// Of what is needed, what is not seen as a whole.
    pub fn of(needed: KindSet, coverage: &BTreeMap<Kind, Coverage>) -> Self {
        let obscured = coverage
            .iter()
            .filter(|(kind, coverage)| needed.contains(**kind) && **coverage != Coverage::Complete);
        Self(obscured.map(|(kind, coverage)| (*kind, *coverage)).collect())
    }
}

impl Observed for Obscured {
    type Key = ();
}

/// The controls that panicked over some unit and so say Unknown of it, each with its baseline.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults(pub BTreeSet<(Arc<str>, &'static str)>);

impl Faults {
    /// Those of a report.
    pub fn of(report: &Report) -> Self {
        let panicked = report.baselines.iter().flat_map(|(name, baseline)| {
            let tallies = baseline.tallies.iter().filter(|(_, tally)| tally.panicked > 0);
            tallies.map(|((control, _), _)| (name.clone(), *control))
        });
        Self(panicked.collect())
    }
}

impl Observed for Faults {
    type Key = ();
}

/// The replicas of the operator, by the Lease that each keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replicas {
    /// Since when the process that looks has been running.
    pub since: Timestamp,
    /// What the Leases say, ordered by name; a word for the error where they cannot be read.
    pub leases: Result<Vec<Replica>, &'static str>,
}

impl Observed for Replicas {
    type Key = ();
}

/// What the Lease of one replica says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replica {
    /// Its pod.
    pub name: Box<str>,
    /// When the Lease was last seen to change, by the clock of who looks: clocks of nodes differ.
    pub renewed: Timestamp,
    /// How long it holds without being renewed.
    pub holds: SignedDuration,
    /// When the replica last evaluated every baseline; nothing before the first time.
    pub evaluated: Option<Timestamp>,
    /// When its metrics were last scraped; nothing before the first time.
    pub scraped: Option<Timestamp>,
}
