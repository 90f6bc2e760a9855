//! What controls measured: gauges by host, window or target.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt,
};

use plimsoll_engine::{aside::Asides, metric::Fold, text::escape};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{
    Sheet, State,
    catalog::{MEASURED, MEASURES_LEFT_OUT, Metric},
    sample,
};

/// The collector of what was measured.
#[derive(Debug)]
pub(super) struct Measures(pub(super) State);

/// The series of one metric by the values of their labels, and how many found no room.
#[derive(Default)]
struct Series {
    values: BTreeMap<Vec<String>, f64>,
    left_out: u64,
}

impl Collector for Measures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let published = self.0.now();
        if !published.health.ready {
            return Ok(());
        }
        let sheet = &mut Sheet(encoder);
        let families = families(&published.asides);
        for metric in MEASURED {
            if let Some(series) = families.get(metric.name) {
                sheet.gauge(
                    metric,
                    series.values.iter().map(|(labels, value)| (labels, *value)),
                )?;
            }
        }
        let left_out = families.iter().filter(|(_, series)| series.left_out > 0);
        let left_out = left_out.map(|(name, series)| ([*name], sample(series.left_out)));
        sheet.gauge(&MEASURES_LEFT_OUT, left_out)
    }
}

/// Every metric with its series, each once however many baselines and units measure it.
fn families(asides: &Asides) -> BTreeMap<&'static str, Series> {
    let mut families: BTreeMap<&'static str, Series> = BTreeMap::new();
    for measure in asides.measures() {
        let series = families.entry(measure.metric.name).or_default();
        let labels = measure.labels.iter().map(|value| escape(value).into_owned());
        series.add(measure.metric, labels.collect(), measure.value);
    }
    families
}

impl Series {
    fn add(&mut self, metric: &Metric, labels: Vec<String>, value: f64) {
        let room = metric
            .bound
            .cap
            .is_none_or(|cap| (self.values.len() as u64) < cap);
        match self.values.entry(labels) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                *known = match metric.fold {
                    Fold::Highest => known.max(value),
                    Fold::Lowest => known.min(value),
                };
            }
            Entry::Vacant(new) if room => _ = new.insert(value),
            Entry::Vacant(_) => self.left_out += 1,
        }
    }
}
