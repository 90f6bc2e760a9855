//! The Pod Security Standards as the real API server decides them, against our own decision: hundreds of generated pods, the
//! fixtures of upstream, and the warnings that hold a repair back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod generate;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use futures::{StreamExt, future::BoxFuture, stream};
use k8s_openapi::api::core::v1::{Namespace, Pod as KubePod};
use kube::{Api, Client, api::PostParams, client::Body};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_controller::remediate::{
    apply::{Look, Writer},
    error::Error,
    plan::Step,
};
use plimsoll_e2e::installed::SOON;
use plimsoll_engine::{
    decode::decode_json,
    finding::Change,
    kind::Kind,
    name::ObjRef,
    object::{Pod, PodSpec, Projection},
    podsecurity::{Check, Checks, Level, offenders},
};
use serde_json::{Value, json};

use generate::Dice;

/// Generated pods; a few of them the API server finds invalid for other reasons.
const PODS: u32 = 320;
/// How many must be decided by the server at least.
const DECIDED: usize = 250;
/// Generated containers added to a running pod.
const EPHEMERAL: u32 = 40;
const SEED: u64 = 0x5eed_9001;
const AT_ONCE: usize = 8;

const LEVELS: [Level; 2] = [Level::Baseline, Level::Restricted];

/// What the server says of one pod at one level.
#[derive(Debug)]
struct Answer {
    /// The pod as it would be stored; nothing where it is invalid.
    stored: Option<Value>,
    warnings: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_pods_are_decided_as_the_api_server_decides_them() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    for level in LEVELS {
        for mode in ["warn", "enforce"] {
            let label = format!("pod-security.kubernetes.io/{mode}");
            let name = namespace(mode, level);
            cluster.namespace(&name, &[(&label, level.word())]).await.unwrap();
        }
    }
    let mut dice = Dice(SEED);
    let pods: Vec<Value> = (0..PODS)
        .map(|i| generate::pod(&mut dice, &format!("p{i}")))
        .collect();
    let judged = stream::iter(pods.iter().map(|pod| judge(&client, pod)));
    let judged: Vec<Result<Option<Checks>, String>> = judged.buffer_unordered(AT_ONCE).collect().await;
    let wrong: Vec<&String> = judged.iter().filter_map(|judged| judged.as_ref().err()).collect();
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.iter().map(|s| s.as_str()).collect::<Vec<_>>().join("\n")
    );
    let decided: Vec<Checks> = judged.into_iter().filter_map(|judged| judged.unwrap()).collect();
    assert!(decided.len() >= DECIDED, "only {} were valid", decided.len());
    let violated = counts(&decided);
    eprintln!("{} pods at 2 levels agree; by check: {violated:?}", decided.len());
    // "procMount" in a pod without a user namespace is invalid since 1.35: upstream's fixtures below have it.
    for check in Check::ALL.iter().filter(|check| **check != Check::ProcMount) {
        assert!(
            violated.get(check.id()).is_some_and(|n| *n >= 3),
            "{} is hardly tried",
            check.id()
        );
    }
    let clean = decided
        .iter()
        .filter(|checks| checks.at(Level::Restricted).is_empty())
        .count();
    assert!(clean >= 5, "only {clean} are allowed at the restricted level");
}

fn namespace(mode: &str, level: Level) -> String {
    format!("{mode}-{}", level.word())
}

fn counts(decided: &[Checks]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for check in decided.iter().flat_map(|checks| checks.iter()) {
        *counts.entry(check.id()).or_default() += 1;
    }
    counts
}

/// Compares one pod at both levels; nothing if the server finds it invalid, and an error where we differ.
async fn judge(client: &Client, pod: &Value) -> Result<Option<Checks>, String> {
    let mut decided = None;
    for level in LEVELS {
        let answer = create(client, &namespace("warn", level), pod).await;
        let Some(stored) = answer.stored else {
            return Ok(None);
        };
        // As it was sent and as it is stored: the server fills in what it defaults.
        let sent = decode(pod).0;
        let (kept, spec) = decode(&stored);
        let ours = sent.at(level);
        let said = agrees(level, ours, &spec, &answer.warnings);
        if let Err(why) = said {
            return Err(format!("{why}\n  {pod}"));
        }
        if kept.at(level) != ours {
            return Err(format!(
                "as stored {:?}, as sent {ours:?}\n  {pod}",
                kept.at(level)
            ));
        }
        let enforced = create(client, &namespace("enforce", level), pod).await;
        if enforced.stored.is_some() != ours.is_empty() {
            return Err(format!(
                "{level:?} is enforced otherwise than warned of: {enforced:?}\n  {pod}"
            ));
        }
        decided = Some(sent);
    }
    Ok(decided)
}

