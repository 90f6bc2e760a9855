//! Writes what the catalogue describes.

use std::fmt;

use prometheus_client::{
    encoding::{
        DescriptorEncoder, EncodeCounterValue, EncodeLabel, EncodeLabelSet, EncodeMetric, LabelSetEncoder,
        MetricEncoder,
    },
    metrics::MetricType,
    registry::Unit as EncodedUnit,
};

use super::catalog::{Metric, MetricKind, Unit};

/// A page in the making.
pub(super) struct Sheet<'a>(pub(super) DescriptorEncoder<'a>);

/// The labels of an exemplar, which we never give.
type NoExemplar = [(&'static str, &'static str); 0];

/// The labels of one series: names of the catalogue, values of the moment.
struct Labels<'a, V> {
    names: &'static [&'static str],
    values: &'a [V],
}

impl<V: AsRef<str>> EncodeLabelSet for Labels<'_, V> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        debug_assert_eq!(self.names.len(), self.values.len(), "{:?}", self.names);
        for (name, value) in self.names.iter().zip(self.values) {
            (*name, value.as_ref()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}

impl Sheet<'_> {
    /// A gauge; a family without series is left out.
    pub(super) fn gauge<V: AsRef<str>, L: AsRef<[V]>>(
        &mut self,
        metric: &'static Metric,
        rows: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        self.family(metric, |mut family| {
            for (values, value) in rows {
                let labels = Labels {
                    names: metric.labels,
                    values: values.as_ref(),
                };
                family.encode_family(&labels)?.encode_gauge(&value)?;
            }
            Ok(())
        })
    }

    /// A counter.
    pub(super) fn counter<V: AsRef<str>, L: AsRef<[V]>>(
        &mut self,
        metric: &'static Metric,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        self.family(metric, |mut family| {
            for (values, value) in rows {
                let labels = Labels {
                    names: metric.labels,
                    values: values.as_ref(),
                };
                family
                    .encode_family(&labels)?
                    .encode_counter::<NoExemplar, _, u64>(&value, None)?;
            }
            Ok(())
        })
    }

    /// A gauge of one series without labels.
    pub(super) fn single(&mut self, metric: &'static Metric, value: f64) -> fmt::Result {
        self.family(metric, |mut family| family.encode_gauge(&value))
    }

    /// A counter of one series without labels.
    pub(super) fn count(&mut self, metric: &'static Metric, value: &impl EncodeCounterValue) -> fmt::Result {
        self.family(metric, |mut family| {
            family.encode_counter::<NoExemplar, _, u64>(value, None)
        })
    }

    /// Something that encodes itself.
    pub(super) fn whole(&mut self, metric: &'static Metric, values: &impl EncodeMetric) -> fmt::Result {
        self.family(metric, |family| values.encode(family))
    }

    fn family(
        &mut self,
        metric: &'static Metric,
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let unit = unit(metric.unit);
        // The encoder puts the unit at the end itself.
        let name = match metric.unit.word() {
            Some(word) => metric
                .name
                .strip_suffix(word)
                .and_then(|name| name.strip_suffix('_')),
            None => Some(metric.name),
        };
        let name = name.ok_or(fmt::Error)?;
        let family = self
            .0
            .encode_descriptor(name, metric.help, unit.as_ref(), kind(metric.kind))?;
        write(family)
    }
}

const fn kind(kind: MetricKind) -> MetricType {
    match kind {
        MetricKind::Gauge => MetricType::Gauge,
        MetricKind::Counter => MetricType::Counter,
        MetricKind::Histogram => MetricType::Histogram,
    }
}

fn unit(unit: Unit) -> Option<EncodedUnit> {
    match unit {
        Unit::None => None,
        Unit::Seconds => Some(EncodedUnit::Seconds),
        Unit::Bytes => Some(EncodedUnit::Bytes),
        Unit::Ratio => Some(EncodedUnit::Other("ratio".into())),
    }
}

/// A count as a sample.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn sample(count: u64) -> f64 {
    count as f64
}
