//! The control plane goes away and comes back: nobody can write meanwhile, and then somebody does.

use std::time::Duration;

use jiff::Timestamp;
use kube_test::Part;
use plimsoll_e2e::replicas::{Replicas, first_after, is_election};

use crate::scene::{ARGS, FAILS_OVER_WITHIN, Scene};

/// Long enough for every lease to run out, and for what watches brought to count as old.
const LONG: Duration = Duration::from_secs(35);

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_comes_back_finds_everything_as_it_was() {
    let Some(scene) = Scene::begin().await else {
        return;
    };
    let replicas = Replicas::start(&scene.cluster, 2, ARGS).await;
    replicas.leader(None).await;
    scene.work().await;
    scene.until_repaired().await;
    for (part, away) in [
        (Part::ApiServer, Duration::ZERO),
        (Part::Etcd, Duration::ZERO),
        (Part::ApiServer, LONG),
        (Part::Etcd, LONG),
    ] {
        goes_away(&scene, &replicas, part, away).await;
    }
}

async fn goes_away(scene: &Scene, replicas: &Replicas<'_>, part: Part, away: Duration) {
    replicas.until_alike().await;
    let before = scene.settled_status().await;
    let killed = Timestamp::now();
    scene.cluster.kill(part).unwrap();
    tokio::time::sleep(away).await; // the outage itself
    scene.cluster.restart(part).await.unwrap();
    let back = Timestamp::now();
    let gone = back.duration_since(killed).as_secs_f64();
    let what = format!("{part} killed, back after {gone:.0} s");

    replicas.leader(None).await;
    replicas.until_alike().await;
    assert_eq!(scene.settled_status().await, before, "{what}");
    scene.status_never_changed(killed, &before, &what).await;
    let log = scene.cluster.audit().await.unwrap().effective_writes();
    let leads = first_after(&log, back, |event| is_election(event) && event.name == "plimsoll").unwrap();

    let moment = Timestamp::now();
    scene.work().await;
    scene.until_repaired().await;
    let log = scene.cluster.audit().await.unwrap().effective_writes();
    let sources: Vec<String> = replicas.iter().map(|replica| replica.link.source()).collect();
    let repairs = first_after(&log, moment, |event| {
        sources.contains(&event.source) && event.resource == "deployments"
    });
    println!(
        "figure: {what}: led again after {:.1} s, then {:.1} s from work to repair",
        leads.as_secs_f64(),
        repairs.unwrap().as_secs_f64()
    );
    assert!(leads < FAILS_OVER_WITHIN, "{what}: {leads:?}");
    scene.nothing_was_done_twice(&what).await;
}
