//! Probed controls in a live engine: what they ask for, what an answer costs, and what survives a restart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use jiff::{SignedDuration, Timestamp};
use plimsoll_engine::{
    Engine,
    baseline::compile,
    decode::decode_json,
    finding::Verdict,
    kind::Kind,
    memory::Shard,
    name::ObjRef,
    probe::{Answer, Bucket, Check, Endpoint, Handshake, Met, Obstacle, Probe, Probed, Window},
    report::{Delta, UnitKey},
};
use serde_json::{Value, json};

const TLS: &str = "encryption/tls-handshake";
const UPTIME: &str = "availability/uptime-slo";
const FINE: [Answer; 4] = [
    Answer::Refused,
    Answer::Refused,
    Answer::Accepted,
    Answer::Accepted,
];

struct Life {
    engine: Engine,
    now: Timestamp,
}

impl Life {
    fn new() -> Self {
        let mut engine = Engine::live();
        engine.see_everything();
        let mut life = Self {
            engine,
            now: "2026-06-01T12:00:00Z".parse().unwrap(),
        };
        life.baseline(
            &json!({ TLS: {"probe": true, "failAfter": "0s"}, UPTIME: {"probe": true, "failAfter": "0s"} }),
        );
        let labels = json!({"plimsoll.dev/environment": "production"});
        life.put(
            Kind::Namespace,
            &json!({"metadata": {"name": "shop", "uid": "1", "labels": labels}}),
        );
        life
    }

    fn baseline(&mut self, controls: &Value) {
        let spec = serde_json::from_value(json!({ "controls": controls })).unwrap();
        let compiled = compile("b", 1, &spec, &[], &plimsoll_controls::registry(), None);
        assert!(compiled.problems.is_empty(), "{:?}", compiled.problems);
        self.engine.set_baselines(vec![compiled]);
    }

    /// What is asked of the prober for the first host, and when it does not count.
    fn attempt(&self) -> (Check, Vec<Window>) {
        let asides = self.engine.asides();
        let Probe::Availability {
            check, maintenance, ..
        } = &asides.requests().next().unwrap().probe
        else {
            panic!("an attempt");
        };
        (check.clone(), maintenance.to_vec())
    }

    fn put(&mut self, kind: Kind, object: &Value) {
        self.engine
            .upsert(decode_json(kind, &object.to_string()).unwrap());
    }

    fn ingress(&mut self, name: &str, address: &str) {
        let host = format!("{name}.example.com");
        let object = json!({
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"rules": [{"host": host}], "tls": [{"hosts": [host], "secretName": "x"}]},
            "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
        });
        self.put(Kind::Ingress, &object);
    }

    fn turn(&mut self) -> Delta {
        self.engine.turn(self.now)
    }

    fn after(&mut self, time: SignedDuration) -> Delta {
        self.now += time;
        self.turn()
    }

    fn answered(&mut self, name: &str, answers: [Answer; 4]) {
        let handshake = Handshake {
            at: self.now,
            answers,
            certificate: None,
        };
        self.engine.met(Met::Handshake {
            namespace: "shop".into(),
            endpoint: endpoint(name),
            handshake,
        });
    }

    /// An hour of attempts, of which so many seconds failed.
    fn hour(&mut self, name: &str, ago: i64, failed: u32) {
        let bucket = Bucket {
            covered: 3_600,
            failed,
            excluded: 0,
        };
        self.engine.met(Met::Attempts {
            namespace: "shop".into(),
            check: check(name),
            at: self.now - SignedDuration::from_hours(ago),
            bucket,
        });
    }

    fn verdict(&self, control: &'static str, name: &str) -> String {
        let subject = ObjRef::new(Kind::Ingress, "shop", name);
        let unit = self.engine.report().baselines["b"]
            .units
            .get(&UnitKey { control, subject })
            .unwrap();
        match &unit.verdict {
            Verdict::Unknown(why) => format!("unknown {}", why.reason()),
            other => other.word().into(),
        }
    }

    /// What another process finds: everything that is remembered, through JSON.
    fn restarted(&mut self) -> Self {
        let mut next = Self::new();
        next.now = self.now;
        let memory = self.engine.memory_mut();
        for namespace in memory.namespaces().cloned().collect::<Vec<_>>() {
            let text = serde_json::to_string(memory.shard(&namespace).unwrap()).unwrap();
            let shard: Shard = serde_json::from_str(&text).unwrap();
            next.engine.load_memory(&namespace, shard);
        }
        next
    }
}

