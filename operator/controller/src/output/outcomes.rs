//! What became of what an output did: counted by the output, shown by the metrics.

use prometheus_client::metrics::{counter::Counter, family::Family};

/// A counter with one label, for outputs that count what became of their work.
pub type Outcomes = Family<[(&'static str, &'static str); 1], Counter>;
