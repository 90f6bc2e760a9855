//! `/metrics`: the published state, read at scrape time. No gauge is ever set, so none can drift, and the series of a vanished
//! thing vanishes with it. What there is stands in the [`catalog`]; nothing else can be written. Only tallies are read, never
//! units, and nothing is labelled by object, tenant or message: the bounds in the catalogue hold whatever the cluster holds.

mod measures;
mod own;
mod process;
mod sheet;
mod text;
mod verdicts;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::sync::watch;

use super::outcomes::Outcomes;
use crate::Published;
pub use own::Turns;
pub use plimsoll_metrics as catalog;
use plimsoll_metrics::Metric;
use sheet::{Sheet, sample};
pub use text::Format;

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
        registry.register_collector(Box::new(turns.clone()));
        registry.register_collector(Box::new(verdicts::Verdicts(state.clone())));
        registry.register_collector(Box::new(measures::Measures(state.clone())));
        registry.register_collector(Box::new(own::Own { state, leading }));
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

    /// Adds a counter by outcome that somebody else keeps.
    #[must_use]
    pub fn with(mut self, metric: &'static Metric, outcomes: Outcomes) -> Self {
        let outcomes = own::Outcome { metric, outcomes };
        self.registry.register_collector(Box::new(outcomes));
        self
    }

    /// Adds a counter whose value somebody else knows: `read` gives the values of its labels and the count of every series.
    #[must_use]
    pub fn with_counts<R, const N: usize>(mut self, metric: &'static Metric, read: R) -> Self
    where
        R: Fn() -> Vec<([String; N], u64)> + Send + Sync + 'static,
    {
        self.registry
            .register_collector(Box::new(own::Counts { metric, read }));
        self
    }

    /// Adds a gauge of one series, if there is a value now.
    #[must_use]
    pub fn with_gauge<R>(mut self, metric: &'static Metric, read: R) -> Self
    where
        R: Fn(Timestamp) -> Option<f64> + Send + Sync + 'static,
    {
        let clock = self.clock;
        self.registry
            .register_collector(Box::new(own::Single { metric, read, clock }));
        self
    }

    /// Adds a gauge whose series somebody else knows: the values of the labels, and each value.
    #[must_use]
    pub fn with_gauges<R, const N: usize>(mut self, metric: &'static Metric, read: R) -> Self
    where
        R: Fn() -> Vec<([&'static str; N], f64)> + Send + Sync + 'static,
    {
        self.registry
            .register_collector(Box::new(own::Gauges { metric, read }));
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

#[cfg(test)]
mod tests;
