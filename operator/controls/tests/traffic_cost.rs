//! Findings on traffic grow with namespaces and not with pairs of them, and so does the work; a change runs the namespaces
//! whose verdict or witnesses it may alter. Counted in units and facts evaluated, not in seconds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::decode_json,
    finding::{Finding, Verdict},
    kind::Kind,
};
use serde_json::{Value, json};

const NOW: &str = "2026-06-01T12:00:00Z";
const CONTROLS: [&str; 2] = [
    "isolation/cross-tenant-traffic",
    "environments/network-segregation",
];

struct Cluster {
    engine: Engine,
    /// Units and facts evaluated last.
    cost: (usize, usize),
}

impl Cluster {
    /// Namespaces of as many tenants, with a Deployment each; `policy` is every namespace's own, if any.
    fn of(control: &str, namespaces: usize, policy: Option<&Value>) -> Self {
        let spec = BaselineSpec {
            controls: [(control.to_owned(), serde_json::Map::new())].into(),
            ..BaselineSpec::default()
        };
        let compiled = compile("cost", 1, &spec, &[], &plimsoll_controls::registry(), None);
        let mut cluster = Self {
            engine: Engine::live(),
            cost: (0, 0),
        };
        cluster.engine.set_baselines(vec![compiled]);
        cluster.engine.see_everything();
        for i in 0..namespaces {
            cluster.namespace(i, &tenant(i));
            cluster.deployment(i, "web");
            if let Some(spec) = policy {
                cluster.policy(i, spec);
            }
        }
        cluster.turn();
        cluster
    }

    fn turn(&mut self) -> (usize, usize) {
        let turn = self.engine.turn(NOW.parse().unwrap());
        self.cost = (turn.evaluated, turn.facts);
        self.cost
    }

    fn put(&mut self, kind: Kind, object: &Value) {
        self.engine
            .upsert(decode_json(kind, &object.to_string()).unwrap());
    }

    fn namespace(&mut self, i: usize, tenant: &str) {
        self.labelled(i, tenant, &json!({}));
    }

    fn labelled(&mut self, i: usize, tenant: &str, more: &Value) {
        // No environment: each is one of its own.
        let mut labels = more.clone();
        labels["plimsoll.dev/tenant"] = json!(tenant);
        self.put(
            Kind::Namespace,
            &json!({"metadata": {"name": name(i), "uid": name(i), "labels": labels}}),
        );
    }

    fn deployment(&mut self, i: usize, called: &str) {
        let labels = json!({"app": called});
        let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app"}]}});
        let meta = json!({"name": called, "namespace": name(i)});
        self.put(
            Kind::Deployment,
            &json!({"metadata": meta, "spec": {"template": template}}),
        );
    }

    fn policy(&mut self, i: usize, spec: &Value) {
        let meta = json!({"name": "own", "namespace": name(i)});
        self.put(Kind::NetworkPolicy, &json!({"metadata": meta, "spec": spec}));
    }

    fn findings(&self) -> Vec<(String, Finding)> {
        let report = self.engine.report();
        let units = report.baselines["cost"].units.values();
        let failing = units.filter(|unit| unit.verdict == Verdict::Fail);
        failing
            .flat_map(|unit| {
                let namespace = unit.key.subject.name().to_owned();
                let found: Vec<_> = unit
                    .findings
                    .iter()
                    .map(|r| (namespace.clone(), r.finding.clone()))
                    .collect();
                found
            })
            .collect()
    }

    fn message(&self, i: usize) -> String {
        let all = self.findings();
        let found = all.iter().find(|(namespace, _)| *namespace == name(i));
        found.map_or_else(String::new, |(_, finding)| finding.message.to_string())
    }
}

fn name(i: usize) -> String {
    format!("ns-{i:05}")
}

fn tenant(i: usize) -> String {
    format!("tenant-{i:05}")
}

fn closed() -> Value {
    json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": [{"podSelector": {}}]}],
        "egress": [{"to": [{"podSelector": {}}]}]})
}

#[test]
fn ten_thousand_open_tenants_give_ten_thousand_findings() {
    const MANY: usize = 10_000;
    for control in CONTROLS {
        let cluster = Cluster::of(control, MANY, None);
        let findings = cluster.findings();
        assert_eq!(findings.len(), MANY, "{control}");
        // As many facts for each namespace as in a smaller cluster.
        let ((units, facts), small) = (cluster.cost, Cluster::of(control, MANY / 10, None).cost);
        assert_eq!((units, small.0), (MANY, MANY / 10));
        assert!(
            facts <= 11 * small.1,
            "{control}: {facts} facts, and {} for a tenth",
            small.1
        );
        for (namespace, finding) in &findings {
            assert_eq!(finding.reason, "NotIsolated", "{namespace}");
            assert!(
                finding.message.contains(&format!("{} namespaces of", MANY - 1)),
                "{}",
                finding.message
            );
            let bytes: usize = finding.evidence.iter().map(|line| line.len()).sum();
            assert!(
                bytes < 1_500 && finding.evidence.len() < 10,
                "{:?}",
                finding.evidence
            );
        }
        // Witnesses are spread: nobody is named by more than a few.
        let named = |i: usize| {
            let line = format!("Deployment {}/web reaches", name(i));
            findings
                .iter()
                .filter(|(_, f)| f.evidence.iter().any(|seen| seen.starts_with(&line)))
                .count()
        };
        for i in [0, 1, MANY / 2, MANY - 1] {
            assert_eq!(named(i), 5, "{control}: {i}");
        }
    }
}

