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
    Engine,
    baseline::{BaselineSpec, compile},
    intake::Intake,
    kind::Kind,
    object::{Body, Workload},
    report::UnitResult,
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
            Ok(Body::Workload(workload)) => (object.name.name().to_owned(), (*workload).clone()),
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

/// What the samples of a tool hold: the kinds that are read, with how often each occurs.
const READ: &[(&str, Kind, usize)] = &[
    ("cnpg", Kind::CnpgCluster, 19),
    ("cnpg", Kind::CnpgBackup, 3),
    ("cnpg", Kind::CnpgScheduledBackup, 1),
    ("k8up", Kind::K8upSchedule, 1),
    ("k8up", Kind::K8upBackup, 1),
    ("k8up", Kind::K8upRestore, 4),
];
/// Documents of kinds that say nothing of backups made or restored (Archive, Check, PreBackupPod, Prune, Snapshot), and
/// objects that belong to a sample (Secrets): not read.
const NOT_READ: &[(&str, usize)] = &[("cnpg", 0), ("k8up", 5)];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn every_sample_of_a_backup_tool_is_read() {
    let Some(corpus) = corpus() else { return };
    for (tool, not_read) in NOT_READ {
        let mut kinds: Vec<(Kind, usize)> = Vec::new();
        let mut skipped = 0;
        for file in files(&corpus.join(tool)) {
            let text = std::fs::read(&file).unwrap();
            let intake = Intake::read(&[&text[..]], "default");
            assert!(intake.documents.unreadable.is_empty(), "{}", file.display());
            skipped += intake.documents.not_relevant;
            for (object, _) in intake.objects {
                assert!(object.body.is_ok(), "{}: {:?}", file.display(), object.body);
                let kind = object.name.kind();
                match kinds.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, count)) => *count += 1,
                    None => kinds.push((kind, 1)),
                }
            }
        }
        kinds.sort();
        let mut expected: Vec<(Kind, usize)> = READ
            .iter()
            .filter(|(of, ..)| of == tool)
            .map(|(_, kind, count)| (*kind, *count))
            .collect();
        expected.sort();
        assert_eq!((kinds, skipped), (expected, *not_read), "{tool}");
    }
}

const SCHEDULED: &str = "backup/database-scheduled";
const AT_REST: &str = "encryption/backups-at-rest";

/// The verdicts of the controls on backups on each object of some files, taken for one production namespace.
fn verdicts(files: &[PathBuf], extra: &str) -> Vec<UnitResult> {
    let texts: Vec<String> = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: {plimsoll.dev/environment: production}}";
    let all: Vec<&[u8]> = texts
        .iter()
        .map(String::as_bytes)
        .chain([namespace.as_bytes(), extra.as_bytes()])
        .collect();
    let entries = [SCHEDULED, AT_REST].map(|id| (id.to_owned(), serde_json::Map::new()));
    let spec = BaselineSpec {
        controls: entries.into(),
        ..BaselineSpec::default()
    };
    let compiled = compile("b", 1, &spec, &[], &plimsoll_controls::registry(), None);
    let mut engine = Engine::scan();
    engine.set_baselines(vec![compiled]);
    engine.see_everything();
    for (object, _) in Intake::read(&all, "default").objects {
        engine.upsert(object);
    }
    let report = engine.look("2026-06-01T12:00:00Z".parse().unwrap());
    report.baselines["b"]
        .units
        .values()
        .filter(|unit| !unit.blind)
        .collect()
}

/// The verdict of a control on the only object of its that a file holds; with the reason where there is one.
fn verdict(units: &[UnitResult], control: &str, kind: Kind) -> String {
    let mut of_kind = units
        .iter()
        .filter(|unit| unit.key.control == control && unit.key.subject.kind() == kind);
    let unit = of_kind
        .next()
        .unwrap_or_else(|| panic!("{control} judges no {kind}"));
    assert!(of_kind.next().is_none(), "{control} judges several {kind}");
    let reasons: Vec<&str> = unit.failing().map(|reported| reported.finding.reason).collect();
    match &unit.verdict {
        plimsoll_engine::finding::Verdict::Unknown(why) => format!("unknown {}", why.reason()),
        verdict => format!("{} {}", verdict.word(), reasons.join(", "))
            .trim()
            .to_owned(),
    }
}

