//! Alerts about backups. How old is too old is what the baseline says: the operator exports when each becomes due.

use plimsoll_metrics::{BACKUP_DUE, RESTORE_TEST_DUE};

use super::{Alert, Group, Limits, Owner, Severity, threshold::RESTORE_TEST};
use crate::promql::{MINUTE, Pace, Reader::Rule, least, worst};

pub(super) fn alerts(_: Pace, limits: Limits) -> Vec<Alert> {
    // One recent backup is enough, by whatever mechanism; a restore has to be tested for each.
    let backup_due = worst("environment, target_kind, target", Rule.of(&BACKUP_DUE, ""));
    let test_due = least(
        "environment, target_kind, target, mechanism",
        Rule.of(&RESTORE_TEST_DUE, ""),
    );
    vec![
        Alert {
            name: "PlimsollBackupTooOld",
            group: Group::Backups,
            severity: Severity::Critical,
            owner: Owner::Data,
            expr: format!("time() - {backup_due} > 0"),
            hold: 10 * MINUTE,
            summary: "The last backup of a database in {{ $labels.environment }} is too old",
            description: "No backup of the {{ $labels.target_kind }} with the id {{ $labels.target }} \
                          ({{ $labels.environment }}) succeeded in time; the next one is overdue by \
                          {{ $value | humanizeDuration }}.",
        },
        Alert {
            name: "PlimsollRestoreTestDue",
            group: Group::Backups,
            severity: Severity::Warning,
            owner: Owner::Data,
            expr: format!("{test_due} - time() < {}", limits.of(RESTORE_TEST)),
            hold: 0,
            summary: "A restore test of a database in {{ $labels.environment }} is due",
            description: "The last verified restore of the {{ $labels.target_kind }} with the id {{ $labels.target }} \
                          ({{ $labels.environment }}, mechanism {{ or $labels.mechanism \"any\" }}) stops counting in \
                          {{ $value | humanizeDuration }}.",
        },
    ]
}
