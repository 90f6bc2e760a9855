//! What controls measured: gauges by host and window, as the table of metrics lists them.

use std::{collections::BTreeMap, fmt, sync::Arc};

use plimsoll_engine::{
    aside::{Asides, Gauge},
    text::escape,
};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{Sheet, State, sample};

/// Most series of one gauge.
const MOST: usize = 2_000;

/// The collector of what was measured.
#[derive(Debug)]
pub(super) struct Measures(pub(super) State);

/// Series of one gauge by their labels.
type Series = BTreeMap<Vec<(&'static str, String)>, f64>;

/// Gauges by name.
type Families = BTreeMap<&'static str, (&'static Gauge, Series)>;

impl Collector for Measures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let published = self.0.now();
        if !published.health.ready {
            return Ok(());
        }
        let sheet = &mut Sheet(encoder);
        let (families, left_out) = families(&published.asides);
        for (name, (gauge, series)) in families {
            sheet.gauge(name, gauge.help, series)?;
        }
        let left_out = left_out
            .into_iter()
            .map(|(name, count)| ([("gauge", name)], sample(count)));
        sheet.gauge(
            "measures_left_out",
            "Series that a gauge has no room for",
            left_out,
        )
    }
}

/// Every gauge with its series, each once however many baselines measure it, and how many found no room.
fn families(asides: &Asides) -> (Families, BTreeMap<&'static str, u64>) {
    let mut families = Families::new();
    let mut left_out = BTreeMap::new();
    for measure in asides.measures() {
        let (_, series) = families
            .entry(measure.gauge.name)
            .or_insert_with(|| (measure.gauge, Series::new()));
        let label = |(name, value): &(&'static str, Arc<str>)| (*name, escape(value).into_owned());
        let labels: Vec<_> = measure.labels.iter().map(label).collect();
        if series.len() >= MOST && !series.contains_key(&labels) {
            *left_out.entry(measure.gauge.name).or_default() += 1;
        } else {
            series.entry(labels).or_insert(measure.value);
        }
    }
    (families, left_out)
}