/// A nightly ScheduledBackup of a sample's Cluster: the samples are of stores, of which a schedule makes use.
fn nightly(cluster: &str) -> String {
    format!(
        "apiVersion: postgresql.cnpg.io/v1\nkind: ScheduledBackup\nmetadata: {{name: nightly}}\n\
         spec: {{schedule: \"0 0 2 * * *\", cluster: {{name: {cluster}}}}}"
    )
}

/// Reviewed: what `encryption/backups-at-rest` says of each Cluster that is backed up every night, and why.
const CLUSTERS: &[(&str, &str, &str)] = &[
    (
        "cluster-backup-aws-inherit",
        "pass",
        "S3 of AWS: by the provider's default, wal asks for it too",
    ),
    ("cluster-backup-azure-inherit", "pass", "Azure encrypts"),
    ("cluster-backup-retention-30d", "pass", "S3 of AWS"),
    ("cluster-example-bis-restore", "unknown NoStore", "the same"),
    (
        "cluster-example-bis-restore-cr",
        "unknown NoStore",
        "names no store: its backups would go nowhere",
    ),
    (
        "cluster-example-replica-from-backup-simple",
        "unknown NoStore",
        "the store is that of the cluster it comes from",
    ),
    (
        "cluster-example-with-backup",
        "unknown NotVisible",
        "MinIO, and nothing asks it to encrypt",
    ),
    (
        "cluster-example-with-backup-scaleway",
        "unknown NotVisible",
        "Scaleway speaks S3; what it does with the log is not visible",
    ),
    (
        "cluster-example-with-tablespaces-backup",
        "unknown NotVisible",
        "MinIO, and nothing asks it to encrypt",
    ),
    (
        "cluster-replica-from-backup-other-namespace",
        "unknown NoStore",
        "the store is that of the cluster it comes from",
    ),
    ("cluster-replica-restore", "unknown NoStore", "the same"),
    ("cluster-restore", "unknown NoStore", "names no store"),
    ("cluster-restore-external-cluster", "unknown NoStore", "the same"),
    ("cluster-restore-pitr", "unknown NoStore", "names no store"),
    ("cluster-restore-snapshot", "unknown NoStore", "names no store"),
    (
        "cluster-restore-snapshot-full",
        "unknown NoStore",
        "names no store",
    ),
    (
        "cluster-restore-snapshot-pitr",
        "unknown NoStore",
        "the store is that of the cluster it comes from",
    ),
    (
        "cluster-restore-with-tablespaces",
        "unknown NoStore",
        "names no store",
    ),
    ("cluster-storage-class-with-backup", "pass", "S3 of AWS"),
];

#[test]
fn every_cluster_of_the_samples_is_judged_as_reviewed() {
    let Some(corpus) = corpus() else { return };
    let mut judged = Vec::new();
    for file in files(&corpus.join("cnpg")) {
        let text = std::fs::read(&file).unwrap();
        let objects = Intake::read(&[&text[..]], "default").objects;
        let Some(name) = objects
            .iter()
            .map(|(o, _)| &o.name)
            .find(|name| name.kind() == Kind::CnpgCluster)
        else {
            continue;
        };
        let units = verdicts(std::slice::from_ref(&file), &nightly(name.name()));
        assert_eq!(
            verdict(&units, SCHEDULED, Kind::CnpgCluster),
            "pass",
            "{}",
            file.display()
        );
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let Ok(Body::CnpgCluster(cluster)) = &objects[0].0.body else {
            panic!("{stem}: {:?}", objects[0].0.name)
        };
        // A sample of a recovery is one by its name, and the other way round.
        let recovers = stem.contains("restore") || stem.contains("from-backup");
        assert_eq!(cluster.recovered_from().is_some(), recovers, "{stem}");
        judged.push((stem, verdict(&units, AT_REST, Kind::CnpgCluster)));
    }
    judged.sort();
    let expected: Vec<(String, String)> = CLUSTERS
        .iter()
        .map(|(file, verdict, _)| ((*file).to_owned(), (*verdict).to_owned()))
        .collect();
    assert_eq!(judged, expected);
}

