//! How many repairs were made, by baseline, control, class and outcome: `remediations_total` of the metrics contract.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use plimsoll_engine::finding::RepairClass;

/// How a repair ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Outcome {
    /// The change was written.
    Applied,
    /// It could not be written.
    Failed,
    /// Somebody undid it again and again: it is left alone now.
    Ineffective,
    /// The field belongs to somebody else, and was left alone.
    ManagedElsewhere,
}

impl Outcome {
    /// The value of the label `outcome`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Ineffective => "ineffective",
            Self::ManagedElsewhere => "managed_elsewhere",
        }
    }
}

/// The label `class` of a repair.
pub const fn class_word(class: RepairClass) -> &'static str {
    match class {
        RepairClass::Safe => "safe",
        RepairClass::NeedsApproval => "approval",
        RepairClass::NeverAutomatic => "never",
    }
}

/// The labels of one series of `remediations_total`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Labels {
    /// The baseline that asked for the value written: one change counts once, however many baselines want it.
    pub baseline: Arc<str>,
    /// The control's id.
    pub control: &'static str,
    /// See [`class_word`].
    pub class: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

/// The counters, bounded by baselines × controls × classes × outcomes.
#[derive(Debug, Default)]
pub struct Counters {
    remediations: Mutex<BTreeMap<Labels, u64>>,
}

impl Counters {
    /// Counts one.
    pub fn count(&self, labels: Labels) {
        let mut counts = self.remediations.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(labels).or_default() += 1;
    }

    /// All counts since the start of the process.
    pub fn snapshot(&self) -> BTreeMap<Labels, u64> {
        self.remediations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The same as series for the metrics page: the values of the labels in the order of the catalogue.
    pub fn series(&self) -> Vec<([String; 4], u64)> {
        let series = |(labels, count): (Labels, u64)| {
            let labels = [
                labels.baseline.to_string(),
                labels.control.to_owned(),
                labels.class.to_owned(),
                labels.outcome.word().to_owned(),
            ];
            (labels, count)
        };
        self.snapshot().into_iter().map(series).collect()
    }
}
