//! When a step is looked at again, and what was said about it: level-triggered does not mean restless.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{finding::Change, name::ObjRef};

use super::plan::{Plan, Step};

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum For {
    /// The report to notice that the object is as wanted.
    Report,
    /// A better moment after a failure.
    Retry,
    /// The owner of the field to make the change, or to let go of it.
    Owner,
    /// A limit to have room again.
    Limit,
}

impl For {
    /// First and longest pause; they double in between.
    const fn pauses(self) -> (SignedDuration, SignedDuration) {
        let (first, longest) = match self {
            Self::Report => (5, 600),
            Self::Retry => (2, 600),
            Self::Owner | Self::Limit => (300, 300),
        };
        (
            SignedDuration::from_secs(first),
            SignedDuration::from_secs(longest),
        )
    }
}

#[derive(Clone, Debug)]
struct Wait {
    change: Change,
    waits_for: For,
    until: Timestamp,
    times: u32,
    told: Option<String>,
}

type Key = (&'static str, ObjRef, Box<str>);

/// The steps that wait, by control, object and place in it.
#[derive(Debug, Default)]
pub(super) struct Waits(BTreeMap<Key, Wait>);

fn key(step: &Step) -> Key {
    let change = &step.change;
    (step.control, change.target().clone(), change.pointer().into())
}

impl Waits {
    /// What a step still waits for. A plan that changed does not wait.
    pub(super) fn waits_for(&self, step: &Step, now: Timestamp) -> Option<For> {
        let wait = self.0.get(&key(step))?;
        (wait.change == step.change && now < wait.until).then_some(wait.waits_for)
    }

    /// Lets a step wait: until a moment, or longer each time it waits for the same again. Returns whether `word`, which
    /// says why, was not the last thing said of the step.
    pub(super) fn wait(
        &mut self,
        step: &Step,
        waits_for: For,
        until: Option<Timestamp>,
        word: Option<String>,
        now: Timestamp,
    ) -> bool {
        let before = self.0.remove(&key(step));
        let same = before
            .as_ref()
            .filter(|b| b.waits_for == waits_for && b.change == step.change);
        let times = same.map_or(0, |before| before.times.saturating_add(1));
        let until = until.unwrap_or_else(|| {
            let (first, longest) = waits_for.pauses();
            let pause = first.checked_mul(1 << times.min(16)).unwrap_or(longest);
            now.saturating_add(pause.min(longest)).unwrap_or(Timestamp::MAX)
        });
        let told = before.and_then(|before| before.told);
        let is_new = word.is_some() && word != told;
        let wait = Wait {
            change: step.change.clone(),
            waits_for,
            until,
            times,
            told: word.or(told),
        };
        self.0.insert(key(step), wait);
        is_new
    }

    /// Forgets the steps that are no longer planned.
    pub(super) fn keep_planned(&mut self, plans: &[Plan]) {
        let planned: BTreeSet<Key> = plans.iter().flat_map(|plan| &plan.steps).map(key).collect();
        self.0.retain(|key, _| planned.contains(key));
    }

    /// When the first wait ends. Steps behind one that waits may have waited long enough themselves: they do not count.
    pub(super) fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.0
            .values()
            .map(|wait| wait.until)
            .filter(|until| *until > now)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::{finding::Change, kind::Kind};

    use super::*;

    fn step(to: i32) -> Step {
        Step {
            control: "a/b",
            change: Change::Replicas {
                target: ObjRef::new(Kind::Deployment, "shop", "web"),
                from: 1,
                to,
            },
            baseline: "production".into(),
            max_changes_per_hour: 3,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut waits = Waits::default();
        let mut pauses = Vec::new();
        for _ in 0..12 {
            waits.wait(&step(2), For::Retry, None, None, at(0));
            pauses.push(waits.next(at(0)).unwrap().as_second());
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
    }

    #[test]
    fn a_changed_plan_does_not_wait_and_starts_over() {
        let mut waits = Waits::default();
        waits.wait(&step(2), For::Retry, None, None, at(0));
        assert_eq!(waits.waits_for(&step(2), at(1)), Some(For::Retry));
        assert_eq!(waits.waits_for(&step(2), at(2)), None);
        assert_eq!(waits.waits_for(&step(3), at(1)), None);
        waits.wait(&step(3), For::Retry, None, None, at(1));
        assert_eq!(waits.next(at(0)), Some(at(3)));
    }

    #[test]
    fn the_same_is_said_once() {
        let mut waits = Waits::default();
        let mut says = |word: &str| waits.wait(&step(2), For::Owner, None, Some(word.into()), at(0));
        assert!(says("argocd"));
        assert!(!says("argocd"));
        assert!(says("flux"));
    }

    #[test]
    fn what_is_no_longer_planned_is_forgotten() {
        let mut waits = Waits::default();
        waits.wait(&step(2), For::Retry, None, None, at(0));
        waits.keep_planned(&[]);
        assert_eq!(waits.next(at(0)), None);
    }
}
