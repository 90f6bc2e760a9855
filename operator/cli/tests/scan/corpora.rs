//! Manifests of real products (`PLIMSOLL_CORPORA`): read whole, every document accounted for.

use std::path::PathBuf;

use crate::{plimsoll, schema};

fn products() -> Option<Vec<PathBuf>> {
    let Some(corpora) = std::env::var_os("PLIMSOLL_CORPORA") else {
        eprintln!("SKIPPED: PLIMSOLL_CORPORA is not set");
        return None;
    };
    let mut folders: Vec<PathBuf> = PathBuf::from(corpora)
        .join("realworld")
        .read_dir()
        .expect("PLIMSOLL_CORPORA has a folder realworld")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 8, "{folders:?}");
    Some(folders)
}

#[test]
fn every_document_of_real_products_is_read_and_accounted_for() {
    for folder in products().into_iter().flatten() {
        let ran = plimsoll(&folder, &["scan", ".", "-o", "json"]);
        let report = ran.json();
        schema::check(&report);
        let documents = &report["documents"];
        let count = |key: &str| documents[key].as_u64().unwrap();
        let unreadable = documents["unreadable"].as_array().unwrap();
        assert_eq!(
            count("decoded") + count("notRelevant") + unreadable.len() as u64,
            count("total"),
            "{}",
            folder.display()
        );
        let surprising: Vec<_> = unreadable
            .iter()
            .filter(|document| !is_invalid(document))
            .collect();
        assert!(surprising.is_empty(), "{}: {surprising:?}", folder.display());
        assert!(count("decoded") > 0, "{}", folder.display());
        // Whatever is judged in a file says in which, and on which line.
        for entry in report["results"].as_array().unwrap() {
            let judged_in_file = entry["object"]["name"].is_string();
            assert!(
                !judged_in_file || entry["line"].as_u64().is_some_and(|line| line > 0),
                "{entry}"
            );
            assert_ne!(entry["reason"], "Panicked", "{entry}");
        }
    }
}

/// Of all products one example is invalid: a variable's value is a boolean, which the API server refuses too.
fn is_invalid(document: &serde_json::Value) -> bool {
    document["file"] == "./docs/examples/auth/oauth-external-auth/vouch-proxy.yaml"
        && document["why"]
            == "spec.template.spec.containers[0].env[0].value: invalid type: boolean, expected a string"
}

#[test]
fn nothing_that_real_products_answer_is_unknown() {
    // What the manifests themselves leave open: unlabelled namespaces, and what they expect their cluster to have.
    const OPEN: [&str; 5] = [
        "EnvironmentUnknown",
        "TenantUnknown",
        "NamespaceNotGiven",
        "NoIngressClass",
        "ClassNotFound",
    ];
    for folder in products().into_iter().flatten() {
        let report = plimsoll(&folder, &["scan", ".", "-o", "json"]).json();
        for entry in report["results"].as_array().unwrap() {
            let open = entry["liveOnly"] == true || OPEN.iter().any(|reason| entry["reason"] == *reason);
            // What cannot be read may send traffic anywhere.
            let invalid = entry["message"]
                .as_str()
                .is_some_and(|why| why.contains("/vouch-proxy cannot be read"));
            assert!(
                entry["result"] != "unknown" || open || invalid,
                "{}: {entry}",
                folder.display()
            );
        }
    }
}
