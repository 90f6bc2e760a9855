//! What the actor publishes and every output reads: one immutable value, shared.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    aside::Asides,
    baseline::Compiled,
    coverage::Coverage,
    kind::Kind,
    report::{Delta, Report, Transition},
};
use serde_json::Value;

/// The state after one turn of the engine.
#[derive(Clone, Default)]
pub struct Published {
    /// The verdicts.
    pub report: Report,
    /// What controls want probed, and what they measured.
    pub asides: Asides,
    /// The baselines they were reached under.
    pub baselines: Arc<[Compiled]>,
    /// Our own objects, for the outputs that report in them.
    pub declared: Declared,
    /// How the operator itself is doing.
    pub health: Arc<Health>,
}

/// Our own objects as the API server has them, by name, also those that cannot be accepted.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// `SecurityBaseline`s.
    pub baselines: Arc<BTreeMap<String, Value>>,
    /// `BaselineException`s.
    pub exceptions: Arc<BTreeMap<String, Value>>,
}

/// How the operator itself is doing.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Every needed kind was seen, or is known not to become visible: verdicts may be published.
    pub ready: bool,
    /// When the engine last ran; nothing before the first publish.
    pub evaluated_at: Option<Timestamp>,
    /// How long that took.
    pub evaluation: SignedDuration,
    /// Turns since the start.
    pub turns: u64,
    /// Units evaluated since the start.
    pub units: u64,
    /// Units whose control panicked, since the start.
    pub panicked: u64,
    /// How much of each watched kind is known.
    pub coverage: BTreeMap<Kind, Coverage>,
    /// Objects held.
    pub objects: usize,
    /// Objects held, by kind.
    pub held: BTreeMap<Kind, usize>,
}

/// What changed, for outputs that speak of transitions. Numbered without gaps, so that a reader knows what it missed.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The turn.
    pub turn: u64,
    /// Verdicts that changed while we watched; empty for the first publish.
    pub transitions: Arc<[Transition]>,
}

impl Changes {
    pub(crate) fn of(turn: u64, delta: Delta) -> Self {
        Self {
            turn,
            transitions: delta.transitions.into(),
        }
    }
}
