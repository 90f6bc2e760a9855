//! Alerts and dashboards over the operator's metrics: one typed source for the rules of the chart, the plain rules file, the
//! dashboards and their documentation.
//!
//! Expressions refer to a metric by its entry in the catalogue, so none can name a metric that does not exist; tests check the
//! labels, types and units they use against the same entries. Every replica of the operator evaluates and serves the same
//! verdicts: expressions take the highest over replicas ([`promql::worst`]) and never add them up, except for counters of work
//! that only the leader does.

pub mod alert;
pub mod dashboard;
pub mod promql;
pub mod rules;

pub use alert::{Alert, Owner, Severity, alerts};
pub use dashboard::{Dashboard, dashboards};
pub use promql::Pace;

/// Where the runbooks are published.
pub const RUNBOOKS: &str = "https://github.com/plimsoll-dev/plimsoll/blob/main/docs/runbooks";
