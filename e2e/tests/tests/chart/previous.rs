//! The upgrade from the release before: what people wrote and what the operator remembers stays.

use std::{collections::BTreeMap, path::Path, process::Command};

use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    installed::{NAMESPACE, SOON, chart, exception, policies_hold, post, top},
    operator::Operator,
    scenario::deployment,
};
use serde_json::{Value, json};

use crate::values;

/// What must be the same object, with the same content, before and after.
const KEPT: [&str; 5] = [
    "securitybaseline/first",
    "securitybaseline/production",
    "baselineexception/mine",
    "deployment/web -n shop",
    "deployment/plimsoll -n plimsoll-system",
];

fn git(args: &[&str]) -> Option<Vec<u8>> {
    let ran = Command::new("git")
        .arg("-C")
        .arg(top())
        .args(args)
        .output()
        .ok()?;
    ran.status
        .success()
        .then_some(ran.stdout)
        .filter(|out| !out.is_empty())
}

/// The charts as they were before Deployments were told apart by component, from the history of this checkout.
fn earlier(folder: &Path) -> Option<String> {
    let search = [
        "log",
        "--reverse",
        "--format=%H",
        "-SprocessSelector",
        "--",
        "charts/plimsoll/templates",
    ];
    let found = String::from_utf8(git(&search)?).ok()?;
    let before = format!("{}^", found.lines().next()?);
    let archive = folder.join("charts.tar");
    std::fs::write(&archive, git(&["archive", &before, "charts"])?).unwrap();
    let mut tar = Command::new("tar");
    let unpacked = tar.arg("-xf").arg(&archive).arg("-C").arg(folder).status().ok()?;
    unpacked.success().then_some(before)
}

/// Both charts as archives of an earlier version, and the values that came with it.
async fn release(cluster: &Cluster, folder: &Path) -> [String; 3] {
    let source = if let Some(commit) = earlier(folder) {
        println!("the release before is that of {commit}");
        folder.join("charts")
    } else {
        println!("no history here: the release before is this one under another number");
        top().join("charts")
    };
    let packed = folder.display().to_string();
    for name in ["plimsoll-crds", "plimsoll"] {
        let chart = source.join(name).display().to_string();
        let args = [
            "package",
            &chart,
            "--version=0.0.9",
            "--app-version=0.0.9",
            "-d",
            &packed,
        ];
        cluster.helm(args).await.unwrap();
    }
    [
        format!("{packed}/plimsoll-crds-0.0.9.tgz"),
        format!("{packed}/plimsoll-0.0.9.tgz"),
        source
            .join("plimsoll/values-production.yaml")
            .display()
            .to_string(),
    ]
}

async fn install_release(cluster: &Cluster, [crds, operator, values]: &[String; 3]) {
    cluster
        .namespace(NAMESPACE, &[("pod-security.kubernetes.io/enforce", "restricted")])
        .await
        .unwrap();
    cluster
        .helm(["install", "plimsoll-crds", crds, "-n", NAMESPACE])
        .await
        .unwrap();
    let args = [
        "install", "plimsoll", operator, "-n", NAMESPACE, "-f", values, "--wait",
    ];
    cluster.helm(args).await.unwrap();
    policies_hold(cluster.admin().unwrap()).await;
}

/// What people and the operator wrote meanwhile.
async fn lived_in(cluster: &Cluster) {
    let first = top()
        .join("docs/samples/first-baseline.yaml")
        .display()
        .to_string();
    cluster.kubectl(["apply", "-f", &first]).await.unwrap();
    let client = cluster.admin().unwrap();
    post(&client, "BaselineException", "mine", &exception(json!({})), false)
        .await
        .unwrap();
    cluster.namespace("shop", &[]).await.unwrap();
    cluster.apply(&deployment("shop", "web", 2)).await.unwrap();
}

