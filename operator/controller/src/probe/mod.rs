//! The prober: tries what controls asked for, on a leader's behalf, and tells the engine what it met.
//!
//! It connects to nothing but the addresses that requests name, after the filter admitted them; it sends TLS hellos and, for
//! availability, one request without credentials that says who asks. It runs beside evaluation and never holds it up.

mod anchors;
mod answer;
mod counters;
pub(crate) mod handshake;
mod hello;
mod http;
mod plan;
mod resolve;
mod tally;
mod verifier;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use kube::Client;
use plimsoll_engine::{
    aside::Asides,
    probe::{Handshake, Met, Obstacle, Probe, Request},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::{Published, source::Input};
use anchors::Anchors;
pub(crate) use counters::Counters;
use plan::{Key, Plan};
use tally::{Outcome, Tally};
#[cfg(test)]
pub(crate) use verifier::Recorder;
pub(crate) use verifier::{expiry, provider};

/// Least time between two looks at how things stand.
const BEAT: Duration = Duration::from_secs(5);

/// Everything a prober needs.
pub(crate) struct Prober {
    pub(crate) client: Client,
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) counters: Arc<Counters>,
}

/// What became of a job.
enum Done {
    Handshake(Handshake),
    Attempt(Timestamp, u32, Outcome),
    /// There was nobody to ask: no name resolved to an address that may be asked.
    Nothing,
}

impl Prober {
    /// Probes while this replica leads, until stopped.
    pub(crate) async fn run(
        self,
        mut published: watch::Receiver<Arc<Published>>,
        mut leading: watch::Receiver<bool>,
        stop: CancellationToken,
    ) {
        while !stop.is_cancelled() {
            let leads = *leading.borrow_and_update();
            if leads {
                let lost = async { _ = leading.wait_for(|leads| !leads).await };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.probe(&mut published, lost) => {}
                }
                self.counters.beat(None);
            } else {
                tokio::select! {
                    () = stop.cancelled() => {}
                    changed = leading.changed() => if changed.is_err() { return },
                }
            }
        }
    }

    /// Probes until this replica no longer leads. What is running then is given up: it is missing coverage.
    async fn probe(&self, published: &mut watch::Receiver<Arc<Published>>, lost: impl Future<Output = ()>) {
        let mut round = Round::new(self);
        let mut lost = std::pin::pin!(lost);
        published.mark_changed();
        loop {
            round.start();
            self.counters.beat(Some(Timestamp::now()));
            let due = round
                .plan
                .next_due()
                .map_or(BEAT, |due| due.saturating_duration_since(Instant::now()));
            let told = tokio::select! {
                () = &mut lost => break,
                changed = published.changed() => {
                    if changed.is_err() { break }
                    let asides = published.borrow_and_update().asides.clone();
                    round.look(&asides)
                }
                Some(ended) = round.running.join_next() => match ended {
                    Ok((key, done)) => round.end(key, done),
                    Err(_) => Vec::new(), // given up
                },
                () = tokio::time::sleep(due.min(BEAT)) => round.tally.due(Instant::now()),
            };
            if !self.tell(told).await {
                return;
            }
        }
        let rest = round.tally.all();
        self.tell(rest).await;
    }

    /// Tells the engine; false once nobody listens.
    async fn tell(&self, met: Vec<Met>) -> bool {
        met.is_empty() || self.inputs.send(Input::Met(met)).await.is_ok()
    }
}

/// One leadership: what is planned and what is running.
struct Round<'a> {
    plan: Plan,
    running: JoinSet<(Key, Done)>,
    tally: Tally,
    left_out: BTreeSet<Key>,
    begun: BTreeSet<Key>,
    asides: Asides,
    anchors: Arc<Anchors>,
    counters: &'a Counters,
}

impl<'a> Round<'a> {
    fn new(prober: &'a Prober) -> Self {
        Self {
            plan: Plan::default(),
            running: JoinSet::new(),
            tally: Tally::default(),
            left_out: BTreeSet::new(),
            begun: BTreeSet::new(),
            asides: Asides::default(),
            anchors: Arc::new(Anchors::new(prober.client.clone())),
            counters: &prober.counters,
        }
    }

