//! Every reason for not knowing is explained in docs/troubleshooting.md, and nothing there is made up.

use std::{collections::BTreeSet, fs};

use plimsoll_e2e::installed::top;
use walkdir::WalkDir;

const MADE: &str = "Unknown::new(";
/// Where the word of a reason does not stand in the call itself: what does, and which words it may be.
const ELSEWHERE: [(&str, &[&str]); 4] = [
    ("PANICKED", &["Panicked"]),
    ("YOUNG", &["NotYetSucceeded"]),
    ("reason", &["NotModelled", "NotVisible"]),
    (
        "why.reason()",
        &[
            "AddressRefused",
            "InvalidHost",
            "NotResolved",
            "NotTls",
            "ProbeTimeout",
            "TooManyHosts",
            "UnclearAnswer",
            "Unreachable",
        ],
    ),
];

/// The sources that decide, without their tests.
fn sources() -> Vec<String> {
    let folders = ["operator/engine/src", "operator/controls/src"];
    let files = folders.iter().flat_map(|folder| WalkDir::new(top().join(folder)));
    let paths = files.map(|entry| entry.unwrap().into_path());
    let code = paths.filter(|path| {
        let name = path.strip_prefix(top()).unwrap().display().to_string();
        path.extension().is_some_and(|end| end == "rs") && !name.contains("/tests")
    });
    code.map(|path| {
        let text = fs::read_to_string(path).unwrap();
        text.split("#[cfg(test)]").next().unwrap().to_owned()
    })
    .collect()
}

fn reasons() -> BTreeSet<String> {
    let mut reasons = BTreeSet::new();
    for source in sources()
        .iter()
        .filter(|source| !source.contains("impl fmt::Display for Unknown"))
    {
        for call in source.split(MADE).skip(1) {
            reasons.extend(reason(call));
        }
    }
    // The type itself makes some, by another name for itself.
    let own = fs::read_to_string(top().join("operator/engine/src/unknown.rs")).unwrap();
    for call in own.split("Self::new(").skip(1) {
        reasons.extend(reason(call));
    }
    reasons
}

/// The words that the first argument of a call may be.
fn reason(call: &str) -> Vec<String> {
    let first = call.split(',').next().unwrap().trim();
    if let Some(word) = first.strip_prefix('"') {
        return vec![word.trim_end_matches('"').to_owned()];
    }
    let known = ELSEWHERE.iter().find(|(name, _)| *name == first);
    let (_, words) = known.unwrap_or_else(|| panic!("which words may {first} be? Say so in ELSEWHERE"));
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn what_keeps_a_probe_from_an_answer_is_all_there_is() {
    let source = fs::read_to_string(top().join("operator/engine/src/probe/handshake.rs")).unwrap();
    let (_, after) = source.split_once("pub const fn reason(self)").unwrap();
    let (arms, _) = after.split_once("\n    }\n").unwrap();
    let words: BTreeSet<&str> = arms.split('"').skip(1).step_by(2).collect();
    let listed = ELSEWHERE
        .iter()
        .find(|(name, _)| *name == "why.reason()")
        .unwrap();
    assert_eq!(words, listed.1.iter().copied().collect());
}

#[test]
fn every_reason_for_not_knowing_is_explained() {
    let page = fs::read_to_string(top().join("docs/troubleshooting.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let explained: BTreeSet<String> = rows
        .flat_map(|row| {
            let cell = row.split('|').next().unwrap();
            cell.split('`').step_by(2).map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|word| word.chars().all(char::is_alphanumeric) && !word.is_empty())
        .collect();
    let reasons = reasons();
    assert!(reasons.len() > 60, "{reasons:?}");
    let missing: Vec<&String> = reasons.difference(&explained).collect();
    let made_up: Vec<&String> = explained.difference(&reasons).collect();
    assert!(
        missing.is_empty() && made_up.is_empty(),
        "docs/troubleshooting.md: not explained: {missing:?}; explained, and no reason: {made_up:?}"
    );
}
