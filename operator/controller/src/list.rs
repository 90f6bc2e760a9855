//! Everything of a kind, listed once in pages: what `plimsoll scan --cluster` looks at, and what a watch begins with where
//! the API server cannot stream its lists.

use std::sync::Arc;

use futures::{StreamExt, stream};
use kube::{Client, api::ListParams, core::Request};
use plimsoll_engine::{
    coverage::Coverage,
    decode::{DecodePlan, NameError, Object, decode_json_under},
    kind::Kind,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Objects asked for at once: a page of large pods stays well below a few MiB.
const PAGE: u32 = 500;
/// Kinds listed side by side: more would only queue at the API server's flow control.
const SIDE_BY_SIDE: usize = 4;
/// How often a list is begun anew when its pages expire under it (`410 Gone`).
const ATTEMPTS: usize = 3;

/// Why a kind could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The API server does not serve the kind (404).
    #[error("the cluster does not serve {0}")]
    Absent(String),
    /// The API server refuses (401, 403); its message names the missing right.
    #[error("{0}")]
    Forbidden(String),
    /// The API server answered with another error, or not at all.
    #[error("{path}: {source}")]
    Request {
        /// What was asked for.
        path: String,
        /// What went wrong.
        source: Box<kube::Error>,
    },
    /// The answer is no list.
    #[error("{path}: expected a list: {source}")]
    NoList {
        /// What was asked for.
        path: String,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// An item has no name.
    #[error("{path}: {source}")]
    NoName {
        /// What was asked for.
        path: String,
        /// What is missing.
        source: NameError,
    },
}

impl ListError {
    /// What is known of the kind after this error. An answer that makes no sense is no reason to believe that there is nothing.
    pub fn coverage(&self) -> Coverage {
        match self {
            Self::Absent(_) => Coverage::Absent,
            Self::Forbidden(_) => Coverage::Forbidden,
            Self::Request { .. } | Self::NoList { .. } | Self::NoName { .. } => Coverage::Stale,
        }
    }

    /// A bounded word for metrics.
    pub fn category(&self) -> &'static str {
        match self {
            Self::Absent(_) => "Absent",
            Self::Forbidden(_) => "Forbidden",
            Self::Request { .. } => "Request",
            Self::NoList { .. } => "NoList",
            Self::NoName { .. } => "NoName",
        }
    }
}

/// A kind, and all its objects or the reason why they are not known.
pub type Listed = (Kind, Result<Vec<Object>, ListError>);

/// Lists each kind once, over all namespaces, matching confidential texts under a plan. One that fails does not stop the
/// others.
pub async fn list_once(
    client: &Client,
    kinds: impl IntoIterator<Item = Kind>,
    plan: &Arc<DecodePlan>,
) -> Vec<Listed> {
    let lists = kinds
        .into_iter()
        .map(|kind| async move { (kind, list_kind(client, kind, plan).await) });
    let mut listed: Vec<Listed> = stream::iter(lists).buffer_unordered(SIDE_BY_SIDE).collect().await;
    listed.sort_by_key(|(kind, _)| *kind);
    listed
}

/// Lists one kind in the first of its versions that the cluster serves.
async fn list_kind(client: &Client, kind: Kind, plan: &Arc<DecodePlan>) -> Result<Vec<Object>, ListError> {
    let info = kind.info();
    for version in info.versions {
        let listed = list_path(client, &url(info.group, version, info.plural), |path, raw| {
            decode_json_under(plan, kind, raw.get()).map_err(|source| ListError::NoName {
                path: path.into(),
                source,
            })
        })
        .await;
        match listed {
            Err(ListError::Absent(_)) => {}
            other => return other,
        }
    }
    Err(ListError::Absent(kind.resource()))
}

/// Lists a resource as whole JSON objects: for kinds of our own, of which there are few.
pub async fn list_json(
    client: &Client,
    group: &str,
    version: &str,
    plural: &str,
) -> Result<Vec<serde_json::Value>, ListError> {
    list_path(client, &url(group, version, plural), |path, raw| {
        serde_json::from_str(raw.get()).map_err(|source| ListError::NoList {
            path: path.into(),
            source,
        })
    })
    .await
}

fn url(group: &str, version: &str, plural: &str) -> String {
    if group.is_empty() {
        format!("/api/{version}/{plural}")
    } else {
        format!("/apis/{group}/{version}/{plural}")
    }
}

async fn list_path<T>(
    client: &Client,
    path: &str,
    decode: impl Fn(&str, &RawValue) -> Result<T, ListError>,
) -> Result<Vec<T>, ListError> {
    let mut attempt = 1;
    loop {
        match pages(client, path, &decode).await {
            Err(ListError::Request { source, .. }) if is_gone(&source) && attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

/// A page of a list; the items stay text until they are decoded into what is kept of them.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
struct PageMeta {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

async fn pages<T>(
    client: &Client,
    path: &str,
    decode: &impl Fn(&str, &RawValue) -> Result<T, ListError>,
) -> Result<Vec<T>, ListError> {
    let mut all = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let request = Request::new(path).list(&params).map_err(|e| ListError::Request {
            path: path.into(),
            source: Box::new(kube::Error::BuildRequest(e)),
        })?;
        let text = client.request_text(request).await.map_err(|e| refused(path, e))?;
        let page: Page<'_> = serde_json::from_str(&text).map_err(|source| ListError::NoList {
            path: path.into(),
            source,
        })?;
        for item in page.items.into_iter().flatten() {
            all.push(decode(path, item)?);
        }
        match page.metadata.next.filter(|next| !next.is_empty()) {
            Some(next) => params = params.continue_token(&next),
            None => return Ok(all),
        }
    }
}

fn refused(path: &str, error: kube::Error) -> ListError {
    match &error {
        kube::Error::Api(status) => match status.code {
            404 => ListError::Absent(path.into()),
            401 | 403 => ListError::Forbidden(status.message.clone()),
            _ => ListError::Request {
                path: path.into(),
                source: Box::new(error),
            },
        },
        _ => ListError::Request {
            path: path.into(),
            source: Box::new(error),
        },
    }
}

fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_keep_items_as_text_and_bear_null() {
        let text = r#"{"kind":"PodList","metadata":{"continue":"abc"},"items":[{"metadata":{"name":"a"}}]}"#;
        let page: Page<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(page.metadata.next.as_deref(), Some("abc"));
        assert_eq!(page.items.unwrap()[0].get(), r#"{"metadata":{"name":"a"}}"#);
        let empty: Page<'_> = serde_json::from_str(r#"{"metadata":{},"items":null}"#).unwrap();
        assert!(empty.items.is_none() && empty.metadata.next.is_none());
    }

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(url("", "v1", "pods"), "/api/v1/pods");
        assert_eq!(url("apps", "v1", "deployments"), "/apis/apps/v1/deployments");
    }

    #[test]
    fn refusals_become_coverage() {
        let status =
            |code: u16| kube::Error::Api(Box::new(kube::core::Status::failure("no", "R").with_code(code)));
        assert_eq!(refused("/x", status(404)).coverage(), Coverage::Absent);
        assert_eq!(refused("/x", status(403)).coverage(), Coverage::Forbidden);
        assert_eq!(refused("/x", status(500)).coverage(), Coverage::Stale);
    }
}
