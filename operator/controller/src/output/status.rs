//! The status of baselines and exceptions: written when it says something new, at most every five seconds each, and every
//! five minutes to show that somebody still looks.
//!
//! A write carries the version of the object that it was made for: one that is late, because its leader was paused or its line
//! was cut in between, does not replace what the next leader wrote.
//!
//! Rights: patch of `securitybaselines/status` and `baselineexceptions/status`.

mod pace;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use kube::{
    Client, Resource, ResourceExt as _,
    api::{Api, Patch, PatchParams},
};
use plimsoll_api::{
    BaselineException, BaselineExceptionStatus, ExceptionPhase, SecurityBaseline, SecurityBaselineStatus,
    condition, exception_status, status_of,
};
use plimsoll_engine::coverage::Coverage;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{category_of, outcomes::Outcomes};
use crate::{Published, leader::Fence};
use pace::{Due, Kept, due, uid_of};

/// Our name in `managedFields` of what we report in.
const MANAGER: &str = "plimsoll";
/// Least time between two looks at the state: reports may follow each other within milliseconds.
const LOOK: Duration = Duration::from_millis(500);

/// How long a new leader waits for watches that were interrupted, such as by what interrupted its predecessor: until they are back, what
/// it would say is that nothing can be told.
const CATCH_UP: Duration = Duration::from_secs(15);

/// Writes the status of our own objects.
pub struct Statuses {
    client: Client,
    fence: Fence,
    outcomes: Outcomes,
    baselines: BTreeMap<String, Kept<SecurityBaselineStatus>>,
    exceptions: BTreeMap<String, Kept<BaselineExceptionStatus>>,
}

/// Statuses to be written, by the object's name.
type Wanted<S> = Vec<(String, S)>;

impl Statuses {
    /// `outcomes` counts writes by what became of them.
    pub fn new(client: Client, fence: Fence, outcomes: Outcomes) -> Self {
        Self {
            client,
            fence,
            outcomes,
            baselines: BTreeMap::new(),
            exceptions: BTreeMap::new(),
        }
    }

    /// Writes while this replica leads, until `stop`.
    pub async fn run(
        mut self,
        mut published: watch::Receiver<Arc<Published>>,
        mut leading: watch::Receiver<bool>,
        stop: CancellationToken,
    ) {
        published.mark_changed();
        let mut led_since: Option<Instant> = None;
        loop {
            // The actor publishes at least every few seconds, so that what has to wait needs no clock of its own.
            tokio::select! {
                () = stop.cancelled() => return,
                changed = published.changed() => if changed.is_err() { return },
                Ok(()) = leading.changed() => {}
            }
            let leads = *leading.borrow_and_update();
            let state = published.borrow_and_update().clone();
            let since = led_since.get_or_insert_with(Instant::now).elapsed();
            if !leads {
                led_since = None;
                self.baselines.clear();
                self.exceptions.clear();
            } else if state.health.ready && (since > CATCH_UP || !is_interrupted(&state)) {
                let mut leading = leading.clone();
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = leading.wait_for(|leads| !*leads) => {}
                    () = self.pass(&state) => {}
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn pass(&mut self, state: &Published) {
        let (now, clock) = (Timestamp::now(), Instant::now());
        let baselines = self.wanted_baselines(state, now, clock);
        let exceptions = self.wanted_exceptions(state, now, clock);
        if baselines.is_empty() && exceptions.is_empty() {
            return;
        }
        if !self.fence.still_leader().await {
            return;
        }
        let declared = &state.declared;
        let write = Write::<SecurityBaseline>::of(self);
        for (name, status) in baselines {
            let object = declared.baselines.get(&name);
            let kept = self.baselines.get(&name);
            if let Some(kept) = write.write(&name, object, kept, status).await {
                self.baselines.insert(name, kept);
            }
        }
        let write = Write::<BaselineException>::of(self);
        for (name, status) in exceptions {
            let object = declared.exceptions.get(&name);
            let kept = self.exceptions.get(&name);
            if let Some(kept) = write.write(&name, object, kept, status).await {
                self.exceptions.insert(name, kept);
            }
        }
    }

    fn wanted_baselines(
        &mut self,
        state: &Published,
        now: Timestamp,
        clock: Instant,
    ) -> Wanted<SecurityBaselineStatus> {
        forget_gone(&mut self.baselines, &state.declared.baselines);
        let mut wanted = Vec::new();
        for (name, object) in state.declared.baselines.iter() {
            let Some(report) = state.report.baselines.get(name.as_str()) else {
                continue; // not evaluated yet
            };
            let kept = self.baselines.get(name);
            if kept.is_some_and(|kept| kept.is_fresh(clock)) {
                continue;
            }
            let previous: Option<SecurityBaselineStatus> =
                kept.map(|kept| kept.status.clone()).or_else(|| status_in(object));
            let evaluated_at = state.report.evaluated_at.unwrap_or(now);
            let status = status_of(report, evaluated_at, previous.as_ref());
            let same = previous.as_ref().is_some_and(|p| p.says_the_same(&status));
            // What another process wrote long ago is confirmed at once: `lastEvaluated` says who still looks.
            let confirmed = kept.map(|kept| kept.written);
            if due(confirmed, same, clock) == Due::Now {
                wanted.push((name.clone(), status));
            }
        }
        wanted
    }

    fn wanted_exceptions(
        &mut self,
        state: &Published,
        now: Timestamp,
        clock: Instant,
    ) -> Wanted<BaselineExceptionStatus> {
        forget_gone(&mut self.exceptions, &state.declared.exceptions);
        let mut wanted = Vec::new();
        for (name, object) in state.declared.exceptions.iter() {
            let kept = self.exceptions.get(name);
            if kept.is_some_and(|kept| kept.is_fresh(clock)) {
                continue;
            }
            let previous: Option<BaselineExceptionStatus> =
                kept.map(|kept| kept.status.clone()).or_else(|| status_in(object));
            let matched = state.report.waived_by.get(name.as_str()).copied().unwrap_or(0);
            let status = status_of_exception(object, matched, now, previous.as_ref());
            // An exception has no heartbeat: there may be many, and each says nothing new by it.
            if previous.as_ref() != Some(&status) {
                wanted.push((name.clone(), status));
            }
        }
        wanted
    }
}

/// Writes the status of one kind.
struct Write<K> {
    api: Api<K>,
    fence: Fence,
    outcomes: Outcomes,
}

impl<K> Write<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    fn of(statuses: &Statuses) -> Self {
        Self {
            api: Api::all(statuses.client.clone()),
            fence: statuses.fence.clone(),
            outcomes: statuses.outcomes.clone(),
        }
    }

    /// Server-side apply of the whole status: what it no longer says is removed. Tells what was written, if it was.
    async fn write<S: Serialize>(
        &self,
        name: &str,
        object: Option<&Value>,
        kept: Option<&Kept<S>>,
        status: S,
    ) -> Option<Kept<S>> {
        if !self.fence.is_in_time() {
            return None;
        }
        let version = object.and_then(|object| Kept::version(kept, object));
        let patch = json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            "metadata": { "name": name, "resourceVersion": version },
            "status": status,
        });
        let params = PatchParams::apply(MANAGER).force();
        // Ours to write, whoever wrote it by hand: nobody else reports in a status.
        let outcome = self.api.patch_status(name, &params, &Patch::Apply(&patch)).await;
        let word = outcome.as_ref().map_or_else(category_of, |_| "written");
        self.outcomes.get_or_create(&[("outcome", word)]).inc();
        match outcome {
            Ok(written) => return Some(Kept::new(status, object, written.resource_version())),
            // What is just gone has no status, and what somebody else wrote is looked at again as soon as it is heard of.
            Err(error) if ["not_found", "conflict"].contains(&word) => {
                tracing::debug!(kind = %K::kind(&()), name, %error, "status");
            }
            Err(error) => {
                tracing::warn!(kind = %K::kind(&()), name, category = word, %error, "status was not written");
            }
        }
        None
    }
}

