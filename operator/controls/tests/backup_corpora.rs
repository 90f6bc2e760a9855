//! Real backup manifests: what looks like a backup is one, and every sample of a backup tool is read.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

use std::path::{Path, PathBuf};

use plimsoll_engine::{
    intake::Intake,
    kind::Kind,
    object::{Body, Workload},
};
use serde_json::Value;

fn corpus() -> Option<PathBuf> {
    let found = std::env::var_os("PLIMSOLL_CORPORA").map(|root| Path::new(&root).join("backup-cronjobs"));
    if found.is_none() {
        eprintln!("skipped: PLIMSOLL_CORPORA is not set");
    }
    found
}

fn cron_jobs(file: &Path) -> Vec<(String, Workload)> {
    let text = std::fs::read(file).unwrap();
    Intake::read(&[&text[..]], "default")
        .objects
        .into_iter()
        .filter(|(object, _)| object.name.kind() == Kind::CronJob)
        .map(|(object, _)| match object.body {
            Ok(Body::Workload(workload)) => (object.name.name().to_owned(), *workload),
            other => panic!("{}: {other:?}", file.display()),
        })
        .collect()
}

#[test]
fn what_looks_like_a_backup_is_one() {
    let Some(corpus) = corpus() else { return };
    let cases = std::fs::read_to_string(corpus.join("cases.jsonl")).unwrap();
    let mut seen = 0;
    for case in cases.lines() {
        let case: Value = serde_json::from_str(case).unwrap();
        for input in case["inputs"].as_array().unwrap() {
            for (name, job) in cron_jobs(&corpus.join(input.as_str().unwrap())) {
                let why = job.looks_like_backup(&name);
                assert_eq!(
                    why.is_some(),
                    case["is_backup"].as_bool().unwrap(),
                    "{}: {why:?}",
                    case["id"]
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 0, "no case has a CronJob");
}

#[test]
fn every_sample_of_a_backup_tool_is_read() {
    let Some(corpus) = corpus() else { return };
    let mut seen = 0;
    for tool in ["cnpg", "k8up"] {
        for entry in corpus.join(tool).read_dir().unwrap() {
            let file = entry.unwrap().path();
            let text = std::fs::read(&file).unwrap();
            for (object, _) in Intake::read(&[&text[..]], "default").objects {
                assert!(object.body.is_ok(), "{}: {:?}", file.display(), object.body);
                seen += 1;
            }
        }
    }
    assert!(seen >= 20, "only {seen} objects");
}
