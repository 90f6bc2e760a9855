//! From what a control said to the verdict that is published: time, memory and exceptions.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::evaluate::Outcome;
use crate::{
    baseline::Entry,
    dep::Dep,
    exception::Exception,
    finding::{Finding, Verdict},
    inventory::Inventory,
    memory::{Fingerprint, Held, Seen},
    name::ObjRef,
    report::{Judgement, Reported, State},
    unknown::Unknown,
};

/// Whether new failures are given time to settle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Grace {
    /// Never: a scan looks once.
    Never,
    /// Only for young objects: what is wrong when the operator starts was wrong before.
    Starting,
    /// For young objects and for verdicts that turn to Fail.
    Watching,
}

/// Everything the verdict on one unit depends on beside what its control said.
pub(crate) struct Settling<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) subject: &'a ObjRef,
    /// What is remembered of the unit.
    pub(crate) known: &'a [Seen],
    /// As what it is remembered, where anything is in its namespace.
    pub(crate) unit: Option<Fingerprint>,
    pub(crate) exceptions: &'a [Arc<Exception>],
    pub(crate) inventory: &'a Inventory,
    pub(crate) before: Option<&'a Judgement>,
    pub(crate) grace: Grace,
    pub(crate) now: Timestamp,
}

/// The verdict, what is to be remembered, and when to look again.
pub(crate) struct Settled {
    /// `None` out of scope.
    pub(crate) judgement: Option<Judgement>,
    pub(crate) seen: Vec<Seen>,
    /// As what the unit is remembered, where anything is in its namespace: to tell it costs as much as to judge some units.
    pub(crate) unit: Option<Fingerprint>,
    pub(crate) wake: Option<Timestamp>,
    /// What was read beyond the control's own reads.
    pub(crate) deps: Vec<Dep>,
}

