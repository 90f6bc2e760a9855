//! `governance/continuous-monitoring`: who measures everything else is itself at work, sees all it needs and is watched.

use jiff::Timestamp;
use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Findings, Severity},
    kind::KindSet,
    observation::operator::{Faults, Obscured, Replica, Replicas},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control.
pub struct ContinuousMonitoring;

/// Parameters of `governance/continuous-monitoring`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// How often everything is to be evaluated and scraped at least; twice as long may pass before it fails. Default 5m.
    pub interval: Duration,
    /// Fewest replicas of the operator at work. Default 2.
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: usize,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            interval: Duration::from_mins(5),
            min_replicas: 2,
        }
    }
}

/// Replicas write down how they are doing every ten seconds: less than this would fail at random.
const SHORTEST: Duration = Duration::from_secs(30);

impl Params {
    /// After how long something that should have happened has not.
    fn overdue(&self) -> jiff::SignedDuration {
        self.interval.to_signed() * 2
    }
}

impl Control for ContinuousMonitoring {
    const META: Meta = Meta {
        id: "governance/continuous-monitoring",
        title: "The operator sees all it needs, evaluates, and is watched itself",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Cluster,
        reads: KindSet::EMPTY,
        // An API server that restarts interrupts watches for seconds; a right that is taken away fails within the interval.
        fail_after: Duration::from_mins(1),
        mappings: &[("SOC 2", "CC4.1"), ("ISO 27001", "A.5.36"), ("GDPR", "32(1)(d)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if params.interval.as_secs() < SHORTEST.as_secs() {
            let expected = format!("{}, expected {SHORTEST} or more", params.interval);
            return Err(ParamError::new("interval", expected));
        }
        Ok(())
    }

    fn check(_: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        sight(view.observed(&()).ok_or_else(not_running)?, out);
        faults(view.observed(&()).ok_or_else(not_running)?, out);
        let replicas: &Replicas = view.observed(&()).ok_or_else(not_running)?;
        match &replicas.leases {
            Ok(leases) => at_work(view, params, replicas.since, leases, out),
            Err(why) => {
                let message = format!("the Leases of the operator's replicas cannot be read: {why}");
                out.unknown(Unknown::new("ReplicasUnknown", message).live_only());
            }
        }
        Ok(())
    }
}

/// Neither a scan nor an operator that has just begun can tell how the operator is doing.
fn not_running() -> Unknown {
    Unknown::new("NotObserved", "only a running operator can tell how it is doing").live_only()
}

/// One finding for each kind that is not seen, whatever number of verdicts are unknown because of it.
fn sight(obscured: &Obscured, out: &mut Findings) {
    for (kind, coverage) in &obscured.0 {
        let Err(unknown) = coverage.proves_absence(*kind) else {
            continue;
        };
        if coverage.is_settled() {
            let message = format!("{}: what depends on that is unknown", unknown.message());
            out.fail(unknown.reason(), message).detail(kind.resource());
        } else {
            out.unknown(unknown);
        }
    }
}

fn faults(faults: &Faults, out: &mut Findings) {
    for (baseline, control) in &faults.0 {
        let message = format!("{control} panicked under baseline {baseline}: its verdict is unknown, and this is a bug");
        out.fail("ControlPanicked", message)
            .detail(format!("{baseline}, {control}"));
    }
}

/// Whether enough replicas live and evaluate, and whether anybody looks at what they measure.
fn at_work(view: &View<'_>, params: &Params, since: Timestamp, replicas: &[Replica], out: &mut Findings) {
    // No short circuits: what is looked at decides when to look again.
    let live: Vec<&Replica> = replicas
        .iter()
        .filter(|replica| !view.is_older(replica.renewed, replica.holds))
        .collect();
    let overdue = |moment: Timestamp| view.is_older(moment, params.overdue());
    let (stuck, fresh): (Vec<&Replica>, Vec<&Replica>) = live
        .iter()
        .filter(|replica| replica.evaluated.is_some())
        .partition(|replica| replica.evaluated.is_some_and(overdue));
    for replica in stuck {
        let message = format!("replica {} has evaluated nothing for {}", replica.name, twice(params));
        out.fail("EvaluationStale", message).detail(replica.name.clone());
    }
    too_few(view, params, since, &fresh, out);
    let scraped = live.iter().filter_map(|replica| replica.scraped).max();
    if scraped.is_none_or(overdue) {
        let reason = match scraped {
            Some(_) => format!("nobody has scraped the metrics for {}", twice(params)),
            None => "nobody has ever scraped the metrics".into(),
        };
        fail_unless_starting(view, since, params.overdue(), "NotScraped", reason, out);
    }
}

fn too_few(view: &View<'_>, params: &Params, since: Timestamp, fresh: &[&Replica], out: &mut Findings) {
    let names: Vec<&str> = fresh.iter().map(|replica| &*replica.name).collect();
    if fresh.len() >= params.min_replicas {
        out.note(format!("replicas at work: {}", names.join(", ")));
        return;
    }
    let message = format!(
        "{} of at least {} replicas of the operator are at work",
        fresh.len(),
        params.min_replicas
    );
    fail_unless_starting(view, since, params.interval.to_signed(), "TooFewReplicas", message, out);
}

/// What a process that has just begun misses may come yet: that is no failure and no pass.
fn fail_unless_starting(
    view: &View<'_>,
    since: Timestamp,
    patience: jiff::SignedDuration,
    reason: &'static str,
    message: String,
    out: &mut Findings,
) {
    if view.is_older(since, patience) {
        out.fail(reason, message);
    } else {
        out.unknown(Unknown::new("Starting", format!("{message}, and the operator has just started")).live_only());
    }
}

/// How long is too long, in words.
fn twice(params: &Params) -> Duration {
    Duration::from_secs(params.interval.as_secs().saturating_mul(2))
}
