//! Events of every sort, applied to a running engine and to the model alike.

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    Engine,
    coverage::Coverage,
    decode::Object,
    exception::{Exception, ExceptionObject, ExceptionSelector},
    kind::Kind,
    name::ObjRef,
    probe::{Answer, Bucket, Handshake, Met, Obstacle, Probe, Request},
};
use serde_json::json;

use crate::{
    dice::Dice,
    model::{Model, aside_difference, difference, kinds, memory_difference},
    operator::Operator,
    scenes::{POOL, Template, decode, team},
};

/// One sort of event; which one exactly, a seed decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    /// An object comes, or changes.
    Put,
    /// An object goes.
    Remove,
    /// A kind is listed anew.
    Relist,
    /// A right is lost or comes back, a kind is installed or removed, a watch hangs.
    Coverage,
    /// Decoding is to look for something else, or does so by now.
    Decoded,
    /// Time passes.
    Later,
    /// Baselines are edited.
    Baselines,
    /// Exceptions are added, removed or changed.
    Exceptions,
    /// The operator looks at itself.
    Observe,
    /// A probe that some control asked for meets something.
    Probe,
    /// The operator is restarted.
    Restart,
    /// The first report was published.
    Watching,
    /// The engine evaluates, and must say what a first look would say.
    Turn,
}

/// An event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step(pub(crate) Sort, pub(crate) u64);

/// An engine that lives through events, and the model of what it was told.
pub(crate) struct Life {
    engine: Engine,
    model: Model,
    cast: Vec<Template>,
    trace: Option<Vec<String>>,
}

impl Life {
    /// A life that begins with a small cluster and one baseline.
    pub(crate) fn begin(seed: u64, traced: bool) -> Self {
        let mut dice = Dice(seed);
        let mut cast = POOL.cast(&mut dice);
        for (_, namespace) in cast.iter_mut().filter(|(kind, _)| *kind == Kind::Namespace) {
            team(namespace, &mut dice);
        }
        let mut life = Self {
            engine: Engine::live(),
            model: Model::new(),
            cast,
            trace: traced.then(Vec::new),
        };
        for (kind, coverage) in &life.model.coverage {
            life.engine.set_coverage(*kind, *coverage);
            life.engine.set_decoded(*kind, life.model.plan_of(*kind));
        }
        life.model.baselines.insert("a".into(), (1, POOL.spec(&mut dice)));
        life.note(|life| format!("baseline a: {}", life.model.baselines["a"].1));
        life.engine.set_baselines(life.model.compile());
        for i in 0..life.cast.len() {
            life.put(decode(&life.cast[i]));
        }
        life
    }

    /// Applies an event; says what was wrong with the report, if it was compared.
    pub(crate) fn live(&mut self, Step(sort, seed): Step) -> Result<(), String> {
        let mut dice = Dice(seed);
        match sort {
            Sort::Put => {
                // Namespaces come first in the cast, and decide most.
                let among = if dice.chance(4) { 2 } else { self.cast.len() };
                let mut template = self.cast[dice.below(among.min(self.cast.len()))].clone();
                for _ in 0..dice.below(4) {
                    POOL.mutate(&mut template, &mut dice);
                }
                self.note(|_| format!("put {}", template.1));
                self.put(decode(&template));
            }
            Sort::Remove => {
                if let Some(name) = self.some_object(&mut dice) {
                    self.note(|_| format!("remove {name:?}"));
                    self.engine.remove(&name);
                    self.model.objects.remove(&name);
                }
            }
            Sort::Relist => self.relist(&mut dice),
            Sort::Coverage => self.cover(&mut dice),
            Sort::Decoded => self.decode_otherwise(&mut dice),
            Sort::Later => self.wait(&mut dice),
            Sort::Baselines => self.edit_baselines(&mut dice),
            Sort::Exceptions => {
                self.model.exceptions = (0..dice.below(3)).map(|i| self.exception(i, &mut dice)).collect();
                self.note(|life| format!("exceptions {:?}", life.model.exceptions));
                self.engine.set_exceptions(self.model.exceptions.clone());
            }
            Sort::Observe => {
                let operator = Operator::random(self.model.now, &mut dice);
                self.note(|_| format!("{operator:?}"));
                for observation in operator.observations() {
                    self.engine.observe(observation);
                }
                self.model.operator = Some(operator);
            }
            Sort::Probe => self.probe(&mut dice),
            Sort::Restart => {
                self.note(|_| "restart".into());
                let memory = self.engine.memory_mut().clone();
                self.engine = self.model.engine(Engine::live(), &memory, &mut dice);
            }
            Sort::Watching => {
                self.note(|_| "watching".into());
                self.engine.watching();
            }
            Sort::Turn => return self.turn(&mut dice),
        }
        Ok(())
    }