    /// Takes in what is asked for now; gives what can be said without trying.
    fn look(&mut self, asides: &Asides) -> Vec<Met> {
        if self.asides.same(asides) {
            return Vec::new();
        }
        self.asides = asides.clone();
        let was_empty = self.plan.is_empty();
        self.plan
            .replace(asides.requests(), Timestamp::now(), Instant::now());
        let hosts = self.plan.hosts();
        if was_empty && !hosts.is_empty() {
            info!(hosts = hosts.len(), "probing");
        }
        self.counters.retain(&hosts);
        let left_out: BTreeSet<Key> = self.plan.left_out().cloned().collect();
        let news = left_out.difference(&self.left_out).filter_map(|key| match key {
            Key::Handshake(namespace, endpoint) => Some(Met::Handshake {
                namespace: namespace.clone(),
                endpoint: endpoint.clone(),
                handshake: Handshake::unknown(Timestamp::now(), Obstacle::TooManyHosts),
            }),
            Key::Attempt(..) => None, // what is not tried is not covered
        });
        let news = news.collect();
        self.left_out = left_out;
        self.begun.retain(|key| self.plan.has(key));
        news
    }

    /// Starts whatever is due and may run.
    fn start(&mut self) {
        while let Some((key, request)) = self.plan.start(Instant::now()) {
            let anchors = self.anchors.clone();
            self.running.spawn(async move {
                let done = attend(&request, &anchors).await;
                (key, done)
            });
        }
    }

    /// A job ended; gives what the engine has to be told.
    fn end(&mut self, key: Key, done: Done) -> Vec<Met> {
        let now = Instant::now();
        let wanted = self.plan.has(&key);
        let clear = !matches!(&done, Done::Handshake(handshake) if !handshake.is_complete());
        self.plan.ended(&key, clear, now);
        match (key, done) {
            _ if !wanted => Vec::new(),
            (Key::Handshake(namespace, endpoint), Done::Handshake(handshake)) => {
                debug!(%endpoint, answers = ?handshake.answers, "offered every version of TLS");
                vec![Met::Handshake {
                    namespace,
                    endpoint,
                    handshake,
                }]
            }
            (Key::Attempt(namespace, check), Done::Attempt(at, seconds, outcome)) => {
                self.counters.count(&check.host, outcome);
                // The first attempt of this leadership is told at once: a new host is seen to be probed.
                let news = self.begun.insert(Key::Attempt(namespace.clone(), check.clone()));
                self.tally
                    .count((namespace, check), (at, now), seconds, outcome, news)
            }
            _ => Vec::new(),
        }
    }
}

/// Does what one request asks for.
async fn attend(request: &Request, anchors: &Anchors) -> Done {
    let at = Timestamp::now();
    let patience = Duration::from_secs(request.limits.timeout.as_secs().into());
    match &request.probe {
        Probe::Handshake { endpoint, ca } => {
            let servers = resolve::resolve(&endpoint.address, endpoint.port, &request.filter, patience).await;
            let server = match servers.as_deref() {
                Ok([first, ..]) => *first,
                Ok([]) => return Done::Handshake(Handshake::unknown(at, Obstacle::NotResolved)),
                Err(obstacle) => return Done::Handshake(Handshake::unknown(at, *obstacle)),
            };
            let roots = match ca {
                Some(bundle) => anchors.get(bundle).await,
                None => None,
            };
            let (answers, certificate) =
                handshake::handshake(server, &endpoint.host, patience, roots.as_ref()).await;
            Done::Handshake(Handshake {
                at,
                answers,
                certificate,
            })
        }
        Probe::Availability {
            check,
            at: addresses,
            maintenance,
        } => {
            let attempt = async {
                let mut servers = Vec::new();
                for (address, port) in addresses.iter() {
                    let found = resolve::resolve(address, *port, &request.filter, patience).await;
                    servers.extend(found.unwrap_or_default());
                }
                if servers.is_empty() {
                    return None;
                }
                Some(http::answers(&servers, check, patience).await)
            };
            let outcome = match timeout(patience, attempt).await {
                Ok(None) => return Done::Nothing,
                _ if maintenance.iter().any(|window| window.contains(at)) => Outcome::Excluded,
                Ok(Some(true)) => Outcome::Success,
                Ok(Some(false)) | Err(_) => Outcome::Failure,
            };
            Done::Attempt(at, request.interval.as_secs(), outcome)
        }
    }
}

#[cfg(test)]
mod tests;
