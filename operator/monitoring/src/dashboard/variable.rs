//! What a viewer chooses.

use plimsoll_engine::metric::Metric;
use plimsoll_metrics::{BUILD_INFO, SCORE_RATIO, UNITS, UPTIME_TARGET};

/// A variable whose values are those of a label.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Variable {
    /// Its name, and that of the label.
    pub name: &'static str,
    /// As shown.
    pub label: &'static str,
    /// Whose label.
    pub metric: &'static Metric,
    /// Matchers on it.
    pub matchers: &'static str,
    /// What `All` stands for: `.*` also matches where the label is missing.
    pub all: &'static str,
}

const CHOSEN: &str = r#"cluster=~"$cluster",job=~"$job",instance=~"$instance""#;

/// In every dashboard, in this order: each narrows the next.
pub(super) const COMMON: [Variable; 3] = [
    Variable {
        name: "cluster",
        label: "Cluster",
        metric: &BUILD_INFO,
        matchers: "",
        all: ".*",
    },
    Variable {
        name: "job",
        label: "Job",
        metric: &BUILD_INFO,
        matchers: r#"cluster=~"$cluster""#,
        all: ".+",
    },
    Variable {
        name: "instance",
        label: "Instance",
        metric: &BUILD_INFO,
        matchers: r#"cluster=~"$cluster",job=~"$job""#,
        all: ".+",
    },
];

/// Baselines.
pub(super) const BASELINE: Variable = Variable {
    name: "baseline",
    label: "Baseline",
    metric: &SCORE_RATIO,
    matchers: CHOSEN,
    all: ".*",
};

/// Environments; what belongs to none has an empty one.
pub(super) const ENVIRONMENT: Variable = Variable {
    name: "environment",
    label: "Environment",
    metric: &UNITS,
    matchers: CHOSEN,
    all: ".*",
};

/// Hosts.
pub(super) const HOST: Variable = Variable {
    name: "host",
    label: "Host",
    metric: &UPTIME_TARGET,
    matchers: CHOSEN,
    all: ".+",
};
