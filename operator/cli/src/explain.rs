//! `plimsoll explain`: what a control decides, and what a baseline asks for.

use std::io::Write;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use plimsoll_engine::{baseline::Compiled, text::escape};

use crate::baseline::{self, Given};

/// Explain a control or a baseline; without arguments, list the controls
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// The control's id, such as availability/replica-redundancy
    control: Option<String>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Show the effective parameters of a baseline, and where each came from
    Baseline {
        /// A preset, a file, or the name of a SecurityBaseline in the cluster
        #[arg(value_name = "NAME|FILE")]
        name: String,
        /// Context of the kubeconfig, for a baseline in the cluster
        #[arg(long, value_name = "NAME")]
        context: Option<String>,
    },
}

pub(crate) fn main(args: &Args) -> Result<()> {
    match (&args.what, &args.control) {
        (Some(What::Baseline { name, context }), _) => explain_baseline(name, context.as_deref()),
        (None, Some(control)) => page(control),
        (None, None) => list(),
    }
}

fn list() -> Result<()> {
    let registry = plimsoll_controls::registry();
    let mut table = plain_table();
    table.set_header(["CONTROL", "SEVERITY", "WHAT IT DECIDES"]);
    for meta in registry.metas() {
        table.add_row([meta.id, meta.severity.word(), meta.title]);
    }
    print(&table)?;
    writeln!(
        std::io::stdout(),
        "\nplimsoll explain CONTROL shows a control's page. Presets: {}",
        baseline::names(&plimsoll_controls::presets())
    )?;
    Ok(())
}

fn page(id: &str) -> Result<()> {
    let registry = plimsoll_controls::registry();
    let Some(meta) = registry.meta(id) else {
        bail!(
            "no control is called {id:?}{}",
            similar(id, registry.metas().map(|m| m.id))
        );
    };
    write!(std::io::stdout(), "{}", meta.page)?;
    Ok(())
}

/// The ids that contain the last word of what was asked for.
pub(crate) fn similar<'a>(id: &str, known: impl Iterator<Item = &'a str>) -> String {
    let word = id.rsplit('/').next().unwrap_or(id);
    let close: Vec<&str> = known
        .filter(|known| !word.is_empty() && known.contains(word))
        .collect();
    if close.is_empty() {
        "; `plimsoll explain` lists them".into()
    } else {
        format!("; there is: {}", close.join(", "))
    }
}

fn explain_baseline(name: &str, context: Option<&str>) -> Result<()> {
    let presets = plimsoll_controls::presets();
    let registry = plimsoll_controls::registry();
    let is_local = presets.iter().any(|preset| preset.name == name) || std::path::Path::new(name).exists();
    let given = if is_local {
        baseline::load(name, &presets, &registry)?
    } else {
        vec![from_cluster(name, context).with_context(|| {
            format!(
                "no preset (there is: {}) and no file is called {name:?}, and the cluster was asked in vain",
                baseline::names(&presets)
            )
        })?]
    };
    let mut complaints = Vec::new();
    for given in given {
        let (compiled, wrong) = given.compile(&presets, &registry, None);
        show(&given, &compiled)?;
        complaints.extend(wrong);
    }
    if !complaints.is_empty() {
        bail!("not everything can be accepted\n{}", complaints.join("\n"));
    }
    Ok(())
}

fn from_cluster(name: &str, context: Option<&str>) -> Result<Given> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = crate::scan::cluster::connect(None, context).await?;
        let listed =
            plimsoll_controller::list_json(&client, "plimsoll.dev", "v1alpha1", "securitybaselines").await?;
        let found = listed.iter().find(|object| object["metadata"]["name"] == name);
        Given::from_cluster(found.with_context(|| format!("the cluster has no SecurityBaseline {name:?}"))?)
    })
}

fn show(given: &Given, compiled: &Compiled) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "baseline {}", escape(&given.name))?;
    if !given.spec.extends.is_empty() {
        writeln!(out, "extends  {}", escape(&given.spec.extends.join(", ")))?;
    }
    let settings = given.settings();
    let allowed: Vec<&str> = settings.allowed().iter().map(|e| &**e).collect();
    writeln!(out, "mode     {:?}", compiled.mode)?;
    writeln!(
        out,
        "tenant label       {}",
        escape(&settings.tenant_keys().join(", else "))
    )?;
    writeln!(
        out,
        "environment label  {}",
        escape(&settings.environment_keys().join(", else "))
    )?;
    writeln!(out, "environments       {}\n", escape(&allowed.join(", ")))?;
    drop(out);
    let mut table = plain_table();
    table.set_header(["CONTROL", "PARAMETER", "FROM", "VALUE"]);
    for (control, values) in compiled.explain() {
        for (i, (parameter, (value, origin))) in values.iter().enumerate() {
            table.add_row([
                if i == 0 { control } else { "" }.to_owned(),
                escape(parameter).into_owned(),
                escape(&origin.to_string()).into_owned(),
                escape(&value.to_string()).into_owned(),
            ]);
        }
    }
    print(&table)
}

pub(crate) fn plain_table() -> Table {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn print(table: &Table) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