impl Settling<'_> {
    /// Takes the findings out of the outcome.
    pub(crate) fn settle(&self, outcome: &mut Outcome) -> Settled {
        let mut settled = Settled {
            judgement: None,
            seen: Vec::new(),
            unit: self.unit,
            wake: None,
            deps: Vec::new(),
        };
        if !outcome.in_scope {
            return settled;
        }
        let found = std::mem::take(&mut outcome.findings.found);
        let mut reported: Vec<Reported> = Vec::with_capacity(found.len());
        settled.seen.reserve_exact(found.len());
        let mut held = None;
        for finding in found {
            let seen = self.seen(&finding);
            // Two findings of one reason on one object are one.
            if settled.seen.iter().any(|s| s.fingerprint == seen.fingerprint) {
                continue;
            }
            let state = self.state(&finding, &seen, &mut settled);
            if matches!(state, State::Settling(_)) {
                held = held.or(Some(seen.held));
            }
            reported.push(Reported {
                severity: finding.severity.unwrap_or(self.entry.severity),
                fingerprint: seen.fingerprint,
                first_seen: seen.first_seen,
                finding,
                state,
            });
            settled.seen.push(seen);
        }
        if outcome.findings.unknown.is_some() {
            // What cannot be seen now is not gone: its age goes on.
            let lost = self
                .known
                .iter()
                .filter(|k| !settled.seen.iter().any(|s| s.fingerprint == k.fingerprint));
            let lost: Vec<Seen> = lost.cloned().collect();
            settled.seen.extend(lost);
        }
        settled.seen.sort_by_key(|seen| seen.fingerprint);
        let verdict = verdict(outcome, &reported, held);
        settled.judgement = Some(self.judgement(outcome, verdict, reported));
        settled
    }

    fn judgement(&self, outcome: &mut Outcome, verdict: Verdict, findings: Vec<Reported>) -> Judgement {
        Judgement {
            control: self.entry.control.meta().id,
            severity: self.entry.severity,
            basis: self.entry.control.meta().basis,
            mode: self.entry.mode,
            environment: outcome.environment.clone(),
            verdict,
            findings: findings.into(),
            notes: std::mem::take(&mut outcome.findings.notes).into(),
            blind: false,
        }
    }

    fn seen(&self, finding: &Finding) -> Seen {
        let fingerprint = fingerprint(
            &self.entry.settings.baseline,
            self.entry.control.meta().id,
            finding,
        );
        let fail_after: SignedDuration = self.entry.fail_after.into();
        if let Some(seen) = self.known.iter().find(|seen| seen.fingerprint == fingerprint) {
            // A grace that was shortened since ends earlier.
            let latest = seen.first_seen.checked_add(fail_after).unwrap_or(Timestamp::MAX);
            return Seen {
                fails_at: seen.fails_at.min(latest),
                ..seen.clone()
            };
        }
        let (fails_at, held) = self.grace_for(self.subject, fail_after);
        Seen {
            fingerprint,
            first_seen: self.now,
            fails_at,
            held,
        }
    }

    /// From when on a failure seen for the first time counts, and what stands until then.
    fn grace_for(&self, subject: &ObjRef, fail_after: SignedDuration) -> (Timestamp, Held) {
        let at_once = (self.now, Held::Unknown);
        if self.grace == Grace::Never || fail_after.is_zero() {
            return at_once;
        }
        let created = self
            .inventory
            .get(subject)
            .and_then(|object| object.meta.creation_timestamp());
        let grown = created.and_then(|created| created.checked_add(fail_after).ok());
        if let Some(grown) = grown.filter(|grown| *grown > self.now) {
            // A creation time ahead of our clock must not buy more than one grace.
            let latest = self.now.checked_add(fail_after).unwrap_or(grown);
            return (grown.min(latest), Held::Unknown);
        }
        let held = match self.before.map(|before| &before.verdict) {
            Some(Verdict::Pass) => Held::Pass,
            Some(Verdict::NotApplicable(_)) => Held::NotApplicable,
            // Nobody saw it pass: it was wrong before we looked, or already failing.
            _ => return at_once,
        };
        match self.grace {
            Grace::Watching => (self.now.checked_add(fail_after).unwrap_or(Timestamp::MAX), held),
            _ => at_once,
        }
    }

    fn state(&self, finding: &Finding, seen: &Seen, settled: &mut Settled) -> State {
        let exception = self.exception_for(finding, &mut settled.deps);
        let mut wake_at = |at: Timestamp| settled.wake = Some(settled.wake.map_or(at, |w| w.min(at)));
        if let Some(exception) = exception {
            wake_at(exception.expires);
            return State::Waived(exception.name.clone());
        }
        if seen.fails_at > self.now {
            wake_at(seen.fails_at);
            return State::Settling(seen.fails_at);
        }
        State::Failing
    }

    /// The exception that covers a finding longest. The labels of the finding's namespace are read where one selects by them.
    fn exception_for(&self, finding: &Finding, deps: &mut Vec<Dep>) -> Option<&Arc<Exception>> {
        let by_label = self
            .exceptions
            .iter()
            .any(|e| e.selector.namespace_selector.is_some());
        let namespace = finding
            .object
            .governing_namespace()
            .filter(|_| by_label)
            .map(ObjRef::namespace_object);
        deps.extend(namespace.as_ref().map(Dep::object));
        let labels = namespace
            .and_then(|name| self.inventory.get(&name))
            .map(|object| &object.meta.labels);
        self.exceptions
            .iter()
            .filter(|e| e.expires > self.now)
            .filter(|e| {
                e.covers(
                    &self.entry.settings.baseline,
                    self.entry.control.meta().id,
                    finding,
                    labels,
                )
            })
            .max_by_key(|e| (e.expires, std::cmp::Reverse(e.name.clone())))
    }
}

/// Fail if anything counts; Unknown if anything could not be told; what stood before while it settles; Waived; as said.
fn verdict(outcome: &Outcome, reported: &[Reported], held: Option<Held>) -> Verdict {
    if reported.iter().any(|r| r.state == State::Failing) {
        return Verdict::Fail;
    }
    if let Some(unknown) = &outcome.findings.unknown {
        return Verdict::Unknown(unknown.clone());
    }
    match held {
        Some(Held::Pass) => return Verdict::Pass,
        Some(Held::NotApplicable) => {
            return Verdict::NotApplicable("did not apply before; a failure is settling");
        }
        Some(Held::Unknown) => {
            let why = "the object is younger than failAfter and does not pass yet";
            return Verdict::Unknown(Unknown::new("Settling", why).live_only());
        }
        None => {}
    }
    match outcome.findings.not_applicable {
        _ if !reported.is_empty() => Verdict::Waived,
        Some(reason) => Verdict::NotApplicable(reason),
        None => Verdict::Pass,
    }
}

/// Identifies a finding: baseline, control, object, reason and what tells it apart. No uid, no index, no message.
fn fingerprint(baseline: &str, control: &str, finding: &Finding) -> Fingerprint {
    let object = &finding.object;
    Fingerprint::of(&[
        baseline,
        control,
        &object.kind().resource(),
        object.namespace().unwrap_or(""),
        object.name(),
        finding.reason,
        finding.detail.as_deref().unwrap_or(""),
    ])
}
