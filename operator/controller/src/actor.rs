//! The one owner of inventory and ledger: inputs in, a published state out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, Compiled, Preset, Problem, compile},
    control::Registry,
    coverage::Coverage,
    decode::DecodePlan,
    exception::Exception,
    kind::{Kind, KindSet},
    memory::Shard,
    observation::{
        Observation,
        operator::{Faults, Obscured},
    },
    report::Delta,
};
use serde_json::Value;
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    Changes, Declared, Health, Published,
    output::metrics::Turns,
    source::{Input, Own},
};

/// Where the actor publishes.
pub(crate) struct Outlets {
    pub(crate) published: watch::Sender<Arc<Published>>,
    pub(crate) changes: broadcast::Sender<Changes>,
    pub(crate) remembered: mpsc::UnboundedSender<Vec<(Arc<str>, Shard)>>,
    pub(crate) turns: Turns,
    /// What the sources are to look for while they decode.
    pub(crate) plan: watch::Sender<Option<Arc<DecodePlan>>>,
}

/// Owns the engine.
pub(crate) struct Actor {
    engine: Engine,
    registry: Registry,
    presets: Vec<Preset>,
    kinds: KindSet,
    coverage: BTreeMap<Kind, Coverage>,
    /// Whether what is needed, or what is seen of it, may have changed since the last turn.
    sight_changed: bool,
    baselines: Arc<[Compiled]>,
    declared: Declared,
    has_baselines: bool,
    has_exceptions: bool,
    health: Health,
    outlets: Outlets,
}

/// Most inputs taken before a turn: a flood must not keep verdicts from being published.
const MOST_INPUTS: usize = 50_000;

impl Actor {
    pub(crate) fn new(
        registry: Registry,
        presets: Vec<Preset>,
        memory: Vec<(Arc<str>, Shard)>,
        outlets: Outlets,
    ) -> Self {
        let mut engine = Engine::live();
        for (namespace, shard) in memory {
            engine.load_memory(&namespace, shard);
        }
        let kinds = registry.reads();
        let coverage = kinds.iter().map(|kind| (kind, Coverage::Syncing)).collect();
        Self {
            engine,
            registry,
            presets,
            kinds,
            coverage,
            sight_changed: true,
            baselines: Arc::from([]),
            declared: Declared::default(),
            has_baselines: false,
            has_exceptions: false,
            health: Health::default(),
            outlets,
        }
    }

