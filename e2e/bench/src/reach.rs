//! Reachability: from decoded manifests to all answers, and from one edit to its verdicts. One core: nothing here is run in
//! parallel, and CPU time is what counts.

use std::time::Duration;

use plimsoll_engine::{
    decode::{Object, decode_json},
    kind::Kind,
    reach::{Matrix, Network, Reach},
};
use serde_json::{Value, json};

use crate::{figure::Figures, measure};

/// Measures reachability.
pub(crate) fn run(figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    let small = Shape {
        namespaces: 20,
        workloads: 35,
        pods: 1,
        policies: 10,
        hard: false,
    }
    .objects()?;
    let best = best_of(5, || {
        let reach = filled(&small);
        std::hint::black_box(Matrix::new(&reach).get(0, 0));
    });
    figures.add(
        "reach: 700 workloads, 200 policies, all pairs",
        milliseconds(best),
        Some(12.0),
        "ms",
    );
    let namespaces = if quick { 100 } else { 1_000 };
    let easy = Shape {
        namespaces,
        workloads: 10,
        pods: 10,
        policies: 40,
        hard: false,
    };
    let (full, edit) = large(&easy)?;
    let shown = |of: &str| {
        format!(
            "reach: {} pods, {} policies, {of}",
            namespaces * 100,
            namespaces * 40
        )
    };
    figures.add(shown("in full"), full.as_secs_f64(), Some(0.5), "s");
    figures.add(
        "... one policy edited, to all verdicts it touches",
        milliseconds(edit),
        Some(5.0),
        "ms",
    );
    let (hard_full, hard_edit) = large(&Shape { hard: true, ..easy })?;
    let times = |hard: Duration, easy: Duration| hard.as_secs_f64() / easy.as_secs_f64();
    let what = "every pod with labels of its own, every policy naming all namespaces";
    figures.add(
        format!("... {what}: in full"),
        times(hard_full, full),
        Some(3.0),
        "times",
    );
    figures.add("... that, in full", hard_full.as_secs_f64(), Some(1.5), "s");
    figures.add("... and one edit", milliseconds(hard_edit), Some(15.0), "ms");
    unguarded(figures, if quick { 1_000 } else { 10_000 })
}

/// Namespaces of as many tenants, no policy: everybody reaches everybody.
fn unguarded(figures: &mut Figures, namespaces: usize) -> anyhow::Result<()> {
    let objects = Shape {
        namespaces,
        workloads: 2,
        pods: 1,
        policies: 0,
        hard: false,
    }
    .objects()?;
    let spent = best_of(3, || _ = verdicts(&filled(&objects)));
    let what = format!("reach: {namespaces} namespaces without a policy, each with its sources");
    figures.add(what, milliseconds(spent), None, "ms");
    Ok(())
}

fn milliseconds(spent: Duration) -> f64 {
    spent.as_secs_f64() * 1e3
}

fn best_of(times: usize, mut run: impl FnMut()) -> Duration {
    let one = |_| {
        let before = measure::cpu();
        run();
        measure::cpu().saturating_sub(before)
    };
    (0..times).map(one).min().unwrap_or_default()
}

fn filled(objects: &[Object]) -> Reach {
    let mut reach = Reach::new(Network::default());
    for object in objects {
        reach.upsert(object);
    }
    reach.settle();
    reach
}

/// For every namespace, by cause, how many others reach it.
fn verdicts(reach: &Reach) -> usize {
    let opened = reach.locals().flat_map(|local| reach.open(&local.namespace.name));
    let sources = opened.flat_map(|open| [&open.sure, &open.possible]).flatten();
    sources.map(|sources| reach.sources(sources).len()).sum()
}

