//! One pass over the plans: look, ask the limits, write, remember, tell.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::finding::{Change, RepairClass};

use super::{
    Remediation,
    apply::{Intent, Look, Writer},
    counters::{Labels, Outcome, class_word},
    error::Error,
    owner::Manager,
    plan::{Plan, Step},
    record::{Admission, History, Operation, Record, Target},
    tell::{Reason, Teller},
    waits::{For, Waits},
};

/// How many namespaces are worked on at once.
const AT_ONCE: usize = 4;
/// How long a finding may outlive the change that repairs it.
const SURVIVES: SignedDuration = SignedDuration::from_mins(10);

/// What one term of leadership knows.
pub(super) struct Term<'a> {
    of: &'a Remediation,
    writer: Writer,
    teller: Teller,
    state: Mutex<State>,
}

struct State {
    history: History,
    waits: Waits,
}

impl<'a> Term<'a> {
    pub(super) fn new(of: &'a Remediation, teller: Teller, records: Vec<Record>) -> Self {
        let history = History::new(records);
        let waits = Waits::default();
        Self {
            of,
            writer: Writer::new(of.client.clone()),
            teller,
            state: Mutex::new(State { history, waits }),
        }
    }

    /// Carries out what can be now; returns when it is worth trying again without being asked.
    pub(super) async fn pass(&self, plans: Vec<Plan>) -> Option<Timestamp> {
        {
            let mut state = self.state();
            state.history.prune(Timestamp::now());
            state.waits.keep_planned(&plans);
        }
        // By namespace, so that no two controls change one object at the same time.
        let mut jobs: BTreeMap<String, Vec<Plan>> = BTreeMap::new();
        for plan in plans {
            let place = plan.unit.subject.governing_namespace().unwrap_or_default();
            jobs.entry(place.to_owned()).or_default().push(plan);
        }
        let jobs = stream::iter(jobs.into_values());
        jobs.for_each_concurrent(AT_ONCE, |plans| async move {
            for plan in plans {
                self.carry_out(&plan).await;
            }
        })
        .await;
        self.state().waits.next(Timestamp::now())
    }

    async fn carry_out(&self, plan: &Plan) {
        for step in &plan.steps {
            if self.of.is_over() || self.take(step).await.is_break() {
                return;
            }
        }
    }

    /// Takes one step; breaks if those behind it must not be taken.
    async fn take(&self, step: &Step) -> ControlFlow<()> {
        match self.state().waits.waits_for(step, Timestamp::now()) {
            Some(For::Report) => return ControlFlow::Continue(()),
            Some(_) => return ControlFlow::Break(()),
            None => {}
        }
        match self.writer.look(step).await {
            Ok(Look::AlreadyThere) => {
                self.already_there(step).await;
                ControlFlow::Continue(())
            }
            Ok(Look::ManagedElsewhere { manager, uid }) => {
                self.managed_elsewhere(step, &manager, &uid).await;
                ControlFlow::Break(())
            }
            Ok(Look::Write(intent)) => self.write(&intent).await,
            Err(error) => {
                self.failed(step, None, &error).await;
                ControlFlow::Break(())
            }
        }
    }

    async fn write(&self, intent: &Intent) -> ControlFlow<()> {
        self.notice_undone(intent).await;
        if self.is_held_back(intent).await {
            return ControlFlow::Break(());
        }
        match self.writer.write(intent, &*self.of.fence).await {
            Ok(uid) => {
                self.written(intent, uid).await;
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.teller.access(intent, None, error.category());
                self.failed(&intent.step, intent.uid.as_deref(), &error).await;
                ControlFlow::Break(())
            }
        }
    }

    async fn written(&self, intent: &Intent, uid: String) {
        let (step, now) = (&intent.step, Timestamp::now());
        self.teller.access(intent, Some(&uid), "applied");
        let record = Record {
            time: now,
            control: step.control.into(),
            baseline: step.baseline.to_string(),
            target: Target::from(step.change.target()),
            uid: uid.clone(),
            namespace_uid: intent.namespace_uid.clone(),
            operation: intent.operation(),
            fields: intent.fields.clone(),
            undone: None,
        };
        {
            let mut state = self.state();
            state.history.add(record.clone());
            state.waits.wait(step, For::Report, None, None, now);
        }
        self.keep(record).await;
        self.count(step, Outcome::Applied);
        let note = step.change.to_string();
        self.teller
            .event(step, Some(&uid), Reason::Remediated, note)
            .await;
    }

    /// The live object needs what we once wrote: somebody undid it.
    async fn notice_undone(&self, intent: &Intent) {
        let target = Target::from(intent.step.change.target());
        let is_undone = |record: &Record| is_undone(record, intent);
        let undone = self.state().history.mark_undone(
            intent.step.control,
            &target,
            intent.anchor(),
            intent.step.change.pointer(),
            is_undone,
            Timestamp::now(),
        );
        if let Some(record) = undone {
            self.keep(record).await;
        }
    }

