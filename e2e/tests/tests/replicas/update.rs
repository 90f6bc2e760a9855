//! Replicas are replaced one by one, as a Deployment does it: the new one is ready before an old one goes.

use jiff::Timestamp;
use plimsoll_e2e::replicas::Replicas;

use crate::scene::{ARGS, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_changes_nothing_that_anybody_sees() {
    let Some(scene) = Scene::begin().await else {
        return;
    };
    let mut replicas = Replicas::start(&scene.cluster, 2, ARGS).await;
    replicas.leader(None).await;
    scene.work().await;
    // Too young to fail: a replica that begins now must know since when.
    scene.cluster.namespace("work-unlabelled", &[]).await.unwrap();
    scene.until_repaired().await;
    replicas.until_alike().await;
    let before = scene.settled_status().await;

    let begun = Timestamp::now();
    replace_all(&mut replicas).await;
    replicas.add().await;
    replace_all(&mut replicas).await;
    assert_eq!(scene.settled_status().await, before);
    scene.status_never_changed(begun, &before, "rolling update").await;
    scene.nothing_was_done_twice("rolling update").await;
    scene.nothing_was_refused().await;
}

async fn replace_all(replicas: &mut Replicas<'_>) {
    let count = replicas.names().len();
    for name in replicas.names() {
        replicas.add().await;
        let led = replicas.leader(None).await == name;
        let mut old = replicas.take(&name);
        let moment = Timestamp::now();
        let (status, took) = old.operator.stop().await;
        assert!(status.success(), "{name}: {}", old.operator.process.log_tail(20));
        let next = replicas.leader(None).await;
        if led {
            println!(
                "figure: {count} replicas, rolling update: {next} leads {:.1} s after {name} was asked to stop, which took {:.1} s",
                Timestamp::now().duration_since(moment).as_secs_f64(),
                took.as_secs_f64()
            );
        }
    }
    replicas.until_alike().await;
}
