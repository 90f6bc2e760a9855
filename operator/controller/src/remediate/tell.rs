//! Who is told what: an Event on the object, and one line of the access log per attempt to write.

use jiff::{Timestamp, tz::TimeZone};
use k8s_openapi::api::{authentication::v1::SelfSubjectReview, core::v1::ObjectReference};
use kube::{
    Client,
    api::{Api, PostParams},
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use plimsoll_engine::{memory::Fingerprint, name::ObjRef};
use serde_json::Value;

use super::{apply::Intent, plan::Step};
use crate::output::text::{cut, harmless};

/// `target` of the access log's lines among the process's logs.
pub const ACCESS_LOG: &str = "plimsoll::access";

/// Why an Event was written: its `reason`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A change was made.
    Remediated,
    /// The field belongs to somebody else.
    ManagedElsewhere,
    /// A change could not be made.
    RemediationFailed,
    /// A change does not last, or does not help.
    RemediationIneffective,
}

impl Reason {
    /// The word in the Event.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Remediated => "Remediated",
            Self::ManagedElsewhere => "ManagedElsewhere",
            Self::RemediationFailed => "RemediationFailed",
            Self::RemediationIneffective => "RemediationIneffective",
        }
    }

    const fn type_(self) -> EventType {
        match self {
            Self::Remediated => EventType::Normal,
            _ => EventType::Warning,
        }
    }
}

/// Tells people and the access log.
pub(super) struct Teller {
    recorder: Recorder,
    user: String,
    source: String,
}

impl Teller {
    /// `source` is the pod this process runs as.
    pub(super) async fn new(client: Client, source: &str) -> Self {
        let reporter = Reporter {
            controller: "plimsoll.dev/remediation".into(),
            instance: Some(source.into()),
        };
        Self {
            user: user(&client).await,
            recorder: Recorder::new(client, reporter),
            source: source.into(),
        }
    }

    /// Writes an Event on the object of a step. That it could not be written is logged and stops nothing.
    pub(super) async fn event(&self, step: &Step, uid: Option<&str>, reason: Reason, note: String) {
        let event = Event {
            type_: reason.type_(),
            reason: reason.word().into(),
            note: Some(bounded(&format!("{}: {note}", step.control))),
            action: "Remediate".into(),
            secondary: None,
        };
        let reference = reference(step.change.target(), uid);
        if let Err(error) = self.recorder.publish(&event, &reference).await {
            tracing::warn!(%error, control = step.control, reason = reason.word(), "an Event could not be written");
        }
    }

    /// One line per attempt to write, also for one that failed: who did what to which object, and what came of it.
    pub(super) fn access(&self, intent: &Intent, uid: Option<&str>, result: &str) {
        let (date, time) = date_and_time(Timestamp::now());
        let step = &intent.step;
        let target = step.change.target();
        let (before, after) = hashes(intent);
        tracing::info!(
            target: ACCESS_LOG,
            date,
            time,
            user = self.user,
            entity.group = target.kind().info().group,
            entity.kind = target.kind().info().kind,
            entity.namespace = target.namespace().unwrap_or_default(),
            entity.name = target.name(),
            entity.uid = uid.or(intent.uid.as_deref()).unwrap_or_default(),
            operation = intent.operation().word(),
            source = self.source,
            control = step.control,
            baseline = &*step.baseline,
            before,
            after,
            result,
            "remediation"
        );
    }
}

/// Date and time in UTC, as the access log has them.
fn date_and_time(at: Timestamp) -> (String, String) {
    let at = at.to_zoned(TimeZone::UTC);
    (
        at.strftime("%Y-%m-%d").to_string(),
        at.strftime("%H:%M:%S%.3fZ").to_string(),
    )
}

/// Digests of the touched fields before and after: the line proves what changed without repeating it.
fn hashes(intent: &Intent) -> (String, String) {
    let digest = |values: Vec<Value>| Fingerprint::of(&[&Value::Array(values).to_string()]).to_string();
    let before = intent.fields.iter().map(|f| f.before.clone().unwrap_or_default());
    let after = match intent.manifest() {
        Some(manifest) => vec![manifest.clone()],
        None => intent.fields.iter().map(|f| f.after.clone()).collect(),
    };
    (digest(before.collect()), digest(after))
}

/// The account this process writes as.
async fn user(client: &Client) -> String {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let review = api
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await;
    let name = review.map(|review| review.status.and_then(|s| s.user_info).and_then(|u| u.username));
    name.ok().flatten().unwrap_or_else(|| "unknown".into())
}

fn reference(target: &ObjRef, uid: Option<&str>) -> ObjectReference {
    ObjectReference {
        api_version: Some(target.kind().api_version()),
        kind: Some(target.kind().info().kind.into()),
        namespace: target.namespace().map(Into::into),
        name: Some(target.name().into()),
        uid: uid.map(Into::into),
        ..ObjectReference::default()
    }
}

/// One harmless line, as in the events about verdicts; the API server refuses longer notes.
fn bounded(note: &str) -> String {
    const LONGEST: usize = 1024;
    let mut line = harmless(note);
    cut(&mut line, LONGEST);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_log_says_date_and_time_in_utc() {
        let at: Timestamp = "2028-02-29T23:59:58.0071+01:00".parse().unwrap();
        let expected = ("2028-02-29".to_owned(), "22:59:58.007Z".to_owned());
        assert_eq!(date_and_time(at), expected);
    }

    #[test]
    fn notes_are_cut_between_characters() {
        let cut = bounded(&"ä".repeat(600));
        assert!(cut.len() <= 1024 && cut.ends_with('…'), "{}", cut.len());
        assert_eq!(bounded("short"), "short");
    }
}
