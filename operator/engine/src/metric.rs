//! What a metric is, and the metrics that controls measure. Every name exists once: whoever exports, charts or alerts on a
//! metric refers to its [`Metric`]; the whole catalogue is the crate `plimsoll-metrics`.

use std::fmt;

/// A family of metrics, as the catalogue describes it.
#[derive(PartialEq, Eq, Debug)]
pub struct Metric {
    /// With its prefix, and for counters without `_total`.
    pub name: &'static str,
    /// What its values mean.
    pub kind: MetricKind,
    /// In what they are counted; the name ends with it.
    pub unit: Unit,
    /// What it shows, in one sentence without a full stop.
    pub help: &'static str,
    /// The names of its labels, in order.
    pub labels: &'static [&'static str],
    /// How many series it may have.
    pub bound: Bound,
    /// Which value stands where several are given for one set of labels.
    pub fold: Fold,
}

/// The type of a metric, as OpenMetrics has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A count that only grows while the process lives.
    Counter,
    /// A distribution in buckets.
    Histogram,
}

/// The base unit of a metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// A count, a state, or nothing that has a unit.
    None,
    /// Seconds; for timestamps since 1970.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share, 0 to 1.
    Ratio,
}

/// Which of several values for one set of labels stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fold {
    /// The highest: the newest success, the stricter target.
    Highest,
    /// The lowest: the earliest due date, the smaller budget.
    Lowest,
}

/// At most how many series: so many times the product of what it is counted by, and never more than the cap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// Series for each combination.
    pub times: u64,
    /// What the number depends on.
    pub by: &'static [Dimension],
    /// More than these are left out and counted.
    pub cap: Option<u64>,
}

/// Something whose number decides how many series there are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dimension {
    /// SecurityBaselines.
    Baselines,
    /// Controls that baselines name.
    Controls,
    /// Families of these.
    Families,
    /// Environments: those allowed, those that overrides name, and none.
    Environments,
    /// Controls whose repairs can be written.
    Repairs,
    /// Hosts that are probed.
    Hosts,
    /// Windows over which baselines measure uptime.
    Windows,
    /// Databases and volumes whose backups are measured.
    Targets,
    /// Kinds of objects that are watched.
    Kinds,
}

impl Metric {
    /// A gauge of one series without labels. `name` is whole; `help` one sentence without a full stop.
    pub const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self {
            name,
            kind: MetricKind::Gauge,
            unit,
            help,
            labels: &[],
            bound: Bound::fixed(1),
            fold: Fold::Highest,
        }
    }

    /// A counter of one series without labels. `name` is without `_total`.
    pub const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Self {
        let mut metric = Self::gauge(name, unit, help);
        metric.kind = MetricKind::Counter;
        metric
    }

    /// A histogram without labels.
    pub const fn histogram(name: &'static str, unit: Unit, help: &'static str, series: u64) -> Self {
        let mut metric = Self::gauge(name, unit, help);
        metric.kind = MetricKind::Histogram;
        metric.bound = Bound::fixed(series);
        metric
    }

    /// With these labels, and so with so many series.
    #[must_use]
    pub const fn with(mut self, labels: &'static [&'static str], bound: Bound) -> Self {
        self.labels = labels;
        self.bound = bound;
        self
    }

    /// Of several values for one set of labels the lowest stands, not the highest.
    #[must_use]
    pub const fn lowest(mut self) -> Self {
        self.fold = Fold::Lowest;
        self
    }
}

/// The name as an expression has it: with `_total` where it is a counter.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.kind {
            MetricKind::Counter => f.write_str("_total"),
            MetricKind::Gauge | MetricKind::Histogram => Ok(()),
        }
    }
}

impl MetricKind {
    /// The word in `# TYPE`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

impl Unit {
    /// The word in `# UNIT`.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Seconds => Some("seconds"),
            Self::Bytes => Some("bytes"),
            Self::Ratio => Some("ratio"),
        }
    }
}

impl Bound {
    /// So many, whatever the cluster holds.
    pub const fn fixed(times: u64) -> Self {
        Self::by(times, &[])
    }

    /// So many for each combination of these.
    pub const fn by(times: u64, by: &'static [Dimension]) -> Self {
        Self { times, by, cap: None }
    }

    /// But never more than this.
    #[must_use]
    pub const fn at_most(mut self, cap: u64) -> Self {
        self.cap = Some(cap);
        self
    }

    /// The bound where the dimensions have these sizes.
    pub fn of(self, size: impl Fn(Dimension) -> u64) -> u64 {
        let product = self
            .by
            .iter()
            .fold(self.times, |product, by| product.saturating_mul(size(*by)));
        product.min(self.cap.unwrap_or(u64::MAX))
    }
}

impl Dimension {
    /// Its word in a formula.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Baselines => "baselines",
            Self::Controls => "controls",
            Self::Families => "families",
            Self::Environments => "environments",
            Self::Repairs => "controls with repairs",
            Self::Hosts => "hosts",
            Self::Windows => "windows",
            Self::Targets => "targets",
            Self::Kinds => "kinds",
        }
    }
}

