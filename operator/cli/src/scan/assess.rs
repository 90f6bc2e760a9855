//! From what was read to verdicts, with everything that was assumed on the way.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use jiff::Timestamp;
use plimsoll_engine::{
    Engine,
    baseline::Compiled,
    coverage::Coverage,
    decode::Object,
    finding::Verdict,
    intake::{Documents, Intake, OwnObject, Source, Unreadable},
    kind::Kind,
    name::ObjRef,
    report::{BaselineReport, Report, UnitResult},
};

use plimsoll_report::Waiver;

use super::{
    Baselines,
    cluster::Cluster,
    input::{InputFile, Inputs, Role},
    progress::Progress,
    read,
};
use crate::{
    Ending,
    exceptions::{self, Given},
};

/// A finished scan.
pub(crate) struct Scan {
    pub(crate) report: Report,
    /// Put in order when somebody asks.
    units: OnceLock<BTreeMap<Arc<str>, Vec<UnitResult>>>,
    pub(crate) evaluated_at: Timestamp,
    /// The files read; none for a cluster.
    pub(crate) files: Vec<InputFile>,
    /// Where each object was read from.
    pub(crate) sources: Sources,
    /// What became of the documents; nothing for a cluster, which has none.
    pub(crate) documents: Option<Documents>,
    /// Objects given more than once; the last one counts, as with `kubectl apply`.
    pub(crate) duplicates: Vec<Duplicate>,
    /// What the verdicts rest on that nobody said.
    pub(crate) assumptions: Vec<String>,
    /// What is wrong beyond single documents: kinds that may not be listed, exceptions that cannot be accepted.
    pub(crate) complaints: Vec<String>,
    /// The baselines measured against.
    pub(crate) baselines: Vec<Compiled>,
    /// Every exception, also those that cannot be accepted.
    pub(crate) waivers: Vec<Waiver>,
    /// How much of each kind was seen, and how many objects.
    pub(crate) coverage: BTreeMap<Kind, (Coverage, Option<usize>)>,
}

/// Where objects were read from: asked once for every verdict.
pub(crate) type Sources = HashMap<ObjRef, Source, foldhash::fast::RandomState>;

/// An object given more than once.
pub(crate) struct Duplicate {
    pub(crate) object: ObjRef,
    /// Where it was read and does not count.
    pub(crate) lost: Source,
    /// Where it counts.
    pub(crate) kept: Source,
}

/// Scans files as if they were the whole cluster, or part of one.
pub(crate) fn files(
    inputs: Inputs,
    baselines: Baselines,
    mut given: Vec<Given>,
    partial: bool,
    progress: &Progress,
    now: Timestamp,
) -> Scan {
    let mut intake = read::read(&inputs, baselines.plan(), progress);
    let implied = intake.imply_namespaces();
    let mut assumptions = assumptions(&inputs, &intake.own, &implied, &baselines, partial);
    take_exceptions(&mut intake, &mut given, now);
    let mut scan = Scan::new(baselines, given, now);
    let coverage = if partial {
        Coverage::Partial
    } else {
        Coverage::Complete
    };
    for kind in Kind::ALL {
        scan.engine.set_coverage(*kind, coverage);
    }
    let duplicates = scan.take(std::mem::take(&mut intake.objects));
    if !duplicates.is_empty() {
        assumptions.push(format!(
            "{} objects are given more than once: the last one read counts",
            duplicates.len()
        ));
    }
    let spinner = progress.spinner("evaluating");
    let finished = scan.finish(
        inputs.files,
        Some(intake.documents),
        duplicates,
        assumptions,
        Vec::new(),
    );
    spinner.finish_and_clear();
    finished
}

