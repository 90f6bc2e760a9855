//! Backups that really run.

use kube_test::{eventually, not_yet};

use crate::stage::{PATIENCE, Stage};

const RECENT: &str = "backup/recent-success";
const RESTORE: &str = "backup/restore-test";

/// All databases and what is made of them, on one node: its folder is the volume of the backups.
async fn scene(stage: &Stage) {
    let node = stage.nodes(".metadata.name").await.pop().unwrap();
    stage.apply("backups.yaml", &[("NODE", &node)]).await;
}

/// Four databases, whose CronJobs run every minute: one succeeds each time, one did once and no longer does, one never, one
/// hangs. The verdicts turn by the clock.
pub(crate) async fn succeed_fail_and_hang(stage: &Stage) {
    scene(stage).await;
    stage.rolled_out("ledger", "statefulset/ledger").await;
    let expected = [
        "StatefulSet ledger/broken NeverSucceeded",
        "StatefulSet ledger/lapsed Stale",
        "StatefulSet ledger/stuck NeverSucceeded",
    ];
    stage.until_judged("backups", RECENT, &expected, 1).await;

    // What was broken is mended: the next run by schedule counts.
    let cluster = stage.cluster().await;
    let mend = ["set", "env", "cronjob/broken-dump", "-n", "ledger", "OF=ledger"];
    cluster.kubectl(mend).await.unwrap();
    stage.until_judged("backups", RECENT, &expected[1..], 2).await;
}

/// A restore that finds something else than was dumped proves nothing; one that compares well does, by the message its
/// container leaves behind.
pub(crate) async fn a_restore_test_writes_its_result(stage: &Stage) {
    scene(stage).await;
    let cluster = stage.cluster().await;
    eventually(PATIENCE * 2, "the first backup", async || {
        let path = "jsonpath={.status.lastSuccessfulTime}";
        let seen = cluster
            .kubectl(["get", "cronjob", "ledger-dump", "-n", "ledger", "-o", path])
            .await?;
        if seen.stdout.is_empty() {
            Err(not_yet("none yet"))
        } else {
            Ok(())
        }
    })
    .await
    .unwrap();
    let others = ["broken", "lapsed", "stuck"].map(|name| format!("StatefulSet ledger/{name} NeverTested"));
    let with = |reason: &str| -> Vec<String> {
        let mut all = others.to_vec();
        all.extend((!reason.is_empty()).then(|| format!("StatefulSet ledger/ledger {reason}")));
        all.sort();
        all
    };
    for (run, reason, passing) in [
        ("", "NeverTested", 0),
        ("tampered", "NotVerified", 0),
        ("sound", "", 1),
    ] {
        if !run.is_empty() {
            let from = format!("--from=cronjob/restore-{run}");
            let create = ["create", "job", run, &from, "-n", "restore"];
            cluster.kubectl(create).await.unwrap();
        }
        let findings = with(reason);
        let findings: Vec<&str> = findings.iter().map(String::as_str).collect();
        stage.until_judged("restores", RESTORE, &findings, passing).await;
    }
}
