//! `/livez`, `/readyz` and `/metrics`. Plain HTTP; TLS is one more step between accepting a connection and serving it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use plimsoll_engine::coverage::Coverage;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tokio_util::sync::CancellationToken;

use super::metrics::{Format, Metrics};
use crate::Published;

/// The actor publishes every five seconds even when nothing happens; one that does not for so long is stuck.
const SILENCE: Duration = Duration::from_mins(1);
/// How long a client may take to send a request's head; also how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });
/// Longest life of a connection: a client that reads slowly for ever must not hold one for ever.
const LIFE: Duration = Duration::from_mins(5);
/// Most connections at once.
const CONNECTIONS: usize = 256;
/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 16 * 1024;
/// Most headers of a request.
const HEADERS: usize = 64;
/// How long requests under way may take to finish when the server stops.
const GOODBYE: Duration = Duration::from_secs(5);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ServeError {
    /// A bounded word for labels.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "bind",
        }
    }
}

/// A server that has its address and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes an address; port 0 takes any free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let refused = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// The address it has.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets requests under way finish.
    pub async fn run(
        self,
        published: watch::Receiver<Arc<Published>>,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) {
        let app = App {
            heart: Heart::default(),
            published,
            metrics,
        };
        tokio::join!(
            app.heart.follow(app.published.clone(), &stop),
            self.accept(&app, &stop)
        );
    }

    async fn accept(&self, app: &App, stop: &CancellationToken) {
        let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS)));
        loop {
            let next = async {
                let place = room.clone().acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            match accepted {
                Ok((stream, _)) => {
                    let connection = connection(stream, app.router(), graceful.watcher());
                    tokio::spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: accepting again at once would spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        if tokio::time::timeout(GOODBYE, graceful.shutdown()).await.is_err() {
            tracing::info!("connections were still open when the server stopped");
        }
    }
}

/// Serves one connection of any transport.
async fn connection<T>(stream: T, router: Router, watcher: Watcher)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(LIFE, watcher.watch(connection)).await {
        Ok(Ok(())) | Err(_) => {}
        // Clients that hang up are everyday.
        Ok(Err(error)) => tracing::debug!(%error, "connection"),
    }
}

#[derive(Clone)]
struct App {
    heart: Heart,
    published: watch::Receiver<Arc<Published>>,
    metrics: Arc<Metrics>,
}

impl App {
    fn router(&self) -> Router {
        Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }
}

/// When the actor last published, by the monotonic clock: setting the wall clock must not kill the process.
#[derive(Clone, Default)]
struct Heart(Arc<Mutex<Option<Instant>>>);

impl Heart {
    async fn follow(&self, mut published: watch::Receiver<Arc<Published>>, stop: &CancellationToken) {
        published.mark_unchanged();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = published.changed() => match changed {
                    Ok(()) => self.beat(),
                    Err(_) => return stop.cancelled().await, // the actor ended: silence shows it
                },
            }
        }
    }

    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// How long it has been silent; nothing before the first beat.
    fn silent_for(&self) -> Option<Duration> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|last| last.elapsed())
    }
}

/// Alive unless the actor published once and then fell silent. While the first lists come in, a restart would not help.
async fn livez(State(app): State<App>) -> Response {
    match app.heart.silent_for() {
        Some(silence) if silence > SILENCE => {
            let text = format!("nothing was evaluated for {} s\n", silence.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
        _ => "ok\n".into_response(),
    }
}

async fn readyz(State(app): State<App>) -> Response {
    let health = app.published.borrow().health.clone();
    let recent = app.heart.silent_for().is_none_or(|silence| silence <= SILENCE);
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

async fn metrics(State(app): State<App>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    match app.metrics.render(format) {
        Ok(page) => ([(header::CONTENT_TYPE, format.content_type())], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests;
