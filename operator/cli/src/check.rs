//! `plimsoll check`: whether an operator works. `helm test` runs it in the cluster.

use std::{
    io::{self, Write},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use kube::{Api, Client, api::ListParams};
use plimsoll_api::SecurityBaseline;
use plimsoll_engine::{duration::Duration, text::escape};
use serde::Deserialize;

use crate::{Ending, report::live::Operator, scan::cluster};

/// How long it waits before it tries again.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
/// The smallest page that shows that verdicts are served.
const PAGE: &str = "/findings?severity=critical&unknown=omit";

/// Check that the operator in the cluster works: it answers over TLS, and it accepts and evaluates the baselines
///
/// Exit code: 1 where it does not, within the time given.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A SecurityBaseline that is to be accepted and evaluated [default: every one in the cluster]
    #[arg(long, value_name = "NAME")]
    baseline: Vec<String>,
    /// How long to wait for what does not hold yet, such as 30s or 5m
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    within: Duration,
    #[command(flatten)]
    operator: Operator,
}

pub(crate) fn main(args: &Args) -> Result<Ending> {
    let within = std::time::Duration::from_secs(args.within.as_secs().into());
    let until = Instant::now()
        .checked_add(within)
        .context("--within is too long")?;
    let answers = tried(until, || answers(&args.operator));
    let mut good = say("the operator", answers)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let connect = || runtime.block_on(cluster::connect(None, args.operator.context()));
    let client = connect()?;
    let names = if args.baseline.is_empty() {
        runtime.block_on(all(&client))?
    } else {
        args.baseline.clone()
    };
    for name in names {
        let accepted = tried(until, || runtime.block_on(accepted(&client, &name)));
        good &= say(&format!("SecurityBaseline {name}"), accepted)?;
    }
    Ok(if good { Ending::Good } else { Ending::Failing })
}

/// Tries until it succeeds or the time is over; once in any case.
fn tried(until: Instant, attempt: impl Fn() -> Result<String>) -> Result<String> {
    loop {
        match attempt() {
            Err(_) if Instant::now() + PAUSE < until => std::thread::sleep(PAUSE),
            ended => return ended,
        }
    }
}

fn say(what: &str, ended: Result<String>) -> io::Result<bool> {
    let (head, text, good) = match ended {
        Ok(text) => ("ok    ", text, true),
        Err(error) => ("FAILED", format!("{error:#}").replace('\n', "; "), false),
    };
    writeln!(io::stdout(), "{head}  {}: {}", escape(what), escape(&text))?;
    Ok(good)
}

/// What counts of the operator's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    api_version: String,
    results: Vec<serde::de::IgnoredAny>,
}

fn answers(operator: &Operator) -> Result<String> {
    let mut page = Vec::new();
    operator.copy(PAGE, &mut page)?;
    let answer: Answer = serde_json::from_slice(&page).context("its answer cannot be read")?;
    ensure!(
        answer.api_version.starts_with("findings.plimsoll.dev/"),
        "who answers is no operator of Plimsoll but serves {}",
        answer.api_version
    );
    Ok(format!(
        "answers over TLS, {} critical findings",
        answer.results.len()
    ))
}

async fn all(client: &Client) -> Result<Vec<String>> {
    let api = Api::<SecurityBaseline>::all(client.clone());
    let listed = api.list_metadata(&ListParams::default()).await;
    let listed = listed.context("SecurityBaselines cannot be listed")?;
    Ok(listed
        .items
        .into_iter()
        .filter_map(|baseline| baseline.metadata.name)
        .collect())
}

/// Whether the operator has accepted and evaluated a baseline as it stands now.
async fn accepted(client: &Client, name: &str) -> Result<String> {
    let baseline = Api::<SecurityBaseline>::all(client.clone()).get(name).await?;
    let status = baseline.status.unwrap_or_default();
    if status.observed_generation != baseline.metadata.generation {
        bail!("the operator has not looked at it yet");
    }
    for kind in ["Accepted", "Ready"] {
        let condition = status.conditions.iter().find(|condition| condition.type_ == kind);
        let condition = condition.with_context(|| format!("has no condition {kind} yet"))?;
        ensure!(
            condition.status == "True",
            "{kind}={}: {}",
            condition.status,
            condition.message
        );
    }
    let score = status
        .score
        .map_or_else(|| "none".to_owned(), |score| score.to_string());
    let totals = status.totals.unwrap_or_default();
    Ok(format!(
        "accepted and evaluated, score {score}, {} failing, {} unknown",
        totals.fail, totals.unknown
    ))
}
