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
    /// What it yields.
    type Value: PartialEq + Send + Sync + 'static;

    /// Computes the value.
    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown>;
}

/// The value of a fact of any type: in truth a `Result<Arc<F::Value>, Unknown>`.
pub(crate) type ErasedValue = Arc<dyn Any + Send + Sync>;

/// A fact of any type.
pub(crate) trait ErasedFact: Send + Sync {
    fn reads(&self) -> KindSet;
    fn compute(&self, view: &View<'_>) -> ErasedValue;
    fn unknown(&self, why: Unknown) -> ErasedValue;
    fn same(&self, a: &ErasedValue, b: &ErasedValue) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<F: Fact> ErasedFact for F {
    fn reads(&self) -> KindSet {
        F::READS
    }

    fn compute(&self, view: &View<'_>) -> ErasedValue {
        Arc::new(Fact::compute(self, view).map(Arc::new))
    }

    fn unknown(&self, why: Unknown) -> ErasedValue {
        Arc::new(Err::<Arc<F::Value>, Unknown>(why))
    }

    fn same(&self, a: &ErasedValue, b: &ErasedValue) -> bool {
        match (value::<F>(a), value::<F>(b)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Reads an erased value as what it is.
pub(crate) fn value<F: Fact>(erased: &ErasedValue) -> Option<&Result<Arc<F::Value>, Unknown>> {
    erased.downcast_ref()
}

/// A fact that has been computed, with what it read.
#[derive(Clone)]
pub(crate) struct Computed {
    pub(crate) fact: Arc<dyn ErasedFact>,
    pub(crate) dep: Dep,
    pub(crate) value: ErasedValue,
    pub(crate) reads: Reads,
}
