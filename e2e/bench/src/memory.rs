//! Resident memory per pod: inventory, facts and verdicts of a cluster of 100,000 pods, divided by its pods.

use crate::{change::Cluster, figure::Figures, measure};

/// Objects of which two thirds are pods.
const OBJECTS: usize = 150_000;

/// Measures resident memory.
pub(crate) fn run(figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    let objects = if quick { OBJECTS / 10 } else { OBJECTS };
    let before = measure::status("self", "VmRSS")?;
    let cluster = Cluster::new(objects, 20)?;
    let after = measure::status("self", "VmRSS")?;
    let pods = cluster
        .engine
        .inventory()
        .names(plimsoll_engine::kind::Kind::Pod)
        .len();
    #[allow(clippy::cast_precision_loss, reason = "a count of pods")]
    let per_pod = (after - before) / pods as f64;
    figures.add(
        format!("resident memory per pod, {pods} pods with their workloads"),
        per_pod,
        Some(1000.0),
        "bytes",
    );
    Ok(())
}