    /// Runs until stopped. `sync_deadline` is how long kinds may take to list before they hold nobody up.
    pub(crate) async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Input>,
        sync_deadline: Duration,
        coalesce: Duration,
        stop: CancellationToken,
    ) {
        let patience = Instant::now() + sync_deadline;
        let mut beat = tokio::time::interval(Duration::from_secs(5));
        loop {
            let wake = self.wake_at();
            let input = tokio::select! {
                () = stop.cancelled() => return,
                input = inputs.recv() => input,
                () = sleep_until(wake) => None,
                // The heartbeat: a turn even where nothing happens, so that a stuck actor shows.
                _ = beat.tick() => None,
            };
            if let Some(first) = input {
                self.take(first);
                self.gather(&mut inputs, coalesce).await;
            }
            if !self.health.ready && !self.is_ready(patience) {
                continue;
            }
            tokio::task::block_in_place(|| self.turn());
        }
    }

    /// Takes what else arrives within a moment: many changes at once cost one turn.
    async fn gather(&mut self, inputs: &mut mpsc::Receiver<Input>, coalesce: Duration) {
        let end = Instant::now() + coalesce;
        for _ in 0..MOST_INPUTS {
            match tokio::time::timeout_at(end, inputs.recv()).await {
                Ok(Some(input)) => self.take(input),
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Listed(kind, plan, objects) => {
                self.engine.replace_kind(kind, objects);
                self.engine.set_decoded(kind, plan);
            }
            Input::Applied(object) => self.engine.upsert(object),
            Input::Deleted(name) => self.engine.remove(&name),
            Input::Coverage(kind, coverage) => {
                self.coverage.insert(kind, coverage);
                self.sight_changed = true;
                self.engine.set_coverage(kind, coverage);
            }
            Input::Observed(seen) => {
                for observation in seen {
                    self.engine.observe(observation);
                }
            }
            Input::Met(met) => met.into_iter().for_each(|met| self.engine.met(met)),
            Input::Recalled(namespace, uid, probed) => {
                self.engine.recall(&namespace, uid.as_deref(), &probed);
            }
            Input::Own(Own::Baselines(objects)) => self.take_baselines(objects),
            Input::Own(Own::Exceptions(objects)) => self.take_exceptions(objects),
        }
    }

    fn take_baselines(&mut self, objects: BTreeMap<String, Value>) {
        if self.has_baselines && same_specs(&self.declared.baselines, &objects) {
            self.declared.baselines = Arc::new(objects); // our own status came back
            return;
        }
        let compiled: Vec<Compiled> = objects
            .iter()
            .map(|(name, object)| self.compile(name, object))
            .collect();
        self.engine.set_baselines(compiled.clone());
        self.sight_changed = true;
        self.ask_decoding(&compiled);
        self.baselines = compiled.into();
        self.declared.baselines = Arc::new(objects);
        self.has_baselines = true;
    }

    /// Tells the sources what to look for; those of kinds that it concerns list again if that is something else.
    fn ask_decoding(&self, baselines: &[Compiled]) {
        let plan = DecodePlan::of(baselines);
        self.outlets.plan.send_if_modified(|known| {
            let differs = known.as_deref() != Some(&plan);
            if differs {
                *known = Some(Arc::new(plan));
            }
            differs
        });
    }

    /// A baseline whose spec does not even decode asks for nothing and says so.
    fn compile(&self, name: &str, object: &Value) -> Compiled {
        let generation = object
            .pointer("/metadata/generation")
            .and_then(Value::as_i64)
            .unwrap_or_default();
        let spec = object.get("spec").cloned().unwrap_or_default();
        let decoded: Result<BaselineSpec, _> = serde_path_to_error::deserialize(spec);
        let (spec, problem) = match decoded {
            Ok(spec) => (spec, None),
            Err(e) => {
                let field = format!("spec.{}", e.path());
                (
                    BaselineSpec::default(),
                    Some(Problem {
                        field,
                        message: e.inner().to_string(),
                    }),
                )
            }
        };
        let mut compiled = compile(name, generation, &spec, &self.presets, &self.registry, None);
        compiled.problems.extend(problem);
        for Problem { field, message } in &compiled.problems {
            warn!(
                baseline = name,
                field, message, "the baseline has an entry that cannot be accepted"
            );
        }
        compiled
    }

    fn take_exceptions(&mut self, objects: BTreeMap<String, Value>) {
        if self.has_exceptions && same_specs(&self.declared.exceptions, &objects) {
            self.declared.exceptions = Arc::new(objects);
            return;
        }
        let exceptions: Vec<Exception> = objects
            .iter()
            .filter_map(|(name, object)| {
                crate::exceptions::read(object)
                    .inspect_err(|error| warn!(exception = name, %error, "the exception covers nothing"))
                    .ok()
            })
            .collect();
        self.engine.set_exceptions(exceptions);
        self.declared.exceptions = Arc::new(objects);
        self.has_exceptions = true;
    }

    /// Nothing is published before every needed kind was seen, or is known not to become visible.
    fn is_ready(&self, patience: Instant) -> bool {
        let settled = self
            .kinds
            .iter()
            .all(|kind| self.coverage.get(&kind).is_some_and(|c| c.is_settled()));
        let ready = self.has_baselines && self.has_exceptions && (settled || Instant::now() >= patience);
        if ready {
            let late: Vec<String> = self
                .coverage
                .iter()
                .filter(|(_, c)| !c.is_settled())
                .map(|(kind, _)| kind.resource())
                .collect();
            info!(
                objects = self.engine.inventory().len(),
                late = late.join(","),
                "everything visible is known"
            );
        }
        ready
    }

    fn turn(&mut self) {
        let started = std::time::Instant::now();
        let first = !self.health.ready;
        self.observe_itself();
        let delta = self.engine.turn(Timestamp::now());
        if first {
            self.engine.watching();
        }
        self.measure(&delta, started.elapsed());
        self.remember();
        self.publish(delta, first);
    }

    /// Tells the engine what it cannot see whole, and which controls panicked in earlier turns.
    fn observe_itself(&mut self) {
        if std::mem::take(&mut self.sight_changed) {
            let obscured = Obscured::of(self.engine.needed_kinds(), &self.coverage);
            self.engine.observe(Observation::of((), obscured));
        }
        let faults = Faults::of(&self.engine.report());
        self.engine.observe(Observation::of((), faults));
    }

    fn measure(&mut self, delta: &Delta, took: Duration) {
        self.outlets.turns.took(took);
        if delta.evaluated > 0 {
            debug!(
                units = delta.evaluated,
                facts = delta.facts,
                transitions = delta.transitions.len(),
                ?took,
                "evaluated"
            );
        }
        let health = &mut self.health;
        health.ready = true;
        health.evaluated_at = Some(Timestamp::now());
        health.evaluation = took.try_into().unwrap_or_default();
        health.turns += 1;
        health.units += delta.evaluated as u64;
        health.panicked += delta.panicked as u64;
        health.objects = self.engine.inventory().len();
        health.coverage.clone_from(&self.coverage);
        let inventory = self.engine.inventory();
        health.held = self
            .kinds
            .iter()
            .map(|kind| (kind, inventory.names(kind).len()))
            .collect();
    }

    fn remember(&mut self) {
        let memory = self.engine.memory_mut();
        let changed = memory.take_changed();
        let shards: Vec<_> = changed
            .into_iter()
            .map(|namespace| {
                let shard = memory.shard(&namespace).cloned().unwrap_or_default();
                (namespace, shard)
            })
            .collect();
        if !shards.is_empty() {
            // Nobody persists only while the process stops.
            _ = self.outlets.remembered.send(shards);
        }
    }

    fn publish(&self, mut delta: Delta, first: bool) {
        let published = Published {
            report: self.engine.report(),
            asides: self.engine.asides(),
            baselines: self.baselines.clone(),
            declared: self.declared.clone(),
            health: Arc::new(self.health.clone()),
        };
        self.outlets.published.send_replace(Arc::new(published));
        if first {
            // What was so before we looked is no transition.
            delta.transitions.clear();
        }
        if !delta.transitions.is_empty() {
            _ = self.outlets.changes.send(Changes::of(self.health.turns, delta));
        }
    }

    /// When time alone may next change a verdict.
    fn wake_at(&mut self) -> Option<Instant> {
        let moment = self.engine.next_wake().filter(|_| self.health.ready)?;
        let wait = moment
            .duration_since(Timestamp::now())
            .max(jiff::SignedDuration::from_millis(1));
        Some(Instant::now() + Duration::try_from(wait).unwrap_or_default())
    }
}

/// Whether both hold the same objects and ask for the same.
fn same_specs(before: &BTreeMap<String, Value>, after: &BTreeMap<String, Value>) -> bool {
    const ASKED: [&str; 3] = ["/spec", "/metadata/generation", "/metadata/uid"];
    let same = |a: &Value, b: &Value| ASKED.iter().all(|at| a.pointer(at) == b.pointer(at));
    before.len() == after.len()
        && before
            .iter()
            .zip(after)
            .all(|((a, before), (b, after))| a == b && same(before, after))
}

async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