    /// Whether a limit forbids the change for now; lets the step wait.
    async fn is_held_back(&self, intent: &Intent) -> bool {
        let (step, now) = (&intent.step, Timestamp::now());
        let target = Target::from(step.change.target());
        let limit = step.max_changes_per_hour;
        let admission = self
            .state()
            .history
            .admit(step.control, &target, intent.anchor(), limit, now);
        match admission {
            Admission::Granted => return false,
            Admission::Limited { until } => {
                tracing::info!(control = step.control, target = %step.change.target(), limit,
                    "changed as often as allowed per hour");
                self.state().waits.wait(step, For::Limit, until, None, now);
            }
            Admission::Ineffective { until } => {
                let note = "undone three times in a day, left until a day has passed";
                self.ineffective(step, intent.uid.as_deref(), For::Limit, Some(until), note)
                    .await;
            }
        }
        true
    }

    /// As wanted already: the report lags, unless it has long had the time to notice.
    async fn already_there(&self, step: &Step) {
        let now = Timestamp::now();
        let target = Target::from(step.change.target());
        let survived = {
            let state = self.state();
            let last = state.history.last(step.control, &target, step.change.pointer());
            last.filter(|r| now.duration_since(r.time) > SURVIVES)
                .map(|r| r.uid.clone())
        };
        match survived {
            Some(uid) => {
                let note = "the change was made, and the finding is still there";
                self.ineffective(step, Some(&uid), For::Report, None, note).await;
            }
            None => {
                self.state().waits.wait(step, For::Report, None, None, now);
            }
        }
    }

    async fn ineffective(
        &self,
        step: &Step,
        uid: Option<&str>,
        waits_for: For,
        until: Option<Timestamp>,
        note: &str,
    ) {
        let word = Some(Reason::RemediationIneffective.word().to_owned());
        let is_new = self
            .state()
            .waits
            .wait(step, waits_for, until, word, Timestamp::now());
        if is_new && self.of.fence.is_in_time() {
            self.count(step, Outcome::Ineffective);
            let note = format!("{}: {note}", step.change);
            self.teller
                .event(step, uid, Reason::RemediationIneffective, note)
                .await;
        }
    }

    async fn managed_elsewhere(&self, step: &Step, manager: &Manager, uid: &str) {
        let word = Some(format!("{}: {manager}", Reason::ManagedElsewhere.word()));
        let is_new = self
            .state()
            .waits
            .wait(step, For::Owner, None, word, Timestamp::now());
        if is_new && self.of.fence.is_in_time() {
            self.count(step, Outcome::ManagedElsewhere);
            let note = format!("managed by {manager}; change its source: {}", step.change);
            self.teller
                .event(step, Some(uid), Reason::ManagedElsewhere, note)
                .await;
        }
    }

    async fn failed(&self, step: &Step, uid: Option<&str>, error: &Error) {
        let is_failure = error.is_failure();
        let word = is_failure.then(|| error.category().to_owned());
        let is_new = self
            .state()
            .waits
            .wait(step, For::Retry, None, word, Timestamp::now());
        tracing::warn!(%error, category = error.category(), control = step.control,
            target = %step.change.target(), "a repair was not made");
        if is_failure {
            self.count(step, Outcome::Failed);
        }
        if is_new && self.of.fence.is_in_time() {
            let note = format!("cannot {}: {error}", step.change);
            self.teller
                .event(step, uid, Reason::RemediationFailed, note)
                .await;
        }
    }

    async fn keep(&self, record: Record) {
        if let Err(error) = self.of.records.keep(record).await {
            tracing::error!(
                error,
                "a change could not be recorded: after a restart it does not count"
            );
        }
    }

    fn count(&self, step: &Step, outcome: Outcome) {
        self.of.counters.count(Labels {
            baseline: step.baseline.clone(),
            control: step.control,
            class: class_word(RepairClass::Safe),
            outcome,
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what a record wrote is no longer there. A floor that was raised further is not undone; neither is a change
/// of the object that now needs more than it got.
fn is_undone(record: &Record, intent: &Intent) -> bool {
    if record.operation == Operation::Create || matches!(intent.step.change, Change::Create { .. }) {
        return true; // gone, or no longer as created
    }
    intent.fields.iter().any(|field| {
        let Some(wrote) = record.fields.iter().find(|f| f.pointer == field.pointer) else {
            return false;
        };
        match (
            field.before.as_ref().and_then(serde_json::Value::as_i64),
            wrote.after.as_i64(),
        ) {
            (Some(now), Some(wrote)) => now < wrote,
            _ => field.before.as_ref() != Some(&wrote.after),
        }
    })
}
