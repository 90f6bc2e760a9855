//! The nodes: ordinary Node objects, kept alive by kwok.

use k8s_openapi::api::core::v1::Node;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::error::{Error, Result};
use crate::wait::not_yet;

/// Creates `count` nodes, dealt over the zones in turn.
pub(crate) async fn create(client: &Client, count: usize, zones: &[String]) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    for index in 0..count {
        let zone = (!zones.is_empty()).then(|| zones[index % zones.len()].as_str());
        let node = node(index, zone)?;
        api.create(&PostParams::default(), &node)
            .await
            .map_err(Error::api("creating a node"))?;
    }
    Ok(())
}

fn node(index: usize, zone: Option<&str>) -> Result<Node> {
    let name = format!("node-{index}");
    let mut labels = json!({
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": "kube-test",
        "type": "kwok",
    });
    if let Some(zone) = zone {
        labels["topology.kubernetes.io/zone"] = json!(zone);
        labels["topology.kubernetes.io/region"] = json!("kube-test");
    }
    let size = json!({ "cpu": "64", "memory": "256Gi", "pods": "5000", "ephemeral-storage": "1Ti" });
    let node = json!({
        "metadata": { "name": name, "labels": labels },
        "status": { "capacity": size, "allocatable": size },
    });
    serde_json::from_value(node).map_err(|error| not_yet(error.to_string()))
}

/// Whether all of them can take pods: Ready, and the taint of the start gone.
pub(crate) async fn ready(client: &Client, count: usize) -> Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let nodes = api
        .list(&ListParams::default())
        .await
        .map_err(Error::api("listing nodes"))?;
    let ready = nodes.iter().filter(|node| is_ready(node)).count();
    if ready >= count {
        Ok(())
    } else {
        Err(not_yet(format!("{ready} of {count} nodes are Ready")))
    }
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"));
    let tainted = node
        .spec
        .as_ref()
        .and_then(|spec| spec.taints.as_ref())
        .is_some_and(|all| !all.is_empty());
    ready && !tainted
}
