//! What was known of a unit before it could not be told for a while, such as while a watch is interrupted: that sight of it was
//! lost and came back is no news about it.

use std::{collections::BTreeMap, sync::Arc};

use plimsoll_engine::{
    finding::Verdict,
    report::{Transition, UnitKey, UnitResult},
};

/// The units that failed when sight of them was lost.
#[derive(Default)]
pub(super) struct Sight(BTreeMap<(Arc<str>, UnitKey), UnitResult>);

impl Sight {
    /// What changed since the unit was last seen; nothing while it cannot be told.
    pub(super) fn follow(&mut self, change: &Transition) -> Option<Transition> {
        let mut change = change.clone();
        let key = &change.after.as_ref().or(change.before.as_ref())?.key;
        let key = (change.baseline.clone(), key.clone());
        let Some(after) = &change.after else {
            self.0.remove(&key);
            return Some(change);
        };
        if matches!(after.verdict, Verdict::Unknown(_)) {
            if let Some(before) = change.before.filter(|before| before.verdict == Verdict::Fail) {
                self.0.insert(key, before);
            }
            return None;
        }
        if let Some(known) = self.0.remove(&key) {
            change.before = Some(known);
        }
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::{
        baseline::Mode,
        finding::{Basis, Severity},
        kind::Kind,
        name::ObjRef,
        report::Judgement,
        unknown::Unknown,
    };

    use super::*;

    fn unit(verdict: Verdict) -> UnitResult {
        let judgement = Judgement {
            control: "a/b",
            severity: Severity::High,
            basis: Basis::Automated,
            mode: Mode::Observe,
            environment: None,
            verdict,
            findings: Box::default(),
            notes: Box::default(),
            blind: false,
        };
        let subject = ObjRef::new(Kind::Deployment, "shop", "web");
        UnitResult {
            key: UnitKey {
                control: "a/b",
                subject,
            },
            judgement: Arc::new(judgement),
        }
    }

    fn unknown() -> UnitResult {
        unit(Verdict::Unknown(Unknown::new(
            "Stale",
            "the watch is interrupted",
        )))
    }

    fn before(
        sight: &mut Sight,
        before: impl Into<Option<UnitResult>>,
        after: impl Into<Option<UnitResult>>,
    ) -> Option<Verdict> {
        let change = Transition {
            baseline: "production".into(),
            before: before.into(),
            after: after.into(),
        };
        sight.follow(&change)?.before.map(|unit| unit.verdict.clone())
    }

    #[test]
    fn what_fails_before_and_after_it_could_not_be_told_failed_all_along() {
        let mut sight = Sight::default();
        assert_eq!(before(&mut sight, unit(Verdict::Fail), unknown()), None);
        assert_eq!(
            before(&mut sight, unknown(), unknown()),
            None,
            "for another reason"
        );
        assert_eq!(
            before(&mut sight, unknown(), unit(Verdict::Fail)),
            Some(Verdict::Fail)
        );
        assert!(sight.0.is_empty());
    }

    #[test]
    fn what_passed_or_was_not_there_is_news_when_it_fails() {
        let mut sight = Sight::default();
        before(&mut sight, unit(Verdict::Pass), unknown());
        let unclear = |verdict: Option<Verdict>| matches!(verdict, Some(Verdict::Unknown(_)));
        assert!(unclear(before(&mut sight, unknown(), unit(Verdict::Fail))));
        before(&mut sight, unit(Verdict::Fail), unknown());
        assert!(unclear(before(&mut sight, unknown(), None)), "gone meanwhile");
        assert_eq!(before(&mut sight, None, unit(Verdict::Fail)), None);
    }
}
