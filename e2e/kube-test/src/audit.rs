//! The API server's audit log, as something a test can ask.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::access::get;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::wait::{eventually, not_yet};

/// How long requests may be under way before [`Cluster::audit`] gives up waiting for them.
const CATCH_UP: Duration = Duration::from_secs(20);
const MARKER: &str = "/kube-test-audit-marker-";

/// One request that the API server answered.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AuditEvent {
    /// When the server received it.
    pub time: Timestamp,
    /// Who asked; the impersonated user where one was.
    pub user: String,
    /// The address from which it came: tells processes of one user apart.
    pub source: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` …
    pub verb: String,
    /// The API group, empty for the core group.
    pub group: String,
    /// The resource in the plural, empty for a path that is none.
    pub resource: String,
    /// `status`, `scale`, `token` …; empty for the object itself.
    pub subresource: String,
    /// Empty for cluster-scoped objects and requests over all namespaces.
    pub namespace: String,
    /// Empty for collections.
    pub name: String,
    /// The HTTP status of the answer.
    pub code: u16,
    /// What the client calls itself.
    pub user_agent: String,
    /// The `fieldManager` parameter, where given.
    pub field_manager: Option<String>,
    /// Nothing was to be stored.
    pub dry_run: bool,
    /// Server-side apply with force.
    pub force: bool,
    /// Path and parameters as sent.
    pub uri: String,
    /// What was sent; only of writes, never of Secrets and tokens.
    pub request: Option<Value>,
}

impl AuditEvent {
    /// Asked the server to change an object, whether or not it did. Questions in the form of a `create` (access
    /// reviews, token reviews and requests) are none.
    pub fn is_write(&self) -> bool {
        let asks = self.group == "authorization.k8s.io" || self.group == "authentication.k8s.io";
        let writes =
            ["create", "update", "patch", "delete", "deletecollection"].contains(&self.verb.as_str());
        writes && !asks && self.subresource != "token"
    }

    /// A write that the server carried out: accepted and no dry run.
    pub fn is_effective_write(&self) -> bool {
        self.is_write() && !self.dry_run && (200..300).contains(&self.code)
    }

    /// `verb resource[/subresource] namespace/name`, for comparing with what was expected.
    pub fn line(&self) -> String {
        let slash = |part: &str| {
            if part.is_empty() {
                String::new()
            } else {
                format!("/{part}")
            }
        };
        let place = [self.namespace.as_str(), self.name.as_str()];
        let place = place
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("/");
        format!(
            "{} {}{} {place}",
            self.verb,
            self.resource,
            slash(&self.subresource)
        )
        .trim_end()
        .to_owned()
    }
}

/// The requests so far, in the order in which they were answered. Narrow it down with its methods.
#[derive(Clone, Debug, Default)]
pub struct AuditLog {
    events: Vec<Arc<AuditEvent>>,
}

impl AuditLog {
    /// The requests that fulfil a condition.
    #[must_use]
    pub fn filter(mut self, keep: impl Fn(&AuditEvent) -> bool) -> Self {
        self.events.retain(|event| keep(event));
        self
    }

    /// Those of one user.
    #[must_use]
    pub fn by_user(self, user: &str) -> Self {
        self.filter(|event| event.user == user)
    }

    /// Those of one ServiceAccount.
    #[must_use]
    pub fn by_account(self, namespace: &str, account: &str) -> Self {
        self.by_user(&format!("system:serviceaccount:{namespace}:{account}"))
    }

    /// [`AuditEvent::is_write`].
    #[must_use]
    pub fn writes(self) -> Self {
        self.filter(AuditEvent::is_write)
    }

    /// [`AuditEvent::is_effective_write`].
    #[must_use]
    pub fn effective_writes(self) -> Self {
        self.filter(AuditEvent::is_effective_write)
    }

    /// Those that came from one address.
    #[must_use]
    pub fn from_source(self, address: &str) -> Self {
        self.filter(|event| event.source == address)
    }

    /// Those that were received at a moment or later.
    #[must_use]
    pub fn after(self, moment: Timestamp) -> Self {
        self.filter(|event| event.time >= moment)
    }

    /// Those on one resource, such as `deployments`.
    #[must_use]
    pub fn on(self, resource: &str) -> Self {
        self.filter(|event| event.resource == resource)
    }

    /// Those in one namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        self.filter(|event| event.namespace == namespace)
    }

    /// What came after an earlier, unfiltered log: `cluster.audit().await?.since(before.len())`.
    #[must_use]
    pub fn since(mut self, length: usize) -> Self {
        self.events.drain(..length.min(self.events.len()));
        self
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &AuditEvent> {
        self.events.iter().map(AsRef::as_ref)
    }

    /// [`AuditEvent::line`] of each.
    pub fn lines(&self) -> Vec<String> {
        self.iter().map(AuditEvent::line).collect()
    }
}

impl Cluster {
    /// Every request that was answered before this call (reading by the control plane itself left out). Waits until the
    /// log has them: until a request of its own is in it, and the answer to every write received before that.
    pub async fn audit(&self) -> Result<AuditLog> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let marker = format!(
            "{MARKER}{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let client = self.admin()?;
        let mut tail = self.audit_tail().await?;
        match get(&client, &marker).await {
            Err(Error::Api { source, .. }) if matches!(*source, kube::Error::Api(_)) => {} // a 404, as meant
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        eventually(CATCH_UP, "the audit log has caught up", async || {
            tail.caught_up(&marker)
        })
        .await?;
        Ok(AuditLog {
            events: tail.events.clone(),
        })
    }
}

/// Reads the log as it grows.
#[derive(Debug)]
pub(crate) struct AuditTail {
    path: PathBuf,
    offset: u64,
    events: Vec<Arc<AuditEvent>>,
    /// Ids of writes received and not yet answered.
    under_way: HashSet<String>,
    /// For each marker the writes under way when it was answered: only those can be missing from the log.
    markers: HashMap<String, HashSet<String>>,
    /// How long the log was when an API server ended: what was under way then is never answered.
    ends: Arc<Mutex<Vec<u64>>>,
}

impl AuditTail {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            offset: 0,
            events: Vec::new(),
            under_way: HashSet::new(),
            markers: HashMap::new(),
            ends: Arc::default(),
        }
    }

    /// To be told when an API server ends.
    pub(crate) fn ends(&self) -> Ends {
        Ends {
            path: self.path.clone(),
            ends: self.ends.clone(),
        }
    }

    fn caught_up(&mut self, marker: &str) -> Result<()> {
        self.read_on()?;
        let earlier = self
            .markers
            .get(marker)
            .ok_or_else(|| not_yet("the last request is not logged yet"))?;
        match earlier.intersection(&self.under_way).count() {
            0 => Ok(()),
            some => Err(not_yet(format!("{some} writes are under way"))),
        }
    }

    fn read_on(&mut self) -> Result<()> {
        let what = || self.path.display().to_string();
        let mut file = File::open(&self.path).map_err(Error::io(what()))?;
        file.seek(SeekFrom::Start(self.offset))
            .map_err(Error::io(what()))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(Error::io(what()))?;
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |last| last + 1);
        for line in text[..whole].split_inclusive(|byte| *byte == b'\n') {
            self.offset += line.len() as u64;
            if !line.trim_ascii().is_empty() {
                let raw: Raw =
                    serde_json::from_slice(line).map_err(|error| Error::Audit(error.to_string()))?;
                self.take(raw);
            }
            let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
            if ends.iter().any(|end| *end <= self.offset) {
                ends.retain(|end| *end > self.offset);
                self.under_way.clear();
            }
        }
        Ok(())
    }

    fn take(&mut self, raw: Raw) {
        match raw.stage.as_str() {
            "RequestReceived" => drop(self.under_way.insert(raw.audit_id)),
            "ResponseComplete" | "Panic" => {
                self.under_way.remove(&raw.audit_id);
                if raw.request_uri.starts_with(MARKER) {
                    self.markers.insert(raw.request_uri, self.under_way.clone());
                } else {
                    self.events.push(Arc::new(raw.into()));
                }
            }
            // A watch that has begun: its completion may never come, so it counts now.
            "ResponseStarted" if raw.verb == "watch" => self.events.push(Arc::new(raw.into())),
            _ => {}
        }
    }
}

/// Where it is noted that an API server has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    path: PathBuf,
    ends: Arc<Mutex<Vec<u64>>>,
}

impl Ends {
    /// It has ended by now, and nothing it began will be answered.
    pub(crate) fn note(&self) {
        // Without a log nothing was begun.
        let Ok(log) = std::fs::metadata(&self.path) else {
            return;
        };
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.push(log.len());
    }
}

/// `audit.k8s.io/v1` Event, what we need of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    #[serde(rename = "auditID")]
    audit_id: String,
    stage: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: RawUser,
    impersonated_user: Option<RawUser>,
    #[serde(default, rename = "sourceIPs")]
    sources: Vec<String>,
    #[serde(default)]
    user_agent: String,
    object_ref: Option<RawObject>,
    response_status: Option<RawStatus>,
    request_object: Option<Value>,
    request_received_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct RawUser {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawObject {
    resource: String,
    namespace: String,
    name: String,
    api_group: String,
    subresource: String,
}

#[derive(Deserialize)]
struct RawStatus {
    #[serde(default)]
    code: u16,
}

impl From<Raw> for AuditEvent {
    fn from(raw: Raw) -> Self {
        let object = raw.object_ref.unwrap_or_default();
        // Deletions carry their options in the body.
        let in_body = raw.verb.starts_with("delete")
            && raw
                .request_object
                .as_ref()
                .is_some_and(|body| body["dryRun"].as_array().is_some_and(|all| !all.is_empty()));
        Self {
            time: raw.request_received_timestamp,
            user: raw.impersonated_user.unwrap_or(raw.user).username,
            source: raw.sources.into_iter().next().unwrap_or_default(),
            verb: raw.verb,
            group: object.api_group,
            resource: object.resource,
            subresource: object.subresource,
            namespace: object.namespace,
            name: object.name,
            code: raw.response_status.map_or(0, |status| status.code),
            user_agent: raw.user_agent,
            field_manager: parameter(&raw.request_uri, "fieldManager"),
            dry_run: in_body || parameter(&raw.request_uri, "dryRun").is_some(),
            force: parameter(&raw.request_uri, "force").is_some_and(|value| value == "true"),
            uri: raw.request_uri,
            request: raw.request_object,
        }
    }
}

/// A query parameter; managers are plain enough to be percent-encoded in one character only.
fn parameter(uri: &str, name: &str) -> Option<String> {
    let (_, query) = uri.split_once('?')?;
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.replace("%2F", "/").replace("%2f", "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_by_their_whole_name() {
        let uri = "/apis/apps/v1/namespaces/a/deployments/b?fieldManager=plimsoll%2Fredundancy&force=true";
        assert_eq!(
            parameter(uri, "fieldManager").as_deref(),
            Some("plimsoll/redundancy")
        );
        assert_eq!(parameter(uri, "Manager"), None);
        assert_eq!(parameter("/api/v1/pods", "force"), None);
    }
}
