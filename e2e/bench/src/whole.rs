//! Everything at once: every registered control and objects of every sort that they read. The first evaluation, single
//! changes and edits that have a long reach, and what is kept to know whom a change concerns.
//!
//! What an edit costs as the cluster grows is asked of edits that concern the same number of units at every size: namespaces
//! stand in circles of three, whose policies let each other in by a label and let nobody else in. How many units were judged
//! is told beside each figure. A label that all namespaces are open to concerns all of them: its cost is told by unit, without
//! a target, since each of these units tells anew in words which twenty namespaces reach it, and on what.

use std::time::{Duration, Instant};

use plimsoll_engine::kind::Kind;
use serde_json::{Value, json};

use crate::{change::Cluster, figure::Figures, measure};

/// Workloads of one namespace.
const PER_NAMESPACE: usize = 20;
/// Namespaces that let each other in: as many as the smallest cluster has.
const CIRCLE: usize = 3;
/// Edits of one sort: enough for a 99th percentile.
const EDITS: usize = 200;
/// Rounds of edits. The quietest one counts: what else runs on the machine only ever adds.
const ROUNDS: usize = 3;

/// An edit of what a namespace has, or the one that takes it back: both concern the same.
type Edit = fn(&mut Cluster, usize, bool) -> anyhow::Result<()>;

const ACCESS: Edit = |c, namespace, back| {
    let other = json!({"access": "nowhere"});
    c.labelled(namespace, if back { &Value::Null } else { &other })
};

/// The edits, what each may cost in milliseconds, and what it is called.
const ALL_EDITS: [(&str, f64, Edit); 7] = [
    ("an edit of a NetworkPolicy's ports", 5.0, |c, namespace, back| {
        c.guarded_by(namespace, if back { 8080 } else { 8443 }, 1)
    }),
    ("an edit of a NetworkPolicy's peers", 5.0, |c, namespace, back| {
        c.guarded_by(namespace, 8080, if back { 1 } else { 2 })
    }),
    ("an edit of a Role", 5.0, |c, namespace, back| {
        c.role(namespace, if back { "watch" } else { "*" })
    }),
    ("an edit of a RoleBinding", 5.0, |c, namespace, back| {
        c.role_binding(namespace, usize::from(!back))
    }),
    ("an edit of a namespace's note", 5.0, |c, namespace, back| {
        let note = json!({"note": "x"});
        c.labelled(namespace, if back { &Value::Null } else { &note })
    }),
    ("an edit of a label that policies select by", 5.0, ACCESS),
    (
        "a namespace moved to another environment",
        5.0,
        |c, namespace, back| {
            let moved = json!({"plimsoll.dev/environment": environment(namespace + 1)});
            c.labelled(namespace, if back { &Value::Null } else { &moved })
        },
    ),
];

fn environment(namespace: usize) -> &'static str {
    ["production", "staging"][namespace % 2]
}

/// What some changes of one sort took, and the most units that one of them had judged.
#[derive(Default)]
struct Spent {
    /// The 99th percentile, in milliseconds: what a target is held against.
    p99: f64,
    /// The median: what sizes are compared by. Of some hundred edits the 99th percentile is one of the worst few, and those are
    /// what else the machine does.
    median: f64,
    units: usize,
}

/// Measures all controls over all sorts of objects.
pub(crate) fn run(figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    let sizes: [usize; 2] = if quick { [1_000, 10_000] } else { [1_000, 100_000] };
    let (_, first) = figures_of(sizes[0])?;
    let (cold, last) = figures_of(sizes[1])?;
    let controls = plimsoll_controls::registry().metas().count();
    let shown = format!("all {controls} controls, {} objects", sizes[1]);
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(2);
    figures.add(
        format!("{shown}: first evaluation, CPU over {cores} cores"),
        cold.spent.as_secs_f64() / f64::from(u8::try_from(cores)?),
        Some(2.0),
        "s",
    );
    figures.add("... its wall time here", cold.wall.as_secs_f64(), None, "s");
    figures.add(
        format!("... units judged, of {} facts", cold.facts),
        count(cold.units),
        None,
        "",
    );
    figures.add("... reads recorded", count(cold.reads), None, "");
    figures.add(
        "... memory of recorded reads",
        count(cold.bytes) / 1e6,
        None,
        "MB",
    );
    for ((what, most), (before, after)) in changes().zip(first.iter().zip(&last)) {
        let Spent { p99, median, units } = after;
        figures.add(
            format!("... {what}, {units} units, p99"),
            *p99,
            Some(most),
            "ms CPU",
        );
        figures.add(
            format!(
                "...... its median against {} objects, {} units",
                sizes[0], before.units
            ),
            median / before.median,
            Some(2.0),
            "times",
        );
    }
    let all = open_to_all(sizes[1])?;
    figures.add(
        format!(
            "... a label that all namespaces are open to, per unit of {}",
            all.units
        ),
        all.p99 * 1e3 / count(all.units),
        None,
        "µs CPU",
    );
    Ok(())
}

