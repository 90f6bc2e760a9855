//! Alerts about verdicts: what fails, what is not known, what is accepted, what cannot be repaired.

use plimsoll_metrics::{BASELINE_PROBLEMS, EXCEPTION_NEXT_EXPIRY, FINDINGS, REMEDIATIONS, UNITS};

use super::{Alert, Group, Limits, Owner, Recorded, Severity, threshold::EXCEPTION};
use crate::promql::{HOUR, MINUTE, Pace, Reader::Rule, least, sum, worst};

pub(super) fn alerts(pace: Pace, limits: Limits) -> Vec<Alert> {
    vec![
        critical("PlimsollCriticalFindings", Severity::Warning, MINUTE, OPEN),
        critical(
            "PlimsollCriticalFindingsUnresolved",
            Severity::Critical,
            HOUR,
            UNRESOLVED,
        ),
        unknown_rises(pace),
        Alert {
            name: "PlimsollBaselineNotAccepted",
            group: Group::Findings,
            severity: Severity::Warning,
            owner: Owner::Security,
            expr: format!("{} > 0", worst("baseline", Rule.of(&BASELINE_PROBLEMS, ""))),
            hold: 5 * MINUTE,
            summary: "Parts of the baseline {{ $labels.baseline }} are not in force",
            description: "The operator cannot accept {{ $value }} entries of the SecurityBaseline {{ $labels.baseline }}: the \
                          controls that they set up are not measured as they were meant to be.",
        },
        Alert {
            name: "PlimsollExceptionExpiresSoon",
            group: Group::Findings,
            severity: Severity::Warning,
            owner: Owner::Security,
            expr: format!(
                "{} - time() < {}",
                least("control", Rule.of(&EXCEPTION_NEXT_EXPIRY, "")),
                limits.of(EXCEPTION)
            ),
            hold: 0,
            summary: "An exception from {{ $labels.control }} expires soon",
            description: "In {{ $value | humanizeDuration }} an active BaselineException from {{ $labels.control }} ends; from \
                          then on what it covers fails again, and may be repaired.",
        },
        ineffective(pace),
    ]
}

const OPEN: [&str; 2] = [
    "Critical findings of {{ $labels.control }}",
    "{{ $value }} critical findings of {{ $labels.control }} (baseline {{ $labels.baseline }}, environment {{ or \
     $labels.environment \"none\" }}) are open.",
];
const UNRESOLVED: [&str; 2] = [
    "Critical findings of {{ $labels.control }} are unresolved for an hour",
    "{{ $value }} critical findings of {{ $labels.control }} (baseline {{ $labels.baseline }}, environment {{ or \
     $labels.environment \"none\" }}) have been open for more than an hour: this is the escalation of PlimsollCriticalFindings.",
];

fn critical(
    name: &'static str,
    severity: Severity,
    hold: u32,
    [summary, description]: [&'static str; 2],
) -> Alert {
    let findings = Rule.of(&FINDINGS, r#"severity="critical",result="fail""#);
    Alert {
        name,
        group: Group::Findings,
        severity,
        owner: Owner::Security,
        expr: format!("{} > 0", worst("baseline, control, environment", findings)),
        hold,
        summary,
        description,
    }
}

/// The share of a baseline's units whose verdict is unknown.
const UNKNOWN: &str = "baseline:plimsoll_units_unknown:ratio";

/// What [`unknown_rises`] compares.
pub(super) fn recorded() -> Recorded {
    let units = |results: &str| {
        let by = "baseline, control, environment, result";
        sum("baseline", worst(by, Rule.of(&UNITS, results)))
    };
    let (unknown, judged) = (
        units(r#"result="unknown""#),
        units(r#"result=~"pass|fail|unknown""#),
    );
    Recorded {
        group: Group::Findings,
        name: UNKNOWN.into(),
        labels: &["baseline"],
        expr: format!("({unknown} or 0 * {judged}) / {judged}"),
    }
}

/// Now against an hour ago. A baseline that is younger than that has not risen.
fn unknown_rises(pace: Pace) -> Alert {
    Alert {
        name: "PlimsollUnknownRising",
        group: Group::Findings,
        severity: Severity::Warning,
        owner: Owner::Platform,
        expr: format!("{UNKNOWN} - {UNKNOWN} offset {} > 0.02", pace.span(HOUR)),
        hold: 10 * MINUTE,
        summary: "More and more of the baseline {{ $labels.baseline }} is unknown",
        description: "The share of verdicts that are Unknown rose by {{ $value | humanizePercentage }} within an hour. What is \
                      unknown may fail unseen: a right, a kind or a source of information is probably missing.",
    }
}

/// A counter that appears with its first count has not increased for `increase`; it is new instead.
fn ineffective(pace: Pace) -> Alert {
    let labels = r#"outcome="ineffective""#;
    let now = sum("baseline, control", Rule.of(&REMEDIATIONS, labels));
    let window = pace.span(HOUR);
    let before = sum(
        "baseline, control",
        format!("{} offset {window}", Rule.of(&REMEDIATIONS, labels)),
    );
    let grown = sum(
        "baseline, control",
        format!("increase({}[{window}])", Rule.of(&REMEDIATIONS, labels)),
    );
    Alert {
        name: "PlimsollRemediationIneffective",
        group: Group::Findings,
        severity: Severity::Warning,
        owner: Owner::Platform,
        expr: format!("{grown} > 0 or ({now} unless {before}) > 0"),
        hold: 0,
        summary: "Repairs of {{ $labels.control }} do not last",
        description: "Somebody undoes what the operator repairs for {{ $labels.control }} (baseline {{ $labels.baseline }}): \
                      it was repaired three times within a day, and is left alone now.",
    }
}
