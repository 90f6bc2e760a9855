//! Verdicts.

use crate::case::{Case, case};

const CRITICAL: &str = r#"plimsoll_findings{baseline="production",control="backup/recent-success",severity="critical",environment="production",result="fail"}"#;
const LABELS: &[(&str, &str)] = &[
    ("job", "plimsoll"),
    ("baseline", "production"),
    ("control", "backup/recent-success"),
    ("environment", "production"),
];

fn other(replace: &str, by: &str) -> String {
    CRITICAL.replace(replace, by)
}

fn units(result: &str) -> String {
    format!(
        r#"plimsoll_units{{baseline="production",control="isolation/default-deny",environment="production",result="{result}"}}"#
    )
}

pub(crate) fn cases() -> Vec<Case> {
    [critical(), unknown(), baseline_and_exceptions(), ineffective()].concat()
}

fn critical() -> Vec<Case> {
    let (open, unresolved) = ("PlimsollCriticalFindings", "PlimsollCriticalFindingsUnresolved");
    vec![
        case(open, "two replicas report the same two findings")
            .series(CRITICAL, "0x4 2x20")
            .series(&other("}", r#",instance="b"}"#), "0x4 2x20")
            .at("10m")
            .fires(
                LABELS,
                "2 critical findings of backup/recent-success (baseline production, environment production) are open.",
            ),
        case(open, "a finding of the whole cluster has no environment")
            .series(&other(r#"environment="production""#, r#"environment="""#), "1x20")
            .at("10m")
            .fires(
                &[("job", "plimsoll"), ("baseline", "production"), ("control", "backup/recent-success")],
                "1 critical findings of backup/recent-success (baseline production, environment none) are open.",
            ),
        case(open, "high, waived and repaired findings")
            .series(&other(r#""critical""#, r#""high""#), "5x20")
            .series(&other(r#""fail""#, r#""waived""#), "5x20")
            .series(CRITICAL, "3x4 0x20")
            .at("10m"),
        case(unresolved, "open for more than an hour").series(CRITICAL, "1x70").at("65m").fires(
            LABELS,
            "1 critical findings of backup/recent-success (baseline production, environment production) have been open for more \
             than an hour: this is the escalation of PlimsollCriticalFindings.",
        ),
        case(unresolved, "repaired after 40 minutes, and again").series(CRITICAL, "1x40 0x2 1x40").at("80m"),
    ]
}

fn unknown() -> Vec<Case> {
    let alert = "PlimsollUnknownRising";
    vec![
        case(alert, "10 of 100 units become unknown")
            .series(&units("pass"), "100x100 90x60")
            .series(&units("unknown"), "_x100 10x60")
            .at("120m")
            .fires(
                &[("job", "plimsoll"), ("baseline", "production")],
                "The share of verdicts that are Unknown rose by 10% within an hour. What is unknown may fail unseen: a right, a kind \
                 or a source of information is probably missing.",
            ),
        case(alert, "much is unknown, as it always was")
            .series(&units("pass"), "50x180")
            .series(&units("unknown"), "50x180")
            .at("150m"),
        case(alert, "a new baseline").series(&units("pass"), "_x100 5x60").series(&units("unknown"), "_x100 5x60").at("120m"),
        case(alert, "one of a hundred").series(&units("pass"), "99x180").series(&units("unknown"), "0x100 1x80").at("120m"),
    ]
}

fn baseline_and_exceptions() -> Vec<Case> {
    let (problems, exception) = ("PlimsollBaselineNotAccepted", "PlimsollExceptionExpiresSoon");
    let ends = r#"plimsoll_exception_next_expiry_timestamp_seconds{control="backup/restore-test"}"#;
    vec![
        case(problems, "two entries are wrong").series(r#"plimsoll_baseline_problems{baseline="production"}"#, "2x20").at("10m").fires(
            &[("job", "plimsoll"), ("baseline", "production")],
            "The operator cannot accept 2 entries of the SecurityBaseline production: the controls that they set up are not measured \
             as they were meant to be.",
        ),
        case(problems, "corrected at once")
            .series(r#"plimsoll_baseline_problems{baseline="production"}"#, "2x3 0x20")
            .at("10m"),
        case(exception, "ten days are left").series(ends, "864000x20").at("0m").fires(
            &[("job", "plimsoll"), ("control", "backup/restore-test")],
            "In 10d 0h 0m 0s an active BaselineException from backup/restore-test ends; from then on what it covers fails again, and \
             may be repaired.",
        ),
        case(exception, "fifteen days are left").series(ends, "1296000x20").at("10m"),
    ]
}

fn ineffective() -> Vec<Case> {
    let alert = "PlimsollRemediationIneffective";
    let count = r#"plimsoll_remediations_total{baseline="production",control="availability/replica-redundancy",class="safe",outcome="ineffective"}"#;
    let labels = &[
        ("job", "plimsoll"),
        ("baseline", "production"),
        ("control", "availability/replica-redundancy"),
    ];
    let description = "Somebody undoes what the operator repairs for availability/replica-redundancy (baseline production): it was \
                       repaired three times within a day, and is left alone now.";
    vec![
        case(alert, "the first count there is")
            .series(count, "_x30 1x100")
            .at("40m")
            .fires(labels, description),
        case(alert, "one more")
            .series(count, "1x100 2x60")
            .at("130m")
            .fires(labels, description),
        case(alert, "long ago").series(count, "_x30 1x200").at("180m"),
        case(alert, "repairs that hold")
            .series(&count.replace("ineffective", "applied"), "0x20 3x60")
            .at("40m"),
    ]
}
