//! How the operator itself is doing: who watches the watcher needs these.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use plimsoll_engine::coverage::Coverage;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::histogram::Histogram,
    registry::Registry,
};
use tokio::sync::watch;

use super::{Sheet, State, sample};
use crate::Health;

/// How long turns of the engine take. The actor tells it of every turn: the published state shows only the last.
#[derive(Clone, Debug)]
pub struct Turns(Histogram);

impl Default for Turns {
    fn default() -> Self {
        Self(Histogram::new([
            0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0,
        ]))
    }
}

impl Turns {
    /// A turn took so long.
    pub fn took(&self, duration: Duration) {
        self.0.observe(duration.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "evaluation_duration_seconds",
            "Duration of a turn of the engine",
            self.0.clone(),
        );
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
        sheet.single(
            "leader",
            "Whether this replica leads and so writes",
            f64::from(u8::from(leading)),
        )?;
        let build = [("version", env!("CARGO_PKG_VERSION"))];
        sheet.gauge("build_info", "What is running", [(build, 1.0)])?;
        evaluation(sheet, &published.health)?;
        coverage(sheet, &published.health)
    }
}

fn evaluation(sheet: &mut Sheet<'_>, health: &Health) -> fmt::Result {
    sheet.single(
        "ready",
        "Whether every needed kind was seen or is known not to become visible",
        f64::from(u8::from(health.ready)),
    )?;
    if let Some(at) = health.evaluated_at {
        sheet.single(
            "last_evaluation_timestamp_seconds",
            "When the engine last ran",
            at.as_duration().as_secs_f64(),
        )?;
    }
    let counters = [
        ("evaluations", "Turns of the engine", health.turns),
        ("evaluated_units", "Units evaluated", health.units),
        (
            "evaluation_errors",
            "Units whose control panicked: their verdict is unknown",
            health.panicked,
        ),
    ];
    for (name, help, value) in counters {
        sheet.count(name, help, value)?;
    }
    let objects = u64::try_from(health.objects).unwrap_or(u64::MAX);
    sheet.single("objects", "Objects held in memory", sample(objects))
}

fn coverage(sheet: &mut Sheet<'_>, health: &Health) -> fmt::Result {
    let rows: Vec<(String, &str)> = health
        .coverage
        .iter()
        .map(|(kind, coverage)| (kind.resource(), word(*coverage)))
        .collect();
    let series = rows
        .iter()
        .map(|(kind, state)| ([("kind", kind.as_str()), ("state", *state)], 1.0));
    sheet.gauge(
        "watched_kind_coverage",
        "How much of a kind the operator sees: 1 for the state it is in",
        series,
    )
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

/// A counter that somebody else keeps.
pub(super) struct Counts<R> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) read: R,
}

impl<R> fmt::Debug for Counts<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A gauge of 1 or 0 that somebody else knows.
pub(super) struct Switch<R> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) read: R,
    pub(super) clock: fn() -> Timestamp,
}

impl<R> fmt::Debug for Switch<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<R> Collector for Switch<R>
where
    R: Fn(Timestamp) -> bool + Send + Sync + 'static,
{
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let on = (self.read)((self.clock)());
        Sheet(encoder).single(self.name, self.help, f64::from(u8::from(on)))
    }
}

impl<L, R> Collector for Counts<R>
where
    L: EncodeLabelSet + 'static,
    R: Fn() -> Vec<(L, u64)> + Send + Sync + 'static,
{
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        Sheet(encoder).counter(self.name, self.help, (self.read)())
    }
}
