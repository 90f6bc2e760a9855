//! When a status is written again.

use std::time::{Duration, Instant};

use serde_json::Value;

/// Least time between two writes of one status.
const PAUSE: Duration = Duration::from_secs(5);
/// How often a status that says nothing new is confirmed.
const HEARTBEAT: Duration = Duration::from_mins(5);

/// A status as this process wrote it last.
pub(super) struct Kept<S> {
    pub(super) status: S,
    pub(super) written: Instant,
    /// `metadata.uid` of the object it was written to.
    pub(super) uid: Option<String>,
    /// `metadata.resourceVersion` of the object as it was known then, and as it has been since.
    versions: (Option<String>, Option<String>),
}

impl<S> Kept<S> {
    /// What was written to `object`, as it was known, and the version it has by the answer.
    pub(super) fn new(status: S, object: Option<&Value>, answered: Option<String>) -> Self {
        Self {
            status,
            uid: object.and_then(uid_of),
            versions: (object.and_then(version_of), answered),
            written: Instant::now(),
        }
    }

    /// The version of an object as it was heard of last: by the watch, or by the answer to our own write.
    pub(super) fn version(kept: Option<&Self>, object: &Value) -> Option<String> {
        let heard = version_of(object);
        match kept {
            Some(kept) if kept.versions.0 == heard => kept.versions.1.clone(),
            _ => heard,
        }
    }

    /// Whether it was written too short a time ago to be written again.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.written) < PAUSE
    }
}

pub(super) fn uid_of(object: &Value) -> Option<String> {
    Some(object.pointer("/metadata/uid")?.as_str()?.to_owned())
}

fn version_of(object: &Value) -> Option<String> {
    Some(object.pointer("/metadata/resourceVersion")?.as_str()?.to_owned())
}

/// Whether to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Now.
    Now,
    /// Not yet, or not at all.
    Not,
}

/// `written`: when this process last wrote it, if ever. `same`: whether it would say the same.
pub(super) fn due(written: Option<Instant>, same: bool, now: Instant) -> Due {
    let Some(written) = written else { return Due::Now };
    let age = now.saturating_duration_since(written);
    let limit = if same { HEARTBEAT } else { PAUSE };
    if age >= limit { Due::Now } else { Due::Not }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_our_own_write_until_the_watch_brings_another() {
        let object =
            |version: &str| serde_json::json!({ "metadata": { "uid": "u", "resourceVersion": version } });
        assert_eq!(Kept::<()>::version(None, &object("7")).as_deref(), Some("7"));
        let kept = Kept::new((), Some(&object("7")), Some("8".into()));
        let version = |object: &Value| Kept::version(Some(&kept), object);
        assert_eq!(
            version(&object("7")).as_deref(),
            Some("8"),
            "the watch has not brought it yet"
        );
        assert_eq!(version(&object("8")).as_deref(), Some("8"));
        assert_eq!(
            version(&object("9")).as_deref(),
            Some("9"),
            "somebody else wrote since"
        );
    }

    #[test]
    fn news_wait_five_seconds_and_heartbeats_five_minutes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(due(None, true, start), Due::Now);
        for (same, seconds, expected) in [
            (false, 4, Due::Not),
            (false, 5, Due::Now),
            (true, 5, Due::Not),
            (true, 299, Due::Not),
            (true, 300, Due::Now),
        ] {
            assert_eq!(
                due(Some(start), same, at(seconds)),
                expected,
                "{same} after {seconds} s"
            );
        }
    }
}