fn endpoint(name: &str) -> Endpoint {
    Endpoint {
        host: format!("{name}.example.com").into(),
        address: "203.0.113.7".into(),
        port: 443,
    }
}

fn check(name: &str) -> Check {
    Check {
        host: format!("{name}.example.com").into(),
        tls: true,
        path: "/".into(),
        criteria: "".into(),
    }
}

#[test]
fn controls_ask_for_the_hosts_they_judge_and_for_nothing_else() {
    let mut life = Life::new();
    life.ingress("web", "203.0.113.7");
    life.ingress("meta", "169.254.169.254");
    life.turn();
    let asides = life.engine.asides();
    let mut asked: Vec<String> = asides
        .requests()
        .map(|request| match &request.probe {
            Probe::Handshake { endpoint, .. } => format!("{} tls {endpoint}", request.namespace),
            Probe::Availability { check, at, .. } => {
                format!("{} http {} {at:?}", request.namespace, check.host)
            }
        })
        .collect();
    asked.sort();
    let expected = [
        r#"shop http web.example.com [("203.0.113.7", 443)]"#,
        "shop tls web.example.com at 203.0.113.7:443",
    ];
    assert_eq!(asked, expected);
    assert_eq!(life.verdict(TLS, "meta"), "unknown AddressRefused");
    // Nobody's wish outlives its object.
    life.engine.remove(&ObjRef::new(Kind::Ingress, "shop", "web"));
    life.turn();
    assert_eq!(life.engine.asides().requests().count(), 0);
    life.baseline(&json!({ TLS: {} }));
    life.ingress("web", "203.0.113.7");
    life.turn();
    assert_eq!(life.engine.asides().requests().count(), 0, "off unless asked for");
}

#[test]
fn an_answer_runs_its_own_unit_alone() {
    let mut life = Life::new();
    life.ingress("a", "203.0.113.7");
    life.ingress("b", "203.0.113.7");
    life.turn();
    assert_eq!(life.verdict(TLS, "a"), "unknown NotProbedYet");
    life.answered("a", FINE);
    assert_eq!(life.turn().evaluated, 1);
    assert_eq!(
        (life.verdict(TLS, "a").as_str(), life.verdict(TLS, "b").as_str()),
        ("pass", "unknown NotProbedYet")
    );
    let mut legacy = FINE;
    legacy[0] = Answer::Accepted;
    life.answered("a", legacy);
    life.turn();
    assert_eq!(life.verdict(TLS, "a"), "fail");
    // What is no answer is not green, nor is an old one.
    life.answered("a", [Answer::Unknown(Obstacle::Timeout); 4]);
    life.turn();
    assert_eq!(life.verdict(TLS, "a"), "unknown ProbeTimeout");
    life.answered("a", FINE);
    life.turn();
    assert_eq!(life.after(SignedDuration::from_secs(12 * 3_600 - 1)).evaluated, 0);
    assert_eq!(life.verdict(TLS, "a"), "pass");
    life.after(SignedDuration::from_secs(1));
    assert_eq!(life.verdict(TLS, "a"), "unknown StaleProbe");
}

