//! Everything at once: every registered control and objects of every sort that they read. The first evaluation, single
//! changes and edits that have a long reach, and what is kept to know whom a change concerns.

use std::time::{Duration, Instant};

use plimsoll_engine::kind::Kind;
use serde_json::{Value, json};

use crate::{change::Cluster, figure::Figures, measure};

/// Workloads of one namespace.
const PER_NAMESPACE: usize = 20;
/// Edits of one sort: enough for a 99th percentile.
const EDITS: usize = 200;

/// An edit by its number; each differs from the one before on the same object.
type Edit = fn(&mut Cluster, usize) -> anyhow::Result<()>;

/// The edits, what each may cost in milliseconds, and what it is called.
const ALL_EDITS: [(&str, f64, Edit); 7] = [
    ("an edit of a NetworkPolicy's ports", 5.0, |c, i| {
        c.guarded_by(i % c.namespaces(), 8080 + i, i % c.namespaces() + 1)
    }),
    ("an edit of a NetworkPolicy's peers", 5.0, |c, i| {
        c.guarded_by(i % c.namespaces(), 8080, i % c.namespaces() + 2 + i % 3)
    }),
    ("an edit of a Role", 5.0, |c, i| {
        c.role(i % c.namespaces(), if i % 2 == 0 { "*" } else { "watch" })
    }),
    ("an edit of a RoleBinding", 5.0, |c, i| {
        c.role_binding(i % c.namespaces(), i % c.namespaces() + 1 + i % 2)
    }),
    ("an edit of a namespace's note", 5.0, |c, i| {
        c.labelled(i % c.namespaces(), &json!({"note": i.to_string()}))
    }),
    ("an edit of a label that a policy selects by", 5.0, |c, i| {
        c.labelled(i % c.namespaces(), &json!({"access": i.to_string()}))
    }),
    ("a namespace moved to another environment", 5.0, |c, i| {
        c.labelled(
            i % c.namespaces(),
            &json!({"plimsoll.dev/environment": "staging"}),
        )
    }),
];

/// Measures all controls over all sorts of objects.
pub(crate) fn run(figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    let sizes: [usize; 2] = if quick { [1_000, 10_000] } else { [1_000, 100_000] };
    let (_, mut first) = figures_of(sizes[0])?;
    let (cold, mut last) = figures_of(sizes[1])?;
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
    for (at, what, most) in changes() {
        let (before, after) = (percentile(&mut first, at), percentile(&mut last, at));
        figures.add(format!("... {what}, p99"), after, Some(most), "ms CPU");
        figures.add(
            format!("...... against {} objects", sizes[0]),
            after / before,
            Some(2.0),
            "times",
        );
    }
    Ok(())
}

fn changes() -> impl Iterator<Item = (usize, &'static str, f64)> {
    let edits = ALL_EDITS.iter().map(|(what, most, _)| (*what, *most));
    let all = [("one change of a workload or pod", 1.0)]
        .into_iter()
        .chain(edits);
    all.enumerate().map(|(at, (what, most))| (at, what, most))
}

fn percentile(spent: &mut [Vec<Duration>], at: usize) -> f64 {
    spent
        .get_mut(at)
        .map_or(0.0, |spent| measure::percentile(spent, 99))
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

/// The figures of a cluster of so many objects: the first evaluation, and the times of all changes.
fn figures_of(objects: usize) -> anyhow::Result<(Cold, Vec<Vec<Duration>>)> {
    let mut cluster = Cluster::filled(objects, PER_NAMESPACE, true)?;
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
    let mut all = vec![cluster.spent_on_changes()?];
    for (_, _, edit) in ALL_EDITS {
        let mut spent = Vec::with_capacity(EDITS);
        for i in 0..EDITS {
            // A prime, so that edits walk over all namespaces.
            spent.push(cluster.turn_with(|c| edit(c, i * 7))?.0);
        }
        all.push(spent);
    }
    Ok((cold, all))
}

/// What the cluster holds beside workloads, in all and by namespace.
impl Cluster {
    /// What stands once.
    pub(crate) fn common(&mut self) -> anyhow::Result<()> {
        self.apply(
            Kind::IngressClass,
            &json!({"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}),
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
        self.labelled(namespace, &json!({}))?;
        let everything = json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]});
        self.policy(namespace, "default-deny", &everything)?;
        let own = json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"to": [{"podSelector": {}}]}]});
        self.policy(namespace, "own", &own)?;
        let resolver = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ns-0"}}});
        let dns = json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [resolver], "ports": [{"port": 53, "protocol": "UDP"}]}]});
        self.policy(namespace, "dns", &dns)?;
        let selected = json!({"namespaceSelector": {"matchLabels": {"access": "granted"}}});
        let granted = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [selected], "ports": [{"port": 9090}]}]});
        self.policy(namespace, "granted", &granted)?;
        self.guarded_by(namespace, 8080, namespace + 1)?;
        self.role(namespace, "watch")?;
        self.role_binding(namespace, namespace)?;
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

    /// Lets the pods of another namespace in, on one port.
    fn guarded_by(&mut self, namespace: usize, port: usize, peer: usize) -> anyhow::Result<()> {
        let peer = format!("ns-{}", peer % self.namespaces().max(1));
        let from = json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": peer}}}]);
        let spec = json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": from, "ports": [{"port": port}]}]});
        self.policy(namespace, "neighbour", &spec)
    }

    fn role(&mut self, namespace: usize, verb: &str) -> anyhow::Result<()> {
        let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", verb]}]);
        let metadata = json!({"name": "reader", "namespace": format!("ns-{namespace}")});
        self.apply(Kind::Role, &json!({"metadata": metadata, "rules": rules}))
    }

    /// Gives a namespace's role to the account of a namespace.
    fn role_binding(&mut self, namespace: usize, account: usize) -> anyhow::Result<()> {
        let of = format!("ns-{}", account % self.namespaces().max(1));
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
        let environment = if number.is_multiple_of(2) {
            "production"
        } else {
            "staging"
        };
        let mut labels = json!({"plimsoll.dev/tenant": format!("t{}", number / 2), "plimsoll.dev/environment": environment,
            "kubernetes.io/metadata.name": name, "access": "granted"});
        if let (Some(labels), Some(more)) = (labels.as_object_mut(), more.as_object()) {
            labels.extend(more.clone());
        }
        self.apply(
            Kind::Namespace,
            &json!({"metadata": {"name": name, "uid": format!("u{number}"), "labels": labels}}),
        )
    }
}
