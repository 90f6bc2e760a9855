//! The cases of a corpus: manifests with another tool's verdict on them.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// What the other tool says of a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Theirs {
    /// It has no complaint.
    Pass,
    /// It complains, be it with a warning.
    Fail,
}

/// Manifests with another tool's verdict on them.
pub(crate) struct Case {
    /// The rule that was applied.
    pub(crate) check: String,
    /// What tells the case from the others of its rule.
    pub(crate) name: String,
    /// Every manifest, which together are the whole cluster.
    pub(crate) inputs: Vec<PathBuf>,
    pub(crate) theirs: Theirs,
}

/// The cases of a corpus; nothing, said aloud, where the corpora are not at hand.
pub(crate) fn cases(corpus: &str) -> Option<Vec<Case>> {
    let Some(corpora) = std::env::var_os("PLIMSOLL_CORPORA") else {
        eprintln!("SKIPPED: PLIMSOLL_CORPORA is not set");
        return None;
    };
    let folder = Path::new(&corpora).join(corpus);
    let lines = std::fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let mut cases: Vec<Case> = lines.lines().map(|line| case(&folder, line)).collect();
    cases.sort_by(|a, b| (&a.check, &a.name).cmp(&(&b.check, &b.name)));
    // One corpus lists a case twice.
    cases.dedup_by(|a, b| (&a.check, &a.name, a.theirs) == (&b.check, &b.name, b.theirs));
    Some(cases)
}

fn case(folder: &Path, line: &str) -> Case {
    let case: Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| case[key].as_str().unwrap();
    let (id, check) = (text("id"), text("check"));
    let (_, name) = id.split_once(&format!("{check}:")).unwrap();
    Case {
        check: check.to_owned(),
        name: name.to_owned(),
        inputs: case["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|input| folder.join(input.as_str().unwrap()))
            .collect(),
        theirs: match text("verdict") {
            "pass" => Theirs::Pass,
            "warn" | "fail" => Theirs::Fail,
            other => panic!("{id}: {other}"),
        },
    }
}
