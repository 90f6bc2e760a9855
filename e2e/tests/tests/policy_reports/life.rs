//! Reports appear, follow what changes and nothing else, pass to the next leader, and go with what they are about.

use std::time::Duration;

use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    installed::{NAMESPACE, SOON, install_anew},
    operator::{Operator, refused},
    scenario::deployment,
};
use serde_json::json;

use crate::{
    KINDS, POLICY_REPORTS, REPORTS, ROLE, VALUES, baseline, define, operator,
    stored::{all, fails, lines, quiet, report_until, shop_fails_once, writes},
};

/// The garbage collector looks for new kinds twice a minute.
const COLLECTED: Duration = Duration::from_mins(3);

#[tokio::test(flavor = "multi_thread")]
async fn reports_appear_follow_and_go() {
    let cluster = Cluster::start().await.unwrap();
    install_anew(&cluster, &["--set", VALUES]).await;
    let labels = [
        ("plimsoll.dev/environment", "production"),
        ("plimsoll.dev/tenant", "acme"),
    ];
    cluster.namespace("shop", &labels).await.unwrap();
    cluster.namespace("bare", &[]).await.unwrap();
    cluster.apply(&deployment("shop", "web", 1)).await.unwrap();
    cluster.apply(&deployment("shop", "api", 2)).await.unwrap();
    cluster.apply(&deployment("bare", "lost", 1)).await.unwrap();
    cluster
        .apply(&baseline(
            "production",
            "    access/least-privilege: {failAfter: 0s}\n",
        ))
        .await
        .unwrap();
    let mut first = operator(&cluster, "first", "25").await;

    // No definition yet: nothing to write, and nothing wrong.
    first
        .until("it leads", |page| page.sum("plimsoll_leader", &[]) > 0.0)
        .await;
    first.three_turns().await;
    assert!(first.page().await.sum("plimsoll_report_writes_total", &[]) < 1.0);
    define(&cluster).await;

    appear(&cluster).await;
    assert_eq!(refused(&cluster).await, Vec::<String>::new());

    unwritten_without_change(&cluster, &first).await;
    follows_a_change(&cluster).await;
    repaired_when_tampered_with(&cluster).await;

    first.stop().await;
    let mut second = next_leader(&cluster).await;
    gone_with_what_they_are_about(&cluster).await;
    gone_with_the_chart(&cluster, &mut second).await;
}

/// What fails in one namespace, and what is unknown in another, in both forms.
async fn appear(cluster: &Cluster) {
    for (kind, api) in [
        ("reports.openreports.io", "openreports"),
        ("policyreports.wgpolicyk8s.io", "wgpolicy"),
    ] {
        let what = format!("{api}: what fails in shop");
        let report = report_until(cluster, kind, "shop/plimsoll-production", &what, |r| {
            r["summary"]["fail"] == 1
        })
        .await;
        assert_eq!(fails(&report), ["availability/replica-redundancy Deployment web"]);
        let result = &report["results"][0];
        assert_eq!(result["rule"], "TooFewReplicas");
        assert_eq!(result["severity"], "high");
        assert_eq!(result["category"], "availability");
        assert_eq!(result["properties"]["fieldPath"], "spec.replicas");
        assert_eq!(
            result["resources"][0],
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "shop", "name": "web",
            })
        );
        assert_eq!(
            report["scope"],
            json!({ "apiVersion": "v1", "kind": "Namespace", "name": "shop" })
        );
        let owner = &report["metadata"]["ownerReferences"][0];
        assert_eq!(
            (&owner["kind"], &owner["name"]),
            (&"ClusterRole".into(), &ROLE.into())
        );
        let source = if api == "openreports" {
            &report["source"]
        } else {
            &result["source"]
        };
        assert_eq!(source, "plimsoll");
        // Unknown is an error, never a pass.
        let bare = report_until(cluster, kind, "bare/plimsoll-production", &what, |r| {
            r["summary"]["fail"] == 1
        })
        .await;
        assert!(bare["summary"]["error"].as_u64().unwrap() >= 1, "{bare:#}");
        let errors = bare["results"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|r| r["result"] == "error")
            .count();
        assert!(errors >= 1, "{bare:#}");
    }
}

/// What changes in the cluster without changing a verdict writes nothing.
async fn unwritten_without_change(cluster: &Cluster, operator: &Operator) {
    let before = lines(&quiet(cluster).await);
    let annotate = [
        "annotate",
        "deployment",
        "-n",
        "shop",
        "web",
        "note=nothing that matters",
    ];
    cluster.kubectl(annotate).await.unwrap();
    cluster
        .kubectl(["label", "report", "-n", "shop", "plimsoll-production", "team=a"])
        .await
        .unwrap();
    operator.three_turns().await;
    operator.three_turns().await;
    assert_eq!(lines(&writes(cluster).await), before);
}