#[test]
fn a_restart_changes_no_verdict_and_a_new_leader_takes_over_what_was_met() {
    let mut life = Life::new();
    for name in ["a", "b", "c"] {
        life.ingress(name, "203.0.113.7");
    }
    life.turn();
    life.answered("a", FINE);
    life.answered("b", [Answer::Accepted; 4]);
    for hour in 0..720 {
        life.hour("a", hour, if hour == 5 { 255 } else { 0 });
        life.hour("b", hour, if hour == 5 { 270 } else { 0 });
    }
    life.turn();
    let expected = ["pass", "fail", "unknown NotProbedYet"];
    let verdicts = |life: &Life, control| ["a", "b", "c"].map(|name| life.verdict(control, name));
    assert_eq!(verdicts(&life, TLS), expected);
    assert_eq!(verdicts(&life, UPTIME), expected);

    let mut restarted = life.restarted();
    for name in ["a", "b", "c"] {
        restarted.ingress(name, "203.0.113.7");
    }
    restarted.turn();
    assert_eq!(verdicts(&restarted, TLS), expected);
    assert_eq!(verdicts(&restarted, UPTIME), expected);
    let measures = |life: &Life| {
        let asides = life.engine.asides();
        let mut all: Vec<String> = asides
            .measures()
            .map(|m| format!("{} {:?} {}", m.metric.name, m.labels, m.value))
            .collect();
        all.sort();
        all
    };
    assert_eq!(measures(&restarted), measures(&life));
    let budget = |name: &str, value: &str| {
        let start = format!(
            "plimsoll_uptime_error_budget_remaining_seconds [\"{name}.example.com\", \"30d\"] {value}"
        );
        assert!(
            measures(&life).iter().any(|m| m.starts_with(&start)),
            "{start}: {:#?}",
            measures(&life)
        );
    };
    budget("a", "4.2");
    budget("b", "-10.8");

    // A replica that followed the evidence knows what the leader knew, once, whatever it is told again.
    let mut follower = Life::new();
    for name in ["a", "b", "c"] {
        follower.ingress(name, "203.0.113.7");
    }
    follower.turn();
    let probed: Probed = life.engine.memory_mut().shard("shop").unwrap().probed.clone();
    follower.engine.recall("shop", Some("1"), &probed);
    follower.turn();
    assert_eq!(verdicts(&follower, TLS), expected);
    assert_eq!(verdicts(&follower, UPTIME), expected);
    follower.engine.memory_mut().take_changed();
    follower.engine.recall("shop", Some("1"), &probed);
    assert_eq!(follower.turn().evaluated, 0);
    assert!(follower.engine.memory_mut().take_changed().is_empty());
}

#[test]
fn what_a_crash_lost_is_missing_coverage_and_no_success() {
    let mut life = Life::new();
    life.ingress("a", "203.0.113.7");
    for hour in 1..=650 {
        life.hour("a", hour, 0);
    }
    life.turn();
    assert_eq!(life.verdict(UPTIME, "a"), "pass");
    // 647 hours are less than 0.9 of 720.
    life.after(SignedDuration::from_hours(69));
    assert_eq!(life.verdict(UPTIME, "a"), "pass");
    life.after(SignedDuration::from_hours(5));
    assert_eq!(life.verdict(UPTIME, "a"), "unknown TooFewSamples");
}

#[test]
fn failures_leave_the_window_by_time_alone() {
    let mut life = Life::new();
    life.ingress("a", "203.0.113.7");
    for hour in 0..720 {
        life.hour("a", hour, if hour == 719 { 600 } else { 0 });
    }
    life.turn();
    assert_eq!(life.verdict(UPTIME, "a"), "fail");
    let wake = life.engine.next_wake().unwrap();
    assert!(wake <= life.now + SignedDuration::from_hours(1), "{wake}");
    life.after(SignedDuration::from_hours(2));
    assert_eq!(life.verdict(UPTIME, "a"), "pass");
}

#[test]
fn a_namespace_that_is_gone_leaves_nothing_and_nothing_old_comes_back() {
    let mut life = Life::new();
    life.ingress("a", "203.0.113.7");
    life.turn();
    life.answered("a", FINE);
    life.hour("a", 0, 0);
    life.turn();
    let probed = life.engine.memory_mut().shard("shop").unwrap().probed.clone();
    life.engine.remove(&ObjRef::new(Kind::Ingress, "shop", "a"));
    life.engine.remove(&ObjRef::namespace_object("shop"));
    life.turn();
    assert!(life.engine.memory_mut().shard("shop").is_none());
    life.engine.recall("shop", Some("1"), &probed);
    assert!(life.engine.memory_mut().shard("shop").is_none(), "told late");
    let labels = json!({"plimsoll.dev/environment": "production"});
    life.put(
        Kind::Namespace,
        &json!({"metadata": {"name": "shop", "uid": "2", "labels": labels}}),
    );
    life.ingress("a", "203.0.113.7");
    life.turn();
    life.engine.recall("shop", Some("1"), &probed);
    life.turn();
    assert_eq!(life.verdict(TLS, "a"), "unknown NotProbedYet");
}

#[test]
fn maintenance_is_part_of_what_is_asked_and_another_history() {
    let mut life = Life::new();
    let window = json!([{"schedule": "0 2 * * 6", "timeZone": "Europe/Berlin", "duration": "3h"}]);
    life.baseline(&json!({ UPTIME: {"probe": true, "maintenance": window} }));
    life.ingress("a", "203.0.113.7");
    life.hour("a", 0, 0);
    life.turn();
    assert_eq!(life.verdict(UPTIME, "a"), "unknown NotProbedYet");
    let (check, maintenance) = life.attempt();
    assert_eq!(maintenance.len(), 1);
    assert_eq!(check.criteria.len(), 32);
}

