use super::*;

fn exception(expires: &str) -> Value {
    json!({
        "apiVersion": "plimsoll.dev/v1alpha1",
        "kind": "BaselineException",
        "metadata": { "name": "e", "generation": 3, "creationTimestamp": "2026-11-01T00:00:00Z" },
        "spec": {
            "control": "availability/replica-redundancy",
            "selector": { "namespaces": ["shop"] },
            "reason": "the shop is being closed",
            "riskId": "R-1",
            "approvedBy": "head of operations",
            "expires": expires,
        },
    })
}

fn now() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn phase(object: &Value, matched: u64) -> ExceptionPhase {
    status_of_exception(object, matched, now(), None).phase.unwrap()
}

#[test]
fn exceptions_are_active_inert_expired_or_invalid() {
    let later = exception("2027-01-01T00:00:00Z");
    assert_eq!(phase(&later, 2), ExceptionPhase::Active);
    assert_eq!(phase(&later, 0), ExceptionPhase::Inert);
    assert_eq!(
        phase(&exception("2026-11-21T00:00:00Z"), 0),
        ExceptionPhase::Expired
    );
    let endless = exception("2099-01-01T00:00:00Z");
    assert_eq!(phase(&endless, 0), ExceptionPhase::Invalid);
}

#[test]
fn one_that_cannot_be_decoded_says_so_and_says_it_once() {
    let mut object = exception("2027-01-01T00:00:00Z");
    object["spec"]["expires"] = json!("next year");
    let status = status_of_exception(&object, 0, now(), None);
    assert_eq!(status.phase, Some(ExceptionPhase::Invalid));
    assert_eq!(status.observed_generation, Some(3));
    let accepted = &status.conditions[0];
    assert_eq!(accepted.status, "False");
    assert!(accepted.message.contains("spec.expires"), "{}", accepted.message);
    let later = now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(
        status_of_exception(&object, 0, later, Some(&status)),
        status,
        "nothing new"
    );
}

#[test]
fn a_status_that_somebody_scribbled_in_hides_nothing() {
    let mut object = exception("2027-01-01T00:00:00Z");
    object["status"] = json!({ "phase": 7 });
    assert_eq!(phase(&object, 1), ExceptionPhase::Active);
    assert_eq!(status_in::<BaselineExceptionStatus>(&object), None);
}

#[test]
fn every_phase_is_counted_also_at_zero() {
    let mut state = Published::default();
    let expired = exception("2026-11-21T00:00:00Z");
    state.declared.exceptions = Arc::new([("a".to_owned(), expired)].into());
    let (counts, _) = phases(&state, now());
    assert_eq!(counts.len(), 4);
    assert_eq!(counts["expired"], 1);
    assert_eq!(counts["active"], 0);
}
