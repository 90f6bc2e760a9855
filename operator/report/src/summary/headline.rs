//! What to take away from a report, in a few plain sentences.

use crate::model::{Report, SourceKind};

/// Days within which an exception that ends is worth a word.
const SOON: i64 = 30;

pub(super) fn of(report: &Report) -> Vec<String> {
    let mut sentences = vec![open(report)];
    sentences.extend(worst(report));
    sentences.extend(compared(report));
    sentences.extend(unseen(report));
    sentences.extend(accepted(report));
    sentences
}

fn open(report: &Report) -> String {
    let counts = &report.counts;
    if report.baselines.is_empty() {
        return "No SecurityBaseline is in force: nothing is measured.".to_owned();
    }
    let by: Vec<String> = counts
        .findings
        .each()
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(word, n)| format!("{} {word}", thousands(n)))
        .collect();
    let judged = thousands(counts.judged());
    if by.is_empty() {
        return format!(
            "No finding is open; {} of {judged} checks pass.",
            thousands(counts.pass)
        );
    }
    format!(
        "{} open: {}. {} of {judged} checks pass.",
        several(counts.findings.total(), "finding is", "findings are"),
        listed(&by),
        thousands(counts.pass),
    )
}

/// The control that fails worst, and the other areas that have findings of its severity.
fn worst(report: &Report) -> Option<String> {
    let control = report.controls.first()?;
    let severity = control.counts.findings.worst()?;
    let areas: Vec<&str> = report
        .areas
        .iter()
        .filter(|area| area.counts.findings.worst() == Some(severity))
        .filter_map(|area| area.name.as_deref())
        .filter(|area| *area != control.area)
        .collect();
    let (_, n) = control.counts.findings.each().into_iter().find(|(_, n)| *n > 0)?;
    let worst = format!(
        "Worst is {} with {}",
        control.control,
        several(n, &format!("{severity} finding"), &format!("{severity} findings"))
    );
    Some(if areas.is_empty() {
        format!("{worst}.")
    } else {
        format!("{worst}; others of that severity are in {}.", listed(&areas))
    })
}

fn compared(report: &Report) -> Option<String> {
    let comparison = report.comparison.as_ref()?;
    Some(format!(
        "Since {}: {} new, {} resolved.",
        comparison.since.split('T').next().unwrap_or_default(),
        thousands(comparison.opened),
        thousands(comparison.resolved)
    ))
}

fn unseen(report: &Report) -> Option<String> {
    let unknown = report.counts.unknown;
    if unknown == 0 {
        return None;
    }
    let live: u64 = report
        .unknowns
        .iter()
        .filter(|u| u.live_only)
        .map(|u| u.units)
        .sum();
    let checks = several(unknown, "check cannot be judged", "checks cannot be judged");
    Some(match report.source.kind {
        SourceKind::Files if live == unknown => {
            format!("{checks}, for only a live cluster can tell; that counts against the score.")
        }
        SourceKind::Files if live > 0 => format!(
            "{checks}, {} of them because only a live cluster can tell; that counts against the score.",
            thousands(live)
        ),
        _ => format!("{checks}; that counts against the score."),
    })
}

fn accepted(report: &Report) -> Option<String> {
    let waived = report.counts.waived_findings;
    let active = report.exceptions.iter().filter(|e| e.phase == "active");
    let soon = active
        .clone()
        .filter(|e| e.days_left.is_some_and(|days| days < SOON))
        .count() as u64;
    if waived == 0 {
        return None;
    }
    let accepted = format!(
        "{} accepted by {}",
        several(waived, "finding is", "findings are"),
        several(active.count() as u64, "exception", "exceptions")
    );
    Some(match soon {
        0 => format!("{accepted}."),
        1 => format!("{accepted}; one ends within {SOON} days."),
        n => format!("{accepted}; {n} end within {SOON} days."),
    })
}

fn several(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

fn listed(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// A number with its thousands apart.
pub(crate) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut apart = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(0, "0")]
    #[case(999, "999")]
    #[case(1000, "1,000")]
    #[case(1_234_567, "1,234,567")]
    fn thousands_are_apart(#[case] n: u64, #[case] text: &str) {
        assert_eq!(thousands(n), text);
    }

    #[test]
    fn words_are_listed_as_people_say_them() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }
}
