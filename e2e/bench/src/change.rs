//! One change to its verdict: CPU time at 1k, 10k and 100k objects, spread over namespaces and all in one; and changes that
//! concern many.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, ToSpan as _};
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::decode_json,
    kind::Kind,
    report::Delta,
};
use serde_json::{Map, Value, json};

use crate::{figure::Figures, measure};

const PODS_PER_WORKLOAD: usize = 8;

/// A live engine filled with a generated cluster.
pub(crate) struct Cluster {
    pub(crate) engine: Engine,
    now: Timestamp,
    workloads: usize,
    per_namespace: usize,
    /// Whether there is every sort of object, and every control.
    whole: bool,
    /// How many namespaces let each other in, where there is every sort of object.
    pub(crate) circle: usize,
    /// Written over between changes.
    elsewhere: Vec<u8>,
}

/// More than the caches of a machine hold, the shared one of its cores too.
const ELSEWHERE: usize = 64 << 20;

/// Measures changes.
pub(crate) fn run(figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    let sizes: &[usize] = if quick {
        &[1_000, 10_000]
    } else {
        &[1_000, 10_000, 100_000]
    };
    let mut first = None;
    for objects in sizes {
        let mut cluster = Cluster::new(*objects, 20)?;
        let p99 = cluster.changes()?;
        figures.add(
            format!("one change at {objects} objects, p99"),
            p99,
            Some(1.0),
            "ms CPU",
        );
        let least = *first.get_or_insert(p99);
        figures.add(
            format!("... against {} objects", sizes[0]),
            p99 / least,
            Some(2.0),
            "times",
        );
    }
    let mut crowded = Cluster::new(11_300, usize::MAX)?;
    figures.add(
        "one change with 10,000 pods in one namespace, p99",
        crowded.changes()?,
        Some(1.0),
        "ms CPU",
    );
    wide(figures, quick)
}

/// Changes that concern many units, and the same sort of change where it concerns none.
fn wide(figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    let mut cluster = Cluster::new(if quick { 10_000 } else { 100_000 }, usize::MAX)?;
    let (spent, units) = cluster.turn_with(|c| c.namespace(0, "staging"))?;
    figures.add(
        format!("a namespace's environment, per unit of {units}"),
        per_unit(spent, units),
        Some(5.0),
        "µs CPU",
    );
    let (spent, _) = cluster.turn_with(|c| c.note_namespace(0))?;
    figures.add(
        "a namespace's label that concerns none",
        spent.as_secs_f64() * 1e3,
        Some(1.0),
        "ms CPU",
    );
    let (spent, units) = cluster.turn_with(|c| c.class("true"))?;
    figures.add(
        format!("a class's encryption, per unit of {units}"),
        per_unit(spent, units),
        Some(5.0),
        "µs CPU",
    );
    let (spent, _) = cluster.turn_with(Cluster::note_class)?;
    figures.add(
        "a class's label that concerns none",
        spent.as_secs_f64() * 1e3,
        Some(1.0),
        "ms CPU",
    );
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "counts of units")]
fn per_unit(spent: Duration, units: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / units.max(1) as f64
}

impl Cluster {
    /// About `objects` objects, `per_namespace` workloads in each namespace.
    pub(crate) fn new(objects: usize, per_namespace: usize) -> anyhow::Result<Self> {
        let mut cluster = Self::filled(objects, per_namespace, None)?;
        cluster.judge();
        Ok(cluster)
    }