/// Evaluates what one look at a cluster gave.
pub(crate) fn cluster(cluster: Cluster, baselines: Baselines, mut given: Vec<Given>, now: Timestamp) -> Scan {
    given.extend(cluster.exceptions);
    let mut scan = Scan::new(baselines, given, now);
    for (kind, coverage) in cluster.coverage {
        scan.engine.set_coverage(kind, coverage);
    }
    for object in cluster.objects {
        scan.engine.upsert(object);
    }
    scan.finish(Vec::new(), None, Vec::new(), Vec::new(), cluster.complaints)
}

/// What nobody said and the verdicts rest on.
fn assumptions(
    inputs: &Inputs,
    own: &[OwnObject],
    implied: &[String],
    baselines: &Baselines,
    partial: bool,
) -> Vec<String> {
    let mut assumed = vec![if partial {
        "what is given is part of a cluster: what may lie elsewhere is unknown".to_owned()
    } else {
        "what is given is the whole cluster (--partial if not)".to_owned()
    }];
    if !implied.is_empty() {
        let environment = baselines.environment.as_ref().map_or_else(
            || "their environment is unknown (--environment)".to_owned(),
            |environment| format!("assumed to be {environment} (--environment), of unknown tenants"),
        );
        assumed.push(format!(
            "namespaces without a Namespace object, {environment}: {}",
            some(implied)
        ));
    }
    if inputs.kustomizations > 0 {
        let patches = inputs
            .files
            .iter()
            .filter(|file| file.role == Role::Patch)
            .count();
        assumed.push(format!(
            "{} kustomizations are not applied, {patches} files that they patch with are left out: for what they make, scan the output of kubectl kustomize",
            inputs.kustomizations
        ));
    }
    let unused = own
        .iter()
        .filter(|object| object.kind == "SecurityBaseline")
        .count();
    if unused > 0 {
        assumed.push(format!("{unused} SecurityBaselines among the input are not measured against: name the file with --baseline"));
    }
    assumed
}

