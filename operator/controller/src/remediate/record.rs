//! What was changed and what was there before: kept, so that a change can be undone, and limits outlive a restart.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::name::ObjRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// For how long changes are counted as undone against a repair.
pub const UNDONE_WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// How often a repair may be undone in [`UNDONE_WINDOW`] before it is given up.
pub const UNDONE_LIMIT: usize = 3;
/// The window of a baseline's limit on changes to one object.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The object a record is about, as persisted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// API group, empty for the core group.
    pub group: String,
    /// Its `kind`.
    pub kind: String,
    /// Its namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl From<&ObjRef> for Target {
    fn from(object: &ObjRef) -> Self {
        Self {
            group: object.kind().info().group.into(),
            kind: object.kind().info().kind.into(),
            namespace: object.namespace().unwrap_or_default().into(),
            name: object.name().into(),
        }
    }
}

/// What was done to the object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Operation {
    /// It was created by us; before there was none.
    Create,
    /// Fields of it were changed.
    Update,
}

impl Operation {
    /// The word in the access log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// One touched field. Of created objects the manifest's content is not kept: they are in the cluster, and ours.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Touched {
    /// JSON pointer, empty for a created object as a whole.
    pub pointer: String,
    /// The value before; nothing if it was not set.
    pub before: Option<Value>,
    /// The value written.
    pub after: Value,
}

/// One change that was made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// When. With control and target it identifies the record: one sent again replaces the earlier.
    pub time: Timestamp,
    /// The control whose finding it repaired.
    pub control: String,
    /// The baseline that asked for the value.
    pub baseline: String,
    /// The object changed.
    pub target: Target,
    /// Its uid.
    pub uid: String,
    /// Of a created object, the uid of its namespace: in a new one of the same name nothing was ever done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_uid: Option<String>,
    /// What was done.
    pub operation: Operation,
    /// The touched fields only, never whole objects.
    pub fields: Vec<Touched>,
    /// When it was seen that somebody had undone it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<Timestamp>,
}

impl Record {
    /// Whether it is about a place of the object; the object as a whole is one too.
    fn touches(&self, pointer: &str) -> bool {
        self.fields.iter().any(|field| field.pointer == pointer)
    }
}

/// What a record is counted against: the object, or the namespace of a created one, by uid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Anchor<'a> {
    /// The object's uid, where it is an existing object that changes.
    pub uid: Option<&'a str>,
    /// The namespace's uid, where an object is created in one.
    pub namespace_uid: Option<&'a str>,
}

impl Anchor<'_> {
    fn holds(&self, record: &Record) -> bool {
        match record.operation {
            Operation::Update => self.uid == Some(record.uid.as_str()),
            Operation::Create => self.namespace_uid == record.namespace_uid.as_deref(),
        }
    }
}

/// Whether a change may be made now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Yes.
    Granted,
    /// The object was changed as often as its baselines allow per hour.
    Limited {
        /// When the next change is possible; nothing if never.
        until: Option<Timestamp>,
    },
    /// Somebody undid it as often as we try in a day.
    Ineffective {
        /// When it is tried again.
        until: Timestamp,
    },
}

/// The changes of the last day, by object.
#[derive(Debug, Default)]
pub struct History {
    by_target: BTreeMap<Target, Vec<Record>>,
}

impl History {
    /// Starts from what an earlier process or leader recorded.
    pub fn new(records: impl IntoIterator<Item = Record>) -> Self {
        let mut history = Self::default();
        for record in records {
            history.add(record);
        }
        history
    }

    /// Adds a record, or replaces the earlier state of the same one.
    pub fn add(&mut self, record: Record) {
        let records = self.by_target.entry(record.target.clone()).or_default();
        match records
            .iter_mut()
            .find(|r| r.time == record.time && r.control == record.control)
        {
            Some(known) => *known = record,
            None => records.push(record),
        }
    }

    /// Forgets what no limit looks at any more.
    pub fn prune(&mut self, now: Timestamp) {
        self.by_target.retain(|_, records| {
            records.retain(|r| is_within(r.undone.unwrap_or(r.time), UNDONE_WINDOW, now));
            !records.is_empty()
        });
    }

    /// The changes of the last day, for tests and dumps.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.by_target.values().flatten()
    }

    /// Marks the latest change by a control to a place of an object as undone, if it is not marked yet. To be called when the live
    /// object needs a change that this record says was made. Returns the record to be persisted again.
    pub fn mark_undone(
        &mut self,
        control: &str,
        target: &Target,
        anchor: Anchor<'_>,
        pointer: &str,
        is_undone: impl Fn(&Record) -> bool,
        now: Timestamp,
    ) -> Option<Record> {
        let latest = self
            .by_target
            .get_mut(target)?
            .iter_mut()
            .filter(|r| r.control == control && anchor.holds(r) && r.touches(pointer))
            .max_by_key(|r| r.time)?;
        if latest.undone.is_some() || !is_within(latest.time, UNDONE_WINDOW, now) || !is_undone(latest) {
            return None;
        }
        latest.undone = Some(now);
        Some(latest.clone())
    }

    /// Whether one more change may be made. The hourly limit counts the changes of all controls to the object; being
    /// undone counts per control, and a repair given up is tried again when a day has passed since the first of the
    /// times it was undone: a new generation does not renew it, for undoing makes one.
    pub fn admit(
        &self,
        control: &str,
        target: &Target,
        anchor: Anchor<'_>,
        per_hour: u32,
        now: Timestamp,
    ) -> Admission {
        let of_object = || {
            self.by_target
                .get(target)
                .into_iter()
                .flatten()
                .filter(|r| anchor.holds(r))
        };
        let undone = of_object()
            .filter(|r| r.control == control)
            .filter_map(|r| r.undone)
            .filter(|at| is_within(*at, UNDONE_WINDOW, now));
        if let Some(until) = full_until(undone, UNDONE_LIMIT, UNDONE_WINDOW) {
            return Admission::Ineffective { until };
        }
        let Ok(per_hour @ 1..) = usize::try_from(per_hour) else {
            return Admission::Limited { until: None };
        };
        let recent = of_object().map(|r| r.time).filter(|at| is_within(*at, HOUR, now));
        match full_until(recent, per_hour, HOUR) {
            Some(until) => Admission::Limited { until: Some(until) },
            None => Admission::Granted,
        }
    }

    /// When a control last changed a place of an object.
    pub fn last(&self, control: &str, target: &Target, pointer: &str) -> Option<&Record> {
        let records = self.by_target.get(target)?;
        records
            .iter()
            .filter(|r| r.control == control && r.touches(pointer))
            .max_by_key(|r| r.time)
    }
}