fn changes() -> impl Iterator<Item = (&'static str, f64)> {
    let edits = ALL_EDITS.iter().map(|(what, most, _)| (*what, *most));
    [("one change of a workload or pod", 1.0)]
        .into_iter()
        .chain(edits)
}

#[allow(clippy::cast_precision_loss, reason = "counts for people")]
fn count(n: usize) -> f64 {
    n as f64
}

/// The first evaluation, and what it left.
struct Cold {
    spent: Duration,
    wall: Duration,
    units: usize,
    facts: usize,
    reads: usize,
    bytes: usize,
}

/// The figures of a cluster of so many objects: the first evaluation, and what changes took.
fn figures_of(objects: usize) -> anyhow::Result<(Cold, Vec<Spent>)> {
    let mut cluster = Cluster::filled(objects, PER_NAMESPACE, Some(CIRCLE))?;
    let (before, started) = (measure::cpu(), Instant::now());
    let delta = cluster.judge();
    let (spent, wall) = (measure::cpu().saturating_sub(before), started.elapsed());
    let (reads, bytes) = cluster.engine.recorded_reads();
    let cold = Cold {
        spent,
        wall,
        units: delta.evaluated,
        facts: delta.facts,
        reads,
        bytes,
    };
    let mut all = vec![quietest(|| cluster.single_changes())?];
    for (_, _, edit) in ALL_EDITS {
        all.push(quietest(|| edits(&mut cluster, edit))?);
    }
    Ok((cold, all))
}

/// A label by which all namespaces let each other in, taken from one of them and given back.
fn open_to_all(objects: usize) -> anyhow::Result<Spent> {
    let mut cluster = Cluster::filled(objects, PER_NAMESPACE, Some(usize::MAX))?;
    cluster.judge();
    quietest(|| edits(&mut cluster, ACCESS))
}

/// Many edits of one sort.
fn edits(cluster: &mut Cluster, edit: Edit) -> anyhow::Result<Vec<(Duration, usize)>> {
    let each = (0..EDITS).map(|i| {
        // A prime, so that edits walk over all namespaces.
        let namespace = i / 2 * 7 % cluster.namespaces();
        cluster.turn_with(|c| edit(c, namespace, i % 2 == 1))
    });
    each.collect()
}

fn quietest(mut round: impl FnMut() -> anyhow::Result<Vec<(Duration, usize)>>) -> anyhow::Result<Spent> {
    let mut best = Spent {
        p99: f64::MAX,
        median: f64::MAX,
        units: 0,
    };
    for _ in 0..ROUNDS {
        let (mut spent, units): (Vec<Duration>, Vec<usize>) = round()?.into_iter().unzip();
        best.p99 = best.p99.min(measure::percentile(&mut spent, 99));
        best.median = best.median.min(measure::percentile(&mut spent, 50));
        best.units = units.into_iter().max().unwrap_or(best.units).max(best.units);
    }
    Ok(best)
}