#[test]
fn a_workload_more_in_an_open_cluster_runs_its_own_namespace() {
    for control in CONTROLS {
        let costs = [50, 1_000].map(|namespaces| {
            let mut cluster = Cluster::of(control, namespaces, None);
            cluster.deployment(7, "worker");
            cluster.turn()
        });
        for (units, facts) in costs {
            assert!(
                units == 1 && facts <= 20,
                "{control}: {units} units, {facts} facts"
            );
        }
    }
}

#[test]
fn keeping_others_out_runs_one_namespace_and_keeping_in_runs_those_that_count_it() {
    for control in CONTROLS {
        const MANY: usize = 1_000;
        let mut cluster = Cluster::of(control, MANY, None);
        cluster.policy(7, &json!({"podSelector": {}, "policyTypes": ["Ingress"]}));
        assert_eq!(cluster.turn().0, 1, "{control}: not those it bears witness to");
        assert_eq!(cluster.findings().len(), MANY - 1);
        // Now it reaches nobody: the exact number of every other namespace is another.
        cluster.policy(
            7,
            &json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        );
        let (units, facts) = cluster.turn();
        assert!(
            units <= MANY && facts <= 3 * MANY,
            "{control}: {units} units, {facts} facts"
        );
        assert!(
            cluster
                .message(8)
                .contains(&format!("{} namespaces of", MANY - 2)),
            "{}",
            cluster.message(8)
        );
    }
}

#[test]
fn in_a_closed_cluster_a_change_runs_as_many_namespaces_however_large_it_is() {
    for control in CONTROLS {
        for namespaces in [50, 2_000] {
            let mut cluster = Cluster::of(control, namespaces, Some(&closed()));
            assert_eq!(cluster.findings().len(), 0, "{control}");
            let run = |cluster: &mut Cluster, what: &str, most: (usize, usize)| {
                let (units, facts) = cluster.turn();
                let told = format!("{control}, {namespaces}: {what} runs {units} units and {facts} facts");
                assert!(units <= most.0 && facts <= most.1, "{told}");
            };
            cluster.namespace(7, &tenant(8));
            run(&mut cluster, "a namespace's label", (1, 20));
            // Tenant 9 is let in, which may not leave.
            let peer =
                json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name(9)}}});
            let mut open = closed();
            open["ingress"][0]["from"] = json!([peer]);
            cluster.policy(7, &open);
            run(&mut cluster, "an ingress rule", (1, 20));
            assert_eq!(cluster.findings().len(), 0, "{control}");
            // Nobody left this way before: whom it leads to is looked up for each namespace, and alters one.
            let mut open = closed();
            open["egress"] = json!([{}]);
            cluster.policy(9, &open);
            run(&mut cluster, "an egress rule", (2, 3 * namespaces));
            assert_eq!(cluster.findings().len(), 1, "{control}");
        }
    }
}

/// Lets in who bears a label, and lets everybody out.
fn open_to(label: &Value) -> Value {
    let peer = json!({"namespaceSelector": {"matchLabels": label}});
    json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [peer]}]})
}

#[test]
fn a_label_counts_from_the_first_policy_that_names_it() {
    for control in CONTROLS {
        const MANY: usize = 50;
        let (note, team) = (json!({"note": "x"}), json!({"team": "a"}));
        let mut cluster = Cluster::of(control, MANY, Some(&open_to(&team)));
        // Where the namespace stands, and what policies see of its labels: not what sums it up.
        cluster.labelled(7, &tenant(7), &note);
        let (units, facts) = cluster.turn();
        assert!(
            units <= 1 && facts <= 3,
            "{control}: {units} units, {facts} facts"
        );
        cluster.labelled(7, &tenant(7), &team);
        cluster.turn();
        assert_eq!(cluster.findings().len(), MANY - 1, "{control}: all but itself");
        cluster.labelled(7, &tenant(7), &note);
        cluster.turn();
        assert_eq!(cluster.findings().len(), 0, "{control}");
        cluster.policy(8, &open_to(&note));
        cluster.turn();
        assert_eq!(cluster.findings().len(), 1, "{control}");
        // And no longer than policies name it.
        cluster.policy(8, &open_to(&team));
        cluster.turn();
        assert_eq!(cluster.findings().len(), 0, "{control}");
        cluster.labelled(7, &tenant(7), &json!({}));
        assert!(cluster.turn().1 <= 3, "{control}");
    }
}
