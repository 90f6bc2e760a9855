//! What is served to those who may see it. Every route of [`Pages::router`] is guarded; its path is what RBAC grants
//! (`nonResourceURLs`).

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::Guard;
use crate::output::{
    metrics::{Format, Metrics},
    report::Reports,
};

/// What the pages are made of.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "holds a whole cluster's verdicts")]
pub struct Pages {
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// What `/report` and `/findings` show.
    pub reports: Reports,
}

impl Pages {
    /// All pages, behind the guard: also what does not exist is told only to who may ask for it.
    pub fn router(self, guard: Guard) -> Router {
        let pages = Router::new()
            .route("/metrics", get(metrics))
            .with_state(self.metrics);
        guard.before(pages.merge(self.reports.router()))
    }
}

/// The metrics for whoever reaches the address: for the plain door, where that was chosen.
pub fn plain(metrics_page: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(metrics_page)
}

async fn metrics(State(page): State<Arc<Metrics>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    match page.render(format) {
        Ok(page) => ([(header::CONTENT_TYPE, format.content_type())], page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
