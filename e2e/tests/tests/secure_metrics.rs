//! Metrics as Prometheus gets them: over TLS, with a token that the API server knows, by a right that the chart's role gives.
//! Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube_test::{Cluster, Prometheus, eventually, not_yet, promtool};
use plimsoll_e2e::{
    certificate,
    installed::{SOON, install_with},
    operator::{Operator, refused},
};

const READER: &str = "plimsoll-system-plimsoll-metrics-reader";

/// A ServiceAccount in the namespace of the monitoring.
async fn account(cluster: &Cluster, name: &str) -> String {
    cluster
        .kubectl(["create", "serviceaccount", name, "-n", "monitoring"])
        .await
        .unwrap();
    cluster.token_for("monitoring", name).await.unwrap()
}

/// The chart, and who may read its metrics.
async fn installed(cluster: &Cluster) {
    let readers = "metrics.readers[0].namespace=monitoring,metrics.readers[0].name=prometheus";
    install_with(cluster, &["--set", "environment=production", "--set", readers]).await;
}

async fn answers(operator: &Operator, token: &str, expected: u16) {
    eventually(
        SOON,
        &format!("the operator answers {expected}"),
        async || match operator.get_securely("/metrics", Some(token)).await {
            (status, _) if status == expected => Ok(()),
            (status, text) => Err(not_yet(format!("{status} {text:.200}"))),
        },
    )
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_them_with_a_right_and_nobody_without() {
    let cluster = Cluster::shared().await.unwrap();
    installed(&cluster).await;
    cluster.namespace("monitoring", &[]).await.unwrap();
    let operator = Operator::ready(&cluster, "secure", &[]).await;
    let (prometheus, stranger) = (
        account(&cluster, "prometheus").await,
        account(&cluster, "stranger").await,
    );

    answers(&operator, &prometheus, 200).await;
    assert_eq!(operator.get_securely("/metrics", None).await.0, 401);
    assert_eq!(operator.get_securely("/metrics", Some("made-up")).await.0, 401);
    assert_eq!(operator.get_securely("/metrics", Some(&stranger)).await.0, 403);
    assert_eq!(
        operator.get_securely("/elsewhere", Some(&prometheus)).await.0,
        403
    );

    let (_, page) = operator.get_securely("/metrics", Some(&prometheus)).await;
    for format in [page, operator.get("/metrics").await.unwrap()] {
        let checked = promtool(&["check", "metrics"], &format).await.unwrap();
        assert_eq!(
            (checked.stdout.as_str(), checked.stderr.as_str()),
            ("", ""),
            "{format}"
        );
    }

    let scraper = Prometheus::start_with_token(&[&operator.secure], &prometheus, "")
        .await
        .unwrap();
    let barred = Prometheus::start_with_token(&[&operator.secure], &stranger, "")
        .await
        .unwrap();
    eventually(SOON, "Prometheus has the series", async || {
        let verdicts = scraper.query("count(plimsoll_control_status)").await?;
        let refused = barred.query("up == 0").await?;
        if verdicts.len() == 1 && refused.len() == 1 {
            Ok(())
        } else {
            Err(not_yet(format!("{verdicts:?} {refused:?}")))
        }
    })
    .await
    .unwrap();

    cluster
        .kubectl(["delete", "clusterrolebinding", READER])
        .await
        .unwrap();
    answers(&operator, &prometheus, 403).await;
    let outcomes = |outcome: &'static str| [("outcome", outcome)];
    let page = operator.page().await;
    for outcome in ["allowed", "unauthenticated", "forbidden"] {
        assert!(
            page.sum("plimsoll_requests_total", &outcomes(outcome)) >= 1.0,
            "{outcome}"
        );
    }
    assert_eq!(refused(&cluster).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_the_files_is_served_and_nothing_plain_unless_chosen() {
    let cluster = Cluster::shared().await.unwrap();
    installed(&cluster).await;
    let folder = tempfile::tempdir().unwrap();
    let made = certificate::until("127.0.0.1", jiff::civil::date(2091, 2, 3));
    let [certificate, key] = certificate::write(&made, folder.path());
    let operator = Operator::ready(
        &cluster,
        "files",
        &["--tls-cert", &certificate, "--tls-key", &key],
    )
    .await;
    let expires = "plimsoll_server_certificate_not_after_timestamp_seconds";
    assert!((operator.page().await.sum(expires, &[]) - 3_821_299_200.0).abs() < 1.0);
}