fn decode(pod: &Value) -> (Checks, PodSpec) {
    let mut pod = pod.clone();
    pod["metadata"]["namespace"] = json!("n");
    let object = decode_json(Kind::Pod, &pod.to_string()).unwrap();
    let body = object
        .body
        .unwrap_or_else(|unparsed| panic!("{}: {pod}", unparsed.why));
    let found = Pod::of(&body).unwrap();
    (found.security_checks(), found.spec().cloned().expect("no owner"))
}

/// Whether the server's warnings name exactly our checks, and no container that we do not blame for the check.
fn agrees(level: Level, ours: Checks, spec: &PodSpec, warnings: &[String]) -> Result<(), String> {
    let head = format!("would violate PodSecurity \"{}:latest\": ", level.word());
    let told = warnings.iter().find_map(|warning| warning.strip_prefix(&head));
    let theirs = told.map(parts).unwrap_or_default();
    let reasons: Vec<&str> = ours.iter().map(Check::reason).collect();
    if theirs
        .iter()
        .map(|(reason, _)| *reason)
        .ne(reasons.iter().copied())
    {
        return Err(format!(
            "{level:?}: the server says {warnings:?}, we say {reasons:?}"
        ));
    }
    for (check, (reason, detail)) in ours.iter().zip(theirs) {
        let blamed = offenders(check, spec);
        let named = spec.every_container().map(|c| &*c.name);
        let unblamed = named.filter(|name| detail.contains(&format!("\"{name}\"")) && !blamed.contains(name));
        if let Some(name) = unblamed.into_iter().next() {
            return Err(format!("{reason}: the server blames {name}, we blame {blamed:?}"));
        }
    }
    Ok(())
}

/// The reasons of a warning, each with its detail: `privileged (container "c" must not …), hostPort (…)`.
fn parts(mut told: &str) -> Vec<(&'static str, &str)> {
    let mut parts = Vec::new();
    while !told.is_empty() {
        let known = Check::ALL.iter().map(|check| check.reason());
        let reason = known
            .filter(|reason| told.starts_with(reason))
            .max_by_key(|reason| reason.len())
            .unwrap_or_else(|| panic!("no reason begins {told:?}"));
        told = told[reason.len()..].trim_start_matches('s');
        let end = told.find("), ").map_or(told.len(), |end| end + 1);
        parts.push((reason, &told[..end]));
        told = told[end..].trim_start_matches(", ");
    }
    parts
}

/// Asks the server, without anything being stored.
async fn create(client: &Client, namespace: &str, pod: &Value) -> Answer {
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let request = http::Request::post(path).header("content-type", "application/json");
    send(client, request.body(pod.to_string().into_bytes()).unwrap()).await
}

async fn send(client: &Client, request: http::Request<Vec<u8>>) -> Answer {
    let response = client.send(request.map(Body::from)).await.unwrap();
    let status = response.status();
    let headers = response.headers().get_all("warning").iter();
    let warnings = headers.map(|value| {
        let text = value.to_str().unwrap();
        let text = text.trim_start_matches("299 - \"").trim_end_matches('"');
        text.replace("\\\"", "\"").replace("\\\\", "\\")
    });
    let warnings = warnings.collect();
    let body = response.into_body().collect_bytes().await.unwrap();
    let value: Value = serde_json::from_slice(&body).unwrap();
    let refused = status.as_u16() == 422 || status.as_u16() == 403;
    assert!(status.is_success() || refused, "{status}: {value}");
    Answer {
        stored: status.is_success().then_some(value),
        warnings,
    }
}

/// Containers that people add to running pods are judged too; a pod cannot be created with any.
#[tokio::test(flavor = "multi_thread")]
async fn containers_added_to_a_running_pod_count() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    let name = "added";
    let labels = [("pod-security.kubernetes.io/warn", "restricted")];
    cluster.namespace(name, &labels).await.unwrap();
    let base = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "app" }, "spec": {
        "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{ "name": "app", "image": "registry.k8s.io/pause:3.10", "securityContext": {
            "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } } }] } });
    let pods: Api<KubePod> = Api::namespaced(client.clone(), name);
    let pod: KubePod = serde_json::from_value(base).unwrap();
    eventually(SOON, "the pod is there", async || {
        pods.create(&PostParams::default(), &pod)
            .await
            .map_err(|e| not_yet(e.to_string()))
    })
    .await
    .unwrap();
    let mut dice = Dice(SEED ^ 1);
    let (mut decided, mut violating) = (0, 0);
    for i in 0..EPHEMERAL {
        let added = generate::ephemeral(&mut dice, &format!("e{i}"));
        let patch = json!({ "spec": { "ephemeralContainers": [added] } });
        let path = format!("/api/v1/namespaces/{name}/pods/app/ephemeralcontainers?dryRun=All");
        let request =
            http::Request::patch(path).header("content-type", "application/strategic-merge-patch+json");
        let answer = send(&client, request.body(patch.to_string().into_bytes()).unwrap()).await;
        let Some(stored) = answer.stored else { continue };
        let (checks, spec) = decode(&stored);
        let ours = checks.at(Level::Restricted);
        agrees(Level::Restricted, ours, &spec, &answer.warnings)
            .unwrap_or_else(|why| panic!("{why}\n  {patch}"));
        decided += 1;
        violating += usize::from(!ours.is_empty());
    }
    eprintln!("{decided} added containers agree, {violating} of them violate");
    assert!(
        decided >= 30 && violating >= 10,
        "{decided} decided, {violating} violating"
    );
}

