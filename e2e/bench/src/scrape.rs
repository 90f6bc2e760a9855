//! What a scrape costs on a cluster of 10,000 namespaces and more than 100,000 findings.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use plimsoll_controller::{
    Health, Published,
    output::metrics::{
        Format, Metrics, Turns,
        catalog::{self, Dimension},
    },
};
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::decode_json,
    kind::Kind,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{figure::Figures, measure};

const NAMESPACES: usize = 10_000;
const SCRAPES: usize = 200;
const NOW: &str = "2026-06-01T12:00:00Z";

fn apply(engine: &mut Engine, kind: Kind, object: &Value) -> anyhow::Result<()> {
    engine.upsert(decode_json(kind, &object.to_string())?);
    Ok(())
}

/// A namespace in which much is wrong.
fn namespace(engine: &mut Engine, number: usize) -> anyhow::Result<()> {
    let name = format!("team-{number}");
    let environment = ["production", "production", "staging", "development"][number % 4];
    let labels =
        json!({"plimsoll.dev/environment": environment, "plimsoll.dev/tenant": format!("t{number}")});
    apply(
        engine,
        Kind::Namespace,
        &json!({"metadata": {"name": name, "uid": name, "labels": labels}}),
    )?;
    for deployment in 0..8 {
        let app = format!("app-{deployment}");
        let labels = json!({"app": app});
        let template = json!({"metadata": {"labels": labels}, "spec": {"hostNetwork": true, "containers": [
            {"name": "main", "image": "shop", "securityContext": {"privileged": true}}]}});
        let meta =
            json!({"name": app, "namespace": name, "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"});
        let spec = json!({"replicas": 1, "selector": {"matchLabels": labels}, "template": template});
        apply(engine, Kind::Deployment, &json!({"metadata": meta, "spec": spec}))?;
    }
    Ok(())
}

fn published(namespaces: usize) -> anyhow::Result<Published> {
    let mut engine = Engine::live();
    let spec = BaselineSpec {
        extends: vec!["essentials".into()],
        ..BaselineSpec::default()
    };
    let presets = plimsoll_controls::presets();
    let compiled = compile("bench", 1, &spec, &presets, &plimsoll_controls::registry(), None);
    engine.see_everything();
    for number in 0..namespaces {
        namespace(&mut engine, number)?;
    }
    engine.set_baselines(vec![compiled]);
    engine.turn(NOW.parse()?);
    let health = Health {
        ready: true,
        ..Health::default()
    };
    Ok(Published {
        report: engine.report(),
        asides: engine.asides(),
        health: Arc::new(health),
        ..Published::default()
    })
}

/// What the catalogue allows one baseline over four environments, with nothing measured.
fn bound() -> u64 {
    let registry = plimsoll_controls::registry();
    let count = |number: usize| number as u64;
    let size = |dimension| match dimension {
        Dimension::Baselines => 1,
        Dimension::Controls | Dimension::Repairs => count(registry.metas().count()),
        Dimension::Families => 10,
        Dimension::Environments => 4,
        Dimension::Kinds => count(registry.reads().iter().count()),
        Dimension::Hosts | Dimension::Windows | Dimension::Targets => 0,
    };
    catalog::all().map(|metric| metric.bound.of(size)).sum()
}

/// Measures scrapes.
#[allow(clippy::cast_precision_loss, reason = "a count of series")]
pub(crate) fn run(figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    let parts = if quick { 10 } else { 1 };
    let published = published(NAMESPACES / parts)?;
    let all = published.report.baselines.values();
    let findings: u64 = all
        .map(|baseline| baseline.total().findings.iter().sum::<u64>())
        .sum();
    let (_, published) = watch::channel(Arc::new(published));
    let (_, leading) = watch::channel(true);
    let metrics = Metrics::new(published, leading, &Turns::default(), Timestamp::now);
    let mut spent: Vec<Duration> = Vec::with_capacity(SCRAPES);
    let mut page = String::new();
    for _ in 0..SCRAPES {
        let before = measure::cpu();
        page = metrics.render(Format::Text)?;
        spent.push(measure::cpu().saturating_sub(before));
    }
    let series = page.lines().filter(|line| !line.starts_with('#')).count();
    figures.add(
        format!(
            "a scrape with {findings} findings in {} namespaces, p99",
            NAMESPACES / parts
        ),
        measure::percentile(&mut spent, 99),
        Some(5.0),
        "ms CPU",
    );
    let bound = bound();
    figures.add("... series", series as f64, Some(bound as f64), "series");
    Ok(())
}
