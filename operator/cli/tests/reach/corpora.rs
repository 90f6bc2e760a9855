//! Verdicts on real products that others computed (`PLIMSOLL_CORPORA`), through the JSON that programs read.

use std::{collections::HashMap, path::PathBuf};

use serde_json::Value;

use crate::program::plimsoll_with_input;

fn corpus() -> Option<PathBuf> {
    let Some(corpora) = std::env::var_os("PLIMSOLL_CORPORA") else {
        eprintln!("SKIPPED: PLIMSOLL_CORPORA is not set");
        return None;
    };
    Some(PathBuf::from(corpora).join("realworld-reachability"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn is_open(connection: &Value, port: &str) -> bool {
    let (protocol, number) = port.split_once('/').unwrap();
    let number: u64 = number.parse().unwrap();
    let holds = |range: &Value| {
        range["protocol"] == protocol
            && (range["port"].as_u64().unwrap()..=range["endPort"].as_u64().unwrap()).contains(&number)
    };
    connection["allowed"].as_array().unwrap().iter().any(holds)
}

#[test]
fn pairs_of_real_products_are_as_others_computed() {
    let Some(folder) = corpus() else { return };
    let files = [
        "reach",
        "namespaces.yaml",
        "workloads.yaml",
        "policies.yaml",
        "-o",
        "json",
    ];
    let ran = plimsoll_with_input(&folder, &files, "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report = ran.json();
    let name = |end: &Value| match end["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{}[{}]", text(&end["name"]), text(&end["kind"])),
        None => text(&end["name"]).to_owned(),
    };
    let connections = report["connections"].as_array().unwrap();
    let by_pair: HashMap<(String, String), &Value> = connections
        .iter()
        .map(|c| ((name(&c["from"]), name(&c["to"])), c))
        .collect();
    let expected = std::fs::read_to_string(folder.join("expected.jsonl")).unwrap();
    let mut pairs = 0;
    for line in expected.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let (from, to) = (text(&row["src"]), text(&row["dst"]));
        // In the host's network, of which the corpus's own matcher does not know (its ORIGIN.md).
        if [from, to]
            .iter()
            .any(|end| end.starts_with("monitoring/node-exporter"))
        {
            continue;
        }
        let connection = by_pair
            .get(&(from.to_owned(), to.to_owned()))
            .unwrap_or_else(|| panic!("{from} to {to}"));
        for (ports, open) in [("allowed", true), ("denied", false)] {
            for port in row[ports].as_array().unwrap() {
                assert_eq!(
                    is_open(connection, text(port)),
                    open,
                    "{from} to {to} on {port}: {connection}"
                );
            }
        }
        assert!(
            !connection["because"].as_array().unwrap().is_empty(),
            "{from} to {to}: no reason"
        );
        pairs += 1;
    }
    assert_eq!(pairs, 1_482);
}
