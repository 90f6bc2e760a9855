use std::time::{Duration, Instant};

use axum::http::Request;
use futures::StreamExt;
use plimsoll_engine::{
    baseline::Mode,
    control::{Control, Meta, Unit, UnitKind},
    duration::Duration as Grace,
    finding::{Basis, Details, Finding, Findings, Verdict},
    kind::KindSet,
    memory::Fingerprint,
    name::ObjRef,
    report::{
        BaselineReport, Judgement, Report, Reported, State as Standing, Tally, UnitKey, UnitResult, Units,
    },
    unknown::Unknown as Doubt,
    view::View,
};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::Health;

struct Sample;

impl Control for Sample {
    const META: Meta = Meta {
        id: "area/sample",
        title: "Samples hold",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Workload,
        reads: KindSet::of(&[Kind::Deployment]),
        fail_after: Grace::from_secs(0),
        mappings: &[("SOC 2", "CC6.1")],
        rights: &[],
        page: "# area/sample\n\n## How to fix\n\nMend it.\n",
    };
    type Params = ();

    fn check(_: &Unit<'_>, _: &View<'_>, (): &(), _: &mut Findings) -> Result<(), Doubt> {
        Ok(())
    }
}

fn unit(i: usize) -> UnitResult {
    let object = ObjRef::new(Kind::Deployment, format!("ns-{}", i % 3), format!("web-{i}"));
    let finding = Finding::new(
        object.clone(),
        Details {
            reason: "Wrong",
            field_path: None,
            message: format!("is wrong in way {i}").into(),
            evidence: Vec::new(),
            severity: None,
            detail: None,
            repair: None,
        },
    );
    let judgement = Judgement {
        control: "area/sample",
        severity: Severity::High,
        basis: Basis::Automated,
        mode: Mode::Observe,
        environment: None,
        verdict: Verdict::Fail,
        findings: Box::new([Reported {
            fingerprint: Fingerprint::of(&[&i.to_string()]),
            severity: if i == 0 {
                Severity::Critical
            } else {
                Severity::High
            },
            first_seen: Timestamp::UNIX_EPOCH,
            state: Standing::Failing,
            finding,
        }]),
        notes: Box::default(),
        blind: false,
    };
    UnitResult {
        key: UnitKey {
            control: "area/sample",
            subject: object,
        },
        judgement: Arc::new(judgement),
    }
}

fn published(findings: usize, ready: bool) -> Published {
    let mut units = Units::default();
    let mut tally = Tally::default();
    for i in 0..findings {
        let unit = unit(i);
        tally.count(&unit, 1);
        units.insert(unit);
    }
    let baseline = BaselineReport {
        name: "production".into(),
        generation: 1,
        mode: Mode::Observe,
        problems: Arc::from([]),
        severities: Arc::new([("area/sample", Severity::High)].into()),
        units,
        tallies: [(("area/sample", Arc::from("")), tally)].into_iter().collect(),
        worst: imbl::OrdMap::new(),
        repairable: imbl::OrdSet::new(),
        tenants: imbl::OrdMap::new(),
    };
    let mut report = Report::default();
    report.baselines.insert("production".into(), baseline);
    Published {
        report,
        health: Arc::new(Health {
            ready,
            ..Health::default()
        }),
        ..Published::default()
    }
}

fn reports(findings: usize, ready: bool) -> Reports {
    let (_, published) = watch::channel(Arc::new(published(findings, ready)));
    let controls = Registry::default().with::<Sample>();
    Reports::new(published, controls, "test", || Timestamp::UNIX_EPOCH)
}

async fn get_from(reports: &Reports, path: &str) -> Response {
    let request = Request::get(path).body(Body::empty()).unwrap();
    reports.clone().router().oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test]
async fn findings_are_those_asked_for() {
    let reports = reports(10, true);
    for (query, count) in [
        ("", 10),
        ("?namespace=ns-1", 3),
        ("?severity=critical", 1),
        ("?control=area/sample&namespace=ns-0&unknown=omit", 4),
        ("?control=other/one", 0),
        ("?baseline=production", 10),
        ("?baseline=staging", 0),
    ] {
        let response = get_from(&reports, &format!("/findings{query}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        let list: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(list["apiVersion"], "findings.plimsoll.dev/v1");
        assert_eq!(list["results"].as_array().unwrap().len(), count, "{query}");
    }
    for query in ["?severity=worst", "?nspace=ns-1", "?unknown=1"] {
        let response = get_from(&reports, &format!("/findings{query}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn the_report_comes_in_three_forms() {
    let reports = reports(3, true);
    for (query, kind, holds) in [
        ("", "text/html; charset=utf-8", "<!doctype html>"),
        (
            "?format=markdown",
            "text/markdown; charset=utf-8",
            "# Compliance report",
        ),
        ("?format=json", "application/json", "\"report.plimsoll.dev/v1\""),
    ] {
        let response = get_from(&reports, &format!("/report{query}")).await;
        let headers = response.headers().clone();
        assert_eq!(headers[header::CONTENT_TYPE], kind);
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-"),
            "{policy}"
        );
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        let text = text(response).await;
        assert!(text.contains(holds), "{text}");
    }
    let wrong = get_from(&reports, "/report?format=pdf").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nothing_is_told_before_anything_is_known() {
    let response = get_from(&reports(3, false), "/report").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

/// Readers that do not read hold a place each, and no more than a few pieces; who goes away frees the place.
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_are_few_and_hold_little() {
    let reports = reports(20_000, true);
    let mut slow = Vec::new();
    for _ in 0..AT_ONCE {
        let mut body = get_from(&reports, "/findings")
            .await
            .into_body()
            .into_data_stream();
        let first = body.next().await.unwrap().unwrap();
        assert!(first.len() <= PIECE, "{}", first.len());
        slow.push(body);
    }
    assert_eq!(
        get_from(&reports, "/findings").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    drop(slow);
    let deadline = Instant::now() + Duration::from_secs(30);
    while reports.room.available_permits() < AT_ONCE {
        assert!(Instant::now() < deadline, "places are not freed");
        tokio::task::yield_now().await;
    }
    let all: Value = serde_json::from_str(&text(get_from(&reports, "/findings").await).await).unwrap();
    assert_eq!(all["results"].as_array().unwrap().len(), 20_000);
}
