//! The bounds of the catalogue hold on a cluster of 10,000 namespaces and 100,000 findings, whatever tenants write into labels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use plimsoll_controller::{
    Health, Published,
    output::metrics::{Format, Metrics, Turns, catalog, catalog::Dimension},
};
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::decode_json,
    kind::Kind,
};
use serde_json::{Value, json};
use tokio::sync::watch;

const NAMESPACES: usize = 10_000;
const FINDINGS: u64 = 100_000;
/// Deployments of each namespace.
const DEPLOYMENTS: usize = 12;
const CONTROLS: [&str; 3] = [
    "availability/replica-redundancy",
    "environments/labelled",
    "isolation/tenant-namespace",
];

fn clock() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn apply(engine: &mut Engine, kind: Kind, object: &Value) {
    engine.upsert(decode_json(kind, &object.to_string()).unwrap());
}

/// One namespace in eight has an environment of its own invention, which no series may name.
fn namespace(engine: &mut Engine, number: usize) {
    let environment = match number % 8 {
        0 => format!("environment-{number}"),
        _ => "production".to_owned(),
    };
    let name = format!("team-{number}");
    let labels =
        json!({"plimsoll.dev/environment": environment, "plimsoll.dev/tenant": format!("Tenant_{number}")});
    apply(
        engine,
        Kind::Namespace,
        &json!({"metadata": {"name": name, "uid": name, "labels": labels}}),
    );
    for deployment in 0..DEPLOYMENTS {
        let app = format!("app-{deployment}");
        let labels = json!({"app": app});
        let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [
            {"name": "main", "image": "shop"}, {"name": "side", "image": "shop"}]}});
        let spec = json!({"replicas": 1, "selector": {"matchLabels": labels}, "template": template});
        let meta =
            json!({"name": app, "namespace": name, "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"});
        apply(engine, Kind::Deployment, &json!({"metadata": meta, "spec": spec}));
    }
}

fn published() -> Published {
    let mut engine = Engine::live();
    let controls = CONTROLS.map(|id| (id.to_owned(), json!({"failAfter": "0s"})));
    let spec = json!({"controls": BTreeMap::from(controls)});
    let spec: BaselineSpec = serde_json::from_value(spec).unwrap();
    let compiled = compile(
        "all",
        1,
        &spec,
        &plimsoll_controls::presets(),
        &plimsoll_controls::registry(),
        None,
    );
    assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
    engine.see_everything();
    for number in 0..NAMESPACES {
        namespace(&mut engine, number);
    }
    engine.set_baselines(vec![compiled]);
    engine.turn(clock());
    let health = Health {
        ready: true,
        evaluated_at: Some(clock()),
        ..Health::default()
    };
    Published {
        report: engine.report(),
        asides: engine.asides(),
        health: Arc::new(health),
        ..Published::default()
    }
}

#[test]
fn series_stay_within_their_bounds_however_large_the_cluster() {
    let published = published();
    let baseline = published.report.baselines.values().next().unwrap();
    let findings: u64 = baseline.total().findings.iter().sum();
    assert!(findings >= FINDINGS, "{findings} findings");

    let (_, published) = watch::channel(Arc::new(published));
    let (_, leading) = watch::channel(true);
    let metrics = Metrics::new(published, leading, &Turns::default(), clock);
    let page = metrics.render(Format::Text).unwrap();
    let mut series: BTreeMap<&str, u64> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        *series.entry(line.split(['{', ' ']).next().unwrap()).or_default() += 1;
    }
    let size = |dimension| match dimension {
        Dimension::Baselines => 1,
        Dimension::Controls | Dimension::Repairs => CONTROLS.len() as u64,
        Dimension::Families => 3,
        // development, staging, production and none
        Dimension::Environments => 4,
        _ => 0,
    };
    let mut known = BTreeSet::new();
    for metric in catalog::all() {
        let names = ["", "_bucket", "_sum", "_count"].map(|end| format!("{metric}{end}"));
        let count: u64 = names.iter().filter_map(|name| series.get(name.as_str())).sum();
        assert!(
            count <= metric.bound.of(size),
            "{metric}: {count} of {}",
            metric.bound
        );
        known.extend(names);
    }
    for name in series.keys() {
        assert!(known.contains(*name), "{name} is not in the catalogue");
    }
    for word in ["team-", "Tenant_", "environment-", "app-"] {
        assert!(!page.contains(word), "{word} in {page}");
    }
}