/// A database that the backup of a case is annotated with: nothing in the manifests says of what they are.
const DATABASE: &str = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec:\n  \
    selector: {matchLabels: {app: db}}\n  \
    template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: postgres}]}}\n  \
    volumeClaimTemplates: [{metadata: {name: data}}]";

/// Reviewed: what the controls say of a database, once the case's CronJob says that it backs it up, beside what the corpus
/// says of the case.
const CASES: &[(&str, &str, &str, &str)] = &[
    (
        "backup:tess-pgdump",
        "fail TooRare",
        "unknown ClaimNotFound",
        "the corpus: a backup, weekly, to a claim of the same cluster; the claim is not part of the manifest",
    ),
    (
        "backup:s3cmd-sync",
        "pass",
        "unknown NotDeclared",
        "the corpus: a backup, every six hours, synchronised and not versioned; batch/v1beta1 is read as v1, as a scan of an old repository should",
    ),
];

#[test]
fn a_database_is_judged_by_the_cases_as_reviewed() {
    let Some(corpus) = corpus() else { return };
    let cases = std::fs::read_to_string(corpus.join("cases.jsonl")).unwrap();
    assert_eq!(cases.lines().count(), CASES.len());
    for (line, (id, scheduled, at_rest, why)) in cases.lines().zip(CASES) {
        let case: Value = serde_json::from_str(line).unwrap();
        assert_eq!(case["id"], *id);
        let file = corpus.join(case["inputs"][0].as_str().unwrap());
        let mark = "metadata:\n  labels: {plimsoll.dev/role: backup}\n  annotations: {plimsoll.dev/backup-of: StatefulSet/db}\n";
        let marked = std::fs::read_to_string(&file)
            .unwrap()
            .replacen("metadata:\n", mark, 1);
        let units = verdicts(&[], &format!("{marked}\n---\n{DATABASE}"));
        let said = (
            verdict(&units, SCHEDULED, Kind::StatefulSet),
            verdict(&units, AT_REST, Kind::StatefulSet),
        );
        assert_eq!(
            said,
            ((*scheduled).to_owned(), (*at_rest).to_owned()),
            "{id}: {why}"
        );
        // Unmarked, it is a suggestion and no backup.
        let plain = std::fs::read_to_string(&file).unwrap();
        let units = verdicts(&[], &format!("{plain}\n---\n{DATABASE}"));
        assert_eq!(verdict(&units, SCHEDULED, Kind::StatefulSet), "fail NoBackup");
        let unit = units
            .iter()
            .find(|u| u.key.subject.kind() == Kind::StatefulSet && u.key.control == SCHEDULED);
        assert!(
            unit.unwrap()
                .notes
                .iter()
                .any(|note| note.contains("if it backs this up")),
            "{id}"
        );
        assert_eq!(case["is_restore_test"], false, "nothing here restores");
    }
}

/// K8up's sample backs up every two minutes, and restic encrypts.
#[test]
fn the_schedule_of_k8up_is_enough() {
    let Some(corpus) = corpus() else { return };
    let units = verdicts(&[corpus.join("k8up/k8up_v1_schedule.yaml")], DATABASE);
    assert_eq!(verdict(&units, SCHEDULED, Kind::StatefulSet), "pass");
    assert_eq!(verdict(&units, AT_REST, Kind::StatefulSet), "pass");
}
