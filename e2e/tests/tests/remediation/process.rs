//! Remediation as a process runs it, on reports of the test's making.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use futures::future::BoxFuture;
use k8s_openapi::api::events::v1::Event;
use kube::{Client, api::Api};
use kube_test::{eventually, not_yet};
use plimsoll_controller::{
    Config, Declared, Health, Published,
    remediate::{
        Records, Remediation,
        counters::{Counters, Outcome},
        fence::Fence,
        record::Record,
    },
};
use plimsoll_engine::{
    baseline::{BaselineSpec, Mode, compile},
    control::Registry,
    finding::{Basis, Change, Details, Finding, Repair, RepairClass, Severity, Verdict},
    memory::Fingerprint,
    report::{BaselineReport, Judgement, Report, Reported, State, UnitKey, UnitResult},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::place::{CONTROL, Place};

/// Remembers in memory what an `EvidenceRecord` would.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Vec<Record>>);

impl Remembered {
    pub(crate) fn all(&self) -> Vec<Record> {
        self.0.lock().unwrap().clone()
    }
}

impl Records for Remembered {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, String>> {
        Box::pin(async { Ok(self.all()) })
    }

    fn keep(&self, record: Record) -> BoxFuture<'_, Result<(), String>> {
        let mut records = self.0.lock().unwrap();
        records.retain(|known| known.time != record.time);
        records.push(record);
        Box::pin(async { Ok(()) })
    }
}

/// A report in which one baseline wants these changes, or finds nothing.
#[allow(
    clippy::default_trait_access,
    reason = "the maps' crate is no dependency of the tests"
)]
pub(crate) fn published(mode: Mode, changes: &[Change]) -> Arc<Published> {
    let mut report = BaselineReport {
        name: "production".into(),
        generation: 1,
        mode,
        problems: Arc::new([]),
        severities: Arc::default(),
        units: Default::default(),
        tallies: Default::default(),
        worst: Default::default(),
        repairable: Default::default(),
        tenants: Default::default(),
    };
    for change in changes {
        let unit = unit(mode, change);
        report.repairable.insert(unit.key.clone());
        report.units.insert(unit);
    }
    let mut all = Report::default();
    all.baselines.insert("production".into(), report);
    let compiled = compile(
        "production",
        1,
        &BaselineSpec::default(),
        &[],
        &Registry::default(),
        None,
    );
    Arc::new(Published {
        declared: Declared::default(),
        report: all,
        asides: Default::default(),
        baselines: Arc::new([compiled]),
        health: Arc::new(Health {
            ready: true,
            ..Health::default()
        }),
    })
}

fn unit(mode: Mode, change: &Change) -> UnitResult {
    let subject = change.target().clone();
    let finding = Finding::new(
        subject.clone(),
        Details {
            reason: "TooFewReplicas",
            field_path: None,
            message: "1 replica".into(),
            evidence: vec![],
            severity: None,
            detail: None,
            repair: Some(Box::new(Repair {
                class: RepairClass::Safe,
                why: "".into(),
                changes: vec![change.clone()],
            })),
        },
    );
    let judgement = Judgement {
        control: CONTROL,
        severity: Severity::High,
        basis: Basis::Automated,
        mode,
        environment: None,
        verdict: Verdict::Fail,
        findings: Box::new([Reported {
            finding,
            fingerprint: Fingerprint::of(&["x"]),
            severity: Severity::High,
            first_seen: jiff::Timestamp::UNIX_EPOCH,
            state: State::Failing,
        }]),
        notes: Box::default(),
        blind: false,
    };
    UnitResult {
        key: UnitKey {
            control: CONTROL,
            subject,
        },
        judgement: Arc::new(judgement),
    }
}

/// Remediation as a process runs it, on reports of the test's making.
pub(crate) struct Running {
    pub(crate) reports: watch::Sender<Arc<Published>>,
    pub(crate) leads: Arc<AtomicBool>,
    records: Arc<Remembered>,
    pub(crate) counters: Arc<Counters>,
    shutdown: CancellationToken,
    _leader: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(client: Client, records: Arc<Remembered>, leads: bool) -> Self {
        let (reports, published_rx) = watch::channel(published(Mode::Observe, &[]));
        let (leader, leader_rx) = watch::channel(true);
        let leads = Arc::new(AtomicBool::new(leads));
        let asked = leads.clone();
        let fence = move || -> BoxFuture<'static, bool> {
            let answer = asked.load(Ordering::SeqCst);
            Box::pin(async move { answer })
        };
        let fence: Arc<dyn Fence> = Arc::new(fence);
        let counters = Arc::new(Counters::default());
        let shutdown = CancellationToken::new();
        let remediation = Remediation {
            client,
            config: Arc::new(Config {
                remediation: true,
                ..Config::default()
            }),
            published: published_rx,
            leader: leader_rx,
            fence,
            records: records.clone(),
            counters: counters.clone(),
            shutdown: shutdown.clone(),
        };
        Self {
            reports,
            leads,
            records,
            counters,
            shutdown,
            _leader: leader,
            task: tokio::spawn(remediation.run()),
        }
    }

    pub(crate) fn publish(&self, mode: Mode, changes: &[Change]) {
        self.reports.send_replace(published(mode, changes));
    }

    pub(crate) fn counted(&self, outcome: Outcome) -> u64 {
        let counts = self.counters.snapshot();
        counts
            .iter()
            .filter(|(labels, _)| labels.outcome == outcome)
            .map(|(_, n)| n)
            .sum()
    }

    pub(crate) async fn until(&self, what: &str, is_so: impl Fn() -> bool) -> Result<()> {
        eventually(Duration::from_mins(1), what, async || {
            if is_so() {
                Ok(())
            } else {
                Err(not_yet(format!("{:?}", self.counters.snapshot())))
            }
        })
        .await?;
        Ok(())
    }

    pub(crate) async fn stop(self) -> Result<Arc<Remembered>> {
        self.shutdown.cancel();
        self.task.await?;
        Ok(self.records)
    }
}

pub(crate) async fn reasons(place: &Place<'_>, about: &str) -> Result<Vec<String>> {
    let events: Api<Event> = Api::namespaced(place.admin.clone(), place.namespace);
    let events = events.list(&kube::api::ListParams::default()).await?;
    let ours = events
        .items
        .into_iter()
        .filter(|e| e.reporting_controller.as_deref() == Some("plimsoll.dev/remediation"))
        .filter(|e| e.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(about));
    let mut reasons: Vec<String> = ours.filter_map(|e| e.reason).collect();
    reasons.sort();
    Ok(reasons)
}
