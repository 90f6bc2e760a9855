//! `plimsoll scan`: manifests, or a cluster looked at once, measured against baselines.

pub(crate) mod assess;
pub(crate) mod cluster;
mod github;
pub(crate) mod input;
mod items;
pub(crate) mod json;
mod junit;
mod kustomize;
pub(crate) mod lines;
pub(crate) mod progress;
pub(crate) mod read;
mod result;
mod sarif;
mod table;

use std::sync::Arc;

use anyhow::{Result, bail};
use clap::ValueEnum;
use jiff::Timestamp;
use plimsoll_engine::{
    baseline::{Compiled, Preset},
    control::Registry,
    decode::DecodePlan,
};

use crate::{
    Ending,
    baseline::{self, Given},
    exceptions, explain, say,
};
use assess::Scan;
use progress::Progress;

/// The environment of namespaces whose labels nobody gave.
const ENVIRONMENT: &str = "production";

/// Measure manifests, or a cluster as it is now, against a baseline
///
/// Exit code: 1 if a control fails; else 2 for bad input or a question that the input could have answered; else 0.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files and folders to read (in folders: *.yaml, *.yml, *.json); - is standard input
    #[arg(
        value_name = "PATH",
        required_unless_present = "cluster",
        conflicts_with = "cluster"
    )]
    paths: Vec<String>,
    /// Look at the cluster of the current context instead
    #[arg(long)]
    cluster: bool,
    /// Another context of the kubeconfig
    #[arg(long, value_name = "NAME", requires = "cluster")]
    context: Option<String>,
    /// What to measure against: a preset, or a file with one or more SecurityBaselines
    #[arg(long, value_name = "FILE|PRESET", default_value = baseline::DEFAULT)]
    baseline: String,
    /// Files with BaselineExceptions, beside those among what is scanned
    #[arg(long, value_name = "FILE")]
    exceptions: Vec<String>,
    /// What is given is only part of a cluster: what may lie elsewhere is unknown
    #[arg(long, conflicts_with = "cluster")]
    partial: bool,
    /// Environment of namespaces whose Namespace object is not given [default: production]
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with = "cluster")]
    environment: Option<String>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
    /// Only these controls of the baseline
    #[arg(long, value_name = "ID")]
    control: Vec<String>,
    /// Most findings shown for one control in the table and as annotations; 0 shows all
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// Print the summary only, and no progress
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Table,
    /// For programs (docs/scan-json.md)
    Json,
    /// SARIF 2.1.0, for code scanning (docs/ci.md)
    Sarif,
    /// JUnit XML, for test reports (docs/ci.md)
    Junit,
    /// Annotations of a GitHub workflow (docs/ci.md)
    Github,
}

/// What is measured, and against what.
pub(crate) struct Wanted<'a> {
    /// Files and folders; none where a cluster is looked at.
    pub(crate) paths: &'a [String],
    pub(crate) cluster: bool,
    pub(crate) context: Option<&'a str>,
    pub(crate) baseline: &'a str,
    pub(crate) exceptions: &'a [String],
    pub(crate) partial: bool,
    pub(crate) environment: Option<&'a str>,
    pub(crate) control: &'a [String],
}

impl Args {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            paths: &self.paths,
            cluster: self.cluster,
            context: self.context.as_deref(),
            baseline: &self.baseline,
            exceptions: &self.exceptions,
            partial: self.partial,
            environment: self.environment.as_deref(),
            control: &self.control,
        }
    }
}

pub(crate) fn main(args: &Args) -> Result<Ending> {
    let scan = measure(&args.wanted(), &Progress::new(args.quiet))?;
    match args.output {
        Output::Json => json::print(&scan)?,
        Output::Sarif => sarif::print(&scan)?,
        Output::Junit => junit::print(&scan)?,
        Output::Github => github::print(&scan, args.limit)?,
        Output::Table => table::print(&scan, args.quiet, args.limit)?,
    }
    let ending = scan.ending();
    // The process ends here: to give everything back piece by piece would only hold it up.
    std::mem::forget(scan);
    Ok(ending)
}

