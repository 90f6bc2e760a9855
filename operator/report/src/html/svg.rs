//! Pictures, drawn by hand: lengths in attributes, for a policy that allows no styles but the page's own.

use std::fmt::Write;

use crate::model::{BySeverity, Counts};

/// The parts of a whole that verdicts are: class and number.
fn parts(counts: &Counts) -> [(&'static str, u64); 4] {
    [
        ("pass", counts.pass),
        ("waived", counts.waived),
        ("unknown", counts.unknown),
        ("fail", counts.fail),
    ]
}

/// Shares of a hundred. What there is shows, however little: at least one and a half.
fn shares<const N: usize>(parts: [(&'static str, u64); N], whole: u64) -> Vec<(&'static str, f64)> {
    const LEAST: f64 = 1.5;
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let of = |n: u64| n as f64 * 100.0 / whole.max(1) as f64;
    let mut shares: Vec<(&str, f64)> = parts
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(class, n)| (*class, of(*n).max(LEAST)))
        .collect();
    let excess = shares.iter().map(|(_, share)| share).sum::<f64>() - 100.0;
    if excess > 0.0
        && let Some(largest) = shares.iter_mut().max_by(|a, b| a.1.total_cmp(&b.1))
    {
        largest.1 -= excess;
    }
    shares
}

/// How units were judged, as one bar.
pub(super) fn bar(counts: &Counts) -> String {
    let whole = parts(counts).iter().map(|(_, n)| n).sum();
    let words = format!(
        "{} pass, {} fail, {} unknown, {} waived",
        counts.pass, counts.fail, counts.unknown, counts.waived
    );
    draw(&shares(parts(counts), whole), &words)
}

/// Findings by severity, as a bar whose length compares with the longest of its like.
pub(super) fn severities(findings: BySeverity, longest: u64) -> String {
    let words: Vec<String> = findings
        .each()
        .iter()
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    draw(&shares(findings.each(), longest), &words.join(", "))
}

fn draw(shares: &[(&str, f64)], words: &str) -> String {
    let mut svg = format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 9\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{words}\">\
         <rect width=\"100\" height=\"9\" class=\"f-none\"/>"
    );
    let mut x = 0.0;
    for (class, share) in shares {
        _ = write!(
            svg,
            "<rect x=\"{x:.2}\" width=\"{share:.2}\" height=\"9\" class=\"f-{class}\"/>"
        );
        x += share;
    }
    svg.push_str("</svg>");
    svg
}

/// The score within a ring of verdicts, crossed by the line that a ship's hull bears.
pub(super) fn gauge(score: Option<f64>, counts: &Counts) -> String {
    let whole = parts(counts).iter().map(|(_, n)| n).sum();
    let number = score.map_or_else(|| "–".to_owned(), |score| format!("{}", score.floor()));
    let mut svg = format!(
        "<svg viewBox=\"0 0 240 190\" role=\"img\" aria-label=\"Score {number} of 100\">\
         <line x1=\"2\" y1=\"95\" x2=\"32\" y2=\"95\" stroke-width=\"5\" class=\"ink\"/>\
         <line x1=\"208\" y1=\"95\" x2=\"238\" y2=\"95\" stroke-width=\"5\" class=\"ink\"/>\
         <g fill=\"none\" stroke-width=\"17\" transform=\"rotate(-90 120 95)\">\
         <circle cx=\"120\" cy=\"95\" r=\"78\" class=\"s-none\"/>"
    );
    let mut done = 0.0;
    for (class, share) in shares(parts(counts), whole) {
        // A gap between parts, where there are several.
        let drawn = if share < 99.9 {
            (share - 0.6).max(0.4)
        } else {
            share
        };
        _ = write!(
            svg,
            "<circle cx=\"120\" cy=\"95\" r=\"78\" pathLength=\"100\" stroke-dasharray=\"{drawn:.2} 100\" \
             stroke-dashoffset=\"-{done:.2}\" class=\"s-{class}\"/>"
        );
        done += share;
    }
    _ = write!(
        svg,
        "</g><text x=\"120\" y=\"108\" text-anchor=\"middle\" class=\"score\">{number}</text>\
         <text x=\"120\" y=\"131\" text-anchor=\"middle\" class=\"of\">of 100</text></svg>"
    );
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_share_shows_and_the_whole_stays_a_hundred() {
        let shares = shares([("pass", 99_999), ("fail", 1)], 100_000);
        assert_eq!(shares, [("pass", 98.5), ("fail", 1.5)]);
        assert_eq!(super::shares([("pass", 0), ("fail", 0)], 0), []);
    }
}