#[test]
fn business_hours_leave_out_nights_and_are_another_history() {
    let mut life = Life::new();
    life.baseline(&json!({ UPTIME: {
        "probe": true, "businessHours": "Mon-Fri 08:00-18:00", "timeZone": "Europe/Berlin",
    } }));
    life.ingress("a", "203.0.113.7");
    life.hour("a", 0, 0);
    life.turn();
    assert_eq!(life.verdict(UPTIME, "a"), "unknown NotProbedYet");
    let (check, maintenance) = life.attempt();
    assert_eq!(check.criteria.len(), 32);
    let counts = |at: &str| {
        !maintenance
            .iter()
            .any(|window| window.contains(at.parse().unwrap()))
    };
    assert!(
        counts("2026-06-01T06:00:00Z") && !counts("2026-06-01T05:59:59Z"),
        "Monday, 8 in Berlin"
    );
    assert!(!counts("2026-06-06T10:00:00Z"), "Saturday");
}

#[test]
fn parameters_that_contradict_each_other_are_refused() {
    let refused = |id: &str, params: &Value| {
        let spec = serde_json::from_value(json!({"controls": {id: params}})).unwrap();
        let compiled = compile("b", 1, &spec, &[], &plimsoll_controls::registry(), None);
        compiled
            .problems
            .iter()
            .map(|p| p.field.rsplit('.').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for (params, field) in [
        (json!({"interval": "60s"}), "interval"),
        (json!({"businessHours": "Mo-Fr 8-18"}), "businessHours"),
        (
            json!({"businessHours": "Mon-Fri 08:00-18:00", "timeZone": "Berlin"}),
            "timeZone",
        ),
        (json!({"target": "0.9999", "interval": "31s"}), "interval"),
        (json!({"interval": "1s", "timeout": "1s"}), "interval"),
        (json!({"timeout": "20s"}), "timeout"),
        (json!({"window": "1h"}), "window"),
        (json!({"window": "400d"}), "window"),
        (json!({"target": "1.5"}), "target"),
        (json!({"target": 0.999}), "target"),
        (json!({"path": "healthz"}), "path"),
        (json!({"path": "/a b"}), "path"),
        (
            json!({"maintenance": [{"schedule": "never", "duration": "1h"}]}),
            "schedule",
        ),
        (
            json!({"maintenance": [{"schedule": "0 2 * * *", "duration": "2d"}]}),
            "duration",
        ),
        (
            json!({"maintenance": [{"schedule": "0 2 * * *", "timeZone": "Mars", "duration": "1h"}]}),
            "timeZone",
        ),
        (json!({"allowCidrs": ["10.0.0.0/99"]}), "allowCidrs[0]"),
    ] {
        assert_eq!(refused(UPTIME, &params), [field], "{params}");
    }
    assert!(refused(UPTIME, &json!({"target": "0.999", "interval": "60s"})).is_empty());
    assert_eq!(refused(TLS, &json!({"allowedVersions": []})), ["allowedVersions"]);
    assert_eq!(refused(TLS, &json!({"interval": "5s"})), ["interval"]);
    assert_eq!(refused(TLS, &json!({"caBundle": {"name": "x"}})).len(), 1);
}

#[test]
fn a_namespace_that_is_gone_and_back_at_once_was_never_probed() {
    let mut life = Life::new();
    life.ingress("web", "203.0.113.7");
    life.turn();
    life.answered("web", FINE);
    life.hour("web", 1, 0);
    life.turn();
    assert_eq!(life.verdict(TLS, "web"), "pass");

    // Both within one turn: to all but those who read what probes met nothing has changed.
    life.engine.remove(&ObjRef::namespace_object("shop"));
    let labels = json!({"plimsoll.dev/environment": "production"});
    life.put(
        Kind::Namespace,
        &json!({"metadata": {"name": "shop", "uid": "1", "labels": labels}}),
    );
    life.turn();
    assert_eq!(life.verdict(TLS, "web"), "unknown NotProbedYet");
    assert_eq!(life.verdict(UPTIME, "web"), "unknown NotProbedYet");
}
