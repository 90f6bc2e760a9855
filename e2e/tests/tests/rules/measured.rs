//! Backups, restore tests and certificates.

use crate::case::{Case, case};

pub(crate) fn cases() -> Vec<Case> {
    [backups(), certificates()].concat()
}

fn database(metric: &str, mechanism: &str) -> String {
    format!(
        r#"plimsoll_{metric}{{environment="production",target_kind="StatefulSet",mechanism="{mechanism}",target="0123456789abcdef"}}"#
    )
}

const TARGET: [(&str, &str); 4] = [
    ("job", "plimsoll"),
    ("environment", "production"),
    ("target_kind", "StatefulSet"),
    ("target", "0123456789abcdef"),
];

fn backups() -> Vec<Case> {
    let (backup, test) = ("PlimsollBackupTooOld", "PlimsollRestoreTestDue");
    let due = |mechanism| database("backup_due_timestamp_seconds", mechanism);
    let tested = |mechanism| database("restore_test_due_timestamp_seconds", mechanism);
    let with_mechanism = [&TARGET[..], &[("mechanism", "velero")]].concat();
    vec![
        case(backup, "due half an hour ago, by either mechanism")
            .series(&due("cronjob"), "1800x90")
            .series(&due("velero"), "600x90")
            .at("60m")
            .fires(
                &TARGET,
                "No backup of the StatefulSet with the id 0123456789abcdef (production) succeeded in time; the next one is overdue \
                 by 30m 0s.",
            ),
        case(backup, "one mechanism is enough")
            .series(&due("cronjob"), "90000x90")
            .series(&due("velero"), "600x90")
            .at("60m"),
        case(backup, "late by some minutes, and then done").series(&due("cronjob"), "1800x35 100000x60").at("60m"),
        case(test, "ten days are left for one of two mechanisms")
            .series(&tested("velero"), "864000x20")
            .series(&tested("cronjob"), "31536000x20")
            .at("0m")
            .fires(
                &with_mechanism,
                "The last verified restore of the StatefulSet with the id 0123456789abcdef (production, mechanism velero) stops \
                 counting in 10d 0h 0m 0s.",
            ),
        case(test, "tested last month").series(&tested("velero"), "28000000x20").at("10m"),
    ]
}

fn certificates() -> Vec<Case> {
    let (soon, urgent) = ("PlimsollCertificateExpiresSoon", "PlimsollCertificateExpires");
    let until = r#"plimsoll_tls_certificate_not_after_timestamp_seconds{host="shop.example.com"}"#;
    let labels = &[("job", "plimsoll"), ("host", "shop.example.com")];
    vec![
        case(soon, "ten days").series(until, "864600x30").at("10m").fires(
            labels,
            "The certificate that shop.example.com showed to the last probe is valid for another 10d 0h 0m 0s; a negative time is one \
             since it expired.",
        ),
        case(soon, "renewed").series(until, "864600x4 7776000x30").at("10m"),
        case(urgent, "expired").series(until, "0x130").at("120m").fires(
            labels,
            "The certificate that shop.example.com showed to the last probe is valid for another -2h 0m 0s; a negative time is one \
             since it expired.",
        ),
        case(urgent, "ten days").series(until, "864600x30").at("10m"),
    ]
}
