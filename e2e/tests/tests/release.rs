//! The scripts of a release that need no credential, run as the workflow runs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

const TARGETS: [&str; 4] = [
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Runs a script of `release/` with the Helm of the control plane.
fn run(script: &str, args: &[&str], env: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(root().join("release").join(script));
    command.args(args).envs(env.iter().copied());
    command.env("HELM", kube_test::binary("helm").unwrap());
    command.output().unwrap()
}

fn succeeded(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn sha256(file: &Path) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(std::fs::read(file).unwrap());
    digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

#[test]
fn archives_are_the_same_bits_every_time() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let binary = root().join("LICENSE"); // any file will do
    let pack = |folder: &Path| {
        let folder = folder.to_str().unwrap();
        let said = succeeded(&run(
            "archive.sh",
            &[TARGETS[0], folder],
            &[("PLIMSOLL_BINARY", &binary)],
        ));
        sha256(Path::new(said.trim()))
    };
    assert_eq!(pack(first.path()), pack(second.path()));
}

#[test]
fn the_krew_manifest_names_every_archive_by_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    for target in TARGETS {
        std::fs::write(folder.path().join(format!("plimsoll-{target}.tar.gz")), target).unwrap();
    }
    let given = folder.path().to_str().unwrap();
    let manifest: Value = serde_yaml::from_str(&succeeded(&run("krew.sh", &["1.2.3", given], &[]))).unwrap();
    assert_eq!(manifest["spec"]["version"], "v1.2.3");
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), TARGETS.len());
    for platform in platforms {
        let archive = platform["uri"].as_str().unwrap().rsplit('/').next().unwrap();
        assert_eq!(
            platform["sha256"],
            sha256(&folder.path().join(archive)),
            "{archive}"
        );
    }
    std::fs::remove_file(folder.path().join(format!("plimsoll-{}.tar.gz", TARGETS[2]))).unwrap();
    let missing = refusal(&run("krew.sh", &["1.2.3", given], &[]));
    assert!(
        missing.contains("plimsoll-x86_64-apple-darwin.tar.gz is missing"),
        "{missing}"
    );
}

#[test]
fn charts_are_packed_at_the_version_of_the_release() {
    let folder = tempfile::tempdir().unwrap();
    succeeded(&run(
        "charts.sh",
        &["1.2.3", folder.path().to_str().unwrap()],
        &[],
    ));
    for chart in ["plimsoll", "plimsoll-crds"] {
        assert!(
            folder.path().join(format!("{chart}-1.2.3.tgz")).is_file(),
            "{chart}"
        );
    }
}

#[test]
fn a_tag_that_does_not_fit_is_refused() {
    let wrong = refusal(&run("version.sh", &["v999.0.0"], &[]));
    assert!(wrong.contains("Cargo.toml has version"), "{wrong}");
    let bare = refusal(&run("version.sh", &["1.0.0"], &[]));
    assert!(bare.contains("expected a leading v"), "{bare}");
    let unknown = refusal(&run("notes.sh", &["999.0.0"], &[]));
    assert!(unknown.contains("CHANGELOG.md has no section"), "{unknown}");
    assert!(succeeded(&run("notes.sh", &["Unreleased"], &[])).contains("### Added"));
}
