//! Leader election on a real API server, with electors that are killed, paused and stopped. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    env,
    io::Write as _,
    process::Command,
    time::{Duration, Instant},
};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_test::{Cluster, Part, Process, eventually, not_yet};
use plimsoll_controller::leader::{Elector, Leadership, Timing};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Fast enough for tests; the ratios are those of the defaults.
const BRISK: Timing = Timing {
    lease: Duration::from_secs(3),
    renew: Duration::from_secs(2),
    retry: Duration::from_millis(400),
};
const SOON: Duration = Duration::from_secs(30);

struct Candidate {
    leadership: Leadership,
    identity: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn candidate(client: Client, name: &str, pod: &str, timing: Timing) -> Candidate {
    let elector = Elector::new(client, "default", name, pod, timing);
    let (leadership, identity) = (elector.leadership(), elector.identity().to_owned());
    let stop = CancellationToken::new();
    let task = tokio::spawn(elector.run(stop.clone()));
    Candidate {
        leadership,
        identity,
        stop,
        task,
    }
}

impl Candidate {
    fn leads(&self) -> bool {
        *self.leadership.leading.borrow()
    }

    async fn wait_until(&self, leads: bool) {
        let mut leading = self.leadership.leading.clone();
        let turned = tokio::time::timeout(SOON, leading.wait_for(|now| *now == leads)).await;
        assert!(turned.is_ok(), "{} never turned {leads}", self.identity);
    }
}

async fn holder(client: &Client, name: &str) -> Option<String> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), "default");
    leases.get(name).await.unwrap().spec.unwrap().holder_identity
}

#[tokio::test]
async fn one_leads_and_the_other_takes_over_at_once_when_it_stops() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    // Timings of production: only a release explains a quick change.
    let first = candidate(client.clone(), "handover", "a", Timing::default());
    first.wait_until(true).await;
    assert!(first.leadership.fence.still_leader().await);
    let second = candidate(client.clone(), "handover", "b", Timing::default());
    assert!(!second.leadership.fence.still_leader().await);

    let stopped = Instant::now();
    first.stop.cancel();
    first.task.await.unwrap();
    assert!(!*first.leadership.leading.borrow());
    second.wait_until(true).await;
    assert!(
        stopped.elapsed() < Duration::from_secs(10),
        "{:?}",
        stopped.elapsed()
    );
    assert_eq!(holder(&client, "handover").await, Some(second.identity.clone()));

    second.stop.cancel();
    second.task.await.unwrap();
    assert_eq!(holder(&client, "handover").await, None, "released");
}

#[tokio::test]
async fn a_lease_that_somebody_else_took_fences_at_once() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    let robbed = candidate(client.clone(), "robbed", "a", Timing::default());
    robbed.wait_until(true).await;
    let thief = r#"{"spec":{"holderIdentity":"thief"}}"#;
    cluster
        .kubectl(["patch", "lease", "robbed", "--type=merge", "-p", thief])
        .await
        .unwrap();
    assert!(!robbed.leadership.fence.still_leader().await);
    robbed.wait_until(false).await;
    robbed.stop.cancel();
    robbed.task.await.unwrap();
    assert_eq!(
        holder(&client, "robbed").await.as_deref(),
        Some("thief"),
        "not ours to release"
    );
}

#[tokio::test]
async fn who_cannot_reach_the_server_stops_leading_before_the_lease_expires() {
    let cluster = Cluster::builder()
        .without(Part::ControllerManager)
        .without(Part::Scheduler)
        .without(Part::Kwok)
        .nodes(0)
        .start()
        .await
        .unwrap();
    let candidate = candidate(cluster.admin().unwrap(), "cut-off", "a", BRISK);
    candidate.wait_until(true).await;
    let cut = Instant::now();
    cluster.pause(Part::ApiServer).unwrap(); // connections stay open and nothing is answered
    candidate.wait_until(false).await;
    assert!(cut.elapsed() < BRISK.lease, "{:?}", cut.elapsed());
    assert!(!candidate.leadership.fence.still_leader().await);
    cluster.resume(Part::ApiServer).unwrap();
    candidate.wait_until(true).await;
    candidate.stop.cancel();
    candidate.task.await.unwrap();
}

const CHILD: &str = "PLIMSOLL_TEST_ELECTOR";

/// An elector in a process of its own, to be killed and paused. Says about every 20 ms whether its fence lets it write.
#[test]
#[ignore = "a part of other tests, which start it"]
fn elector_process() {
    let Ok(setup) = env::var(CHILD) else { return };
    let (name, brisk) = setup.split_once(' ').unwrap();
    let timing = if brisk == "true" { BRISK } else { Timing::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::try_default().await.unwrap();
        let candidate = candidate(client, name, "child", timing);
        loop {
            let may = candidate.leadership.fence.still_leader().await;
            let flag = candidate.leads();
            writeln!(
                std::io::stdout(),
                "{} fence={may} flag={flag}",
                candidate.identity
            )
            .unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

fn spawn(cluster: &Cluster, lease: &str, brisk: bool) -> Process {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "elector_process", "--ignored", "--nocapture"])
        .env("KUBECONFIG", cluster.kubeconfig())
        .env(CHILD, format!("{lease} {brisk}"));
    cluster.spawn(lease, &command).unwrap()
}

async fn until_it_says(process: &Process, from: usize, what: &str) {
    eventually(SOON, &format!("the child says {what}"), async || {
        let log = process.log();
        if log[from..].contains(what) {
            Ok(())
        } else {
            Err(not_yet(process.log_tail(1)))
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_killed_leader_is_replaced_within_thirty_seconds() {
    let cluster = Cluster::shared().await.unwrap();
    if cluster.is_external() {
        return; // the child needs the cluster's own kubeconfig
    }
    let mut child = spawn(&cluster, "killed", false);
    until_it_says(&child, 0, "fence=true").await;
    let other = candidate(cluster.admin().unwrap(), "killed", "other", Timing::default());
    let killed = Instant::now();
    child.kill();
    other.wait_until(true).await;
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    // Its last renewal was at most a retry period old, so nobody may lead much earlier than the lease allows.
    assert!(took > Duration::from_secs(12), "{took:?}");
    other.stop.cancel();
    other.task.await.unwrap();
}

#[tokio::test]
async fn a_leader_paused_past_its_lease_writes_nothing_when_it_wakes() {
    let cluster = Cluster::shared().await.unwrap();
    if cluster.is_external() {
        return;
    }
    let child = spawn(&cluster, "paused", true);
    until_it_says(&child, 0, "fence=true").await;
    child.pause();
    let other = candidate(cluster.admin().unwrap(), "paused", "other", BRISK);
    other.wait_until(true).await;
    let asleep = child.log().len();
    child.resume();
    until_it_says(&child, asleep, "flag=false").await;
    // The first line may have been on its way when the process was paused.
    let awake = child.log()[asleep..].split_once('\n').unwrap().1.to_owned();
    assert!(!awake.contains("fence=true"), "{awake}");
    assert!(other.leads() && other.leadership.fence.still_leader().await);
    other.stop.cancel();
    other.task.await.unwrap();
    until_it_says(&child, asleep, "fence=true").await; // and it may lead again
}
