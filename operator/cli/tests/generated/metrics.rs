//! The page on metrics, from the catalogue that the exporter writes by.

use std::{collections::BTreeSet, fmt::Write as _};

use plimsoll_controller::output::metrics::catalog::{self, Dimension, Metric};
use plimsoll_engine::control::{Meta, Registry};

const HEAD: &str = "<!-- Generated from the catalogue of metrics; do not edit (operator/cli/tests/generated). -->
# Metrics

`/metrics` is served over TLS on port 8443, in OpenMetrics 1.0 or the Prometheus text format, to users whom the API server knows
and lets `get` that path:

```sh
kubectl create clusterrolebinding prometheus-plimsoll --clusterrole=plimsoll-system-plimsoll-metrics-reader \\
  --serviceaccount=monitoring:prometheus-k8s
```

or the chart's value `metrics.readers`. `metrics.serviceMonitor.enabled=true` tells the Prometheus operator where to find it.
Every replica serves the same verdicts; sum counters over replicas, and take verdicts from any one (`max by (…)`).

No label names an object, a tenant, a person or a message. Hosts are named where they are probed, and only there; a database is
an opaque id. A series goes when what it describes goes.

## How many series

The bound of each metric is in the table; it does not depend on how many objects or findings there are. *Environments* are those
of `spec.environments.allowed`, those of overrides, and none; *controls* those a baseline names; *hosts* those that are probed.
One baseline of all {controls} controls over four environments has at most {series} series on a replica, whatever the size of the
cluster, before what is measured of hosts and databases. That stops at 2,000 series for each metric; what finds no room is counted
in `plimsoll_measures_left_out`.

| Metric | Type | Labels | Series at most | Shows |
| --- | --- | --- | --- | --- |
";

const TAIL: &str = "
## Not yet

What belongs to features that do not exist yet has no series: attestations (`attestation_expiry_timestamp_seconds`,
`attestation_status`), the breach timer (`breach_notification_due_timestamp_seconds`), hot standby (`standby_data_age_seconds`), the
audit chain (`audit_records_total`, `audit_chain_head_info`), and the outcomes `proposed`, `approved`, `refused` and `expired` of
`plimsoll_remediations_total`, which come with requests and approvals.
";

/// The bound of one baseline with every control over four environments, where nothing is measured.
fn without_measures(registry: &Registry) -> u64 {
    let count = |number: usize| u64::try_from(number).unwrap();
    let families: BTreeSet<&str> = registry.metas().map(Meta::family).collect();
    let size = |dimension| match dimension {
        Dimension::Baselines | Dimension::Windows => 1,
        Dimension::Controls => count(registry.metas().count()),
        Dimension::Families => count(families.len()),
        Dimension::Environments => 4,
        Dimension::Repairs => count(registry.metas().filter(|meta| !meta.rights.is_empty()).count()),
        Dimension::Hosts | Dimension::Targets => 0,
        Dimension::Kinds => count(registry.reads().iter().count()),
    };
    catalog::all().map(|metric| metric.bound.of(size)).sum()
}

pub(crate) fn page(registry: &Registry) -> String {
    let controls = registry.metas().count();
    let mut page = HEAD
        .replace("{controls}", &controls.to_string())
        .replace("{series}", &without_measures(registry).to_string());
    let mut metrics: Vec<&Metric> = catalog::all().collect();
    metrics.sort_by_key(|metric| metric.name);
    for metric in metrics {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, bound, help) = (metric.kind.word(), metric.bound, metric.help);
        _ = writeln!(
            page,
            "| `{metric}` | {kind} | {} | {bound} | {help} |",
            labels.join(", ")
        );
    }
    page.push_str(TAIL);
    page
}
