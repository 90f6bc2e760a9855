//! One watch: a kind's objects, decoded, and how much of the kind is known.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, watcher},
};
use plimsoll_engine::{
    coverage::Coverage,
    decode::{DecodePlan, Object},
    kind::Kind,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Access, Input, Plan, Raw, Served, ServedKinds, raw::api_resource};

/// How long a watch may fail before what it brought counts as old, and it is begun anew.
const STALE_AFTER: Duration = Duration::from_secs(30);

/// What decides what there is to do for a kind.
#[derive(Clone)]
pub(crate) struct Terms {
    /// What the cluster serves.
    pub(crate) served: watch::Receiver<Option<Arc<ServedKinds>>>,
    /// What we may read.
    pub(crate) access: watch::Receiver<Access>,
    /// What decoding looks for.
    pub(crate) plan: Plan,
}

/// Watches a kind for as long as it is served and we may read it. When decoding is to look for something else, the kind is
/// listed again: what an object showed under another plan is not known.
pub(crate) async fn watch_kind(
    client: Client,
    kind: Kind,
    mut terms: Terms,
    inputs: mpsc::Sender<Input>,
    stop: CancellationToken,
) {
    let mut streaming = true;
    loop {
        let state = terms.state(kind);
        let changed = async {
            loop {
                tokio::select! {
                    ok = terms.served.changed() => if ok.is_err() { return },
                    ok = terms.access.changed() => if ok.is_err() { return },
                    ok = terms.plan.changed() => if ok.is_err() { return },
                }
                if terms.state(kind) != state {
                    return;
                }
            }
        };
        let work = follow(&client, kind, &state, &mut streaming, &inputs);
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed => debug!(kind = kind.resource(), "what may be read of a kind changed"),
            () = work => {}
        }
    }
}

/// What there is to do for a kind.
#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Unasked,
    Absent,
    Forbidden,
    Readable(Served, Arc<DecodePlan>),
}

impl Terms {
    fn state(&self, kind: Kind) -> State {
        let (served, access, plan) = (self.served.borrow(), self.access.borrow(), self.plan.borrow());
        let (Some(served), Some(forbidden)) = (served.as_ref(), access.as_ref()) else {
            return State::Unasked;
        };
        match (served.get(&kind), plan.as_ref()) {
            (None, _) => State::Absent,
            (Some(_), _) if forbidden.contains(&kind) => State::Forbidden,
            (Some(version), Some(plan)) => State::Readable(version.clone(), Arc::new(plan.for_kind(kind))),
            (Some(_), None) if DecodePlan::may_concern(kind) => State::Unasked,
            (Some(version), None) => State::Readable(version.clone(), Arc::default()),
        }
    }
}

/// Follows a kind until its watch has to be begun anew.
async fn follow(
    client: &Client,
    kind: Kind,
    state: &State,
    streaming: &mut bool,
    inputs: &mpsc::Sender<Input>,
) {
    match state {
        State::Unasked => std::future::pending::<()>().await,
        State::Absent => {
            // A kind that is no longer served has no objects.
            _ = inputs.send(Input::Listed(kind, Arc::default(), Vec::new())).await;
            _ = inputs.send(Input::Coverage(kind, Coverage::Absent)).await;
            std::future::pending::<()>().await;
        }
        State::Forbidden => {
            _ = inputs.send(Input::Coverage(kind, Coverage::Forbidden)).await;
            std::future::pending::<()>().await;
        }
        State::Readable(served, plan) => {
            let follower = Follower {
                kind,
                plan: plan.clone(),
                inputs,
                listed: Vec::new(),
                failing_since: None,
            };
            read(client, served, streaming, follower).await;
        }
    }
}

async fn read(client: &Client, served: &Served, streaming: &mut bool, mut follower: Follower<'_>) {
    let kind = follower.kind;
    let api: Api<Raw> = Api::all_with(client.clone(), &api_resource(kind, &served.version));
    let config = watcher::Config::default();
    let config = if *streaming {
        config.streaming_lists()
    } else {
        config
    };
    let mut events = watcher(api, config).default_backoff().boxed();
    loop {
        // While the watch fails, look again after a while although nothing comes.
        let next = match follower.failing_since {
            None => events.try_next().await,
            Some(since) => match timeout_at(since + STALE_AFTER, events.try_next()).await {
                Ok(next) => next,
                Err(_) => return follower.give_up().await,
            },
        };
        match next {
            Ok(Some(event)) => follower.take(event).await,
            Ok(None) => return,
            Err(error) if *streaming && refuses_streaming(&error) => {
                info!(
                    kind = kind.resource(),
                    "the API server does not stream lists; listing in pages"
                );
                *streaming = false;
                return;
            }
            Err(error) => {
                if follower.fail(&error).await {
                    return;
                }
            }
        }
    }
}

struct Follower<'a> {
    kind: Kind,
    plan: Arc<DecodePlan>,
    inputs: &'a mpsc::Sender<Input>,
    listed: Vec<Object>,
    failing_since: Option<Instant>,
}

impl Follower<'_> {
    async fn take(&mut self, event: watcher::Event<Raw>) {
        self.failing_since = None;
        match event {
            watcher::Event::Init => self.listed.clear(),
            watcher::Event::InitApply(raw) => self.listed.extend(self.decode(&raw)),
            watcher::Event::InitDone => {
                let objects = std::mem::take(&mut self.listed);
                debug!(kind = self.kind.resource(), objects = objects.len(), "listed");
                self.send(Input::Listed(self.kind, self.plan.clone(), objects))
                    .await;
                self.send(Input::Coverage(self.kind, Coverage::Complete)).await;
            }
            watcher::Event::Apply(raw) => {
                if let Some(object) = self.decode(&raw) {
                    self.send(Input::Applied(object)).await;
                }
            }
            watcher::Event::Delete(raw) => {
                let name = self.decode(&raw).map(|object| object.name);
                if let Some(name) = name {
                    self.send(Input::Deleted(name)).await;
                }
            }
        }
    }

    fn decode(&self, raw: &Raw) -> Option<Object> {
        raw.decode(self.kind, &self.plan)
            .inspect_err(|error| warn!(kind = self.kind.resource(), %error, "an object without a name"))
            .ok()
    }

    /// Notes a failure; tells whether to begin anew.
    async fn fail(&mut self, error: &watcher::Error) -> bool {
        debug!(kind = self.kind.resource(), %error, "the watch failed");
        if is_forbidden(error) {
            // The next question about our rights decides what happens then; until it is asked, say what is so.
            self.send(Input::Coverage(self.kind, Coverage::Forbidden)).await;
        }
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() < STALE_AFTER {
            return false;
        }
        self.give_up().await;
        true
    }

    async fn give_up(&self) {
        warn!(
            kind = self.kind.resource(),
            "the watch keeps failing: what it brought counts as old; beginning anew"
        );
        self.send(Input::Coverage(self.kind, Coverage::Stale)).await;
    }

    async fn send(&self, input: Input) {
        // The receiver only goes away when the process stops.
        _ = self.inputs.send(input).await;
    }
}

fn status(error: &watcher::Error) -> Option<&kube::core::Status> {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => Some(status),
        _ => None,
    }
}

fn is_forbidden(error: &watcher::Error) -> bool {
    status(error).is_some_and(kube::core::Status::is_forbidden)
}

/// Servers before 1.34 answer a streaming list with 400 or 422.
fn refuses_streaming(error: &watcher::Error) -> bool {
    status(error).is_some_and(|status| matches!(status.code, 400 | 422))
}
