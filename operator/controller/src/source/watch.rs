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

/// How long a watch may fail before what it brought counts as old.
const STALE_AFTER: Duration = Duration::from_secs(30);
/// How long it may fail before it is begun anew. One that goes on after a failure and has no news looks like one that still fails;
/// one that lists again shows that it works, before what it brought counts as old.
const ANEW_AFTER: Duration = Duration::from_secs(10);
/// How long the API server may refuse before that counts: one that has just started refuses everybody.
const FORBIDDEN_AFTER: Duration = Duration::from_secs(5);

/// What decides what there is to do for a kind.
#[derive(Clone)]
pub(crate) struct Terms {
    /// What the cluster serves.
    pub(crate) served: watch::Receiver<Option<Arc<ServedKinds>>>,
    /// What we may read.
    pub(crate) access: watch::Receiver<Access>,
    /// What decoding looks for.
    pub(crate) plan: Plan,
    /// Grows when connections of before may be dead.
    pub(crate) outages: watch::Receiver<u64>,
}

/// Watches a kind for as long as it is served and we may read it. When decoding is to look for something else, the kind is
/// listed again: what an object showed under another plan is not known. So it is after an outage: a watch over a connection that
/// died silently would say nothing for minutes.
pub(crate) async fn watch_kind(
    client: Client,
    kind: Kind,
    mut terms: Terms,
    inputs: mpsc::Sender<Input>,
    stop: CancellationToken,
) {
    let mut streaming = true;
    let mut trouble = None;
    loop {
        let state = terms.state(kind);
        terms.outages.mark_unchanged();
        let changed = async {
            loop {
                tokio::select! {
                    ok = terms.served.changed() => if ok.is_err() { return },
                    ok = terms.access.changed() => if ok.is_err() { return },
                    ok = terms.plan.changed() => if ok.is_err() { return },
                    Ok(()) = terms.outages.changed() => return,
                }
                if terms.state(kind) != state {
                    return;
                }
            }
        };
        let work = follow(&client, kind, &state, &mut streaming, &mut trouble, &inputs);
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed => debug!(kind = kind.resource(), "what may be read of a kind changed, or what was heard may be old"),
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
    trouble: &mut Option<Trouble>,
    inputs: &mpsc::Sender<Input>,
) {
    if !matches!(state, State::Readable(..)) {
        *trouble = None;
    }
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
                trouble,
                anew_at: None,
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
    follower.begin();
    loop {
        let next = match follower.anew_at {
            None => events.try_next().await,
            Some(at) => match timeout_at(at, events.try_next()).await {
                Ok(next) => next,
                Err(_) => return follower.begin_anew().await,
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
            Err(error) => follower.fail(&error).await,
        }
    }
}

/// A watch that fails, over all attempts to begin it anew.
struct Trouble {
    since: Instant,
    is_told: bool,
}

struct Follower<'a> {
    kind: Kind,
    plan: Arc<DecodePlan>,
    inputs: &'a mpsc::Sender<Input>,
    listed: Vec<Object>,
    trouble: &'a mut Option<Trouble>,
    /// When to begin anew unless something is heard.
    anew_at: Option<Instant>,
}

impl Follower<'_> {
    /// A watch that begins after trouble has to show that it works.
    fn begin(&mut self) {
        self.anew_at = self.trouble.as_ref().map(|_| Instant::now() + ANEW_AFTER);
    }

    async fn take(&mut self, event: watcher::Event<Raw>) {
        match event {
            // Said before anybody is asked, and again before each attempt: it proves nothing.
            watcher::Event::Init => self.listed.clear(),
            watcher::Event::InitApply(raw) => {
                self.listed.extend(self.decode(&raw));
                self.begin(); // a long list takes long
            }
            watcher::Event::InitDone => {
                (*self.trouble, self.anew_at) = (None, None);
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
                self.goes_on().await;
            }
            watcher::Event::Delete(raw) => {
                let name = self.decode(&raw).map(|object| object.name);
                if let Some(name) = name {
                    self.send(Input::Deleted(name)).await;
                }
                self.goes_on().await;
            }
        }
    }

    /// News of a watch that goes on where it failed: nothing was missed.
    async fn goes_on(&mut self) {
        self.anew_at = None;
        if self.trouble.take().is_some_and(|trouble| trouble.is_told) {
            self.send(Input::Coverage(self.kind, Coverage::Complete)).await;
        }
    }

    fn decode(&self, raw: &Raw) -> Option<Object> {
        raw.decode(self.kind, &self.plan)
            .inspect_err(|error| warn!(kind = self.kind.resource(), %error, "an object without a name"))
            .ok()
    }

    /// Notes a failure.
    async fn fail(&mut self, error: &watcher::Error) {
        debug!(kind = self.kind.resource(), %error, "the watch failed");
        let now = Instant::now();
        let trouble = self.trouble.get_or_insert(Trouble {
            since: now,
            is_told: false,
        });
        self.anew_at.get_or_insert(now + ANEW_AFTER);
        if is_forbidden(error) && trouble.since.elapsed() >= FORBIDDEN_AFTER {
            // The next question about our rights decides what happens then; until it is asked, say what is so.
            trouble.is_told = true;
            self.send(Input::Coverage(self.kind, Coverage::Forbidden)).await;
        }
    }

    /// Nothing was heard for too long.
    async fn begin_anew(&mut self) {
        debug!(
            kind = self.kind.resource(),
            "the watch keeps failing; beginning anew"
        );
        let Some(trouble) = self.trouble.as_mut() else {
            return;
        };
        if trouble.since.elapsed() < STALE_AFTER || trouble.is_told {
            return;
        }
        trouble.is_told = true;
        warn!(
            kind = self.kind.resource(),
            "the watch keeps failing: what it brought counts as old"
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
