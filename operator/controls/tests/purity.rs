//! `engine` and `controls` know no kube client, runtime, clock, environment or file system. Clippy refuses the calls
//! (`clippy.toml` beside each), this refuses the crates.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files")]

use std::{collections::BTreeSet, path::Path};

/// What would bring I/O, a clock or a runtime along.
const REFUSED: &[&str] = &[
    "kube",
    "k8s-openapi",
    "tokio",
    "tokio-util",
    "futures",
    "hyper",
    "axum",
    "reqwest",
    "rustls",
    "tracing-subscriber",
    "tempfile",
    "chrono",
    "clap",
];

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

/// The names under `[dependencies]` (and those under targets), not the ones for tests.
fn dependencies(krate: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut counts = false;
    for line in read(&format!("{krate}/Cargo.toml")).lines() {
        if let Some(section) = line.strip_prefix('[') {
            counts = section.trim_end_matches(']').ends_with("dependencies") && !section.starts_with("dev-");
        } else if let (true, Some((name, _))) = (counts, line.split_once(['.', '=', ' '])) {
            found.insert(name.trim().to_owned());
        }
    }
    found
}

#[test]
fn neither_crate_depends_on_a_client_or_a_runtime() {
    for krate in ["engine", "controls"] {
        let dependencies = dependencies(krate);
        assert!(dependencies.contains("serde"), "{krate}: {dependencies:?}");
        let refused: Vec<_> = REFUSED
            .iter()
            .filter(|name| dependencies.contains(**name))
            .collect();
        assert!(refused.is_empty(), "{krate} depends on {refused:?}");
    }
    assert!(
        !dependencies("engine")
            .iter()
            .any(|name| name.starts_with("plimsoll-")),
        "the engine depends on none of ours"
    );
}

#[test]
fn both_crates_refuse_the_same_calls() {
    assert_eq!(read("engine/clippy.toml"), read("controls/clippy.toml"));
}