/// As a formula: `5 × baselines × controls × environments, at most 2000`.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.by.iter().map(|by| by.word().to_owned());
        let times = (self.times != 1 || self.by.is_empty()).then(|| self.times.to_string());
        let factors: Vec<String> = times.into_iter().chain(words).collect();
        f.write_str(&factors.join(" × "))?;
        match self.cap {
            Some(cap) => write!(f, ", at most {cap}"),
            None => Ok(()),
        }
    }
}

/// Most series of one metric that controls measure.
pub const MOST_MEASURED: u64 = 2_000;

const TARGET: &[&str] = &["environment", "target_kind", "mechanism", "target"];
/// A target may be backed up by several mechanisms; there are fewer than ten.
const PER_TARGET: Bound = Bound::by(10, &[Dimension::Targets]).at_most(MOST_MEASURED);
const HOST_WINDOW: &[&str] = &["host", "window"];
const PER_WINDOW: Bound = Bound::by(1, &[Dimension::Hosts, Dimension::Windows]).at_most(MOST_MEASURED);

/// When a backup last succeeded.
pub static BACKUP_LAST_SUCCESS: Metric = Metric::gauge(
    "plimsoll_backup_last_success_timestamp_seconds",
    Unit::Seconds,
    "When the last backup of a database succeeded; target is an opaque id",
)
.with(TARGET, PER_TARGET);

/// Until when a backup has to succeed again.
pub static BACKUP_DUE: Metric = Metric::gauge(
    "plimsoll_backup_due_timestamp_seconds",
    Unit::Seconds,
    "When the last successful backup of a database becomes too old; target is an opaque id",
)
.with(TARGET, PER_TARGET)
.lowest();

/// When a restore was last verified.
pub static RESTORE_TEST_LAST_SUCCESS: Metric = Metric::gauge(
    "plimsoll_restore_test_last_success_timestamp_seconds",
    Unit::Seconds,
    "When a backup of a database was last restored in a test and found to be right; target is an opaque id",
)
.with(TARGET, PER_TARGET);

/// Until when a restore has to be tested again.
pub static RESTORE_TEST_DUE: Metric = Metric::gauge(
    "plimsoll_restore_test_due_timestamp_seconds",
    Unit::Seconds,
    "When the last verified restore of a database becomes too old; target is an opaque id",
)
.with(TARGET, PER_TARGET)
.lowest();

/// How long a verified restore took.
pub static RESTORE_TEST_DURATION: Metric = Metric::gauge(
    "plimsoll_restore_test_duration_seconds",
    Unit::Seconds,
    "How long the last verified restore of a database took; target is an opaque id",
)
.with(TARGET, PER_TARGET);

/// What a server's handshake showed.
pub static TLS_VERSION_ACCEPTED: Metric = Metric::gauge(
    "plimsoll_tls_version_accepted",
    Unit::None,
    "Whether a host accepts a version of TLS, by the last probe: 1 or 0; absent where the probe could not tell",
)
.with(&["host", "version"], Bound::by(4, &[Dimension::Hosts]).at_most(MOST_MEASURED));

/// Until when a server's certificate is valid.
pub static TLS_CERTIFICATE_NOT_AFTER: Metric = Metric::gauge(
    "plimsoll_tls_certificate_not_after_timestamp_seconds",
    Unit::Seconds,
    "When the certificate that a host showed to the last probe expires",
)
.with(
    &["host"],
    Bound::by(1, &[Dimension::Hosts]).at_most(MOST_MEASURED),
)
.lowest();

/// How much of the covered time a host answered.
pub static UPTIME_RATIO: Metric = Metric::gauge(
    "plimsoll_uptime_ratio",
    Unit::Ratio,
    "Share of the time covered by probes in which a host answered",
)
.with(HOST_WINDOW, PER_WINDOW)
.lowest();

/// How much of the time a host has to answer.
pub static UPTIME_TARGET: Metric = Metric::gauge(
    "plimsoll_uptime_target_ratio",
    Unit::Ratio,
    "Share of the time in which a host has to answer",
)
.with(HOST_WINDOW, PER_WINDOW);

/// How long a host may still fail.
pub static UPTIME_ERROR_BUDGET: Metric = Metric::gauge(
    "plimsoll_uptime_error_budget_remaining_seconds",
    Unit::Seconds,
    "How long a host may still fail within the window; negative when it failed longer than allowed",
)
.with(HOST_WINDOW, PER_WINDOW)
.lowest();

/// How much of the window was probed at all.
pub static UPTIME_COVERAGE: Metric = Metric::gauge(
    "plimsoll_uptime_coverage_ratio",
    Unit::Ratio,
    "Share of the window that probes cover",
)
.with(HOST_WINDOW, PER_WINDOW)
.lowest();

/// Everything that controls measure.
pub static MEASURED: [&Metric; 11] = [
    &BACKUP_LAST_SUCCESS,
    &BACKUP_DUE,
    &RESTORE_TEST_LAST_SUCCESS,
    &RESTORE_TEST_DUE,
    &RESTORE_TEST_DURATION,
    &TLS_VERSION_ACCEPTED,
    &TLS_CERTIFICATE_NOT_AFTER,
    &UPTIME_RATIO,
    &UPTIME_TARGET,
    &UPTIME_ERROR_BUDGET,
    &UPTIME_COVERAGE,
];
