//! What an event costs, in units and facts evaluated: as many in a cluster of 100,000 objects as in one of 1,000, whether
//! spread over namespaces or all in one.

use jiff::Timestamp;
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::decode_json,
    kind::Kind,
    name::ObjRef,
};
use serde_json::{Value, json};

const OBJECTS_PER_WORKLOAD: usize = 9;

struct Cluster {
    engine: Engine,
    now: Timestamp,
    per_namespace: usize,
}

impl Cluster {
    /// About `objects` objects, `per_namespace` workloads in each namespace, judged by every control.
    fn of(objects: usize, per_namespace: usize) -> Self {
        let registry = plimsoll_controls::registry();
        let controls = registry
            .metas()
            .map(|m| (m.id.to_owned(), serde_json::Map::new()))
            .collect();
        let spec = BaselineSpec {
            controls,
            ..BaselineSpec::default()
        };
        let compiled = compile("counts", 1, &spec, &[], &registry, None);
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        let now = "2026-06-01T12:00:00Z".parse().unwrap();
        let mut cluster = Self {
            engine: Engine::live(),
            now,
            per_namespace,
        };
        cluster.engine.see_everything();
        for zone in ["a", "b", "c"] {
            let labels = json!({"topology.kubernetes.io/zone": zone});
            cluster.put(
                Kind::Node,
                &json!({"metadata": {"name": format!("node-{zone}"), "labels": labels}}),
            );
        }
        cluster.put(
            Kind::StorageClass,
            &json!({"metadata": {"name": "disk"}, "provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}}),
        );
        cluster.role(&["get"]);
        for i in 0..objects / OBJECTS_PER_WORKLOAD {
            cluster.workload(i);
        }
        cluster.engine.set_baselines(vec![compiled]);
        cluster.engine.turn(now);
        cluster.engine.watching();
        let again = cluster.engine.turn(now);
        assert_eq!((again.evaluated, again.facts), (0, 0));
        cluster
    }

    fn namespace(&self, workload: usize) -> String {
        format!("ns-{}", workload / self.per_namespace)
    }

    fn put(&mut self, kind: Kind, object: &Value) {
        self.engine
            .upsert(decode_json(kind, &object.to_string()).unwrap());
    }

    fn meta(&self, i: usize, name: &str) -> Value {
        let created = "2026-01-01T00:00:00Z";
        json!({"name": name, "namespace": self.namespace(i), "labels": {"app": format!("app-{i}")}, "creationTimestamp": created})
    }

    fn label_namespace(&mut self, i: usize, note: &str) {
        let labels =
            json!({"plimsoll.dev/tenant": "acme", "plimsoll.dev/environment": "production", "note": note});
        let name = self.namespace(i);
        self.put(
            Kind::Namespace,
            &json!({"metadata": {"name": name, "uid": name, "labels": labels}}),
        );
    }

    fn workload(&mut self, i: usize) {
        if i.is_multiple_of(self.per_namespace) {
            self.label_namespace(i, "none");
        }
        self.deployment(i, 2, "app");
        let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": format!("app-{i}"), "uid": "u", "controller": true}]);
        let mut meta = self.meta(i, &format!("app-{i}-rs"));
        meta["ownerReferences"] = owner;
        self.put(
            Kind::ReplicaSet,
            &json!({"metadata": meta, "spec": {"replicas": 2}}),
        );
        for (pod, node) in ["a", "b"].into_iter().enumerate() {
            self.pod(i, pod, node);
        }
        self.budget(i, 1);
        self.autoscaler(i, 2);
        self.ingress(i, "app.example.com");
        self.claim(i, "Bound");
        self.service(i, "ClusterIP");
        let namespace = self.namespace(i);
        self.binding(i, &format!("app-{i}"), &namespace);
    }

    /// A role that a binding of every workload gives.
    fn role(&mut self, verbs: &[&str]) {
        let rules = json!([{"verbs": verbs, "apiGroups": [""], "resources": ["pods"]}]);
        self.put(
            Kind::ClusterRole,
            &json!({"metadata": {"name": "works"}, "rules": rules}),
        );
    }

    fn binding(&mut self, i: usize, name: &str, namespace_of_account: &str) {
        let account = json!([{"kind": "ServiceAccount", "name": "app", "namespace": namespace_of_account}]);
        self.put(
            Kind::RoleBinding,
            &json!({"metadata": self.meta(i, name), "roleRef": {"kind": "ClusterRole", "name": "works"}, "subjects": account}),
        );
    }

    fn deployment(&mut self, i: usize, replicas: usize, image: &str) {
        let (meta, labels) = (
            self.meta(i, &format!("app-{i}")),
            json!({"app": format!("app-{i}")}),
        );
        let claims = json!([{"name": "data", "persistentVolumeClaim": {"claimName": format!("app-{i}")}}]);
        let spec = json!({"containers": [{"name": "main", "image": image}], "volumes": claims});
        let template = json!({"metadata": {"labels": labels}, "spec": spec});
        self.put(
            Kind::Deployment,
            &json!({"metadata": meta, "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}}),
        );
    }

    fn pod(&mut self, i: usize, pod: usize, node: &str) {
        let mut meta = self.meta(i, &format!("app-{i}-rs-{pod}"));
        meta["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("app-{i}-rs"), "uid": "u", "controller": true}]);
        let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        self.put(
            Kind::Pod,
            &json!({"metadata": meta, "spec": {"nodeName": format!("node-{node}"), "containers": [{"name": "main"}]}, "status": status}),
        );
    }

    /// A pod that was started again, and is privileged although its template is not.
    fn odd_pod(&mut self, i: usize, restarts: usize) {
        let mut meta = self.meta(i, &format!("app-{i}-rs-0"));
        meta["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("app-{i}-rs"), "uid": "u", "controller": true}]);
        let status = json!({"phase": "Running", "containerStatuses": [{"restartCount": restarts}]});
        let containers = json!([{"name": "main", "securityContext": {"privileged": true}}]);
        self.put(
            Kind::Pod,
            &json!({"metadata": meta, "spec": {"nodeName": "node-a", "containers": containers}, "status": status}),
        );
    }

    fn service(&mut self, i: usize, reach: &str) {
        let spec = json!({"type": reach, "selector": {"app": format!("app-{i}")}, "ports": [{"port": 80}]});
        self.put(
            Kind::Service,
            &json!({"metadata": self.meta(i, &format!("app-{i}")), "spec": spec}),
        );
    }

    fn budget(&mut self, i: usize, max: usize) {
        let spec = json!({"maxUnavailable": max, "selector": {"matchLabels": {"app": format!("app-{i}")}}});
        self.put(
            Kind::PodDisruptionBudget,
            &json!({"metadata": self.meta(i, &format!("app-{i}")), "spec": spec}),
        );
    }

    fn autoscaler(&mut self, i: usize, min: usize) {
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": format!("app-{i}")});
        let spec = json!({"scaleTargetRef": target, "minReplicas": min, "maxReplicas": 9});
        self.put(
            Kind::HorizontalPodAutoscaler,
            &json!({"metadata": self.meta(i, &format!("app-{i}")), "spec": spec}),
        );
    }

    fn ingress(&mut self, i: usize, host: &str) {
        let spec = json!({"rules": [{"host": host}], "tls": [{"hosts": [host], "secretName": "tls"}]});
        self.put(
            Kind::Ingress,
            &json!({"metadata": self.meta(i, &format!("app-{i}")), "spec": spec}),
        );
    }

    fn claim(&mut self, i: usize, phase: &str) {
        let spec = json!({"storageClassName": "disk", "accessModes": ["ReadWriteMany"]});
        self.put(
            Kind::PersistentVolumeClaim,
            &json!({"metadata": self.meta(i, &format!("app-{i}")), "spec": spec, "status": {"phase": phase}}),
        );
    }

    fn policy(&mut self, i: usize, types: &Value) {
        let spec = json!({"podSelector": {}, "policyTypes": types});
        self.put(
            Kind::NetworkPolicy,
            &json!({"metadata": self.meta(i, "deny"), "spec": spec}),
        );
    }

    fn cron_job(&mut self, i: usize, schedule: &str) {
        let template = json!({"spec": {"template": {"spec": {"containers": [{"name": "report"}]}}}});
        self.put(
            Kind::CronJob,
            &json!({"metadata": self.meta(i, &format!("cron-{i}")), "spec": {"schedule": schedule, "jobTemplate": template}}),
        );
    }

    /// Units and facts evaluated for each sort of event.
    fn costs(&mut self) -> Vec<(&'static str, usize, usize)> {
        type Event = fn(&mut Cluster);
        let events: [(&'static str, Event); 26] = [
            ("a pod moves", |c| c.pod(3, 0, "c")),
            ("a pod comes", |c| c.pod(3, 7, "c")),
            ("a pod goes", |c| {
                c.engine
                    .remove(&ObjRef::new(Kind::Pod, c.namespace(3), "app-3-rs-7"));
            }),
            ("a deployment is scaled", |c| c.deployment(3, 3, "app")),
            ("a deployment is rolled out", |c| c.deployment(3, 3, "app:2")),
            ("a budget changes", |c| c.budget(3, 2)),
            ("an autoscaler changes", |c| c.autoscaler(3, 3)),
            ("an ingress changes", |c| c.ingress(3, "other.example.com")),
            ("a claim changes", |c| c.claim(3, "Lost")),
            ("a policy comes", |c| c.policy(3, &json!(["Ingress", "Egress"]))),
            ("a policy changes", |c| c.policy(3, &json!(["Ingress"]))),
            ("a policy goes", |c| {
                c.engine
                    .remove(&ObjRef::new(Kind::NetworkPolicy, c.namespace(3), "deny"));
            }),
            ("a namespace's label that names nothing", |c| {
                c.label_namespace(3, "some");
            }),
            ("a binding comes", |c| c.binding(3, "more", "kube-system")),
            ("a binding changes", |c| {
                let own = c.namespace(3);
                c.binding(3, "more", &own);
            }),
            ("a binding goes", |c| {
                c.engine
                    .remove(&ObjRef::new(Kind::RoleBinding, c.namespace(3), "more"));
            }),
            ("a role gives the same in other words", |c| {
                c.role(&["get", "watch"]);
            }),
            ("a role gives more", |c| c.role(&["get", "delete"])),
            ("a role gives too much", |c| c.role(&["*"])),
            ("a cron job comes", |c| c.cron_job(3, "0 1 * * *")),
            ("a cron job changes", |c| c.cron_job(3, "0 2 * * *")),
            ("a service is published", |c| c.service(3, "LoadBalancer")),
            ("a pod is privileged", |c| c.odd_pod(3, 9)),
            ("a pod is started again", |c| c.odd_pod(3, 10)),
            ("a pod is as before", |c| c.pod(3, 0, "c")),
            ("the same again", |c| c.pod(3, 0, "c")),
        ];
        let mut costs = Vec::new();
        for (what, event) in events {
            event(self);
            let delta = self.engine.turn(self.now);
            costs.push((what, delta.evaluated, delta.facts));
        }
        costs
    }
}

/// No single event may evaluate more: controls that judge one workload or one namespace.
const MOST: usize = 16;

#[test]
fn an_event_costs_the_same_in_a_large_cluster() {
    let small = Cluster::of(1_000, 20).costs();
    for (what, units, facts) in &small {
        assert!(
            *units <= MOST && *facts <= 2 * MOST,
            "{what}: {units} units and {facts} facts"
        );
    }
    assert_eq!(
        small.last().map(|(_, units, facts)| (*units, *facts)),
        Some((0, 0))
    );
    for (shape, objects, per_namespace) in [
        ("1,000 in one namespace", 1_000, usize::MAX),
        ("100,000 spread", 100_000, 20),
        ("100,000 in one namespace", 100_000, usize::MAX),
    ] {
        let large = Cluster::of(objects, per_namespace).costs();
        for ((what, units, facts), (_, small_units, small_facts)) in large.iter().zip(&small) {
            // Whether others leave a namespace the way it does decides which facts a policy or a label touches, not how many
            // at most.
            let leaves = what.starts_with("a policy") || what.starts_with("a namespace's label");
            let same = facts == small_facts || (leaves && *facts <= 2 * MOST);
            assert!(
                units == small_units && same,
                "{shape}: {what}: {large:?}, expected {small:?}"
            );
        }
    }
}