/// The warnings of the dry run are what tells that a label would reject running pods: they hold the repair back.
#[tokio::test(flavor = "multi_thread")]
async fn a_warning_of_the_dry_run_holds_the_label_back() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    for name in ["held", "free"] {
        cluster.namespace(name, &[("team", "x")]).await.unwrap();
    }
    let pod = json!({ "metadata": { "name": "agent" }, "spec": { "hostPID": true,
        "containers": [{ "name": "c", "image": "registry.k8s.io/pause:3.10" }] } });
    let pod: KubePod = serde_json::from_value(pod).unwrap();
    let pods: Api<KubePod> = Api::namespaced(client.clone(), "held");
    eventually(SOON, "the pod is there", async || {
        pods.create(&PostParams::default(), &pod)
            .await
            .map_err(|e| not_yet(e.to_string()))
    })
    .await
    .unwrap();

    let enforced = async |name: &str| {
        let found: Api<Namespace> = Api::all(client.clone());
        let labels = found.get(name).await.unwrap().metadata.labels.unwrap_or_default();
        labels.get("pod-security.kubernetes.io/enforce").cloned()
    };
    let held = label(&client, "held", "enforce").await.unwrap_err();
    assert!(
        matches!(&held, Error::Warned { warnings, .. } if warnings.iter().any(|w| w.contains("agent: host namespaces"))),
        "{held}"
    );
    assert_eq!((held.category(), held.is_failure()), ("warned", true));
    assert_eq!(enforced("held").await, None);
    label(&client, "held", "warn").await.unwrap();
    label(&client, "held", "audit").await.unwrap();
    label(&client, "free", "enforce").await.unwrap();
    assert_eq!(enforced("free").await.as_deref(), Some("baseline"));
}

/// Sets a label as remediation does.
async fn label(client: &Client, namespace: &str, mode: &str) -> Result<String, Error> {
    let step = Step {
        control: "isolation/pod-security",
        change: Change::Set {
            target: ObjRef::namespace_object(namespace),
            pointer: format!("/metadata/labels/pod-security.kubernetes.io~1{mode}").into(),
            from: None,
            to: "baseline".into(),
        },
        baseline: "test".into(),
        max_changes_per_hour: 3,
    };
    let writer = Writer::new(client.clone());
    let Look::Write(intent) = writer.look(&step).await? else {
        panic!("nothing to write");
    };
    let leads = || -> BoxFuture<'static, bool> { Box::pin(async { true }) };
    writer.write(&intent, &leads).await
}

/// Upstream's own fixtures of the newest version, from the module cache: two folders for each level, a check for each file.
#[test]
fn upstreams_fixtures_are_decided_as_upstream_says() {
    let Some(folder) = upstream() else {
        eprintln!("skipped: k8s.io/pod-security-admission is not in the module cache");
        return;
    };
    let mut count = 0;
    for level in LEVELS {
        for (verdict, allowed) in [("pass", true), ("fail", false)] {
            let folder = folder.join(level.word()).join("v1.37").join(verdict);
            for file in folder.read_dir().unwrap() {
                let file = file.unwrap().path();
                let violated = checks_in(&file);
                assert_eq!(
                    violated.at(level).is_empty(),
                    allowed,
                    "{}: {violated:?}",
                    file.display()
                );
                if !allowed {
                    let name = file.file_name().unwrap().to_str().unwrap();
                    let is_named = |check: Check| name.starts_with(&check.id().to_lowercase());
                    assert!(violated.iter().any(is_named), "{}: {violated:?}", file.display());
                }
                count += 1;
            }
        }
    }
    eprintln!("{count} fixtures of upstream agree");
    assert_eq!(count, 148);
}

fn upstream() -> Option<PathBuf> {
    let output = Command::new("go").args(["env", "GOMODCACHE"]).output().ok()?;
    let cache = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let folder = cache.join("k8s.io/pod-security-admission@v0.37.1/test/testdata");
    folder.is_dir().then_some(folder)
}

fn checks_in(file: &Path) -> Checks {
    let text = std::fs::read_to_string(file).unwrap();
    let pod: Value = serde_yaml::from_str(&text).unwrap();
    decode(&pod).0
}