/// Whether some watch is interrupted, so that what it brought counts as old.
fn is_interrupted(state: &Published) -> bool {
    state
        .health
        .coverage
        .values()
        .any(|coverage| *coverage == Coverage::Stale)
}

/// Forgets what was written of objects that are gone: one of the same name later is another.
fn forget_gone<S>(kept: &mut BTreeMap<String, Kept<S>>, declared: &BTreeMap<String, Value>) {
    kept.retain(|name, kept| {
        declared
            .get(name)
            .is_some_and(|object| uid_of(object) == kept.uid)
    });
}

/// The status an object has; none where it cannot be read.
fn status_in<S: DeserializeOwned>(object: &Value) -> Option<S> {
    serde_json::from_value(object.get("status")?.clone()).ok()
}

/// The status of an exception, also of one that cannot even be decoded.
fn status_of_exception(
    object: &Value,
    matched: u64,
    now: Timestamp,
    previous: Option<&BaselineExceptionStatus>,
) -> BaselineExceptionStatus {
    // Decoded without the status in it: one that somebody wrote wrongly must not hide the rest.
    let mut bare = object.clone();
    if let Some(fields) = bare.as_object_mut() {
        fields.remove("status");
    }
    let decoded: Result<BaselineException, _> = serde_path_to_error::deserialize(bare);
    match decoded {
        Ok(mut exception) => {
            exception.status = previous.cloned();
            exception_status(&exception, matched, now)
        }
        Err(error) => {
            let generation = object
                .pointer("/metadata/generation")
                .and_then(Value::as_i64)
                .unwrap_or_default();
            let message = format!("{}: {}", error.path(), error.inner());
            let before = previous.map_or(&[][..], |status| &status.conditions);
            BaselineExceptionStatus {
                observed_generation: Some(generation),
                phase: Some(ExceptionPhase::Invalid),
                matched: Some(0),
                conditions: vec![condition(
                    "Accepted",
                    Some(false),
                    "Invalid",
                    &message,
                    generation,
                    now,
                    before,
                )],
            }
        }
    }
}

/// How many exceptions are in each phase, for the metrics, and when the first of the active ones of each control expires.
pub(super) fn phases(
    state: &Published,
    now: Timestamp,
) -> (BTreeMap<&'static str, u64>, BTreeMap<String, Timestamp>) {
    let mut counts: BTreeMap<&'static str, u64> = ["active", "expired", "inert", "invalid"]
        .map(|phase| (phase, 0))
        .into();
    let mut next: BTreeMap<String, Timestamp> = BTreeMap::new();
    for (name, object) in state.declared.exceptions.iter() {
        let matched = state.report.waived_by.get(name.as_str()).copied().unwrap_or(0);
        let phase = match status_of_exception(object, matched, now, None).phase {
            Some(ExceptionPhase::Active) => "active",
            Some(ExceptionPhase::Expired) => "expired",
            Some(ExceptionPhase::Inert) => "inert",
            Some(ExceptionPhase::Invalid) | None => "invalid",
        };
        *counts.entry(phase).or_default() += 1;
        if let ("active", Ok(exception)) = (phase, crate::exceptions::read(object)) {
            let first = next.entry(exception.control).or_insert(exception.expires);
            *first = exception.expires.min(*first);
        }
    }
    (counts, next)
}

#[cfg(test)]
mod tests;
