//! `/report` and `/findings`: written from the published state while they are sent. A snapshot costs nothing and the pieces are
//! small, so that a hundred thousand findings take no more memory than a few; who reads slowly holds one of a few places.

use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use plimsoll_engine::{control::Registry, coverage::Coverage, finding::Severity, kind::Kind};
use plimsoll_report::{
    Filter, Given, Nowhere, UnknownFilter, Waiver,
    model::{Source, SourceKind},
};
use serde::Deserialize;
use tokio::sync::{Semaphore, mpsc, watch};

use crate::Published;

/// Answers that are written at one time; each takes a thread for as long as its reader does.
const AT_ONCE: usize = 4;
/// Bytes gathered before they are sent.
const PIECE: usize = 64 * 1024;
/// Pieces that may wait for a slow reader.
const PIECES: usize = 4;

/// What the pages are made of. Cheap to clone.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "holds a whole cluster's verdicts")]
pub struct Reports {
    published: watch::Receiver<Arc<Published>>,
    controls: Registry,
    source: Source,
    room: Arc<Semaphore>,
    clock: fn() -> Timestamp,
}

impl Reports {
    /// About what is published; `name` is what the report calls the cluster.
    pub fn new(
        published: watch::Receiver<Arc<Published>>,
        controls: Registry,
        name: &str,
        clock: fn() -> Timestamp,
    ) -> Self {
        Self {
            published,
            controls,
            source: Source {
                kind: SourceKind::Operator,
                name: name.to_owned(),
            },
            room: Arc::new(Semaphore::new(AT_ONCE)),
            clock,
        }
    }

    /// The routes, for behind the guard.
    pub fn router(self) -> Router {
        Router::new()
            .route("/report", get(report))
            .route("/findings", get(findings))
            .with_state(self)
    }

    /// Lets something be written, piece by piece, about what is published now.
    fn answer<W>(&self, kind: &'static str, write: W) -> Response
    where
        W: FnOnce(&Given<'_>, &mut BufWriter<Pieces>) -> io::Result<()> + Send + 'static,
    {
        let published = self.published.borrow().clone();
        if !published.health.ready {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "nothing is evaluated yet\n");
        }
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            return refuse(
                StatusCode::TOO_MANY_REQUESTS,
                "others are reading: try again in a moment\n",
            );
        };
        let (pieces, mut received) = mpsc::channel(PIECES);
        let reports = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut out = BufWriter::with_capacity(PIECE, Pieces(pieces.clone()));
            let written = reports.with_given(&published, |given| write(given, &mut out));
            if let Err(error) = written.and_then(|()| out.flush())
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                tracing::warn!(%error, "a report broke off");
                // An answer that just ended here would pass for whole.
                _ = pieces.blocking_send(Err(error));
            }
            drop(place);
        });
        let body = futures::stream::poll_fn(move |task| received.poll_recv(task));
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let mut response = ([kind], Body::from_stream(body)).into_response();
        harden(&mut response);
        response
    }

    fn with_given<T>(&self, published: &Published, use_it: impl FnOnce(&Given<'_>) -> T) -> T {
        let waivers: Vec<Waiver> = published
            .declared
            .exceptions
            .values()
            .map(|object| Waiver::read(object, crate::exceptions::read(object).err()))
            .collect();
        let coverage: BTreeMap<Kind, (Coverage, Option<usize>)> = published
            .health
            .coverage
            .iter()
            .map(|(kind, coverage)| (*kind, (*coverage, published.health.held.get(kind).copied())))
            .collect();
        use_it(&Given {
            verdicts: &published.report,
            controls: &self.controls,
            baselines: &published.baselines,
            waivers: &waivers,
            coverage: &coverage,
            places: &Nowhere,
            source: &self.source,
            version: env!("CARGO_PKG_VERSION"),
            now: (self.clock)(),
            live: true,
            assumptions: &[],
            problems: &[],
            documents: None,
            previous: None,
        })
    }
}

fn refuse(status: StatusCode, why: impl Into<String>) -> Response {
    let mut response = (status, why.into()).into_response();
    if status != StatusCode::BAD_REQUEST {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// What a browser is told beside the page: it may load nothing, be framed by nobody, and is kept by no cache.
fn harden(response: &mut Response) {
    let headers = response.headers_mut();
    let policy = format!(
        "{}; frame-ancestors 'none'",
        plimsoll_report::content_security_policy()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Where pieces go: to the connection.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Ok(Bytes::copy_from_slice(bytes));
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.0.blocking_send(piece).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ReportQuery {
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Html,
    Markdown,
    Json,
}

async fn report(
    State(reports): State<Reports>,
    query: Result<Query<ReportQuery>, QueryRejection>,
) -> Response {
    match query {
        Err(wrong) => refuse(StatusCode::BAD_REQUEST, format!("{}\n", wrong.body_text())),
        Ok(Query(ReportQuery { format })) => match format {
            Format::Html => reports.answer("text/html; charset=utf-8", |given, out| {
                plimsoll_report::write_html(given, out)
            }),
            Format::Markdown => reports.answer("text/markdown; charset=utf-8", |given, out| {
                plimsoll_report::write_markdown(given, out)
            }),
            Format::Json => reports.answer("application/json", |given, out| {
                plimsoll_report::write_json(given, out)
            }),
        },
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct FindingsQuery {
    namespace: Option<String>,
    control: Option<String>,
    baseline: Option<String>,
    severity: Option<Word>,
    unknown: Option<Unknown>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Word {
    Critical,
    High,
    Medium,
    Low,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Unknown {
    Include,
    Omit,
}

impl From<FindingsQuery> for Filter {
    fn from(query: FindingsQuery) -> Self {
        Self {
            namespace: query.namespace,
            control: query.control,
            baseline: query.baseline,
            severity: query.severity.map(|word| match word {
                Word::Critical => Severity::Critical,
                Word::High => Severity::High,
                Word::Medium => Severity::Medium,
                Word::Low => Severity::Low,
            }),
            unknown: match query.unknown {
                Some(Unknown::Omit) => UnknownFilter::Omit,
                Some(Unknown::Include) | None => UnknownFilter::Include,
            },
        }
    }
}

async fn findings(
    State(reports): State<Reports>,
    query: Result<Query<FindingsQuery>, QueryRejection>,
) -> Response {
    match query {
        Err(wrong) => refuse(StatusCode::BAD_REQUEST, format!("{}\n", wrong.body_text())),
        Ok(Query(query)) => {
            let filter = Filter::from(query);
            reports.answer("application/json", move |given, out| {
                plimsoll_report::write_findings(given, &filter, out)
            })
        }
    }
}

#[cfg(test)]
mod tests;
