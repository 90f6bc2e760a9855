//! Time: graces, exceptions and the wake-ups that end them, with no event.

use std::sync::Arc;

use jiff::SignedDuration;
use plimsoll_engine::{
    Engine,
    coverage::Coverage,
    exception::{Exception, ExceptionSelector},
    kind::Kind,
    report::State,
};
use serde_json::json;

use crate::Life;

const GRACE: SignedDuration = SignedDuration::from_mins(5);
const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

#[test]
fn a_verdict_turns_to_fail_exactly_when_its_grace_ends() {
    let mut life = Life::watching(&["toy/acts"]);
    life.deployment("web", "pass");
    life.turn();
    life.deployment("web", "fail");
    life.turn();
    let fails_at = life.now + GRACE;
    assert_eq!(life.verdict("toy/acts", "web"), "pass");
    assert_eq!(
        life.unit("toy/acts", "web").findings[0].state,
        State::Settling(fails_at)
    );
    assert_eq!(life.engine.next_wake(), Some(fails_at));
    assert_eq!(life.after(GRACE - INSTANT).evaluated, 0);
    assert_eq!(life.verdict("toy/acts", "web"), "pass");
    assert_eq!(life.after(INSTANT).evaluated, 1);
    assert_eq!(life.verdict("toy/acts", "web"), "fail");
    assert_eq!(life.engine.next_wake(), None);
}

#[test]
fn a_failure_that_goes_while_it_settles_was_none() {
    let mut life = Life::watching(&["toy/acts"]);
    life.deployment("web", "pass");
    life.turn();
    life.deployment("web", "fail");
    life.turn();
    life.deployment("web", "pass");
    life.after(SignedDuration::from_mins(4));
    // Failing anew, it is given its whole grace anew.
    life.deployment("web", "fail");
    life.turn();
    life.after(SignedDuration::from_mins(4));
    assert_eq!(life.verdict("toy/acts", "web"), "pass");
}

#[test]
fn what_was_wrong_when_the_operator_starts_fails_at_once_unless_it_is_young() {
    let mut life = Life::of(Engine::live(), &["toy/acts"]);
    life.deployment("old", "fail");
    let created = life.now - SignedDuration::from_mins(1);
    life.put_created(
        Kind::Deployment,
        "shop",
        "young",
        &json!({"act": "fail"}),
        created,
    );
    life.turn();
    assert_eq!(life.verdict("toy/acts", "old"), "fail");
    assert_eq!(life.verdict("toy/acts", "young"), "unknown Settling");
    assert_eq!(life.engine.next_wake(), Some(created + GRACE));
    life.after(SignedDuration::from_mins(4));
    assert_eq!(life.verdict("toy/acts", "young"), "fail");
}

#[test]
fn a_scan_gives_no_grace() {
    let mut life = Life::of(Engine::scan(), &["toy/acts"]);
    let created = life.now - SignedDuration::from_mins(1);
    life.put_created(
        Kind::Deployment,
        "shop",
        "young",
        &json!({"act": "fail"}),
        created,
    );
    life.turn();
    assert_eq!(life.verdict("toy/acts", "young"), "fail");
}

#[test]
fn a_right_that_comes_back_gives_no_new_grace_to_what_was_failing() {
    let mut life = Life::of(Engine::live(), &["toy/acts"]);
    life.deployment("web", "fail");
    life.turn();
    life.engine.watching();
    let since = life.unit("toy/acts", "web").findings[0].first_seen;
    life.engine.set_coverage(Kind::Deployment, Coverage::Forbidden);
    life.after(SignedDuration::from_mins(30));
    assert_eq!(life.verdict("toy/acts", "web"), "unknown Forbidden");
    life.engine.set_coverage(Kind::Deployment, Coverage::Complete);
    life.after(SignedDuration::from_mins(30));
    assert_eq!(life.verdict("toy/acts", "web"), "fail");
    assert_eq!(life.unit("toy/acts", "web").findings[0].first_seen, since);
}

#[test]
fn a_restart_changes_no_verdict_and_no_age() {
    let mut before = Life::watching(&["toy/acts"]);
    before.deployment("web", "pass");
    before.turn();
    before.deployment("web", "fail");
    before.turn();
    let was = before.unit("toy/acts", "web");
    let shard = before.engine.memory_mut().shard("shop").unwrap().clone();
    let mut life = Life::of(Engine::live(), &["toy/acts"]);
    life.engine.load_memory("shop", shard);
    life.deployment("web", "fail");
    life.after(SignedDuration::from_mins(2));
    assert_eq!(*life.unit("toy/acts", "web"), *was);
    life.after(SignedDuration::from_mins(3));
    assert_eq!(life.verdict("toy/acts", "web"), "fail");
}

fn exception(life: &Life, selector: ExceptionSelector) -> Exception {
    Exception {
        name: Arc::from("known"),
        control: "toy/acts".into(),
        baselines: Vec::new(),
        selector,
        expires: life.now + SignedDuration::from_hours(1),
    }
}

#[test]
fn an_exception_covers_until_the_moment_it_expires() {
    let mut life = Life::of(Engine::live(), &["toy/acts"]);
    life.deployment("web", "fail");
    life.engine
        .set_exceptions(vec![exception(&life, ExceptionSelector::default())]);
    life.turn();
    assert_eq!(life.verdict("toy/acts", "web"), "waived");
    assert_eq!(life.engine.report().waived_by.get("known"), Some(&1));
    assert_eq!(
        life.engine.next_wake(),
        Some(life.now + SignedDuration::from_hours(1))
    );
    life.after(SignedDuration::from_hours(1) - INSTANT);
    assert_eq!(life.verdict("toy/acts", "web"), "waived");
    life.after(INSTANT);
    assert_eq!(life.verdict("toy/acts", "web"), "fail");
    assert!(life.engine.report().waived_by.is_empty());
}

#[test]
fn an_exception_by_namespace_label_follows_the_label() {
    let mut life = Life::of(Engine::live(), &["toy/acts"]);
    life.deployment("web", "fail");
    let web = serde_json::from_value(json!({"matchLabels": {"team": "web"}})).unwrap();
    let selector = ExceptionSelector {
        namespace_selector: Some(web),
        ..ExceptionSelector::default()
    };
    life.engine.set_exceptions(vec![exception(&life, selector)]);
    life.turn();
    assert_eq!(life.verdict("toy/acts", "web"), "waived");
    life.put(Kind::Namespace, "", "shop", &json!({"team": "other"}));
    life.turn();
    assert_eq!(life.verdict("toy/acts", "web"), "fail");
    life.engine.set_exceptions(Vec::new());
    life.put(Kind::Namespace, "", "shop", &json!({"team": "web"}));
    assert_eq!(life.turn().evaluated, 1);
    assert_eq!(life.verdict("toy/acts", "web"), "fail");
}
