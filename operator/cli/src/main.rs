//! `plimsoll`: security baselines for Kubernetes, measured in manifests and clusters, and enforced in clusters.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod baseline;
mod check;
mod crds;
mod exceptions;
mod explain;
mod findings;
mod own;
mod reach;
mod report;
mod run;
mod say;
mod scan;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Security baselines for Kubernetes: measure manifests and clusters against them, and enforce them in clusters.
#[derive(Parser)]
#[command(
    name = "plimsoll",
    version,
    max_term_width = 110,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Scan(scan::Args),
    Report(report::Args),
    Findings(findings::Args),
    Check(check::Args),
    Explain(explain::Args),
    Reach(reach::Args),
    Crds(crds::Args),
    Run(run::Args),
}

/// How a command ended, as its exit code says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// Nothing to complain about.
    Good,
    /// A control fails.
    Failing,
    /// Bad input, or a question that the input could have answered and did not.
    Unclear,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Good => Self::SUCCESS,
            Ending::Failing => Self::from(1),
            Ending::Unclear => Self::from(2),
        }
    }
}

fn main() -> ExitCode {
    // Before any connection: with two providers compiled in by dependencies, rustls would not choose by itself.
    let installed = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    log_to_stderr(matches!(cli.command, Command::Run(_)));
    if installed.is_err() {
        tracing::warn!("another TLS provider was installed before ours");
    }
    let ended = match cli.command {
        Command::Scan(args) => scan::main(&args),
        Command::Report(args) => report::main(&args),
        Command::Findings(args) => findings::main(&args).map(|()| Ending::Good),
        Command::Check(args) => check::main(&args),
        Command::Explain(args) => explain::main(&args).map(|()| Ending::Good),
        Command::Reach(args) => reach::main(&args),
        Command::Crds(args) => crds::main(&args).map(|()| Ending::Good),
        Command::Run(args) => run::main(&args).map(|()| Ending::Good),
    };
    match ended {
        Ok(ending) => ending.into(),
        // Whoever closed the pipe has seen enough.
        Err(e) if say::is_broken_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => {
            say::error(&e);
            Ending::Unclear.into()
        }
    }
}

/// Logs: JSON for the operator, text for people; `PLIMSOLL_LOG` filters (`info`, `plimsoll_controller=debug` …).
fn log_to_stderr(operator: bool) {
    let default = if operator {
        "info"
    } else {
        // What the client says of each attempt is said again, better, by the error that ends the command.
        "warn,kube_client::client::builder=off"
    };
    let filter = EnvFilter::try_from_env("PLIMSOLL_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if operator {
        logs.json().init();
    } else {
        logs.with_ansi(say::styled(&std::io::stderr()))
            .without_time()
            .init();
    }
}
