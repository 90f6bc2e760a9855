//! The controls that were evaluated, with their pages as help.

use std::collections::{BTreeMap, HashMap};

use plimsoll_engine::{control::Meta, finding::Severity};

use super::{
    super::assess::Scan,
    log::{Configuration, Help, Rule, RuleProperties},
    text::Message,
};

/// Most tags of one rule that GitHub shows.
const TAGS: usize = 20;

/// The rules, and where each stands among them.
pub(super) fn of(scan: &Scan) -> (Vec<Rule>, HashMap<&'static str, usize>) {
    let mut severities: BTreeMap<&'static str, Severity> = BTreeMap::new();
    for (id, severity) in scan.report.baselines.values().flat_map(|b| b.severities.iter()) {
        // Of several baselines the one that takes it most seriously: a rule has one severity.
        severities
            .entry(id)
            .and_modify(|worst| *worst = (*worst).min(*severity))
            .or_insert(*severity);
    }
    let registry = plimsoll_controls::registry();
    let rules: Vec<Rule> = severities
        .iter()
        .filter_map(|(id, severity)| Some(rule(registry.meta(id)?, *severity)))
        .collect();
    let indices = rules.iter().enumerate().map(|(i, rule)| (rule.id, i)).collect();
    (rules, indices)
}

fn rule(meta: &'static Meta, severity: Severity) -> Rule {
    let mappings = meta
        .mappings
        .iter()
        .map(|(framework, criterion)| format!("{framework} {criterion}"));
    let tags = ["security".to_owned(), meta.family().to_owned()]
        .into_iter()
        .chain(mappings);
    Rule {
        id: meta.id,
        name: name(meta.id),
        short_description: Message::plain(meta.title),
        full_description: Message::plain(&summary(meta)),
        help_uri: page_address(meta.id),
        help: Help {
            text: meta.page.to_owned(),
            markdown: meta.page.to_owned(),
        },
        default_configuration: Configuration {
            level: level(severity),
        },
        properties: RuleProperties {
            tags: tags.take(TAGS).collect(),
            precision: "high",
            security_severity: score(severity),
        },
    }
}

/// `ReplicaRedundancy` of `availability/replica-redundancy`.
fn name(id: &str) -> String {
    let words = id.rsplit('/').next().unwrap_or(id).split('-');
    let capitalised = words.filter_map(|word| {
        let mut chars = word.chars();
        let first = chars.next()?;
        Some(first.to_uppercase().chain(chars).collect::<String>())
    });
    capitalised.collect()
}

/// The first paragraph of the control's page.
fn summary(meta: &Meta) -> String {
    let mut paragraphs = meta.page.split("\n\n").map(str::trim);
    let first = paragraphs.find(|text| !text.is_empty() && !text.starts_with('#'));
    first
        .unwrap_or(meta.title)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Where the page of a control can be read, as this version has it.
fn page_address(id: &str) -> String {
    format!(
        "{}/blob/v{}/operator/controls/src/{}/README.md",
        env!("CARGO_PKG_REPOSITORY"),
        env!("CARGO_PKG_VERSION"),
        id.replace('-', "_")
    )
}

/// How a result of this severity is shown (§3.27.10).
pub(super) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// In the middle of what GitHub calls critical (from 9.0), high (7.0), medium (4.0) and low.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_has_a_page_where_its_rule_says() {
        let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for meta in plimsoll_controls::registry().metas() {
            let address = page_address(meta.id);
            let path = address.split_once(concat!("/blob/v", env!("CARGO_PKG_VERSION"), "/"));
            let page = std::fs::read_to_string(top.join(path.unwrap().1)).unwrap();
            assert_eq!(page, meta.page, "{}", meta.id);
            assert!(
                !summary(meta).is_empty() && !summary(meta).starts_with('#'),
                "{}",
                meta.id
            );
        }
        assert_eq!(name("availability/replica-redundancy"), "ReplicaRedundancy");
    }
}