/// Time for everything, and for the verdicts after one edit, the slowest of some.
fn large(shape: &Shape) -> anyhow::Result<(Duration, Duration)> {
    let objects = shape.objects()?;
    let full = best_of(3, || _ = std::hint::black_box(verdicts(&filled(&objects))));
    let mut reach = filled(&objects);
    verdicts(&reach);
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        for port in [9_000 + number, 80] {
            let edited = shape.policy(number * 7 % shape.namespaces, number % shape.policies, port)?;
            let before = measure::cpu();
            reach.upsert(&edited);
            let touched = reach.settle();
            let opened = touched.opened.iter().flat_map(|namespace| reach.open(namespace));
            let sources = opened.flat_map(|open| [&open.sure, &open.possible]).flatten();
            std::hint::black_box(sources.map(|sources| reach.sources(sources).len()).sum::<usize>());
            slowest = slowest.max(measure::cpu().saturating_sub(before));
        }
    }
    Ok((full, slowest))
}

/// How a generated cluster looks.
#[derive(Clone, Copy)]
struct Shape {
    namespaces: usize,
    /// Applications per namespace.
    workloads: usize,
    /// Pods per application.
    pods: usize,
    /// Policies per namespace.
    policies: usize,
    /// Every pod has labels of its own, which policies select by, and every policy names all namespaces as peers.
    hard: bool,
}

impl Shape {
    fn objects(&self) -> anyhow::Result<Vec<Object>> {
        let mut objects = Vec::new();
        for namespace in 0..self.namespaces {
            let name = format!("ns-{namespace}");
            let labels = json!({"plimsoll.dev/tenant": format!("t{}", namespace / 2), "kubernetes.io/metadata.name": name});
            let object = json!({"metadata": {"name": name, "labels": labels}});
            objects.push(decode_json(Kind::Namespace, &object.to_string())?);
            for pod in 0..self.workloads * self.pods {
                objects.push(self.pod(namespace, pod)?);
            }
            for policy in 0..self.policies {
                objects.push(self.policy(namespace, policy, 80)?);
            }
        }
        Ok(objects)
    }

    fn pod(&self, namespace: usize, pod: usize) -> anyhow::Result<Object> {
        let app = format!("app-{}", pod / self.pods);
        let mut labels = json!({"app": app, "part-of": "shop", "tier": (["web", "db"][pod % 2])});
        if self.hard {
            labels["pod"] = format!("{namespace}-{pod}").into();
        }
        let object = json!({
            "metadata": {"name": format!("p-{pod}"), "namespace": format!("ns-{namespace}"), "labels": labels},
            "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
        });
        Ok(decode_json(Kind::Pod, &object.to_string())?)
    }

    /// A default deny, DNS, the namespace's own traffic, then by turns: an application to another, a neighbour's, a metric
    /// port for the platform.
    fn policy(&self, namespace: usize, number: usize, port: usize) -> anyhow::Result<Object> {
        let app = format!("app-{}", number % self.workloads);
        let select = if self.hard && number > 2 {
            json!({"matchLabels": {"pod": format!("{namespace}-{number}")}})
        } else {
            json!({"matchLabels": {"app": app}})
        };
        let peer = if self.hard {
            json!({"namespaceSelector": {}})
        } else {
            let neighbour = format!("ns-{}", (namespace + 1) % self.namespaces);
            json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": neighbour}}})
        };
        let ports = json!([{"port": port}, {"port": "http"}]);
        let spec = match number {
            0 => json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
            1 => {
                json!({"podSelector": {}, "egress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}],
                "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ns-0"}}}]}]})
            }
            2 => {
                json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"to": [{"podSelector": {}}]}]})
            }
            _ => match number % 3 {
                0 => {
                    json!({"podSelector": select, "ingress": [{"from": [{"podSelector": {"matchLabels": {"tier": "web"}}}, peer], "ports": ports}]})
                }
                1 => {
                    json!({"podSelector": select, "policyTypes": ["Egress"], "egress": [{"to": [peer], "ports": ports}]})
                }
                _ => json!({"podSelector": select, "ingress": [{"from": [peer], "ports": [{"port": port}]}]}),
            },
        };
        let object: Value = json!({
            "metadata": {"name": format!("policy-{number}"), "namespace": format!("ns-{namespace}")},
            "spec": spec,
        });
        Ok(decode_json(Kind::NetworkPolicy, &object.to_string())?)
    }
}
