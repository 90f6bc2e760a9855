//! The operator without rights, without a leader, with two, with a control that panics, and gone.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::{coordination::v1::Lease, rbac::v1::ClusterRole};
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    certificate,
    installed::{NAMESPACE, SOON},
    operator::Operator,
    within::Within,
};
use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Findings, Severity},
    kind::{Kind, KindSet},
    unknown::Unknown,
    view::View,
};
use plimsoll_monitoring::{Pace, promql::HOUR};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{dashboards, firing, in_days, preview, prometheus, until_seen};

const PACE: Pace = Pace::faster(600);
/// An hour is half a minute: what rises is compared with an hour ago, and should stay risen for a while.
const SLOWER: Pace = Pace::faster(120);
/// The chart's role for reading: release `plimsoll` in namespace `plimsoll-system`.
const ROLE: &str = "plimsoll-system-plimsoll";
/// Its role for writing status.
const STATUS: &str = "plimsoll-system-plimsoll-status";

/// The right to a kind is taken away, and the right to write status.
pub(crate) async fn rights(cluster: &Cluster, operator: &Operator) -> BTreeSet<String> {
    let prometheus = prometheus(&[&operator.address], SLOWER).await;
    // What rises needs something to rise from.
    let before = format!(
        "baseline:plimsoll_units_unknown:ratio offset {}",
        SLOWER.span(HOUR)
    );
    eventually(SOON, "an hour has passed", async || {
        match prometheus.query(&before).await?.len() {
            0 => Err(not_yet("no past")),
            _ => Ok(()),
        }
    })
    .await
    .unwrap();
    let roles: Api<ClusterRole> = Api::all(cluster.admin().unwrap());
    let reading = without(&roles, ROLE, "networkpolicies").await;
    let status = without(&roles, STATUS, "securitybaselines/status").await;
    let expected = [
        "PlimsollKindNotSeen",
        "PlimsollUnknownRising",
        "PlimsollWritesFail",
    ];
    let seen = until_seen(&prometheus, &expected).await;
    // Now the panel of kinds that are not seen has something to show, too.
    dashboards::panels_show_something(&prometheus).await;
    preview::draw(&prometheus).await;
    set_rules(&roles, ROLE, &reading).await;
    set_rules(&roles, STATUS, &status).await;
    seen
}

/// Takes one resource out of a role; gives the rules of before.
async fn without(roles: &Api<ClusterRole>, role: &str, resource: &str) -> Value {
    let before = serde_json::to_value(roles.get(role).await.unwrap().rules).unwrap();
    let mut rules = before.as_array().unwrap().clone();
    for rule in &mut rules {
        rule["resources"]
            .as_array_mut()
            .unwrap()
            .retain(|word| word != resource);
    }
    rules.retain(|rule| !rule["resources"].as_array().unwrap().is_empty());
    assert_ne!(json!(rules), before, "{role} grants no {resource}");
    set_rules(roles, role, &json!(rules)).await;
    before
}

async fn set_rules(roles: &Api<ClusterRole>, role: &str, rules: &Value) {
    let patch = Patch::Merge(json!({ "rules": rules }));
    roles.patch(role, &PatchParams::default(), &patch).await.unwrap();
}

/// The operator stops, and its successor finds the Lease held by somebody who never lets go.
pub(crate) async fn leaders(cluster: &Cluster, mut operator: Operator) -> BTreeSet<String> {
    let running = prometheus(&[&operator.address], PACE).await;
    assert!(!firing(&running).await.contains("PlimsollDown"));
    operator.stop().await;
    let mut seen = until_seen(&running, &["PlimsollDown"]).await;

    let leases: Api<Lease> = Api::namespaced(cluster.admin().unwrap(), NAMESPACE);
    leases.delete("plimsoll", &DeleteParams::default()).await.ok();
    let spec = json!({
        "holderIdentity": "gone", "leaseDurationSeconds": 3600, "leaseTransitions": 1,
        "acquireTime": micro(), "renewTime": micro(),
    });
    let held = json!({ "metadata": { "name": "plimsoll" }, "spec": spec });
    leases
        .create(&PostParams::default(), &serde_json::from_value(held).unwrap())
        .await
        .unwrap();
    seen.extend(unprepared(cluster).await);
    seen
}

/// The successor lacks a right, and its certificate is about to expire.
async fn unprepared(cluster: &Cluster) -> BTreeSet<String> {
    let roles: Api<ClusterRole> = Api::all(cluster.admin().unwrap());
    let reading = without(&roles, ROLE, "networkpolicies").await;
    let folder = tempfile::tempdir().unwrap();
    let made = certificate::until("127.0.0.1", in_days(1));
    let [certificate, key] = certificate::write(&made, folder.path());
    let args = ["--probing", "--tls-cert", &certificate, "--tls-key", &key];
    let second = Operator::start(cluster, "second", &args).await;
    let prometheus = prometheus(&[&second.address], PACE).await;
    let expected = [
        "PlimsollProberDown",
        "PlimsollRights",
        "PlimsollServerCertificateExpires",
        "PlimsollWithoutLeader",
    ];
    let seen = until_seen(&prometheus, &expected).await;
    set_rules(&roles, ROLE, &reading).await;
    seen
}

fn micro() -> String {
    format!("{:.6}", Timestamp::now())
}

/// A control that panics over every Deployment.
struct Panics;

/// None.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
struct Params {}

impl Control for Panics {
    const META: Meta = Meta {
        id: "availability/replica-redundancy",
        title: "Panics",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(&[Kind::Deployment]),
        reads: KindSet::of(&[Kind::Deployment]),
        fail_after: Duration::from_secs(0),
        mappings: &[],
        rights: &[],
        page: "",
    };
    type Params = Params;

    fn check(_: &Unit<'_>, _: &View<'_>, _: &Params, _: &mut Findings) -> Result<(), Unknown> {
        panic!("as asked")
    }
}

/// Two that lead (by Leases in different namespaces), with a control that panics; and one that finds no API server.
pub(crate) async fn processes(cluster: &Cluster) -> BTreeSet<String> {
    let client = || cluster.admin().unwrap();
    let nowhere = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let start = |client: Client, namespace: &str, identity: &str| {
        let controls = plimsoll_controls::registry().with::<Panics>();
        Within::start_with(client, namespace, identity, controls)
    };
    let three = [
        start(client(), "default", "one"),
        start(client(), "kube-public", "two"),
        start(Client::try_from(nowhere).unwrap(), "default", "three"),
    ];
    let targets: Vec<&str> = three.iter().map(|own| own.address.as_str()).collect();
    let prometheus = prometheus(&targets, SLOWER).await;
    // A panic is counted when it happens: something has to happen while Prometheus looks.
    let happens = async {
        for replicas in ["1", "2"].iter().cycle() {
            let scale = ["scale", "deployment/web", "-n", "shop", "--replicas", replicas];
            cluster.kubectl(scale).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    };
    let expected = [
        "PlimsollControlPanicked",
        "PlimsollNotReady",
        "PlimsollSeveralLeaders",
    ];
    let seen = tokio::select! {
        () = happens => unreachable!("it has no end"),
        seen = until_seen(&prometheus, &expected) => seen,
    };
    for own in three {
        _ = own.end().await; // one never found its API server
    }
    seen
}
