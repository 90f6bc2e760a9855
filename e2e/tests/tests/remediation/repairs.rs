//! From a finding to a repair, and when it is given up.

use std::sync::{Arc, atomic::Ordering};

use anyhow::Result;
use kube_test::Cluster;
use plimsoll_controller::remediate::counters::Outcome;
use plimsoll_engine::baseline::Mode;
use serde_json::json;

use crate::{
    place::{CLIENT_SIDE, OLD, Place},
    process::{Running, reasons},
};

#[tokio::test]
async fn an_enforced_finding_is_repaired_once_and_only_by_the_leader() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "loop").await?;
    for name in ["web", "argo"] {
        let manager = if name == "argo" {
            " --field-manager=argocd-controller"
        } else {
            ""
        };
        let manifest = place.manifest(name, OLD, Some(1));
        place
            .kubectl(&format!("{CLIENT_SIDE}{manager}"), &manifest)
            .await?;
    }
    let changes = [place.raise("web").change, place.raise("argo").change];
    let running = Running::start(place.repairer.clone(), Arc::default(), false);
    for mode in [Mode::Observe, Mode::Propose] {
        running.publish(mode, &changes);
    }
    running.publish(Mode::Enforce, &changes);
    running
        .until("the owner is left alone", || {
            running.counted(Outcome::ManagedElsewhere) == 1
        })
        .await?;
    assert_eq!(place.replicas("web").await?, 1, "the fence is closed");
    running.leads.store(true, Ordering::SeqCst);
    running
        .until("it is repaired", || running.counted(Outcome::Applied) == 1)
        .await?;
    assert_eq!(place.replicas("web").await?, 2);
    // The report still says so; a second pass writes nothing.
    running.publish(Mode::Enforce, &changes);
    let records = running.stop().await?;

    let record = &records.all()[0];
    assert_eq!(records.all().len(), 1);
    assert_eq!(record.fields[0].before, Some(json!(1)));
    // Another process that finds the same report and the record writes nothing either.
    let next = Running::start(place.repairer.clone(), records, true);
    next.publish(Mode::Enforce, &changes);
    next.until("the next leader has looked", || {
        next.counted(Outcome::ManagedElsewhere) == 1
    })
    .await?;
    assert_eq!(next.counted(Outcome::Applied), 0);
    next.stop().await?;
    assert_eq!(reasons(&place, "web").await?, ["Remediated"]);
    assert!(
        reasons(&place, "argo")
            .await?
            .iter()
            .all(|r| r == "ManagedElsewhere")
    );
    if !cluster.is_external() {
        assert_eq!(place.written().await?, ["patch deployments/scale loop/web"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_repair_that_is_undone_three_times_is_given_up() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let place = Place::new(&cluster, "undone").await?;
    place
        .kubectl("create -f -", &place.manifest("web", OLD, Some(1)))
        .await?;
    let change = [place.raise("web").change];
    // Each time by a process that knows of the others only what was remembered.
    let mut records = Arc::default();
    for _ in 1..=3 {
        let running = Running::start(place.repairer.clone(), records, true);
        running.publish(Mode::Enforce, &change);
        running
            .until("it is repaired", || running.counted(Outcome::Applied) == 1)
            .await?;
        records = running.stop().await?;
        place.kubectl("scale deployment/web --replicas=1", "").await?;
    }
    let running = Running::start(place.repairer.clone(), records, true);
    running.publish(Mode::Enforce, &change);
    running
        .until("it is given up", || running.counted(Outcome::Ineffective) == 1)
        .await?;
    assert_eq!(place.replicas("web").await?, 1);
    let records = running.stop().await?;
    assert!(records.all().iter().all(|record| record.undone.is_some()));
    assert!(
        reasons(&place, "web")
            .await?
            .contains(&"RemediationIneffective".to_owned())
    );
    if !cluster.is_external() {
        assert_eq!(place.written().await?, ["patch deployments/scale undone/web"; 3]);
    }
    Ok(())
}
