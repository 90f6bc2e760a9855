//! Leader election by a Lease (`coordination.k8s.io/v1`): all replicas evaluate and serve, one writes.
//!
//! Own code rather than a crate because the crates compare `renewTime` with the local clock and write with forced
//! server-side apply: a skewed clock makes two leaders. Here the rule is client-go's (see [`decide`]), and every write
//! carries the `resourceVersion` it was decided on.

mod decide;
mod lease;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::{Duration, Instant},
};

use kube::{Client, api::Api};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

pub use decide::{Action, Observed, Record, Timing, decide};
use k8s_openapi::api::coordination::v1::Lease;

/// Name of the Lease unless configured otherwise.
pub const LEASE: &str = "plimsoll";

/// What can go wrong with the Lease. The election goes on; these are for logs.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The API server refused or could not be reached.
    #[error("lease {namespace}/{name}: {source}")]
    Api {
        /// Namespace of the Lease.
        namespace: String,
        /// Its name.
        name: String,
        /// What the client said.
        source: Box<kube::Error>,
    },
    /// No answer in time.
    #[error("lease {namespace}/{name}: no answer within {within:?}")]
    Timeout {
        /// Namespace of the Lease.
        namespace: String,
        /// Its name.
        name: String,
        /// How long it was waited for.
        within: Duration,
    },
}

impl LeaseError {
    /// A bounded word for labels.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Api { source, .. } => crate::output::category_of(source),
            Self::Timeout { .. } => "timeout",
        }
    }

    /// Somebody else wrote first: not an error but news.
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Api { source, .. } if matches!(&**source, kube::Error::Api(status) if status.code == 409))
    }
}

/// Where this process stands in the election. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// Whether this process leads. Turns false when the renew deadline passes, whatever the network does.
    pub leading: watch::Receiver<bool>,
    /// To be asked before each mutation.
    pub fence: Fence,
    /// Grows when the API server answers again after it did not: connections of before may be dead without saying so.
    pub outages: watch::Receiver<u64>,
}

/// Takes part in the election of one Lease.
#[derive(Debug)]
pub struct Elector {
    client: lease::LeaseClient,
    timing: Timing,
    leading: watch::Sender<bool>,
    until: watch::Sender<Option<Instant>>,
    outages: watch::Sender<u64>,
}

impl Elector {
    /// An elector for the Lease `namespace/name`. `pod` should be unique among replicas; a random suffix keeps a restarted
    /// container from taking its predecessor's lease for its own.
    pub fn new(client: Client, namespace: &str, name: &str, pod: &str, timing: Timing) -> Self {
        let api: Api<Lease> = Api::namespaced(client, namespace);
        let me = format!("{pod}_{:016x}", random());
        Self {
            client: lease::LeaseClient::new(api, namespace, name, me, timing.renew / 2),
            timing,
            leading: watch::Sender::new(false),
            until: watch::Sender::new(None),
            outages: watch::Sender::new(0),
        }
    }

    /// The name written into the Lease.
    pub fn identity(&self) -> &str {
        self.client.me()
    }

    /// What the rest of the process needs to know.
    pub fn leadership(&self) -> Leadership {
        Leadership {
            leading: self.leading.subscribe(),
            fence: Fence(FenceKind::Elected {
                client: Box::new(self.client.clone()),
                until: self.until.subscribe(),
            }),
            outages: self.outages.subscribe(),
        }
    }

    /// Takes part until `stop`, then releases the Lease. `stop` is best cancelled after whatever writes has ended: the next
    /// leader begins at once.
    pub async fn run(self, stop: CancellationToken) {
        let mut observed = Observed {
            record: None,
            since: Instant::now(),
        };
        let mut known = None;
        let mut silent = false;
        while !stop.is_cancelled() {
            let attempt = self.attempt(&mut observed, &mut known);
            match self.guarded(attempt, &stop).await {
                Some(Ok(())) if std::mem::take(&mut silent) => {
                    self.outages.send_modify(|outages| *outages += 1);
                }
                Some(Ok(())) | None => {}
                Some(Err(error)) => {
                    known = None;
                    silent |= matches!(error, LeaseError::Timeout { .. });
                    tracing::warn!(category = error.category(), %error, "leader election");
                }
            }
            let pause = self.pause(&observed);
            self.guarded(tokio::time::sleep(pause), &stop).await;
        }
        self.release(&mut observed).await;
    }

