//! Remediation: makes the safe repairs that enforcing baselines ask for, and keeps its hands off the rest.
//!
//! Level-triggered: every published report is compared with what was done, nothing is queued. [`plan`] says what is to be
//! written, [`owner`] whether the field is ours to write, [`record`] what was written before and how often is enough, and
//! [`apply`] writes: a dry run, the Lease once more, then a change that only takes effect on the object and value it was
//! made for. Objects are created by server-side apply; nothing is ever deleted, and no namespace created.

pub mod apply;
mod ask;
pub mod counters;
pub mod error;
pub mod fence;
pub mod owner;
mod pass;
mod patch;
mod persist;
pub mod plan;
pub mod record;
pub mod tell;
mod waits;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::{counters::Counters, fence::Fence, pass::Term, record::Record, tell::Teller};
use crate::{Config, Published};

/// Least time between two passes: reports may follow each other within milliseconds.
const PAUSE: Duration = Duration::from_secs(1);
/// How long to wait before records that could not be read are asked for again.
const RELOAD: Duration = Duration::from_secs(5);

/// Where changes are remembered, beyond this process.
pub trait Records: Send + Sync {
    /// Every change of the last day. Asked for when this replica begins to lead: others may have written meanwhile.
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, String>>;
    /// Remembers a change, or its new state: see [`Record::time`].
    fn keep(&self, record: Record) -> BoxFuture<'_, Result<(), String>>;
}

/// Everything remediation needs from the process it runs in.
pub struct Remediation {
    /// Reads live objects, writes changes and Events.
    pub client: Client,
    /// Whether repairs may be written at all, and who this process is.
    pub config: Arc<Config>,
    /// The verdicts.
    pub published: watch::Receiver<Arc<Published>>,
    /// Whether this replica leads.
    pub leader: watch::Receiver<bool>,
    /// Asked again before each write.
    pub fence: Arc<dyn Fence>,
    /// Remembers what was changed.
    pub records: Arc<dyn Records>,
    /// `remediations_total`.
    pub counters: Arc<Counters>,
    /// Ends it: what is being written is finished first.
    pub shutdown: CancellationToken,
}

impl Remediation {
    /// Runs until shutdown: repairs while this replica leads, waits while it does not, and does nothing at all where
    /// remediation is switched off.
    pub async fn run(self) {
        if !self.config.repairs() {
            return self.shutdown.cancelled().await;
        }
        let mut leader = self.leader.clone();
        while !self.shutdown.is_cancelled() {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                leads = leader.wait_for(|leads| *leads) => if leads.is_err() { return },
            }
            self.lead().await;
        }
    }

    /// One term of leadership.
    async fn lead(&self) {
        let Some(records) = self.load().await else { return };
        let teller = Teller::new(self.client.clone(), &self.config.identity).await;
        let term = Term::new(self, teller, records);
        let mut published = self.published.clone();
        let mut leader = self.leader.clone();
        published.mark_changed();
        let mut again: Option<Timestamp> = None;
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                lost = leader.wait_for(|leads| !*leads) => { drop(lost); return }
                changed = published.changed() => if changed.is_err() { return },
                () = sleep_until(again) => {}
            }
            let now: Arc<Published> = published.borrow_and_update().clone();
            if now.health.ready {
                again = term.pass(plan::plan(&now.report, &now.baselines)).await;
            }
            if self.is_over() {
                return;
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// The changes of the last day: without them no limit holds, so nothing is written until they are known.
    async fn load(&self) -> Option<Vec<Record>> {
        while !self.is_over() {
            match self.records.load().await {
                Ok(records) => return Some(records),
                Err(error) => {
                    tracing::warn!(error, "the record of changes cannot be read, nothing is repaired");
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => {}
                () = tokio::time::sleep(RELOAD) => {}
            }
        }
        None
    }

    /// Whether writing has to stop before the next step.
    fn is_over(&self) -> bool {
        self.shutdown.is_cancelled() || !*self.leader.borrow()
    }
}

/// Sleeps until a moment; for ever if there is none.
async fn sleep_until(at: Option<Timestamp>) {
    match at {
        Some(at) => {
            let left = at.duration_since(Timestamp::now()).unsigned_abs();
            let left = if at > Timestamp::now() {
                left
            } else {
                Duration::ZERO
            };
            tokio::time::sleep(left).await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    /// The process spawns it as a task.
    #[allow(dead_code, reason = "compiling it is the test")]
    fn run_can_be_spawned(remediation: super::Remediation) -> impl Future<Output = ()> + Send + 'static {
        remediation.run()
    }
}
