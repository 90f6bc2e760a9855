//! What a restore test writes about itself: a small JSON object, from whoever may create a Job.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use super::Mechanism;
use crate::{duration::Duration, text::escape};

/// Longest result that is read: what fits into a termination message.
pub(crate) const LONGEST: usize = 4096;
/// Longest backup id that is kept.
const LONGEST_ID: usize = 128;

/// A name as others wrote it, shortened and made safe to show.
pub(crate) fn short(text: &str) -> Box<str> {
    let cut: String = text.chars().take(LONGEST_ID).collect();
    escape(&cut).chars().take(LONGEST_ID).collect::<String>().into()
}

/// The result of a restore test, parsed. Of JSON that cannot be read only that is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RestoreResult {
    /// Which backup was restored.
    pub backup: Box<str>,
    /// When that backup was made.
    pub backup_time: Option<Timestamp>,
    /// How many rows were read from what was restored.
    pub rows: u64,
    /// How many tables (collections, files) were.
    pub tables: u64,
    /// Whether the test compared what it read with what it expected, and found them equal.
    pub checksum_ok: bool,
    /// How long the restore took.
    pub duration: Option<Duration>,
    /// How the backup was made.
    pub mechanism: Option<Mechanism>,
    /// Whether it is no result at all.
    pub unreadable: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, default)]
    backup: Cow<'a, str>,
    #[serde(default)]
    backup_time: Option<Timestamp>,
    #[serde(default)]
    rows: u64,
    #[serde(default)]
    tables: u64,
    #[serde(default)]
    checksum_ok: bool,
    #[serde(default)]
    duration: Option<Length>,
    #[serde(default)]
    mechanism: Option<Mechanism>,
}

/// A duration such as `14m`, or a number of seconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Length {
    Seconds(u32),
    Written(Duration),
}

impl RestoreResult {
    /// Reads a result. Whatever the text is, little of it is kept.
    pub fn read(text: &str) -> Self {
        let unreadable = Self {
            unreadable: true,
            ..Self::default()
        };
        // serde would read a list as an object whose fields come in order.
        if text.len() > LONGEST || !text.trim_start().starts_with('{') {
            return unreadable;
        }
        let Ok(wire) = serde_json::from_str::<Wire<'_>>(text) else {
            return unreadable;
        };
        Self {
            backup: short(&wire.backup),
            backup_time: wire.backup_time,
            rows: wire.rows,
            tables: wire.tables,
            checksum_ok: wire.checksum_ok,
            duration: wire.duration.map(|length| match length {
                Length::Seconds(seconds) => Duration::from_secs(seconds),
                Length::Written(duration) => duration,
            }),
            mechanism: wire.mechanism,
            unreadable: false,
        }
    }

    /// A termination message that is meant as a result: an object that names a backup. Other programs write there too.
    pub(crate) fn read_message(text: &str) -> Option<Self> {
        let text = text.trim();
        let meant = text.len() <= LONGEST && text.starts_with('{') && text.contains("\"backup\"");
        meant.then(|| Self::read(text))
    }

    /// Why the result verifies nothing, if so.
    pub fn flaw(&self) -> Option<&'static str> {
        if self.unreadable {
            Some("its result cannot be read")
        } else if self.backup.is_empty() {
            Some("its result names no backup")
        } else if self.rows == 0 && self.tables == 0 {
            Some("its result counts neither rows nor tables")
        } else if !self.checksum_ok {
            Some("its result does not say that the checksum is right")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const GOOD: &str = r#"{"backup":"shop-20260601","backupTime":"2026-06-01T02:00:00Z","rows":1200,"checksumOk":true,"duration":"14m"}"#;

    #[test]
    fn a_whole_result_is_kept() {
        let result = RestoreResult::read(GOOD);
        assert_eq!(result.flaw(), None);
        assert_eq!((&*result.backup, result.rows), ("shop-20260601", 1200));
        assert_eq!(result.duration, Some(Duration::from_mins(14)));
        assert_eq!(
            RestoreResult::read(&GOOD.replace("\"14m\"", "840")).duration,
            result.duration
        );
    }

    #[rstest]
    #[case("", "its result cannot be read")]
    #[case("ok", "its result cannot be read")]
    #[case("[]", "its result cannot be read")]
    #[case("{}", "its result names no backup")]
    #[case(r#"{"backup":5}"#, "its result cannot be read")]
    #[case(r#"{"backup":"b","rows":-1}"#, "its result cannot be read")]
    #[case(
        r#"{"backup":"b","rows":0,"checksumOk":true}"#,
        "its result counts neither rows nor tables"
    )]
    #[case(
        r#"{"backup":"b","rows":1}"#,
        "its result does not say that the checksum is right"
    )]
    #[case(
        r#"{"backup":"b","tables":1,"checksumOk":false}"#,
        "its result does not say that the checksum is right"
    )]
    fn what_verifies_nothing_says_why(#[case] text: &str, #[case] why: &str) {
        assert_eq!(RestoreResult::read(text).flaw(), Some(why));
    }

    #[test]
    fn hostile_text_is_bounded() {
        let deep = "[".repeat(4000);
        assert!(RestoreResult::read(&deep).unreadable);
        let long = format!(
            r#"{{"backup":"{}\u001b[31m","rows":1,"checksumOk":true}}"#,
            "x".repeat(3000)
        );
        let kept = RestoreResult::read(&long);
        assert_eq!((kept.backup.len(), kept.flaw()), (LONGEST_ID, None));
        assert!(RestoreResult::read(&GOOD.replace("shop", &"y".repeat(5000))).unreadable);
        let coloured = RestoreResult::read(r#"{"backup":"\u001b[31m"}"#);
        assert_eq!(&*coloured.backup, "\\u{1b}[31m");
    }

    #[test]
    fn other_termination_messages_are_no_results() {
        assert!(RestoreResult::read_message(GOOD).is_some());
        for other in ["", "OOM", r#"{"level":"error"}"#, "\"backup\""] {
            assert!(RestoreResult::read_message(other).is_none(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_little_is_kept(text in "\\PC*") {
            prop_assert!(RestoreResult::read(&text).backup.len() <= LONGEST_ID * 4);
        }
    }
}