    /// Runs `work` until it ends or `stop`, and steps down on time while it does.
    async fn guarded<T>(&self, work: impl Future<Output = T>, stop: &CancellationToken) -> Option<T> {
        tokio::pin!(work);
        loop {
            let until = *self.until.borrow();
            let deadline = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = deadline => self.step_down("the lease could not be renewed in time"),
                () = stop.cancelled() => return None,
                done = &mut work => return Some(done),
            }
        }
    }

    /// One look at the Lease and, where it is ours to write, one write.
    async fn attempt(&self, observed: &mut Observed, known: &mut Option<Lease>) -> Attempt {
        let lease = match (known.take(), self.is_leading()) {
            // While we lead, our last write is what the Lease says; if not, the write conflicts.
            (Some(lease), true) => Some(lease),
            _ => self.client.get().await?,
        };
        let now = Instant::now();
        *observed = observed.clone().update(lease.as_ref().map(lease::record), now);
        match decide(observed, self.timing, now, self.client.me(), false) {
            Action::Acquire | Action::Renew => {
                let sent = Instant::now();
                match self.client.write(lease, self.timing.lease).await {
                    Ok(written) => {
                        *observed = observed.clone().update(Some(lease::record(&written)), sent);
                        *known = Some(written);
                        self.lead_until(sent + self.timing.renew);
                    }
                    Err(error) if error.is_conflict() => {}
                    Err(error) => return Err(error),
                }
            }
            Action::Wait(_) | Action::Release | Action::Stop => {
                self.step_down("another replica holds the lease");
            }
        }
        Ok(())
    }

    async fn release(&self, observed: &mut Observed) {
        self.step_down("stopping");
        let released = timeout(self.timing.renew / 2, async {
            let lease = self.client.get().await?;
            *observed = observed
                .clone()
                .update(lease.as_ref().map(lease::record), Instant::now());
            match (
                decide(observed, self.timing, Instant::now(), self.client.me(), true),
                lease,
            ) {
                (Action::Release, Some(lease)) => self.client.release(lease).await,
                _ => Ok(()),
            }
        });
        if let Ok(Err(error)) = released.await {
            tracing::warn!(category = error.category(), %error, "the lease was not released");
        }
    }

    fn is_leading(&self) -> bool {
        self.until.borrow().is_some_and(|until| Instant::now() < until)
    }

    fn lead_until(&self, until: Instant) {
        if Instant::now() >= until {
            return; // the answer came too late to be of use
        }
        self.until.send_replace(Some(until));
        if !self.leading.send_replace(true) {
            tracing::info!(identity = self.client.me(), "leading");
        }
    }

    fn step_down(&self, why: &str) {
        self.until.send_replace(None);
        if self.leading.send_replace(false) {
            tracing::info!(identity = self.client.me(), why, "no longer leading");
        }
    }

    /// The pause to the next attempt; electors that wait spread out, so that they do not all write at once. None sleeps past the end
    /// of the Lease: nobody writes until another leads.
    fn pause(&self, observed: &Observed) -> Duration {
        if self.is_leading() {
            return self.timing.retry;
        }
        let jitter = u32::try_from(random() % 1_200).unwrap_or_default();
        let pause = self.timing.retry + self.timing.retry * jitter / 1_000;
        let now = Instant::now();
        match decide(observed, self.timing, now, self.client.me(), false) {
            Action::Wait(until) => pause.min(until.saturating_duration_since(now)),
            _ => pause,
        }
    }
}

type Attempt = Result<(), LeaseError>;

/// Asked right before each mutation: a process that was paused or cut off past its lease must not write.
#[derive(Clone, Debug)]
pub struct Fence(FenceKind);

#[derive(Clone, Debug)]
enum FenceKind {
    Elected {
        client: Box<lease::LeaseClient>,
        until: watch::Receiver<Option<Instant>>,
    },
    Open(watch::Receiver<bool>),
}

impl Fence {
    /// A fence that follows a flag: for a process that runs alone, and for tests.
    pub fn follows(leading: watch::Receiver<bool>) -> Self {
        Self(FenceKind::Open(leading))
    }

    /// Whether this process still leads by its own clock. Asks nobody: for right before a write that was allowed a moment ago, for
    /// the process may have been paused since.
    pub fn is_in_time(&self) -> bool {
        match &self.0 {
            FenceKind::Open(leading) => *leading.borrow(),
            FenceKind::Elected { until, .. } => until.borrow().is_some_and(|until| Instant::now() < until),
        }
    }

    /// Whether this process still leads, by its own clock and by the Lease as the API server has it now. An error is a no.
    pub async fn still_leader(&self) -> bool {
        match &self.0 {
            FenceKind::Open(_) => self.is_in_time(),
            FenceKind::Elected { client, .. } => {
                if !self.is_in_time() {
                    return false;
                }
                let ours = match client.get().await {
                    Ok(lease) => lease.is_some_and(|lease| lease::record(&lease).holder == client.me()),
                    Err(error) => {
                        tracing::warn!(category = error.category(), %error, "fence");
                        false
                    }
                };
                // The read itself may have taken long.
                ours && self.is_in_time()
            }
        }
    }
}

/// A number that differs between processes and calls; nothing secret depends on it.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