/// What the cluster holds beside workloads, in all and by namespace.
impl Cluster {
    /// What stands once.
    pub(crate) fn common(&mut self) -> anyhow::Result<()> {
        self.apply(
            Kind::IngressClass,
            &json!({"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}),
        )?;
        let system = json!({"kubernetes.io/metadata.name": "kube-system"});
        self.apply(
            Kind::Namespace,
            &json!({"metadata": {"name": "kube-system", "uid": "system", "labels": system}}),
        )?;
        let labels = json!({"k8s-app": "kube-dns"});
        let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "coredns", "image": "coredns"}]}});
        self.apply(
            Kind::Deployment,
            &json!({"metadata": {"name": "coredns", "namespace": "kube-system", "labels": labels},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}}),
        )?;
        for i in 0..20 {
            let rules = json!([{"apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["get", "list", "watch"]}]);
            self.apply(
                Kind::ClusterRole,
                &json!({"metadata": {"name": format!("reader-{i}")}, "rules": rules}),
            )?;
            let subjects =
                json!([{"kind": "ServiceAccount", "name": "reader", "namespace": format!("ns-{i}")}]);
            self.apply(Kind::ClusterRoleBinding, &json!({"metadata": {"name": format!("reader-{i}")}, "subjects": subjects,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("reader-{i}")}}))?;
        }
        Ok(())
    }

    /// What every namespace has.
    pub(crate) fn furnish(&mut self, namespace: usize) -> anyhow::Result<()> {
        let ns = format!("ns-{namespace}");
        self.labelled(namespace, &Value::Null)?;
        let everything = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]});
        self.policy(namespace, "default-deny", &everything)?;
        let circle = json!({"namespaceSelector": {"matchLabels": {"access": self.access(namespace)}}});
        let own = json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"to": [{"podSelector": {}}, circle]}]});
        self.policy(namespace, "own", &own)?;
        let resolver =
            json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}});
        let dns = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [resolver], "ports": [{"port": 53, "protocol": "UDP"}]}]});
        self.policy(namespace, "dns", &dns)?;
        let granted = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [circle], "ports": [{"port": 9090}]}]});
        self.policy(namespace, "granted", &granted)?;
        self.guarded_by(namespace, 8080, 1)?;
        self.role(namespace, "watch")?;
        self.role_binding(namespace, 0)?;
        self.apply(Kind::ResourceQuota, &json!({"metadata": {"name": "quota", "namespace": ns}, "spec": {"hard": {"pods": "1000"}}, "status": {"hard": {"pods": "1000"}, "used": {"pods": "100"}}}))?;
        let job = json!({"metadata": {}, "spec": {"containers": [{"name": "dump", "image": "postgres"}]}});
        let backup = json!({"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": job}}});
        self.apply(Kind::CronJob, &json!({"metadata": {"name": "backup", "namespace": ns, "labels": {"plimsoll.dev/role": "backup"}, "annotations": {"plimsoll.dev/backup-of": "StatefulSet/db"}},
            "spec": backup, "status": {"lastScheduleTime": "2026-06-01T03:00:00Z", "lastSuccessfulTime": "2026-06-01T03:01:00Z"}}))?;
        let labels = json!({"app": "db", "plimsoll.dev/role": "database"});
        let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "db", "image": "postgres"}]}});
        self.apply(Kind::StatefulSet, &json!({"metadata": {"name": "db", "namespace": ns, "labels": labels}, "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}}))
    }

    /// What a workload has beside its pods.
    pub(crate) fn serve(&mut self, workload: usize) -> anyhow::Result<()> {
        let (ns, app) = (
            format!("ns-{}", self.namespace_of(workload)),
            format!("app-{workload}"),
        );
        let ports = json!([{"port": 80, "targetPort": 8080}]);
        self.apply(Kind::Service, &json!({"metadata": {"name": app, "namespace": ns}, "spec": {"selector": {"app": app}, "ports": ports}}))?;
        self.apply(Kind::ConfigMap, &json!({"metadata": {"name": app, "namespace": ns}, "data": {"LOG_LEVEL": "info", "PEER": format!("http://{app}.{ns}.svc:80")}}))?;
        if workload.is_multiple_of(4) {
            let backend = json!({"service": {"name": app, "port": {"number": 80}}});
            let paths = json!([{"path": "/", "pathType": "Prefix", "backend": backend}]);
            let host = format!("{app}.example.com");
            self.apply(Kind::Ingress, &json!({"metadata": {"name": app, "namespace": ns}, "spec": {"ingressClassName": "nginx",
                "tls": [{"hosts": [host], "secretName": "tls"}], "rules": [{"host": host, "http": {"paths": paths}}]}}))?;
        }
        Ok(())
    }

    fn policy(&mut self, namespace: usize, name: &str, spec: &Value) -> anyhow::Result<()> {
        let metadata = json!({"name": name, "namespace": format!("ns-{namespace}")});
        self.apply(Kind::NetworkPolicy, &json!({"metadata": metadata, "spec": spec}))
    }

    /// The namespace so many steps on in the circle of one.
    fn neighbour(&self, namespace: usize, steps: usize) -> usize {
        let first = namespace / self.circle * self.circle;
        let size = if self.circle == usize::MAX {
            self.namespaces().max(1)
        } else {
            self.circle
        };
        first + (namespace - first + steps) % size
    }

    /// The label's value by which a namespace and its circle let each other in.
    fn access(&self, namespace: usize) -> String {
        format!("circle-{}", namespace / self.circle)
    }

    /// Lets the pods of another namespace in, on one port.
    fn guarded_by(&mut self, namespace: usize, port: usize, steps: usize) -> anyhow::Result<()> {
        let peer = format!("ns-{}", self.neighbour(namespace, steps));
        let from = json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": peer}}}]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": from, "ports": [{"port": port}]}]});
        self.policy(namespace, "neighbour", &spec)
    }

    fn role(&mut self, namespace: usize, verb: &str) -> anyhow::Result<()> {
        let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", verb]}]);
        let metadata = json!({"name": "reader", "namespace": format!("ns-{namespace}")});
        self.apply(Kind::Role, &json!({"metadata": metadata, "rules": rules}))
    }

    /// Gives a namespace's role to the account of a namespace so many steps on.
    fn role_binding(&mut self, namespace: usize, steps: usize) -> anyhow::Result<()> {
        let of = format!("ns-{}", self.neighbour(namespace, steps));
        let subjects = json!([{"kind": "ServiceAccount", "name": "reader", "namespace": of}]);
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"});
        let metadata = json!({"name": "reader", "namespace": format!("ns-{namespace}")});
        self.apply(
            Kind::RoleBinding,
            &json!({"metadata": metadata, "subjects": subjects, "roleRef": role}),
        )
    }

    /// A namespace with some more labels, or others.
    fn labelled(&mut self, number: usize, more: &Value) -> anyhow::Result<()> {
        let name = format!("ns-{number}");
        let mut labels = json!({"plimsoll.dev/tenant": format!("t{}", number / 2), "plimsoll.dev/environment": environment(number),
            "kubernetes.io/metadata.name": name, "access": self.access(number)});
        if let (Some(labels), Some(more)) = (labels.as_object_mut(), more.as_object()) {
            labels.extend(more.clone());
        }
        self.apply(
            Kind::Namespace,
            &json!({"metadata": {"name": name, "uid": format!("u{number}"), "labels": labels}}),
        )
    }
}