    /// The same, not judged yet; with a `circle` also with objects of every sort, with every control, and with namespaces of
    /// which so many let each other in.
    pub(crate) fn filled(
        objects: usize,
        per_namespace: usize,
        circle: Option<usize>,
    ) -> anyhow::Result<Self> {
        let whole = circle.is_some();
        let mut cluster = Self {
            engine: Engine::live(),
            now: "2026-06-01T12:00:00Z".parse()?,
            workloads: 0,
            per_namespace,
            whole,
            circle: circle.unwrap_or(1),
            elsewhere: Vec::new(),
        };
        let presets = plimsoll_controls::presets();
        let spec = BaselineSpec {
            extends: vec!["essentials".into()],
            controls: if whole {
                every_control()
            } else {
                BTreeMap::default()
            },
            ..BaselineSpec::default()
        };
        let compiled = compile("bench", 1, &spec, &presets, &plimsoll_controls::registry(), None);
        anyhow::ensure!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        cluster.engine.see_everything();
        for zone in ["a", "b", "c"] {
            cluster.apply(Kind::Node, &json!({"metadata": {"name": format!("node-{zone}"), "labels": {"topology.kubernetes.io/zone": zone}}}))?;
        }
        cluster.class("false")?;
        if whole {
            cluster.common()?;
        }
        // Each workload brings itself, its ReplicaSet, a budget, a claim and its pods.
        while cluster.engine.inventory().len() < objects {
            cluster.workload(cluster.workloads)?;
            cluster.workloads += 1;
        }
        cluster.engine.set_baselines(vec![compiled]);
        Ok(cluster)
    }

    /// Judges everything for the first time.
    pub(crate) fn judge(&mut self) -> Delta {
        let delta = self.engine.turn(self.now);
        self.engine.watching();
        delta
    }

    /// How many namespaces there are, the one begun last left out.
    pub(crate) fn namespaces(&self) -> usize {
        self.workloads / self.per_namespace
    }

    pub(crate) fn namespace_of(&self, workload: usize) -> usize {
        workload / self.per_namespace
    }

    pub(crate) fn apply(&mut self, kind: Kind, object: &Value) -> anyhow::Result<()> {
        self.engine.upsert(decode_json(kind, &object.to_string())?);
        Ok(())
    }

    fn namespace(&mut self, number: usize, environment: &str) -> anyhow::Result<()> {
        let labels =
            json!({"plimsoll.dev/tenant": format!("t{number}"), "plimsoll.dev/environment": environment});
        self.apply(Kind::Namespace, &json!({"metadata": {"name": format!("ns-{number}"), "uid": format!("u{number}"), "labels": labels}}))
    }

    fn note_namespace(&mut self, number: usize) -> anyhow::Result<()> {
        let labels = json!({"plimsoll.dev/tenant": format!("t{number}"), "plimsoll.dev/environment": "staging", "note": "x"});
        self.apply(Kind::Namespace, &json!({"metadata": {"name": format!("ns-{number}"), "uid": format!("u{number}"), "labels": labels}}))
    }

