//! What the examples of `docs/ci.md`, the action and the pre-commit hooks say is what happens. The page's commands are run with those
//! of all other pages (`e2e/tests/tests/documentation`).

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use crate::{EXCEPTION, Folder, GOOD, ORPHAN};

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    std::fs::read_to_string(top().join("docs/ci.md")).unwrap()
}

/// A checkout of somebody whose only workload has one replica.
fn checkout() -> Folder {
    let workload = ORPHAN
        .replace("elsewhere", "shop")
        .replace("replicas: 3", "replicas: 1");
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    Folder::with(&[
        ("manifests/shop.yaml", &format!("{GOOD}---\n{workload}")),
        (
            "exceptions.yaml",
            &EXCEPTION.replace("EXPIRES", &soon.to_string()),
        ),
        ("github.output", ""),
    ])
}

/// Runs a shell in a folder, with the built plimsoll first on the PATH.
fn shell(folder: &Folder, script: &str, env: &[(&str, &str)]) -> (i32, String, String) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_plimsoll"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("GITHUB_OUTPUT", folder.file("github.output"))
        .envs(env.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The fenced blocks of YAML.
fn examples(page: &str) -> Vec<Value> {
    let blocks = page.split("\n```yaml\n").skip(1);
    blocks
        .map(|rest| yaml(rest.split_once("\n```").unwrap().0))
        .collect()
}

#[test]
fn the_examples_for_ci_systems_are_what_those_read() {
    let page = page();
    let action: Value = yaml(&std::fs::read_to_string(top().join("action.yml")).unwrap());
    let hooks: Value = yaml(&std::fs::read_to_string(top().join(".pre-commit-hooks.yaml")).unwrap());
    let examples = examples(&page);
    let [workflow, gitlab, pre_commit] = examples.as_slice() else {
        panic!("{examples:?}");
    };

    let release = concat!("plimsoll-dev/plimsoll@v", env!("CARGO_PKG_VERSION"));
    let steps = workflow["jobs"]["plimsoll"]["steps"].as_array().unwrap();
    let scan = steps.iter().find(|step| step["uses"] == release).unwrap();
    for input in scan["with"].as_object().unwrap().keys() {
        assert!(
            action["inputs"].get(input).is_some(),
            "the action has no input {input}"
        );
    }
    assert!(action["outputs"].get("sarif-file").is_some());

    let script = gitlab["plimsoll"]["script"][0].as_str().unwrap();
    let folder = checkout();
    assert_eq!(shell(&folder, script, &[]).0, 1);
    let report = gitlab["plimsoll"]["artifacts"]["reports"]["junit"]
        .as_str()
        .unwrap();
    let report = std::fs::read_to_string(folder.file(report)).unwrap();
    assert!(report.contains("<failure "), "{report}");

    assert_eq!(
        pre_commit["repos"][0]["rev"],
        concat!("v", env!("CARGO_PKG_VERSION"))
    );
    let id = &pre_commit["repos"][0]["hooks"][0]["id"];
    let mut hooks = hooks.as_array().unwrap().iter();
    let hook = hooks.find(|hook| hook["id"] == *id).unwrap();
    // As pre-commit runs it: the entry, then the files of the commit.
    let entry = format!("{} manifests/shop.yaml", hook["entry"].as_str().unwrap());
    assert_eq!(shell(&folder, &entry, &[]).0, 1);
    let image = hooks.next().unwrap()["entry"].as_str().unwrap().to_owned();
    assert!(image.starts_with(concat!(
        "ghcr.io/plimsoll-dev/plimsoll:",
        env!("CARGO_PKG_VERSION"),
        " scan "
    )));
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn the_action_annotates_writes_sarif_and_fails_as_asked() {
    let folder = checkout();
    let script = top().join("ci/scan.sh").display().to_string();
    let run = |env: &[(&str, &str)]| shell(&folder, &script, env);
    let output = || std::fs::read_to_string(folder.file("github.output")).unwrap();

    let (code, out, err) = run(&[
        ("PLIMSOLL_PATHS", "manifests\n"),
        ("PLIMSOLL_ENVIRONMENT", "production"),
    ]);
    assert_eq!(code, 1, "{err}");
    assert!(out.contains("::error file=manifests/shop.yaml,line="), "{out}");
    assert!(
        output().ends_with("exit-code=1\nsarif-file=plimsoll.sarif\n"),
        "{}",
        output()
    );
    let sarif = std::fs::read_to_string(folder.file("plimsoll.sarif")).unwrap();
    let sarif: Value = serde_json::from_str(&sarif).unwrap();
    assert!(!sarif["runs"][0]["results"].as_array().unwrap().is_empty());

    let shown = [
        ("PLIMSOLL_PATHS", "manifests"),
        ("PLIMSOLL_FAIL", "false"),
        ("PLIMSOLL_SARIF", "x.sarif"),
    ];
    assert_eq!(run(&shown).0, 0);
    assert!(
        output().ends_with("exit-code=1\nsarif-file=x.sarif\n"),
        "{}",
        output()
    );
    // What cannot begin fails in any case, and nothing an input says is run as a command.
    let hostile = [
        ("PLIMSOLL_PATHS", "--cluster\n$(touch pwned)"),
        ("PLIMSOLL_FAIL", "false"),
    ];
    let (code, _, err) = run(&hostile);
    assert_eq!(code, 2);
    assert!(err.contains("expected a file or folder"), "{err}");
    assert!(!folder.file("pwned").exists());
}

#[test]
fn the_action_installs_only_what_its_checksums_say() {
    let folder = checkout();
    let script = top().join("ci/install.sh").display().to_string();
    let serve = folder.path().display().to_string();
    let release = "mkdir -p v0.1.0 && cd v0.1.0
printf '#!/bin/sh\\necho plimsoll 0.1.0\\n' > plimsoll && chmod +x plimsoll
for a in {x86_64,aarch64}-{unknown-linux-musl,apple-darwin}; do tar -czf plimsoll-$a.tar.gz plimsoll; done
shasum -a 256 plimsoll-*.tar.gz > checksums.txt 2>/dev/null || sha256sum plimsoll-*.tar.gz > checksums.txt";
    assert_eq!(shell(&folder, release, &[]).0, 0);
    let releases = format!("file://{serve}");
    let path = folder.file("path").display().to_string();
    let env = [
        ("PLIMSOLL_RELEASES", releases.as_str()),
        ("PLIMSOLL_VERSION", "v0.1.0"),
        ("GITHUB_PATH", path.as_str()),
        ("RUNNER_TEMP", serve.as_str()),
    ];
    let (code, out, err) = shell(&folder, &script, &env);
    assert_eq!((code, out.as_str()), (0, "plimsoll 0.1.0\n"), "{err}");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        format!("{serve}/plimsoll-0.1.0\n")
    );

    // Somebody replaced the archives.
    let replace = "cd v0.1.0; for a in *.tar.gz; do echo evil >> $a; done";
    assert_eq!(shell(&folder, replace, &[]).0, 0);
    std::fs::remove_file(&path).unwrap();
    assert_ne!(shell(&folder, &script, &env).0, 0);
    assert!(!folder.file("path").exists(), "nothing came onto the PATH");
    // What is no version never becomes part of an address.
    let odd = [
        ("PLIMSOLL_VERSION", "0.1.0/../../x"),
        ("GITHUB_PATH", path.as_str()),
    ];
    assert_eq!(shell(&folder, &script, &odd).0, 2);
}
