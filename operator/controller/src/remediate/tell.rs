//! Who is told what: an Event on the object, and one line of the access log per attempt to write.

use jiff::{Timestamp, tz::TimeZone};
use k8s_openapi::{
    api::{authentication::v1::SelfSubjectReview, core::v1::ObjectReference},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Client,
    api::{Api, ObjectMeta, PostParams},
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use plimsoll_engine::{memory::Fingerprint, name::ObjRef, text::cut};
use serde_json::Value;

use super::{apply::Intent, plan::Step};
use crate::output::text::harmless;

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

/// `reportingController` of our Events.
const CONTROLLER: &str = "plimsoll.dev/remediation";
/// Begin of the `action` of our Events; the control follows, so that what two controls did is not counted as one thing done twice.
const ACTION: &str = "Remediate";

/// Tells people and the access log.
pub(super) struct Teller {
    client: Client,
    recorder: Recorder,
    user: String,
    source: String,
}

impl Teller {
    /// `source` is the pod this process runs as.
    pub(super) async fn new(client: Client, source: &str) -> Self {
        let reporter = Reporter {
            controller: CONTROLLER.into(),
            instance: Some(source.into()),
        };
        Self {
            user: user(&client).await,
            recorder: Recorder::new(client.clone(), reporter),
            client,
            source: source.into(),
        }
    }

    /// Writes an Event on the object of a step. That it could not be written is logged and stops nothing.
    pub(super) async fn event(&self, step: &Step, uid: Option<&str>, reason: Reason, note: String) {
        let note = bounded(&format!("{}: {note}", step.control));
        let action = format!("{ACTION}/{}", step.control);
        let reference = reference(step.change.target(), uid);
        let written = match reason {
            // Told by who wrote, and by nobody else.
            Reason::Remediated => {
                let event = Event {
                    type_: reason.type_(),
                    reason: reason.word().into(),
                    note: Some(note),
                    action,
                    secondary: None,
                };
                self.recorder.publish(&event, &reference).await
            }
            _ => self.tell_once(reference, reason, action, note).await,
        };
        if let Err(error) = written {
            tracing::warn!(%error, control = step.control, reason = reason.word(), "an Event could not be written");
        }
    }

    /// Every leader finds the same in its way, and only the first is to say so: the name says what is told.
    async fn tell_once(
        &self,
        regarding: ObjectReference,
        reason: Reason,
        action: String,
        note: String,
    ) -> Result<(), kube::Error> {
        let event = notice(regarding, reason, action, note, &self.source);
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let events: Api<k8s_openapi::api::events::v1::Event> =
            Api::namespaced(self.client.clone(), &namespace);
        match events.create(&PostParams::default(), &event).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            told => told.map(drop),
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

/// An Event whose name follows from what it tells of which object. The server keeps one for an hour.
fn notice(
    regarding: ObjectReference,
    reason: Reason,
    action: String,
    note: String,
    source: &str,
) -> k8s_openapi::api::events::v1::Event {
    // As the API server has it: those about objects without a namespace are in this one.
    let namespace = regarding.namespace.clone().unwrap_or_else(|| "default".into());
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (kind, name, uid) = (text(&regarding.kind), text(&regarding.name), text(&regarding.uid));
    let told = Fingerprint::of(&[
        &text(&regarding.api_version),
        &kind,
        &name,
        &uid,
        reason.word(),
        &note,
    ]);
    k8s_openapi::api::events::v1::Event {
        metadata: ObjectMeta {
            name: Some(format!("plimsoll.{told}")),
            namespace: Some(namespace),
            ..ObjectMeta::default()
        },
        action: Some(action),
        event_time: Some(MicroTime(Timestamp::now())),
        note: Some(note),
        reason: Some(reason.word().into()),
        regarding: Some(regarding),
        reporting_controller: Some(CONTROLLER.into()),
        reporting_instance: Some(source.chars().take(128).collect()),
        type_: Some(
            match reason.type_() {
                EventType::Normal => "Normal",
                EventType::Warning => "Warning",
            }
            .into(),
        ),
        ..k8s_openapi::api::events::v1::Event::default()
    }
}

/// One harmless line, as in the events about verdicts; the API server refuses longer notes.
fn bounded(note: &str) -> String {
    const LONGEST: usize = 1024;
    cut(&harmless(note), LONGEST)
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
    fn the_same_told_of_the_same_object_has_the_same_name() {
        let name = |uid: &str, reason: Reason, note: &str, source: &str| {
            let regarding = ObjectReference {
                kind: Some("ClusterRole".into()),
                name: Some("a:b".repeat(80)),
                uid: Some(uid.into()),
                ..ObjectReference::default()
            };
            let event = notice(regarding, reason, "Remediate/a/b".into(), note.into(), source);
            assert_eq!(event.metadata.namespace.as_deref(), Some("default"));
            event.metadata.name.unwrap()
        };
        let told = name("u", Reason::ManagedElsewhere, "by argocd", "pod-1");
        assert!(
            told.strip_prefix("plimsoll.")
                .is_some_and(|hash| hash.bytes().all(|b| b.is_ascii_hexdigit())),
            "{told}"
        );
        assert_eq!(told, name("u", Reason::ManagedElsewhere, "by argocd", "pod-2"));
        for other in [
            name("v", Reason::ManagedElsewhere, "by argocd", "pod-1"),
            name("u", Reason::RemediationFailed, "by argocd", "pod-1"),
            name("u", Reason::ManagedElsewhere, "by flux", "pod-1"),
        ] {
            assert_ne!(told, other);
        }
    }

    #[test]
    fn notes_are_cut_between_characters() {
        let cut = bounded(&"ä".repeat(600));
        assert!(cut.len() <= 1024 && cut.ends_with('…'), "{}", cut.len());
        assert_eq!(bounded("short"), "short");
    }
}
