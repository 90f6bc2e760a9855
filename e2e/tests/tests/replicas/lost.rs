//! The leader is lost while it repairs: killed, paused past its lease, cut off.

use jiff::Timestamp;
use kube_test::AuditEvent;
use plimsoll_e2e::{
    link::Cut,
    replicas::{Replica, Replicas, is_election},
};
use serde_json::Value;

use crate::scene::{ARGS, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_the_other_goes_on() {
    lose_leaders(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_three_one_of_the_others_goes_on() {
    lose_leaders(3).await;
}

async fn lose_leaders(count: usize) {
    let Some(scene) = Scene::begin().await else {
        return;
    };
    let mut replicas = Replicas::start(&scene.cluster, count, ARGS).await;
    killed(&scene, &mut replicas).await;
    paused(&scene, &replicas).await;
    for how in [Cut::Held, Cut::Lost, Cut::Reset] {
        cut_off(&scene, &replicas, how).await;
    }
    scene.nothing_was_refused().await;
}

async fn killed(scene: &Scene, replicas: &mut Replicas<'_>) {
    let what = format!("{} replicas, leader killed", replicas.names().len());
    let name = busy_leader(scene, replicas).await;
    let mut lost = replicas.take(&name);
    let moment = Timestamp::now();
    lost.operator.process.kill();
    replicas.leader(None).await;
    scene.until_repaired().await;
    scene.took_over(replicas, None, moment, &what).await;
    replicas.add().await;
    replicas.until_alike().await;
    scene.nothing_was_done_twice(&what).await;
}

async fn paused(scene: &Scene, replicas: &Replicas<'_>) {
    let what = format!("{} replicas, leader paused", replicas.names().len());
    let name = busy_leader(scene, replicas).await;
    let lost = replicas.get(&name);
    let moment = Timestamp::now();
    lost.operator.process.pause();
    replicas.leader(Some(&name)).await;
    scene.until_repaired().await;
    scene.took_over(replicas, Some(&name), moment, &what).await;
    let resumed = Timestamp::now();
    lost.operator.process.resume();
    lost.until_leads(false).await;
    replicas.until_alike().await;
    wrote_nothing_after(scene, lost, resumed, &what).await;
    scene.nothing_was_done_twice(&what).await;
}

async fn cut_off(scene: &Scene, replicas: &Replicas<'_>, how: Cut) {
    let what = format!("{} replicas, leader cut off ({how:?})", replicas.names().len());
    let name = busy_leader(scene, replicas).await;
    let lost = replicas.get(&name);
    let moment = Timestamp::now();
    lost.link.cut(how);
    let next = replicas.leader(Some(&name)).await;
    let (stood_down, stood_up) = (
        last_said(lost, "no longer leading"),
        last_said(replicas.get(&next), "leading"),
    );
    assert!(
        stood_down.is_some_and(|down| moment < down && Some(down) < stood_up),
        "{what}: two led at once: {stood_down:?}, {stood_up:?}"
    );
    scene.until_repaired().await;
    scene.took_over(replicas, Some(&name), moment, &what).await;
    let healed = Timestamp::now();
    lost.link.heal();
    replicas.until_alike().await;
    wrote_nothing_after(scene, lost, healed, &what).await;
    scene.nothing_was_done_twice(&what).await;
}

/// Gives the leader work and waits until it is in the middle of it.
async fn busy_leader(scene: &Scene, replicas: &Replicas<'_>) -> String {
    let name = replicas.leader(None).await;
    let leader = &replicas.get(&name).operator;
    let applied = [("outcome", "applied")];
    let before = leader.page().await.sum("plimsoll_remediations_total", &applied);
    scene.work().await;
    leader
        .until("repairs are under way", |page| {
            page.sum("plimsoll_remediations_total", &applied) >= before + 3.0
        })
        .await;
    name
}

/// Who was replaced changes nothing any more: it takes part in the election, and may tell what it repaired while it led.
async fn wrote_nothing_after(scene: &Scene, lost: &Replica, moment: Timestamp, what: &str) {
    let late = lost.asked(&scene.cluster).await.effective_writes().after(moment);
    let told = |event: &AuditEvent| {
        let sent = event.request.as_ref();
        event.resource == "events" && sent.is_some_and(|sent| sent["reason"] == "Remediated")
    };
    let late = late.filter(|event| !is_election(event) && !told(event)).lines();
    assert!(late.is_empty(), "{what}: {} wrote late: {late:#?}", lost.name);
}

/// When a process last logged something.
fn last_said(replica: &Replica, message: &str) -> Option<Timestamp> {
    let log = replica.operator.process.log();
    log.lines().rev().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let says = line["fields"]["message"] == message;
        says.then(|| line["timestamp"].as_str()?.parse().ok())?
    })
}