    fn class(&mut self, encrypted: &str) -> anyhow::Result<()> {
        self.apply(Kind::StorageClass, &json!({"metadata": {"name": "disk", "creationTimestamp": "2025-01-01T00:00:00Z"}, "provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": encrypted}}))
    }

    fn note_class(&mut self) -> anyhow::Result<()> {
        self.apply(Kind::StorageClass, &json!({"metadata": {"name": "disk", "creationTimestamp": "2025-01-01T00:00:00Z", "labels": {"note": "x"}}, "provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}}))
    }

    fn workload(&mut self, number: usize) -> anyhow::Result<()> {
        let namespace = self.namespace_of(number);
        if self.per_namespace == usize::MAX && number == 0 || number.is_multiple_of(self.per_namespace) {
            if self.whole {
                self.furnish(namespace)?;
            } else {
                self.namespace(namespace, "production")?;
            }
        }
        if self.whole {
            self.serve(number)?;
        }
        let (ns, app) = (format!("ns-{namespace}"), format!("app-{number}"));
        let labels = json!({"app": app});
        self.deployment(number, 2)?;
        let owner = |kind: &str, name: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": true}]);
        self.apply(Kind::ReplicaSet, &json!({"metadata": {"name": format!("{app}-rs"), "namespace": ns, "labels": labels, "ownerReferences": owner("Deployment", &app)}, "spec": {"replicas": 2}}))?;
        self.apply(Kind::PodDisruptionBudget, &json!({"metadata": {"name": app, "namespace": ns}, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}}}))?;
        self.apply(Kind::PersistentVolumeClaim, &json!({"metadata": {"name": app, "namespace": ns}, "spec": {"storageClassName": "disk", "accessModes": ["ReadWriteMany"]}, "status": {"phase": "Pending"}}))?;
        for pod in 0..PODS_PER_WORKLOAD {
            self.pod(number, pod, ["a", "b", "c"][pod % 3])?;
        }
        Ok(())
    }

    fn deployment(&mut self, number: usize, replicas: usize) -> anyhow::Result<()> {
        let (ns, app) = (
            format!("ns-{}", self.namespace_of(number)),
            format!("app-{number}"),
        );
        let labels = json!({"app": app});
        let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "shop"}]}});
        self.apply(Kind::Deployment, &json!({"metadata": {"name": app, "namespace": ns, "uid": format!("d{number}"), "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}}))
    }

    fn pod(&mut self, workload: usize, pod: usize, node: &str) -> anyhow::Result<()> {
        let (ns, app) = (
            format!("ns-{}", self.namespace_of(workload)),
            format!("app-{workload}"),
        );
        let owner = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-rs"), "uid": "u", "controller": true}]);
        self.apply(Kind::Pod, &json!({"metadata": {"name": format!("{app}-rs-{pod}"), "namespace": ns, "uid": "3f8c2b1e-0000-4000-8000-000000000000", "labels": {"app": app, "pod-template-hash": "5d4f8c7b9"}, "ownerReferences": owner, "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"nodeName": format!("node-{node}"), "containers": [{"name": "main", "image": "shop"}]}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}))
    }

    /// Does something else for a while, as between two changes of a cluster: else a small one would stay in the caches of the
    /// core from one change to the next, and nothing could be told from how much longer a large one takes.
    fn turn_elsewhere(&mut self) {
        self.elsewhere.resize(ELSEWHERE, 0);
        for line in self.elsewhere.chunks_mut(64) {
            line[0] = line[0].wrapping_add(1);
        }
        std::hint::black_box(&self.elsewhere);
    }

    /// A change and the turn that judges it: CPU time and units evaluated.
    pub(crate) fn turn_with(
        &mut self,
        change: impl FnOnce(&mut Self) -> anyhow::Result<()>,
    ) -> anyhow::Result<(Duration, usize)> {
        self.now = self.now.checked_add(1.second())?;
        self.turn_elsewhere();
        let before = measure::cpu();
        change(self)?;
        let delta = self.engine.turn(self.now);
        Ok((measure::cpu().saturating_sub(before), delta.evaluated))
    }

    /// Many single changes of several sorts; the 99th percentile in milliseconds.
    fn changes(&mut self) -> anyhow::Result<f64> {
        let mut spent: Vec<Duration> = self.single_changes()?.into_iter().map(|(took, _)| took).collect();
        Ok(measure::percentile(&mut spent, 99))
    }

    /// What each of many single changes took, and how many units were judged.
    pub(crate) fn single_changes(&mut self) -> anyhow::Result<Vec<(Duration, usize)>> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut spent = Vec::new();
        for i in 0..2_000 {
            let workload = random.usize(..self.workloads);
            let node = ["a", "b", "c"][random.usize(..3)];
            spent.push(match i % 3 {
                0 => self.turn_with(|c| c.deployment(workload, 1 + i % 2))?,
                _ => self.turn_with(|c| c.pod(workload, i % PODS_PER_WORKLOAD, node))?,
            });
        }
        Ok(spent)
    }
}

/// Every registered control, with its own parameters.
fn every_control() -> BTreeMap<String, Map<String, Value>> {
    let registry = plimsoll_controls::registry();
    registry
        .metas()
        .map(|meta| (meta.id.to_owned(), Map::new()))
        .collect()
}
