//! What `plimsoll reach` says against connections that are really tried.

use std::{collections::BTreeMap, env, process::Command};

use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::operator::program;
use serde_json::Value;

use crate::stage::{PATIENCE, Stage};

/// Deployments, by namespace; each serves on two ports.
const ENDS: [(&str, &str); 4] = [
    ("front", "web"),
    ("front", "robot"),
    ("back", "db"),
    ("back", "cache"),
];
const PORTS: [u16; 2] = [5432, 6379];

/// From, to, port.
type Connection = (usize, usize, u16);

/// Without policies everything is open, also across namespaces, and really so. With policies every pair and port is as
/// `reach` says; that takes a CNI that enforces them, as kind's does.
pub(crate) async fn are_as_reach_says(stage: &Stage) {
    let cluster = stage.cluster().await;
    stage.apply("connections.yaml", &[]).await;
    for (namespace, name) in ENDS {
        stage.rolled_out(namespace, &format!("deployment/{name}")).await;
    }
    agree(cluster).await;
    if env::var_os("KUBE_TEST_ENFORCING_CNI").is_none_or(|value| value.is_empty()) {
        println!(
            "connections_are_as_reach_says: the CNI here enforces no policy: tried without policies only"
        );
        return;
    }
    stage.apply("policies.yaml", &[]).await;
    let said = agree(cluster).await;
    let open = said.values().filter(|open| **open).count();
    assert!(0 < open && open < said.len(), "{open} of {} are open", said.len());
}

/// Waits until what is tried is what is said (a CNI takes a moment to act on a policy), and returns that.
async fn agree(cluster: &Cluster) -> BTreeMap<Connection, bool> {
    let said = said(cluster).await;
    let seen = eventually(PATIENCE, "connections are as reach says", async || {
        let tried = tried(cluster).await?;
        let differ: Vec<_> = tried.iter().filter(|(key, open)| said[key] != **open).collect();
        if differ.is_empty() {
            Ok(())
        } else {
            Err(not_yet(format!("tried: {differ:?}")))
        }
    });
    seen.await.unwrap();
    said
}

fn all() -> impl Iterator<Item = Connection> {
    let pairs = (0..ENDS.len()).flat_map(|from| (0..ENDS.len()).map(move |to| (from, to)));
    let pairs = pairs.filter(|(from, to)| from != to);
    pairs.flat_map(|(from, to)| PORTS.map(|port| (from, to, port)))
}

async fn said(cluster: &Cluster) -> BTreeMap<Connection, bool> {
    let mut command = Command::new(program());
    command
        .args(["reach", "--cluster", "-o", "json"])
        .env("KUBECONFIG", cluster.kubeconfig());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let connections = said["connections"].as_array().unwrap();
    let is = |end: &Value, index: usize| {
        let (namespace, name) = ENDS[index];
        end["namespace"] == namespace && end["name"] == name
    };
    let open = |(from, to, port): Connection| {
        let entry = connections
            .iter()
            .find(|entry| is(&entry["from"], from) && is(&entry["to"], to));
        let allowed = entry.unwrap_or_else(|| panic!("nothing about {:?} to {:?}", ENDS[from], ENDS[to]));
        let holds = |range: &Value| {
            let bound = |key: &str| range[key].as_u64().unwrap();
            range["protocol"] == "TCP" && (bound("port")..=bound("endPort")).contains(&u64::from(port))
        };
        allowed["allowed"].as_array().unwrap().iter().any(holds)
    };
    all().map(|connection| (connection, open(connection))).collect()
}

async fn tried(cluster: &Cluster) -> kube_test::Result<BTreeMap<Connection, bool>> {
    let mut addresses = Vec::new();
    for (namespace, name) in ENDS {
        let label = format!("app={name}");
        let path = "jsonpath={.items[0].status.podIP}";
        let args = ["get", "pods", "-n", namespace, "-l", &label, "-o", path];
        addresses.push(cluster.kubectl(args).await?.stdout);
    }
    let mut tried = BTreeMap::new();
    for (from, (namespace, name)) in ENDS.into_iter().enumerate() {
        let targets: Vec<Connection> = all().filter(|(of, ..)| *of == from).collect();
        let each = targets.iter().map(|(_, to, port)| {
            let address = &addresses[*to];
            format!("if nc -w 2 {address} {port} </dev/null; then echo open; else echo closed; fi")
        });
        let script = each.collect::<Vec<_>>().join("\n");
        let deployment = format!("deployment/{name}");
        let exec = ["exec", "-n", namespace, &deployment, "--", "sh", "-c", &script];
        let answers = cluster.kubectl(exec).await?.stdout;
        let answers: Vec<bool> = answers.lines().map(|line| line == "open").collect();
        if answers.len() != targets.len() {
            return Err(not_yet(format!(
                "{} answers for {} questions",
                answers.len(),
                targets.len()
            )));
        }
        tried.extend(targets.into_iter().zip(answers));
    }
    Ok(tried)
}
