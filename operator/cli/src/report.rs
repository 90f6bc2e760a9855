//! `plimsoll report`: the state as people and auditors read it.

pub(crate) mod live;
pub(crate) mod target;

use std::{
    collections::HashMap,
    fs::File,
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use jiff::Timestamp;
use plimsoll_engine::{memory::Fingerprint, name::ObjRef};
use plimsoll_report::{
    Given, Places, Previous,
    entry::Place,
    model::{Source, SourceKind},
};

use crate::{
    Ending, baseline,
    scan::{self, Wanted, assess::Scan, json, lines, progress::Progress},
};

/// Write a report: one HTML file for people, or Markdown, or JSON
///
/// Without PATH and --cluster, it asks the operator that runs in the cluster. Exit code: 2 for bad input, else 0: a report is
/// no gate (that is `plimsoll scan`).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files and folders to read (in folders: *.yaml, *.yml, *.json); - is standard input
    #[arg(value_name = "PATH", conflicts_with_all = ["cluster", "operator"])]
    paths: Vec<String>,
    /// Look at the cluster of the current context once, without an operator
    #[arg(long, conflicts_with = "operator")]
    cluster: bool,
    #[command(flatten)]
    operator: live::Operator,
    /// What to measure against: a preset, or a file with one or more SecurityBaselines [default: essentials]
    #[arg(long, value_name = "FILE|PRESET")]
    baseline: Option<String>,
    /// Files with BaselineExceptions, beside those among what is read
    #[arg(long, value_name = "FILE")]
    exceptions: Vec<String>,
    /// What is given is only part of a cluster: what may lie elsewhere is unknown
    #[arg(long, conflicts_with = "cluster", requires = "paths")]
    partial: bool,
    /// Environment of namespaces whose Namespace object is not given [default: production]
    #[arg(
        long,
        value_name = "ENVIRONMENT",
        conflicts_with = "cluster",
        requires = "paths"
    )]
    environment: Option<String>,
    /// Only these controls of the baseline
    #[arg(long, value_name = "ID")]
    control: Vec<String>,
    /// An earlier report (-o json): tells what is new and what is resolved since
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// How to write it
    #[arg(short, long, value_enum, default_value = "html")]
    output: Output,
    /// Where to write it; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    file: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people: one file that is complete in itself
    Html,
    /// For people, in a repository or a ticket
    Markdown,
    /// For programs (docs/report.md)
    Json,
}

impl Output {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Json => "json",
        }
    }
}

pub(crate) fn main(args: &Args) -> Result<Ending> {
    if args.file == "-" && args.output == Output::Html && io::stdout().is_terminal() {
        bail!("a page is of little use on a terminal: give --file report.html, or -o markdown");
    }
    if args.paths.is_empty() && !args.cluster {
        return from_operator(args);
    }
    let baseline = args.baseline.as_deref().unwrap_or(baseline::DEFAULT);
    let wanted = Wanted {
        paths: &args.paths,
        cluster: args.cluster,
        context: args.operator.context(),
        baseline,
        exceptions: &args.exceptions,
        partial: args.partial,
        environment: args.environment.as_deref(),
        control: &args.control,
    };
    let scan = scan::measure(&wanted, &Progress::new(false))?;
    let previous = args.previous.as_ref().map(previous).transpose()?;
    let source = source(args);
    let mut target = target::Target::open(&args.file)?;
    write(&scan, &source, previous.as_ref(), args.output, &mut target)?;
    target.finish()?;
    Ok(Ending::Good)
}

fn previous(path: &PathBuf) -> Result<Previous> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Previous::read(io::BufReader::new(file)).with_context(|| path.display().to_string())
}

fn from_operator(args: &Args) -> Result<Ending> {
    let measuring = [
        ("--baseline", args.baseline.is_some()),
        ("--exceptions", !args.exceptions.is_empty()),
        ("--control", !args.control.is_empty()),
        ("--previous", args.previous.is_some()),
    ];
    if let Some((flag, _)) = measuring.iter().find(|(_, given)| *given) {
        bail!(
            "{flag} needs something to measure: give PATH or --cluster (the operator measures against its own baselines)"
        );
    }
    let mut target = target::Target::open(&args.file)?;
    args.operator
        .copy(&format!("/report?format={}", args.output.word()), &mut target)?;
    target.finish()?;
    Ok(Ending::Good)
}

fn source(args: &Args) -> Source {
    if args.cluster {
        let name = args
            .operator
            .context()
            .map(str::to_owned)
            .or_else(live::current_context);
        return Source {
            kind: SourceKind::Cluster,
            name: name.unwrap_or_else(|| "the current context".to_owned()),
        };
    }
    let name = match args.paths.as_slice() {
        [one] if one == "-" => "standard input".to_owned(),
        several => scan::assess::some(several),
    };
    Source {
        kind: SourceKind::Files,
        name,
    }
}

fn write(
    scan: &Scan,
    source: &Source,
    previous: Option<&Previous>,
    output: Output,
    out: &mut impl Write,
) -> Result<()> {
    let places = Lines {
        scan,
        lines: lines::locate(scan, scan.units().flat_map(|(_, unit)| &unit.findings))
            .into_iter()
            .map(|(fingerprint, span)| (fingerprint, span.line))
            .collect(),
    };
    let (controls, documents) = (plimsoll_controls::registry(), json::documents(scan));
    let given = Given {
        verdicts: &scan.report,
        controls: &controls,
        baselines: &scan.baselines,
        waivers: &scan.waivers,
        coverage: &scan.coverage,
        places: &places,
        source,
        version: env!("CARGO_PKG_VERSION"),
        now: Timestamp::now(),
        live: false,
        assumptions: &scan.assumptions,
        problems: &scan.complaints,
        documents: documents.as_ref(),
        previous,
    };
    match output {
        Output::Html => plimsoll_report::write_html(&given, out)?,
        Output::Markdown => plimsoll_report::write_markdown(&given, out)?,
        Output::Json => plimsoll_report::write_json(&given, out)?,
    }
    Ok(())
}

/// Where what was scanned stands.
struct Lines<'s> {
    scan: &'s Scan,
    lines: HashMap<Fingerprint, usize>,
}

impl Places for Lines<'_> {
    fn of_object(&self, object: &ObjRef) -> Option<Place<'_>> {
        let source = self.scan.sources.get(object)?;
        Some(Place {
            file: self.scan.file(*source)?,
            line: source.line,
        })
    }

    fn of_finding(&self, fingerprint: Fingerprint, object: &ObjRef) -> Option<Place<'_>> {
        let place = self.of_object(object)?;
        let line = self.lines.get(&fingerprint).copied().unwrap_or(place.line);
        Some(Place { line, ..place })
    }
}
