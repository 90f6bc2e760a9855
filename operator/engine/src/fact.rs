//! Facts: derived values kept up to date once for all controls, each with early cut-off.
//!
//! A fact is a plain function of the view, like a control. What it read is recorded; when that changes it is computed
//! again, and only if its value differs do its readers run.

use std::{any::Any, fmt, hash::Hash, sync::Arc};

use crate::{
    dep::Dep,
    kind::KindSet,
    unknown::Unknown,
    view::{Reads, View},
};

/// A derived value, identified by its type and its own fields.
pub trait Fact: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static {
    /// Every kind it may read, those of the facts it reads included.
    const READS: KindSet;
    /// Whether its value is kept for later turns.
    const KEPT: Kept = Kept::Always;
    /// What it yields.
    type Value: PartialEq + Send + Sync + 'static;

    /// Computes the value.
    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown>;
}

/// Whether a fact's value is kept for later turns. Where it is not, whoever reads it counts as having read what it read, and
/// computes it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// It changes less often than what it reads, or many read it.
    Always,
    /// Only where it reads much: else it costs little, while to keep it for each of very many objects costs more.
    IfLarge,
}

/// Reads beyond which a fact is large.
const LARGE: usize = 16;

/// The value of a fact of any type: an `F::Value`, unless it is unknown.
pub(crate) type ErasedValue = Result<Arc<dyn Any + Send + Sync>, Unknown>;

/// A fact of any type.
pub(crate) trait ErasedFact: Send + Sync {
    fn reads(&self) -> KindSet;
    fn is_kept(&self, reads: &Reads) -> bool;
    fn compute(&self, view: &View<'_>) -> ErasedValue;
    fn same(&self, a: &ErasedValue, b: &ErasedValue) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<F: Fact> ErasedFact for F {
    fn reads(&self) -> KindSet {
        F::READS
    }

    fn is_kept(&self, reads: &Reads) -> bool {
        F::KEPT == Kept::Always || reads.deps.len() > LARGE
    }

    fn compute(&self, view: &View<'_>) -> ErasedValue {
        Ok(Arc::new(Fact::compute(self, view)?))
    }

    fn same(&self, a: &ErasedValue, b: &ErasedValue) -> bool {
        match (a, b) {
            (Ok(a), Ok(b)) => match (a.downcast_ref::<F::Value>(), b.downcast_ref()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
            (Err(a), Err(b)) => a == b,
            _ => false,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Reads an erased value as what it is.
pub(crate) fn value<F: Fact>(erased: ErasedValue) -> Result<Arc<F::Value>, Unknown> {
    erased?
        .downcast()
        .map_err(|_| Unknown::new("FactMismatch", "a fact of another type"))
}

/// A fact that has been computed, with what it read.
#[derive(Clone)]
pub(crate) struct Computed {
    pub(crate) fact: Arc<dyn ErasedFact>,
    pub(crate) dep: Dep,
    pub(crate) value: ErasedValue,
    pub(crate) reads: Reads,
}

impl Computed {
    /// See [`Fact::KEPT`].
    pub(crate) fn is_kept(&self) -> bool {
        self.fact.is_kept(&self.reads)
    }
}