/// Up to ten names, and how many more.
pub(crate) fn some(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Takes the exceptions out of what was read. One that cannot be accepted makes its document unreadable.
fn take_exceptions(intake: &mut Intake, given: &mut Vec<Given>, now: Timestamp) {
    for object in intake.own.iter().filter(|object| object.kind == exceptions::KIND) {
        let (read, _) = exceptions::read(&object.value, now);
        if let Some(why) = &read.waiver.invalid {
            // It was counted as decoded when it was known to be an object of ours.
            intake.documents.decoded -= 1;
            intake.documents.unreadable.push(Unreadable {
                file: object.source.file,
                line: object.source.line,
                why: format!("{}: {why}", exceptions::KIND),
            });
        }
        given.push(read);
    }
}

/// A scan under way.
struct Assessing {
    engine: Engine,
    sources: Sources,
    baselines: Vec<Compiled>,
    waivers: Vec<Waiver>,
    now: Timestamp,
}

impl Scan {
    #[allow(clippy::new_ret_no_self, reason = "a scan begins as one under way")]
    fn new(baselines: Baselines, exceptions: Vec<Given>, now: Timestamp) -> Assessing {
        let mut engine = Engine::scan();
        let plan = baselines.plan();
        for kind in Kind::ALL {
            engine.set_decoded(*kind, plan.clone());
        }
        let compiled = baselines.compiled;
        engine.set_baselines(compiled.clone());
        let (waivers, accepted): (Vec<_>, Vec<_>) = exceptions
            .into_iter()
            .map(|given| (given.waiver, given.exception))
            .unzip();
        engine.set_exceptions(accepted.into_iter().flatten().collect());
        Assessing {
            engine,
            sources: Sources::default(),
            baselines: compiled,
            waivers,
            now,
        }
    }

    /// Every unit with a verdict, by baseline.
    pub(crate) fn units(&self) -> impl Iterator<Item = (&str, &UnitResult)> {
        self.filed()
            .iter()
            .flat_map(|(name, units)| units.iter().map(move |unit| (&**name, unit)))
    }

    /// The units of one baseline.
    pub(crate) fn units_of(&self, baseline: &str) -> &[UnitResult] {
        self.filed().get(baseline).map_or(&[], Vec::as_slice)
    }

    fn filed(&self) -> &BTreeMap<Arc<str>, Vec<UnitResult>> {
        self.units.get_or_init(|| {
            let baselines = self.report.baselines.iter();
            baselines
                .map(|(name, baseline)| (name.clone(), by_control(baseline)))
                .collect()
        })
    }

    /// The name of the file something was read from.
    pub(crate) fn file(&self, source: Source) -> Option<&str> {
        self.files.get(source.file).map(|file| file.name.as_str())
    }

    /// An exception that covers nothing is worth a word: the finding is gone, or the selector is wrong.
    pub(crate) fn note_inert_exceptions(&mut self) {
        let inert = self.waivers.iter().filter(|waiver| {
            waiver.invalid.is_none() && !self.report.waived_by.contains_key(waiver.name.as_str())
        });
        let notes: Vec<String> = inert
            .map(|waiver| format!("exception {} covers nothing", waiver.name))
            .collect();
        self.assumptions.extend(notes);
    }

    /// How the command ends.
    pub(crate) fn ending(&self) -> Ending {
        let mut baselines = self.report.baselines.values();
        if baselines.any(|baseline| baseline.total().fail > 0) {
            return Ending::Failing;
        }
        let mut ending = if self.documents.as_ref().is_some_and(|d| !d.unreadable.is_empty())
            || !self.complaints.is_empty()
        {
            Ending::Unclear
        } else {
            Ending::Good
        };
        for (_, unit) in self.units() {
            if self.could_tell(unit) {
                ending = Ending::Unclear;
            }
        }
        ending
    }

    /// Whether what is unknown of a unit could have been told: by the input, or by a cluster that lets us look.
    pub(crate) fn could_tell(&self, unit: &UnitResult) -> bool {
        let is_cluster = self.documents.is_none();
        matches!(&unit.verdict, Verdict::Unknown(why) if !why.is_live_only() || (is_cluster && unit.blind))
    }
}

/// The units of a baseline by control, those of each by subject, as they come.
fn by_control(baseline: &BaselineReport) -> Vec<UnitResult> {
    let mut controls: BTreeMap<&'static str, Vec<UnitResult>> = BTreeMap::new();
    for unit in baseline.units.values() {
        controls.entry(unit.key.control).or_default().push(unit);
    }
    controls.into_values().flatten().collect()
}

impl Assessing {
    /// Takes objects in; tells which were given before.
    fn take(&mut self, objects: Vec<(Object, Source)>) -> Vec<Duplicate> {
        let mut duplicates = Vec::new();
        self.sources.reserve(objects.len());
        self.engine.reserve(objects.len());
        for (object, source) in objects {
            if let Some(lost) = self.sources.insert(object.name.clone(), source) {
                duplicates.push(Duplicate {
                    object: object.name.clone(),
                    lost,
                    kept: source,
                });
            }
            self.engine.upsert(object);
        }
        duplicates
    }

    fn finish(
        self,
        files: Vec<InputFile>,
        documents: Option<Documents>,
        duplicates: Vec<Duplicate>,
        assumptions: Vec<String>,
        complaints: Vec<String>,
    ) -> Scan {
        let inventory = self.engine.inventory();
        let coverage = plimsoll_controls::registry()
            .reads()
            .iter()
            .map(|kind| {
                (
                    kind,
                    (inventory.coverage(kind), Some(inventory.names(kind).len())),
                )
            })
            .collect();
        let report = self.engine.look(self.now);
        Scan {
            units: OnceLock::new(),
            report,
            evaluated_at: self.now,
            files,
            sources: self.sources,
            documents,
            duplicates,
            assumptions,
            complaints,
            baselines: self.baselines,
            waivers: self.waivers,
            coverage,
        }
    }
}
