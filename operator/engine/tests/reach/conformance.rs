//! Verdicts that others computed or observed, all of them.

use plimsoll_engine::{
    decode::decode_json,
    kind::Kind,
    reach::{IpBlocks, Network, Reach, pods_of},
};
use serde_json::{Value, json};

use crate::{Place, between, corpus, load, open};

const WORKLOADS: &[Kind] = &[
    Kind::Pod,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Job,
    Kind::CronJob,
];

fn lines(file: std::path::PathBuf) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// As the table's own generator: an `ipBlock` matches the addresses of pods.
fn blocks_match_pods() -> Reach {
    Reach::new(Network {
        ip_blocks: IpBlocks::MatchPods,
        pod_ranges: None,
    })
}

/// A cluster as one step of a cyclonus case leaves it.
fn cyclonus_step(step: &Value) -> Reach {
    let mut reach = blocks_match_pods();
    for (name, labels) in step["namespaces"].as_object().unwrap() {
        let object = json!({"metadata": {"name": name, "labels": labels}});
        reach.upsert(&decode_json(Kind::Namespace, &object.to_string()).unwrap());
    }
    let ports: Vec<Value> = [80, 81]
        .iter()
        .flat_map(|port| ["TCP", "UDP", "SCTP"].map(|protocol| (port, protocol)))
        .map(|(port, protocol)| {
            let name = format!("serve-{port}-{}", protocol.to_lowercase());
            json!({"name": name, "containerPort": port, "protocol": protocol})
        })
        .collect();
    for pod in step["pods"].as_array().unwrap() {
        let object = json!({
            "metadata": {"name": pod["name"], "namespace": pod["namespace"], "labels": pod["labels"]},
            "spec": {"containers": [{"name": "c", "ports": ports}]},
        });
        let object = decode_json(Kind::Pod, &object.to_string()).unwrap();
        reach.upsert_pods(pods_of(&object).unwrap().at([text(&pod["ip"])]));
    }
    for policy in step["policies"].as_array().into_iter().flatten() {
        reach.upsert(&decode_json(Kind::NetworkPolicy, &policy.to_string()).unwrap());
    }
    reach.settle();
    reach
}

/// Compares every verdict of a step but those of a pod with itself, which no two CNIs agree on; returns how many.
fn cyclonus_verdicts(id: &str, step: &Value) -> usize {
    let reach = cyclonus_step(step);
    let order: Vec<&str> = step["order"].as_array().unwrap().iter().map(text).collect();
    let places: Vec<Place> = order.iter().map(|name| Place::of(name, &[Kind::Pod])).collect();
    let mut compared = 0;
    for (i, from) in places.iter().enumerate() {
        for (j, to) in places.iter().enumerate().filter(|(j, _)| *j != i) {
            let bounds = between(&reach, from, to);
            for (port, rows) in step["allowed"].as_object().unwrap() {
                let expected = match text(&rows[i]).as_bytes()[j] {
                    b'.' => true,
                    b'X' => false,
                    b'-' => continue,
                    other => panic!("{other}"),
                };
                let (a, b) = (order[i], order[j]);
                let why = || reach.explain(from.site(&reach), to.site(&reach));
                assert_eq!(
                    open(&bounds, port),
                    expected,
                    "{id}: {a} to {b} on {port}: {:?}",
                    why()
                );
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn cyclonus() {
    let Some(folder) = corpus("cyclonus") else { return };
    let cases = lines(folder.join("cases.jsonl"));
    assert_eq!(cases.len(), 230);
    let steps = cases.iter().flat_map(|case| {
        case["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| (text(&case["id"]), step))
    });
    assert_eq!(
        steps.map(|(id, step)| cyclonus_verdicts(id, step)).sum::<usize>(),
        111_036
    );
}

#[test]
fn cluster_network_policies() {
    let Some(folder) = corpus("network-policy-api") else {
        return;
    };
    let read = |path: &Value| std::fs::read(folder.join(text(path))).unwrap();
    let mut compared = 0;
    for case in lines(folder.join("cases.jsonl")) {
        let mut reach = blocks_match_pods();
        load(&mut reach, &read(&case["base"]));
        for (name, labels) in case["namespace_label_overrides"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let object = json!({"metadata": {"name": name, "labels": labels}});
            reach.upsert(&decode_json(Kind::Namespace, &object.to_string()).unwrap());
        }
        load(&mut reach, &read(&case["policies"]));
        reach.settle();
        for probe in case["probes"].as_array().unwrap() {
            // The first and second pod of a StatefulSet: one workload here.
            let place = |name: &Value| {
                let (set, _) = text(name).rsplit_once('-').unwrap();
                Place::of(set, &[Kind::StatefulSet])
            };
            let (from, to) = (place(&probe["src"]), place(&probe["dst"]));
            let bounds = between(&reach, &from, &to);
            let port = format!("{}/{}", text(&probe["protocol"]), probe["port"]);
            assert_eq!(
                open(&bounds, &port),
                probe["allowed"].as_bool().unwrap(),
                "{}: {probe}: {:?}",
                case["id"],
                reach.explain(from.site(&reach), to.site(&reach))
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 238);
}

#[test]
fn recipes() {
    let Some(folder) = corpus("netpol-recipes") else {
        return;
    };
    let read = |path: &Value| std::fs::read(folder.join(text(path))).unwrap();
    let mut compared = 0;
    for case in lines(folder.join("cases.jsonl")) {
        let mut reach = Reach::default();
        load(&mut reach, &read(&case["resources"]));
        for policies in case["policies"].as_array().unwrap() {
            load(&mut reach, &read(policies));
        }
        reach.settle();
        for probe in case["probes"].as_array().unwrap() {
            let place = |name: &Value| Place::of(text(name), WORKLOADS);
            let (from, to) = (place(&probe["src"]), place(&probe["dst"]));
            let port = format!("{}/{}", text(&probe["protocol"]), probe["port"]);
            let is_open = open(&between(&reach, &from, &to), &port);
            assert_eq!(
                is_open,
                probe["allowed"].as_bool().unwrap(),
                "{}: {probe}",
                case["id"]
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 40);
}

#[test]
fn real_products() {
    let Some(folder) = corpus("realworld-reachability") else {
        return;
    };
    let mut reach = Reach::default();
    for file in ["namespaces.yaml", "workloads.yaml", "policies.yaml"] {
        load(&mut reach, &std::fs::read(folder.join(file)).unwrap());
    }
    reach.settle();
    let (mut compared, mut left_out) = (0, 0);
    for row in lines(folder.join("expected.jsonl")) {
        let place = |name: &Value| {
            let (name, kind) = text(name).trim_end_matches(']').split_once('[').unwrap();
            let kind = WORKLOADS.iter().find(|k| k.info().kind == kind).unwrap();
            (name == "monitoring/node-exporter", Place::of(name, &[*kind]))
        };
        let ((from_node, from), (to_node, to)) = (place(&row["src"]), place(&row["dst"]));
        // Uses the host's network, which the matcher that made the table does not know.
        if from_node || to_node {
            left_out += 1;
            continue;
        }
        let bounds = between(&reach, &from, &to);
        for (list, expected) in [("allowed", true), ("denied", false)] {
            for port in row[list].as_array().unwrap() {
                assert_eq!(open(&bounds, text(port)), expected, "{row}");
            }
        }
        compared += 1;
    }
    assert_eq!((compared, left_out), (1_482, 78));
}