/// Measures once, now.
pub(crate) fn measure(wanted: &Wanted<'_>, progress: &Progress) -> Result<Scan> {
    let now = Timestamp::now();
    let baselines = baselines(wanted)?;
    let given = exceptions::load(wanted.exceptions, now)?;
    let mut scan = if wanted.cluster {
        scan_cluster(wanted, baselines, given, progress, now)?
    } else {
        let inputs = input::collect(wanted.paths)?;
        assess::files(inputs, baselines, given, wanted.partial, progress, now)
    };
    scan.note_inert_exceptions();
    Ok(scan)
}

fn scan_cluster(
    wanted: &Wanted<'_>,
    baselines: Baselines,
    given: Vec<exceptions::Given>,
    progress: &Progress,
    now: Timestamp,
) -> Result<Scan> {
    let kinds = plimsoll_controls::registry().reads();
    let plan = baselines.plan();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let spinner = progress.spinner("listing");
    let seen = runtime.block_on(async {
        let client = cluster::connect(None, wanted.context).await?;
        cluster::look(&client, kinds.iter(), &plan, now).await
    });
    spinner.finish_and_clear();
    Ok(assess::cluster(seen?, baselines, given, now))
}

/// Baselines ready to be evaluated, and what was assumed for them.
pub(crate) struct Baselines {
    pub(crate) compiled: Vec<Compiled>,
    /// What stands in for labels that nobody gave; nothing where the baseline has no such environment.
    pub(crate) environment: Option<String>,
}

impl Baselines {
    /// What decoding is to look for.
    pub(crate) fn plan(&self) -> Arc<DecodePlan> {
        Arc::new(DecodePlan::of(&self.compiled))
    }
}

fn baselines(wanted: &Wanted<'_>) -> Result<Baselines> {
    let presets = plimsoll_controls::presets();
    let registry = plimsoll_controls::registry();
    let mut given = baseline::load(wanted.baseline, &presets, &registry)?;
    if !wanted.control.is_empty() {
        restrict(&mut given, wanted, &presets, &registry)?;
    }
    let environment = environment(&given, wanted)?;
    let compiled = given
        .iter()
        .map(|given| given.compile(&presets, &registry, environment.as_deref()).0)
        .collect();
    Ok(Baselines {
        compiled,
        environment,
    })
}

fn restrict(given: &mut [Given], wanted: &Wanted<'_>, presets: &[Preset], registry: &Registry) -> Result<()> {
    for id in wanted.control {
        if registry.meta(id).is_none() {
            bail!(
                "no control is called {id:?}{}",
                explain::similar(id, registry.metas().map(|m| m.id))
            );
        }
        let evaluated = given.iter().any(|given| {
            given
                .compile(presets, registry, None)
                .0
                .explain()
                .any(|(known, _)| known == id)
        });
        if !evaluated {
            bail!(
                "baseline {} does not evaluate {id}: name it in spec.controls",
                wanted.baseline
            );
        }
    }
    for given in given {
        given.restrict(presets, wanted.control);
    }
    Ok(())
}

/// The environment assumed for namespaces whose object is not given.
fn environment(given: &[Given], wanted: &Wanted<'_>) -> Result<Option<String>> {
    if wanted.cluster {
        return Ok(None);
    }
    let word = wanted.environment.unwrap_or(ENVIRONMENT);
    let Some(unknown) = given.iter().find(|given| given.environment(word).is_none()) else {
        return Ok(given
            .first()
            .and_then(|given| given.environment(word))
            .map(|e| e.to_string()));
    };
    let settings = unknown.settings();
    let allowed: Vec<&str> = settings.allowed().iter().map(|e| &**e).collect();
    let allowed = allowed.join(", ");
    if wanted.environment.is_some() {
        bail!(
            "--environment {word}: expected an environment of baseline {}: {allowed}",
            unknown.name
        );
    }
    say::warning(format_args!(
        "baseline {} has no environment {ENVIRONMENT} to assume where no label says; give --environment ({allowed})",
        unknown.name
    ));
    Ok(None)
}
