//! How the operator itself is doing: who watches the watcher needs these.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use plimsoll_engine::coverage::Coverage;
use prometheus_client::{
    collector::Collector, encoding::DescriptorEncoder, encoding::EncodeMetric, metrics::histogram::Histogram,
};
use tokio::sync::watch;

use super::{
    Sheet, State,
    catalog::{self, Metric},
    sample,
};
use crate::{Health, output::outcomes::Outcomes};

/// How long turns of the engine take. The actor tells it of every turn: the published state shows only the last.
#[derive(Clone, Debug)]
pub struct Turns(Histogram);

impl Default for Turns {
    fn default() -> Self {
        Self(Histogram::new(catalog::EVALUATION_BUCKETS))
    }
}

impl Turns {
    /// A turn took so long.
    pub fn took(&self, duration: Duration) {
        self.0.observe(duration.as_secs_f64());
    }
}

impl Collector for Turns {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        Sheet(encoder).whole(&catalog::EVALUATION_DURATION, &self.0)
    }
}

/// The collector of the operator's own state.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) state: State,
    pub(super) leading: watch::Receiver<bool>,
}

impl Collector for Own {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let published = self.state.now();
        let sheet = &mut Sheet(encoder);
        let leading = *self.leading.borrow();
        sheet.single(&catalog::LEADER, f64::from(u8::from(leading)))?;
        let build = [env!("CARGO_PKG_VERSION")];
        sheet.gauge(&catalog::BUILD_INFO, [(build, 1.0)])?;
        evaluation(sheet, &published.health)?;
        coverage(sheet, &published.health)
    }
}

fn evaluation(sheet: &mut Sheet<'_>, health: &Health) -> fmt::Result {
    sheet.single(&catalog::READY, f64::from(u8::from(health.ready)))?;
    if let Some(at) = health.evaluated_at {
        sheet.single(&catalog::LAST_EVALUATION, at.as_duration().as_secs_f64())?;
    }
    let counters = [
        (&catalog::EVALUATIONS, health.turns),
        (&catalog::EVALUATED_UNITS, health.units),
        (&catalog::EVALUATION_ERRORS, health.panicked),
    ];
    for (metric, value) in counters {
        sheet.count(metric, &value)?;
    }
    let objects = u64::try_from(health.objects).unwrap_or(u64::MAX);
    sheet.single(&catalog::OBJECTS, sample(objects))
}

fn coverage(sheet: &mut Sheet<'_>, health: &Health) -> fmt::Result {
    let rows: Vec<(String, &str)> = health
        .coverage
        .iter()
        .map(|(kind, coverage)| (kind.resource(), word(*coverage)))
        .collect();
    let series = rows.iter().map(|(kind, state)| ([kind.as_str(), *state], 1.0));
    sheet.gauge(&catalog::WATCHED_KIND_COVERAGE, series)
}

const fn word(coverage: Coverage) -> &'static str {
    match coverage {
        Coverage::Syncing => "syncing",
        Coverage::Absent => "absent",
        Coverage::Forbidden => "forbidden",
        Coverage::Complete => "complete",
        Coverage::Partial => "partial",
        Coverage::Stale => "stale",
    }
}

/// A counter by outcome that somebody else keeps.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) metric: &'static Metric,
    pub(super) outcomes: Outcomes,
}

impl Collector for Outcome {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if self.outcomes.is_empty() {
            return Ok(());
        }
        Sheet(encoder).whole(self.metric, &self.outcomes)
    }
}

/// A counter whose series somebody else knows.
pub(super) struct Counts<R> {
    pub(super) metric: &'static Metric,
    pub(super) read: R,
}

impl<R> fmt::Debug for Counts<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric.name)
    }
}

impl<R, const N: usize> Collector for Counts<R>
where
    R: Fn() -> Vec<([String; N], u64)> + Send + Sync + 'static,
{
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        Sheet(encoder).counter(self.metric, (self.read)())
    }
}

/// A gauge whose series somebody else knows.
pub(super) struct Gauges<R> {
    pub(super) metric: &'static Metric,
    pub(super) read: R,
}

impl<R> fmt::Debug for Gauges<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric.name)
    }
}

impl<R, const N: usize> Collector for Gauges<R>
where
    R: Fn() -> Vec<([&'static str; N], f64)> + Send + Sync + 'static,
{
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        Sheet(encoder).gauge(self.metric, (self.read)())
    }
}

/// A gauge of one series that somebody else knows.
pub(super) struct Single<R> {
    pub(super) metric: &'static Metric,
    pub(super) read: R,
    pub(super) clock: fn() -> Timestamp,
}

impl<R> fmt::Debug for Single<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric.name)
    }
}

impl<R> Collector for Single<R>
where
    R: Fn(Timestamp) -> Option<f64> + Send + Sync + 'static,
{
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        match (self.read)((self.clock)()) {
            Some(value) => Sheet(encoder).single(self.metric, value),
            None => Ok(()),
        }
    }
}