async fn follows_a_change(cluster: &Cluster) {
    let before = writes(cluster).await.len();
    cluster
        .kubectl(["scale", "deployment", "-n", "shop", "web", "--replicas=2"])
        .await
        .unwrap();
    for kind in [REPORTS, POLICY_REPORTS] {
        let report = report_until(
            cluster,
            kind,
            "shop/plimsoll-production",
            "web is repaired",
            |r| r["summary"]["fail"] == 0,
        )
        .await;
        assert_eq!(fails(&report), Vec::<String>::new());
        if kind == REPORTS {
            assert_eq!(report["metadata"]["labels"]["team"], "a", "labels of others stay");
        }
    }
    let new = lines(&writes(cluster).await.split_off(before));
    assert_eq!(
        new,
        [
            "patch reports shop/plimsoll-production",
            "patch policyreports shop/plimsoll-production"
        ]
    );
    cluster
        .kubectl(["scale", "deployment", "-n", "shop", "web", "--replicas=1"])
        .await
        .unwrap();
    shop_fails_once(cluster, POLICY_REPORTS, "web fails again").await;
}

/// Somebody edits one report and deletes another.
async fn repaired_when_tampered_with(cluster: &Cluster) {
    let lie = r#"{"summary":{"fail":0,"pass":99},"results":[]}"#;
    let patch = [
        "patch",
        "report",
        "-n",
        "shop",
        "plimsoll-production",
        "--type=merge",
        "-p",
        lie,
    ];
    cluster.kubectl(patch).await.unwrap();
    shop_fails_once(cluster, REPORTS, "the truth again").await;
    cluster
        .kubectl(["delete", "policyreport", "-n", "shop", "plimsoll-production"])
        .await
        .unwrap();
    shop_fails_once(cluster, POLICY_REPORTS, "there again").await;
}

/// The next leader finds everything written: it says nothing anew, and goes on.
async fn next_leader(cluster: &Cluster) -> Operator {
    let before = quiet(cluster).await.len();
    let second = operator(cluster, "second", "25").await;
    second
        .until("it leads", |page| page.sum("plimsoll_leader", &[]) > 0.0)
        .await;
    second.three_turns().await;
    cluster.apply(&deployment("shop", "another", 1)).await.unwrap();
    report_until(
        cluster,
        REPORTS,
        "shop/plimsoll-production",
        "the new workload",
        |r| fails(r).len() == 2,
    )
    .await;
    report_until(
        cluster,
        POLICY_REPORTS,
        "shop/plimsoll-production",
        "the new workload",
        |r| fails(r).len() == 2,
    )
    .await;
    let new = writes(cluster).await.split_off(before);
    assert!(
        new.iter()
            .all(|event| event.namespace == "shop" && event.verb == "patch"),
        "{:#?}",
        lines(&new)
    );
    second
}

async fn gone_with_what_they_are_about(cluster: &Cluster) {
    // A second baseline reports beside the first, and takes only its own along.
    cluster.apply(&baseline("other", "")).await.unwrap();
    report_until(
        cluster,
        REPORTS,
        "shop/plimsoll-other",
        "of the other baseline",
        |_| true,
    )
    .await;
    cluster
        .kubectl(["delete", "securitybaseline", "other"])
        .await
        .unwrap();
    let left = async |what: &str, gone: &str| {
        let seen = eventually(SOON, what, async || {
            let mut names = Vec::new();
            for (_, kind) in KINDS {
                names.extend(all(cluster, kind).await.into_keys());
            }
            if names.iter().any(|name| name.contains(gone)) {
                Err(not_yet(format!("{names:?}")))
            } else {
                Ok(names)
            }
        });
        seen.await.unwrap()
    };
    let names = left("those of the baseline that is gone", "plimsoll-other").await;
    assert!(
        names.contains(&"shop/plimsoll-production".to_owned()),
        "{names:?}"
    );
    cluster
        .kubectl(["delete", "namespace", "bare", "--wait=false"])
        .await
        .unwrap();
    left("those of a namespace that is gone", "bare/").await;
    // Into a namespace that is being deleted nothing can be written; besides that the chart's rights are enough.
    let mut refused = refused(cluster).await;
    refused.retain(|line| !(line.starts_with("create ") && line.contains(" bare")));
    assert_eq!(refused, Vec::<String>::new());
}

async fn gone_with_the_chart(cluster: &Cluster, operator: &mut Operator) {
    operator.stop().await;
    cluster
        .helm(["uninstall", "plimsoll", "-n", NAMESPACE])
        .await
        .unwrap();
    let gone = eventually(COLLECTED, "no report is left", async || {
        let mut left = Vec::new();
        for (_, kind) in KINDS {
            left.extend(all(cluster, kind).await.into_keys());
        }
        if left.is_empty() {
            Ok(())
        } else {
            Err(not_yet(format!("{left:?}")))
        }
    });
    gone.await.unwrap();
    // The baseline was not the chart's, and stays.
    cluster
        .kubectl(["get", "securitybaseline", "production"])
        .await
        .unwrap();
}