    /// Every step so far, in words.
    pub(crate) fn told(&self) -> String {
        self.trace
            .as_ref()
            .map(|lines| lines.join("\n"))
            .unwrap_or_default()
    }

    fn note(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = line(self);
            self.trace.iter_mut().for_each(|trace| trace.push(line.clone()));
        }
    }

    fn put(&mut self, object: Object) {
        self.note(|_| format!("  {} {:?}", object.name, object.body.as_ref().err()));
        self.model.objects.insert(object.name.clone(), object.clone());
        self.engine.upsert(object);
    }

    fn some_object(&self, dice: &mut Dice) -> Option<ObjRef> {
        let n = dice.below(self.model.objects.len());
        self.model.objects.keys().nth(n).cloned()
    }

    /// Some objects of a kind are gone, some changed, some have come.
    fn relist(&mut self, dice: &mut Dice) {
        let Some(kind) = self.some_object(dice).map(|name| name.kind()) else {
            return;
        };
        let mut listed: Vec<Object> = Vec::new();
        for mut template in self.cast.clone().into_iter().filter(|(k, _)| *k == kind) {
            if dice.chance(3) {
                continue;
            }
            if dice.chance(3) {
                POOL.mutate(&mut template, dice);
            }
            let object = decode(&template);
            let kept = self
                .model
                .objects
                .get(&object.name)
                .filter(|_| dice.chance(2))
                .cloned();
            listed.push(kept.unwrap_or(object));
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        listed.dedup_by(|a, b| a.name == b.name);
        dice.shuffle(&mut listed);
        self.note(|_| format!("relist {kind}: {listed:?}"));
        self.model.objects.retain(|name, _| name.kind() != kind);
        self.model
            .objects
            .extend(listed.iter().map(|o| (o.name.clone(), o.clone())));
        self.engine.replace_kind(kind, listed);
    }

    fn cover(&mut self, dice: &mut Dice) {
        let of_cast = self.cast.get(dice.below(self.cast.len())).map(|(kind, _)| *kind);
        let kind = of_cast
            .filter(|_| !dice.chance(3))
            .unwrap_or_else(|| *dice.pick(&kinds()));
        let (coverage, holds) = match dice.below(10) {
            0..4 => (Coverage::Complete, true),
            4 => (Coverage::Forbidden, true),
            5 => (Coverage::Forbidden, false),
            6 => (Coverage::Syncing, false),
            7 => (Coverage::Stale, true),
            8 => (Coverage::Partial, true),
            _ => (Coverage::Absent, false),
        };
        self.note(|_| format!("{kind:?} is {coverage:?}"));
        if !holds {
            self.model.objects.retain(|name, _| name.kind() != kind);
            self.engine.replace_kind(kind, Vec::new());
        }
        self.model.coverage.insert(kind, coverage);
        self.engine.set_coverage(kind, coverage);
    }

    fn decode_otherwise(&mut self, dice: &mut Dice) {
        let kind = *dice.pick(&[Kind::Deployment, Kind::ConfigMap, Kind::CronJob, Kind::Service]);
        if !self.model.undecoded.remove(&kind) {
            self.model.undecoded.insert(kind);
        }
        self.note(|life| format!("decoded otherwise: not {:?}", life.model.undecoded));
        self.engine.set_decoded(kind, self.model.plan_of(kind));
    }

    /// To a deadline or just before it, or by some time that controls care about.
    fn wait(&mut self, dice: &mut Dice) {
        let deadline = self.engine.next_wake().filter(|at| *at > self.model.now);
        let later = [30, 60, 300, 600, 3_600, 6 * 3_600, 25 * 3_600, 40 * 86_400];
        self.model.now = match (dice.below(3), deadline) {
            (0, Some(deadline)) => deadline,
            (1, Some(deadline)) => deadline - SignedDuration::from_nanos(1),
            _ => self.model.now + SignedDuration::from_secs(*dice.pick(&later)),
        };
        self.note(|life| format!("at {}", life.model.now));
    }

    fn edit_baselines(&mut self, dice: &mut Dice) {
        let name = (*dice.pick(&["a", "b"])).to_owned();
        let generation = self
            .model
            .baselines
            .get(&name)
            .map_or(1, |(generation, _)| generation + 1);
        match (dice.below(4), self.model.baselines.contains_key(&name)) {
            (0, _) => _ = self.model.baselines.remove(&name),
            (1, true) => {
                let (id, params) = POOL.params.iter().nth(dice.below(POOL.params.len())).unwrap();
                let entry = self.model.baselines.get_mut(&name).unwrap();
                entry.0 = generation;
                entry.1["controls"][id] = dice.pick(params).clone().into();
                if dice.chance(3) {
                    entry.1["controls"][id] = json!({"mode": "Disabled"});
                }
            }
            _ => _ = self.model.baselines.insert(name, (generation, POOL.spec(dice))),
        }
        self.note(|life| format!("baselines {:?}", life.model.baselines));
        self.engine.set_baselines(self.model.compile());
    }

    fn exception(&self, number: usize, dice: &mut Dice) -> Exception {
        let object = self.some_object(dice);
        let mut selector = ExceptionSelector::default();
        match dice.below(5) {
            0 => {
                selector.namespaces = object
                    .iter()
                    .filter_map(|o| o.namespace().map(Into::into))
                    .collect();
            }
            1 | 2 => {
                let matching = json!({"matchLabels": {"team": (*dice.pick(&["x", "y"]))}});
                selector.namespace_selector = Some(serde_json::from_value(matching).unwrap());
            }
            3 => {
                selector.objects = object
                    .iter()
                    .map(|o| ExceptionObject {
                        kind: o.kind().to_string(),
                        name: dice.chance(2).then(|| o.name().into()),
                    })
                    .collect();
            }
            _ => {}
        }
        let minutes = [-1, 1, 5, 60, 3_000];
        Exception {
            name: format!("e{number}").into(),
            control: self.control_to_except(dice),
            baselines: if dice.chance(4) {
                vec!["b".into()]
            } else {
                Vec::new()
            },
            selector,
            expires: self.model.now + SignedDuration::from_mins(*dice.pick(&minutes)),
        }
    }

    /// Mostly one with findings: others have nothing to waive.
    fn control_to_except(&self, dice: &mut Dice) -> String {
        let report = self.engine.report();
        let units = report
            .baselines
            .iter()
            .flat_map(|(_, baseline)| baseline.units.values());
        let found: Vec<_> = units
            .filter(|u| !u.findings.is_empty())
            .map(|u| u.key.control)
            .collect();
        if found.is_empty() || dice.chance(4) {
            return POOL
                .params
                .keys()
                .nth(dice.below(POOL.params.len()))
                .unwrap()
                .clone();
        }
        (*dice.pick(&found)).to_owned()
    }

    /// Evaluates and compares with a first look at the same cluster, by one who remembers the same.
    fn probe(&mut self, dice: &mut Dice) {
        let asides = self.engine.asides();
        let requests: Vec<&Request> = asides.requests().collect();
        for request in requests {
            if dice.chance(2) {
                continue;
            }
            let met = met(request, self.model.now, dice);
            self.note(|_| format!("{met:?}"));
            self.engine.met(met);
        }
    }

    fn turn(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.note(|_| "turn".into());
        let now = self.model.now;
        self.engine.turn(now);
        let memory = self.engine.memory_mut().clone();
        let mut fresh = self.model.engine(Engine::live(), &memory, dice);
        fresh.turn(now);
        let unlike = difference(&self.engine.report(), &fresh.report())
            .or_else(|| aside_difference(&self.engine.asides(), &fresh.asides()))
            .or_else(|| memory_difference(&memory, fresh.memory_mut()))
            .or_else(|| self.restless(now));
        unlike.map_or(Ok(()), Err)
    }

    /// Whether evaluating once more, with nothing new, changes anything; or whether it is to be done at once.
    fn restless(&mut self, now: Timestamp) -> Option<String> {
        if let Some(wake) = self.engine.next_wake().filter(|wake| *wake <= now) {
            return Some(format!("wakes at {wake}, which has come already"));
        }
        let again = self.engine.turn(now);
        let quiet = again.transitions.is_empty() && again.evaluated == 0 && again.facts == 0;
        (!quiet).then(|| format!("a second turn does something: {again:?}"))
    }
}

/// Something that the prober may have met.
fn met(request: &Request, now: Timestamp, dice: &mut Dice) -> Met {
    let namespace = request.namespace.clone();
    match &request.probe {
        Probe::Handshake { endpoint, .. } => {
            let unclear = Answer::Unknown(Obstacle::Timeout);
            let answers = [(); 4].map(|()| *dice.pick(&[Answer::Refused, Answer::Accepted, unclear]));
            let endpoint = endpoint.clone();
            let handshake = Handshake {
                at: now,
                answers,
                certificate: None,
            };
            Met::Handshake {
                namespace,
                endpoint,
                handshake,
            }
        }
        Probe::Availability { check, .. } => {
            // A day at a time, so that windows fill.
            let covered = 86_400;
            let failed = *dice.pick(&[0, 15, 10_000]);
            let bucket = Bucket {
                covered,
                failed,
                excluded: 0,
            };
            let back = SignedDuration::from_hours(i64::try_from(dice.below(40 * 24)).unwrap());
            Met::Attempts {
                namespace,
                check: check.clone(),
                at: now - back,
                bucket,
            }
        }
    }
}
