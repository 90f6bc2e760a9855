//! `/livez` and `/readyz`: for the kubelet, which has no credentials. They tell states and names of kinds, nothing else.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use plimsoll_engine::coverage::Coverage;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Published;

/// The actor publishes every five seconds even when nothing happens; one that does not for so long is stuck.
pub(super) const SILENCE: Duration = Duration::from_mins(1);

/// When the actor last published, by the monotonic clock: setting the wall clock must not kill the process.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "what is published has none")]
pub struct Heart {
    last: Arc<Mutex<Option<Instant>>>,
    published: watch::Receiver<Arc<Published>>,
}

impl Heart {
    /// One that never beat.
    pub fn new(published: watch::Receiver<Arc<Published>>) -> Self {
        Self {
            last: Arc::default(),
            published,
        }
    }

    /// Beats with every turn until `stop`.
    pub async fn follow(self, stop: CancellationToken) {
        let mut published = self.published.clone();
        published.mark_unchanged();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = published.changed() => match changed {
                    Ok(()) => self.beat(Instant::now()),
                    Err(_) => return stop.cancelled().await, // the actor ended: silence shows it
                },
            }
        }
    }

    /// The pages that show it.
    pub fn router(self) -> Router {
        Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .with_state(self)
    }

    pub(super) fn beat(&self, now: Instant) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// How long it has been silent; nothing before the first beat.
    fn silent_for(&self) -> Option<Duration> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|last| last.elapsed())
    }
}

/// Alive unless the actor published once and then fell silent. While the first lists come in, a restart would not help.
pub(super) async fn livez(State(heart): State<Heart>) -> Response {
    match heart.silent_for() {
        Some(silence) if silence > SILENCE => {
            let text = format!("nothing was evaluated for {} s\n", silence.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        _ => "ok\n".into_response(),
    }
}

pub(super) async fn readyz(State(heart): State<Heart>) -> Response {
    let health = heart.published.borrow().health.clone();
    let recent = heart.silent_for().is_none_or(|silence| silence <= SILENCE);
    if health.ready && recent {
        return "ok\n".into_response();
    }
    let syncing: Vec<String> = health
        .coverage
        .iter()
        .filter(|(_, coverage)| **coverage == Coverage::Syncing)
        .map(|(kind, _)| kind.resource())
        .collect();
    let text = format!(
        "nothing is evaluated {}; kinds still listed: {}\n",
        if health.ready { "any more" } else { "yet" },
        syncing.join(", ")
    );
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}
