//! Puts the parts together: sources, the actor, leader election, outputs.

use std::{sync::Arc, time::Duration};

use kube::Client;
use plimsoll_engine::{baseline::Preset, control::Registry, memory::Shard};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    Changes, Config, Published,
    actor::{Actor, Outlets},
    source::{Input, Own, watch_access, watch_kind, watch_own, watch_served},
};

/// Inputs waiting for the actor: enough for a burst, few enough that a slow actor slows the watches instead of piling up.
const INPUTS: usize = 8192;
/// Turns an output may lag behind before it misses changes.
const CHANGES: usize = 1024;

/// A running controller: what it publishes, and its tasks.
pub struct Running {
    /// The state after the last turn.
    pub published: watch::Receiver<Arc<Published>>,
    /// Verdicts that change.
    pub changes: broadcast::Sender<Changes>,
    /// What has to be remembered, namespace by namespace.
    pub remembered: mpsc::UnboundedReceiver<Vec<(Arc<str>, Shard)>>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Waits until every task has ended.
    pub async fn join(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Starts sources and actor. `memory` is what earlier processes remembered.
pub fn start(
    client: &Client,
    config: &Config,
    registry: Registry,
    presets: Vec<Preset>,
    memory: Vec<(Arc<str>, Shard)>,
    stop: &CancellationToken,
) -> Running {
    let (inputs, queue) = mpsc::channel(INPUTS);
    let (published, published_rx) = watch::channel(Arc::<Published>::default());
    let (changes, _) = broadcast::channel(CHANGES);
    let (remembered, remembered_rx) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    sources(&mut tasks, client, config, &registry, &inputs, stop);
    let outlets = Outlets {
        published,
        changes: changes.clone(),
        remembered,
    };
    let actor = Actor::new(registry, presets, memory, outlets);
    let (deadline, coalesce) = (duration(config.sync_deadline), duration(config.coalesce));
    tasks.spawn(actor.run(queue, deadline, coalesce, stop.clone()));
    Running {
        published: published_rx,
        changes,
        remembered: remembered_rx,
        tasks,
    }
}

fn sources(
    tasks: &mut JoinSet<()>,
    client: &Client,
    config: &Config,
    registry: &Registry,
    inputs: &mpsc::Sender<Input>,
    stop: &CancellationToken,
) {
    let kinds = registry.reads();
    let (served_tx, served) = watch::channel(None);
    let (access_tx, access) = watch::channel(None);
    tasks.spawn(watch_served(client.clone(), kinds, served_tx, stop.clone()));
    let every = duration(config.access_interval);
    tasks.spawn(watch_access(
        client.clone(),
        kinds,
        every,
        access_tx,
        stop.clone(),
    ));
    for kind in kinds.iter() {
        let watch = watch_kind(
            client.clone(),
            kind,
            served.clone(),
            access.clone(),
            inputs.clone(),
            stop.clone(),
        );
        tasks.spawn(watch);
    }
    let mut own = |kind, plural, wrap: fn(_) -> Own| {
        tasks.spawn(watch_own(
            client.clone(),
            kind,
            plural,
            wrap,
            inputs.clone(),
            stop.clone(),
        ));
    };
    own("SecurityBaseline", "securitybaselines", Own::Baselines);
    own("BaselineException", "baselineexceptions", Own::Exceptions);
}

fn duration(signed: jiff::SignedDuration) -> Duration {
    signed.try_into().unwrap_or_default()
}