/// Whether a moment lies less than `window` back. One ahead of us (another replica's clock) counts as recent.
fn is_within(at: Timestamp, window: SignedDuration, now: Timestamp) -> bool {
    now.duration_since(at) < window
}

/// When a sliding window that holds `limit` or more moments has room again.
fn full_until(
    moments: impl Iterator<Item = Timestamp>,
    limit: usize,
    window: SignedDuration,
) -> Option<Timestamp> {
    let mut moments: Vec<_> = moments.collect();
    moments.sort_unstable();
    let blocking = moments.len().checked_sub(limit)?;
    Some(
        moments
            .get(blocking)?
            .saturating_add(window)
            .unwrap_or(Timestamp::MAX),
    )
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::kind::Kind;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn target() -> Target {
        Target::from(&ObjRef::new(Kind::Deployment, "shop", "web"))
    }

    fn record(minutes: i64, control: &str) -> Record {
        Record {
            time: at(minutes),
            control: control.into(),
            baseline: "production".into(),
            target: target(),
            uid: "u1".into(),
            namespace_uid: None,
            operation: Operation::Update,
            fields: vec![Touched {
                pointer: "/spec/replicas".into(),
                before: Some(1.into()),
                after: 2.into(),
            }],
            undone: None,
        }
    }

    const U1: Anchor<'_> = Anchor {
        uid: Some("u1"),
        namespace_uid: None,
    };

    #[test]
    fn the_hourly_limit_counts_all_controls_and_slides() {
        let history = History::new([record(0, "a"), record(10, "b"), record(20, "a")]);
        let admit = |limit, now| history.admit("a", &target(), U1, limit, at(now));
        assert_eq!(admit(3, 30), Admission::Limited { until: Some(at(60)) });
        assert_eq!(admit(2, 30), Admission::Limited { until: Some(at(70)) });
        assert_eq!(admit(4, 30), Admission::Granted);
        assert_eq!(admit(3, 60), Admission::Granted);
        assert_eq!(admit(0, 60), Admission::Limited { until: None });
    }

    #[test]
    fn a_recreated_object_starts_afresh() {
        let history = History::new([record(0, "a")]);
        let other = Anchor {
            uid: Some("u2"),
            namespace_uid: None,
        };
        assert_eq!(history.admit("a", &target(), other, 1, at(1)), Admission::Granted);
        assert_ne!(history.admit("a", &target(), U1, 1, at(1)), Admission::Granted);
    }

    #[test]
    fn undone_three_times_in_a_day_is_given_up_until_a_day_after_the_first() {
        let mut history = History::default();
        for minutes in [0, 60, 120] {
            assert_eq!(
                history.admit("a", &target(), U1, 3, at(minutes)),
                Admission::Granted
            );
            history.add(record(minutes, "a"));
            let undone =
                history.mark_undone("a", &target(), U1, "/spec/replicas", |_| true, at(minutes + 30));
            assert_eq!(undone.unwrap().undone, Some(at(minutes + 30)));
            let again = history.mark_undone("a", &target(), U1, "/spec/replicas", |_| true, at(minutes + 31));
            assert_eq!(again, None, "one change is undone once");
        }
        let until = at(30 + 24 * 60);
        let admit = |control, now| history.admit(control, &target(), U1, 3, now);
        assert_eq!(admit("a", at(200)), Admission::Ineffective { until });
        assert_eq!(
            admit("b", at(200)),
            Admission::Granted,
            "another control's repair"
        );
        assert_eq!(admit("a", until), Admission::Granted);
    }

    #[test]
    fn limits_outlive_a_restart() {
        let before = History::new([record(0, "a"), record(10, "a"), record(20, "a")]);
        let persisted = serde_json::to_string(&before.records().collect::<Vec<_>>()).unwrap();
        let after = History::new(serde_json::from_str::<Vec<Record>>(&persisted).unwrap());
        assert_eq!(
            after.admit("a", &target(), U1, 3, at(30)),
            Admission::Limited { until: Some(at(60)) }
        );
    }

    #[test]
    fn what_a_day_has_passed_over_is_forgotten() {
        let mut history = History::new([record(0, "a"), record(60, "a")]);
        history.prune(at(24 * 60));
        assert_eq!(history.records().count(), 1);
    }
}