/// Since when the operator has known of each finding, by the finding's fingerprint.
async fn remembered(cluster: &Cluster) -> BTreeMap<String, String> {
    let records = cluster
        .kubectl(["get", "evidencerecords", "-o", "json"])
        .await
        .unwrap()
        .stdout;
    let records: Value = serde_json::from_str(&records).unwrap();
    let units = records["items"].as_array().unwrap().iter();
    let units = units.flat_map(|record| record["spec"]["units"].as_array().cloned().unwrap_or_default());
    let seen = units.flat_map(|unit| unit["seen"].as_array().cloned().unwrap_or_default());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    seen.map(|finding| (text(&finding["fingerprint"]), text(&finding["firstSeen"])))
        .collect()
}

/// Has the operator look at everything and write down what it found.
async fn looked_at(cluster: &Cluster, name: &str) -> BTreeMap<String, String> {
    let mut operator = Operator::ready(cluster, name, &[]).await;
    let seen = eventually(
        SOON,
        "the operator remembers what it found",
        async || match remembered(cluster).await {
            none if none.is_empty() => Err(not_yet("nothing")),
            some => Ok(some),
        },
    );
    seen.await.unwrap();
    // What is still to be written is written before it ends.
    operator.three_turns().await;
    operator.stop().await;
    remembered(cluster).await
}

/// Uid, selector and, of what people wrote, the whole spec.
async fn kept(cluster: &Cluster) -> Vec<Value> {
    let mut seen = Vec::new();
    for what in KEPT {
        let get = ["get", "-o", "json"].into_iter().chain(what.split(' '));
        let object: Value = serde_json::from_str(&cluster.kubectl(get).await.unwrap().stdout).unwrap();
        let ours = what.starts_with("deployment/plimsoll") || what == "securitybaseline/production";
        let spec = if ours {
            &object["spec"]["selector"]
        } else {
            &object["spec"]
        };
        seen.push(json!({ "what": what, "uid": object["metadata"]["uid"], "spec": spec }));
    }
    seen
}

async fn upgrade(cluster: &Cluster, more: &[&str]) {
    let (crds, operator, values) = (chart("plimsoll-crds"), chart("plimsoll"), values("production"));
    cluster
        .helm(["upgrade", "plimsoll-crds", &crds, "-n", NAMESPACE])
        .await
        .unwrap();
    let args = [
        "upgrade", "plimsoll", &operator, "-n", NAMESPACE, "-f", &values, "--wait",
    ];
    cluster.helm(args.iter().chain(more)).await.unwrap();
}

async fn image(cluster: &Cluster) -> String {
    let path = "jsonpath={.spec.template.spec.containers[0].image} {.status.availableReplicas}";
    let args = ["get", "deployment/plimsoll", "-n", NAMESPACE, "-o", path];
    cluster.kubectl(args).await.unwrap().stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_keeps_what_people_wrote_and_what_is_remembered() {
    let cluster = Cluster::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let before = release(&cluster, folder.path()).await;
    install_release(&cluster, &before).await;
    lived_in(&cluster).await;
    let since = looked_at(&cluster, "before").await;
    let had = kept(&cluster).await;
    assert!(
        image(&cluster).await.ends_with(":0.0.9 2"),
        "{}",
        image(&cluster).await
    );

    upgrade(&cluster, &[]).await;
    assert_eq!(kept(&cluster).await, had);
    let version = env!("CARGO_PKG_VERSION");
    assert!(image(&cluster).await.ends_with(&format!(":{version} 2")));
    // The operator of this version reads what was remembered: no finding has become younger.
    let still = looked_at(&cluster, "after").await;
    for (finding, first_seen) in &since {
        assert_eq!(still.get(finding), Some(first_seen), "{finding}");
    }

    // A Deployment more beside the one whose selector is as it was.
    upgrade(
        &cluster,
        &["--set", "remediation.enabled=true,remediation.separate=true"],
    )
    .await;
    assert_eq!(kept(&cluster).await, had);
    // And back, as people do when something is wrong.
    cluster
        .helm(["rollback", "plimsoll", "1", "-n", NAMESPACE, "--wait"])
        .await
        .unwrap();
    assert_eq!(kept(&cluster).await, had);
    assert!(image(&cluster).await.ends_with(":0.0.9 2"));
}
