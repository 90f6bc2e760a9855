//! `/metrics`: the published state, read at scrape time. No gauge is ever set, so none can drift, and the series of a vanished
//! thing vanishes with it. `docs` of every family are its HELP text; the contract is the table of metrics in the manual.
//!
//! # How many series
//!
//! Only tallies are read, never units; nothing is labelled by object, tenant or message. For a baseline with C controls in F
//! families over E environments (those allowed, those of overrides, and none):
//!
//! | family | series at most |
//! | --- | --- |
//! | `control_status` | C·E |
//! | `findings` | 6·C·E (four severities, waived, unknown) |
//! | `units` | 5·C·E |
//! | `compliance_ratio` | F·E |
//! | what controls measure (`tls_version_accepted`, `uptime_ratio` …) | 2,000 each; more are counted in `measures_left_out` |
//! | `score_ratio`, `finding_oldest_seconds`, `baseline_problems` | 1, 4, 1 |
//!
//! and for the process: one per watched kind, and about 40 others.

mod measures;
mod own;
mod process;
mod text;
mod verdicts;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeLabelSet, text::encode},
    metrics::{MetricType, counter::Counter, family::Family},
    registry::{Metric, Registry},
};
use tokio::sync::watch;

use crate::Published;
pub use own::Turns;
pub use text::Format;

/// Prefix of every family but the customary `process_*`.
const PREFIX: &str = "plimsoll";

/// A counter with one label, for outputs that count what became of their work.
pub type Outcomes = Family<[(&'static str, &'static str); 1], Counter>;

/// Where a collector finds the published state.
#[derive(Clone)]
struct State {
    published: watch::Receiver<Arc<Published>>,
    clock: fn() -> Timestamp,
}

impl State {
    fn now(&self) -> Arc<Published> {
        self.published.borrow().clone()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

/// When the metrics were last scraped. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Scrapes(Arc<Mutex<Option<Timestamp>>>);

impl Scrapes {
    /// The last time; nothing before the first.
    pub fn last(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

/// Everything that can be scraped.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    scrapes: Scrapes,
    clock: fn() -> Timestamp,
}

impl Metrics {
    /// The metrics of what the actor publishes and of the process itself. `turns` is fed by the actor.
    pub fn new(
        published: watch::Receiver<Arc<Published>>,
        leading: watch::Receiver<bool>,
        turns: &Turns,
        clock: fn() -> Timestamp,
    ) -> Self {
        let mut registry = Registry::default();
        let state = State { published, clock };
        registry.register_collector(Box::new(process::Process));
        let ours = registry.sub_registry_with_prefix(PREFIX);
        turns.register(ours);
        ours.register_collector(Box::new(verdicts::Verdicts(state.clone())));
        ours.register_collector(Box::new(measures::Measures(state.clone())));
        ours.register_collector(Box::new(own::Own { state, leading }));
        Self {
            registry,
            scrapes: Scrapes::default(),
            clock,
        }
    }

    /// When somebody last scraped them.
    pub fn scrapes(&self) -> Scrapes {
        self.scrapes.clone()
    }

    /// Adds a family that somebody else keeps, such as a counter of repairs. `name` is without prefix and without `_total`.
    #[must_use]
    pub fn with(mut self, name: &str, help: &str, metric: impl Metric) -> Self {
        self.registry
            .sub_registry_with_prefix(PREFIX)
            .register(name, help, metric);
        self
    }

    /// Adds a counter whose value somebody else knows: `read` gives every series and its value. Its labels have to be bounded.
    #[must_use]
    pub fn with_counts<L, R>(mut self, name: &'static str, help: &'static str, read: R) -> Self
    where
        L: EncodeLabelSet + 'static,
        R: Fn() -> Vec<(L, u64)> + Send + Sync + 'static,
    {
        let counts = own::Counts { name, help, read };
        self.registry
            .sub_registry_with_prefix(PREFIX)
            .register_collector(Box::new(counts));
        self
    }

    /// Adds a gauge that is 1 or 0.
    #[must_use]
    pub fn with_switch<R>(mut self, name: &'static str, help: &'static str, read: R) -> Self
    where
        R: Fn(Timestamp) -> bool + Send + Sync + 'static,
    {
        let switch = own::Switch {
            name,
            help,
            read,
            clock: self.clock,
        };
        self.registry
            .sub_registry_with_prefix(PREFIX)
            .register_collector(Box::new(switch));
        self
    }

    /// One scrape.
    pub fn render(&self, format: Format) -> Result<String, fmt::Error> {
        let mut page = String::with_capacity(16 * 1024);
        encode(&mut page, &self.registry)?;
        self.scrapes.now((self.clock)());
        Ok(match format {
            Format::OpenMetrics => page,
            Format::Text => text::plain(&page),
        })
    }
}

/// Writes families of gauges.
struct Sheet<'a>(DescriptorEncoder<'a>);

impl Sheet<'_> {
    /// A gauge; a family without series is left out.
    fn gauge<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in rows {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// A gauge of one series without labels.
    fn single(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&value)
    }

    /// A counter of one series without labels; `name` is without `_total`.
    fn count(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.0
            .encode_descriptor(name, help, None, MetricType::Counter)?
            .encode_counter::<NoExemplar, _, u64>(&value, None)
    }

    /// A counter; `name` is without `_total`.
    fn counter<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in rows {
            family
                .encode_family(&labels)?
                .encode_counter::<NoExemplar, _, u64>(&value, None)?;
        }
        Ok(())
    }
}

/// The labels of an exemplar, which we never give.
type NoExemplar = [(&'static str, &'static str); 0];

/// A count as a sample.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn sample(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
