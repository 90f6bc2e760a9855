//! What the API server refuses once the charts are installed, whoever asks: by server-side apply and by a plain POST of a
//! client that checks nothing itself. The message names the field.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube::{
    Client,
    api::{Patch, PatchParams, ValidationDirective},
};
use kube_test::Cluster;
use plimsoll_e2e::installed::{NAMESPACE, api, exception, install, object, post, soon};
use serde_json::{Value, json};

/// Wrong specs of a `SecurityBaseline`, and what the refusal must say.
const WRONG_BASELINES: &[(&str, &[&str])] = &[
    // unknown names
    (
        "{controls: {availability/replicas: {}}}",
        &[
            "spec.controls.availability/replicas",
            "availability/replica-redundancy",
        ],
    ),
    (
        "{controls: {replica-redundancy: {}}}",
        &["spec.controls.replica-redundancy"],
    ),
    (
        "{controls: {availability/replica-redundancy: {minReplica: 3}}}",
        &[
            "spec.controls.availability/replica-redundancy.minReplica:",
            "minReplicas",
        ],
    ),
    (
        "{controls: {environments/labelled: {Mode: Enforce}}}",
        &["spec.controls.environments/labelled.Mode", "failAfter"],
    ),
    (
        "{controls: {availability/replica-redundancy: {overrides: [{selector: {}, minReplicas: 3, why: so}]}}}",
        &[
            "spec.controls.availability/replica-redundancy.overrides",
            "minReplicas",
        ],
    ),
    (
        "{controls: {backup/database-scheduled: {backupTemplates: {postgres: {script: dump, when: never}}}}}",
        &[
            "spec.controls.backup/database-scheduled.backupTemplates",
            "schedule",
        ],
    ),
    ("{extends: [essentials], modes: Enforce}", &["spec.modes", "mode"]),
    (
        "{extends: [essentials], scope: {excludeNamespace: [a]}}",
        &["spec.scope.excludeNamespace:", "excludeNamespaces"],
    ),
    (
        "{extends: [essentials], scope: {namespaceSelector: {labels: {a: b}}}}",
        &["spec.scope.namespaceSelector.labels"],
    ),
    (
        "{extends: [essentials], platform: {namespaceSelector: {matchExpressions: [{key: a, op: Exists, operator: Exists}]}}}",
        &["spec.platform.namespaceSelector.matchExpressions", "operator"],
    ),
    (
        "{extends: [essentials], environments: {overrides: [{namespace: a, environment: b, until: c}]}}",
        &["spec.environments.overrides"],
    ),
    (
        "{extends: [essentials], remediation: {maxChanges: 2}}",
        &["spec.remediation.maxChanges:", "maxChangesPerObjectPerHour"],
    ),
    // wrong types
    (
        "{controls: {availability/replica-redundancy: {minReplicas: two}}}",
        &["availability/replica-redundancy.minReplicas"],
    ),
    (
        "{controls: {availability/replica-redundancy: {minReplicas: 2.5}}}",
        &["availability/replica-redundancy.minReplicas"],
    ),
    (
        "{controls: {backup/recent-success: {maxAge: 26}}}",
        &["backup/recent-success.maxAge", "string"],
    ),
    (
        "{controls: {environments/labelled: true}}",
        &["spec.controls.environments/labelled", "object"],
    ),
    (
        "{controls: {environments/labelled: null, backup/recent-success: {}}}",
        &["spec.controls.environments/labelled"],
    ),
    (
        "{controls: [environments/labelled]}",
        &["spec.controls", "object"],
    ),
    ("{extends: essentials}", &["spec.extends"]),
    // durations
    (
        "{controls: {backup/recent-success: {maxAge: 26 hours}}}",
        &["backup/recent-success.maxAge"],
    ),
    (
        "{controls: {backup/recent-success: {maxAge: -1h}}}",
        &["backup/recent-success.maxAge"],
    ),
    (
        "{controls: {environments/labelled: {failAfter: 5min}}}",
        &["environments/labelled.failAfter"],
    ),
    // out of range
    (
        "{controls: {availability/replica-redundancy: {minReplicas: -1}}}",
        &["availability/replica-redundancy.minReplicas"],
    ),
    (
        "{controls: {availability/replica-redundancy: {minReplicas: 0}}}",
        &["availability/replica-redundancy.minReplicas"],
    ),
    (
        "{extends: [essentials], remediation: {maxChangesPerObjectPerHour: 0}}",
        &["spec.remediation.maxChangesPerObjectPerHour"],
    ),
    (
        "{extends: [essentials], tenancy: {labelKey: ''}}",
        &["spec.tenancy.labelKey"],
    ),
    (
        "{extends: [essentials], tenancy: {labelKey: 'no key!'}}",
        &["spec.tenancy.labelKey"],
    ),
    (
        "{extends: [essentials], scope: {excludeNamespaces: [Kube_System]}}",
        &["spec.scope.excludeNamespaces"],
    ),
    // enums
    (
        "{extends: [essentials], mode: Off}",
        &["spec.mode", "Disabled", "Enforce"],
    ),
    (
        "{extends: [essentials], mode: enforce}",
        &["spec.mode", "Enforce"],
    ),
    (
        "{controls: {environments/labelled: {severity: Blocker}}}",
        &["environments/labelled.severity", "Critical"],
    ),
    (
        "{controls: {isolation/default-deny: {directions: [Sideways]}}}",
        &["isolation/default-deny.directions", "Ingress"],
    ),
    (
        "{extends: [essentials], tenancy: {mode: Cluster}}",
        &["spec.tenancy.mode", "Namespace"],
    ),
    (
        "{extends: [essentials], scope: {namespaceSelector: {matchExpressions: [{key: a, operator: Like}]}}}",
        &["operator", "NotIn"],
    ),
    // nothing, or too little
    ("{}", &["spec.extends", "spec.controls"]),
    ("{extends: []}", &["spec.extends"]),
    ("{controls: {}}", &["spec.controls"]),
    ("{extends: ['']}", &["spec.extends"]),
    (
        "{extends: [essentials], environments: {allowed: []}}",
        &["spec.environments.allowed"],
    ),
    (
        "{controls: {isolation/default-deny: {directions: []}}}",
        &["isolation/default-deny.directions"],
    ),
    (
        "{extends: [essentials], scope: {namespaceSelector: {matchExpressions: [{operator: Exists}]}}}",
        &["matchExpressions", "key"],
    ),
    (
        "{extends: [essentials], environments: {overrides: [{namespace: a}]}}",
        &["spec.environments.overrides", "environment"],
    ),
    // contradictions and repetitions
    (
        "{extends: [essentials], environments: {allowed: [a, b], clusterEnvironment: c}}",
        &["spec.environments.clusterEnvironment", "allowed"],
    ),
    (
        "{extends: [essentials], environments: {allowed: [a], overrides: [{namespace: x, environment: b}]}}",
        &["spec.environments.overrides", "allowed"],
    ),
    (
        "{extends: [essentials], environments: {allowed: [a], aliases: {x: b}}}",
        &["spec.environments.aliases", "allowed"],
    ),
    (
        "{extends: [essentials], tenancy: {mode: None, labelKey: team}}",
        &["spec.tenancy", "labelKey"],
    ),
    ("{extends: [essentials, essentials]}", &["spec.extends"]),
    (
        "{extends: [essentials], environments: {overrides: [{namespace: x, environment: a}, {namespace: x, environment: b}]}}",
        &["spec.environments.overrides"],
    ),
];

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

/// Server-side apply, with nothing checked for the client's sake.
async fn apply(client: &Client, kind: &str, name: &str, spec: &Value) -> Result<(), String> {
    let params = PatchParams {
        field_validation: Some(ValidationDirective::Ignore),
        ..PatchParams::apply("test").force()
    };
    let applied = api(client, kind)
        .patch(name, &params, &Patch::Apply(object(kind, name, spec)))
        .await;
    applied.map(drop).map_err(|error| error.to_string())
}

fn says(what: &str, answer: Result<(), String>, words: &[&str]) -> Vec<String> {
    match answer {
        Ok(()) => vec![format!("{what}: accepted")],
        Err(message) => words
            .iter()
            .filter(|word| !message.contains(*word))
            .map(|word| format!("{what}: {word:?} is not in: {message}"))
            .collect(),
    }
}

#[tokio::test]
async fn wrong_baselines_are_refused_by_name_whoever_asks() {
    assert!(WRONG_BASELINES.len() >= 25);
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let client = cluster.admin().unwrap();
    let mut wrong = Vec::new();
    for (text, words) in WRONG_BASELINES {
        let spec = yaml(text);
        let posted = post(&client, "SecurityBaseline", "wrong", &spec, false).await;
        wrong.extend(says(&format!("POST {text}"), posted, words));
        let applied = apply(&client, "SecurityBaseline", "wrong", &spec).await;
        wrong.extend(says(&format!("apply {text}"), applied, words));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn wrong_exceptions_are_refused_by_name() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let client = cluster.admin().unwrap();
    let late = soon() + jiff::SignedDuration::from_hours(24 * 365);
    let cases: Vec<(Value, &[&str])> = vec![
        (
            json!({ "control": "no/such" }),
            &["spec.control", "no/such", "environments/labelled"],
        ),
        (json!({ "control": "nonsense" }), &["spec.control"]),
        (json!({ "expires": null }), &["spec.expires", "Required"]),
        (json!({ "expires": "next year" }), &["spec.expires"]),
        (
            json!({ "expires": late.to_string() }),
            &["spec.expires", "one year after creation"],
        ),
        (json!({ "riskId": null }), &["spec.riskId"]),
        (json!({ "approvedBy": "" }), &["spec.approvedBy"]),
        (json!({ "reason": "because" }), &["spec.reason"]),
        (json!({ "selector": {} }), &["spec.selector", "namespaces"]),
        (json!({ "selector": null }), &["spec.selector"]),
        (
            json!({ "selector": { "labels": { "a": "b" } } }),
            &["spec.selector"],
        ),
        (
            json!({ "selector": { "namespaces": ["a"], "labels": { "a": "b" } } }),
            &["spec.selector.labels", "namespaceSelector"],
        ),
        (
            json!({ "selector": { "objects": [{ "name": "a" }] } }),
            &["spec.selector.objects", "kind"],
        ),
        (
            json!({ "selector": { "reasons": ["too few"] } }),
            &["spec.selector.reasons"],
        ),
        (json!({ "risk": "R-1" }), &["spec.risk:", "riskId"]),
    ];
    let mut wrong = Vec::new();
    for (changes, words) in cases {
        let spec = exception(changes.clone());
        let posted = post(&client, "BaselineException", "wrong", &spec, false).await;
        wrong.extend(says(&format!("POST {changes}"), posted, words));
        let applied = apply(&client, "BaselineException", "wrong", &spec).await;
        wrong.extend(says(&format!("apply {changes}"), applied, words));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    post(&client, "BaselineException", "right", &exception(json!({})), true)
        .await
        .unwrap();
}

/// An exception cannot be prolonged beyond its year either.
#[tokio::test]
async fn an_exception_ends_a_year_after_its_creation_also_when_it_is_changed() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let client = cluster.admin().unwrap();
    post(
        &client,
        "BaselineException",
        "prolonged",
        &exception(json!({})),
        false,
    )
    .await
    .unwrap();
    let late = soon() + jiff::SignedDuration::from_hours(24 * 365);
    let patch = json!({ "spec": { "expires": late.to_string() } });
    let patched = api(&client, "BaselineException")
        .patch("prolonged", &PatchParams::default(), &Patch::Merge(patch))
        .await;
    assert_eq!(
        says(
            "patch",
            patched.map(drop).map_err(|e| e.to_string()),
            &["spec.expires"]
        ),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn evidence_is_written_by_the_operator_only() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let admin = cluster.admin().unwrap();
    let refused = post(
        &admin,
        "EvidenceRecord",
        "shop",
        &json!({ "namespace": "shop" }),
        false,
    )
    .await;
    assert_eq!(
        says("admin", refused, &["written by the operator only"]),
        Vec::<String>::new()
    );
    let operator = cluster.client_as(NAMESPACE, "plimsoll").await.unwrap();
    post(
        &operator,
        "EvidenceRecord",
        "shop",
        &json!({ "namespace": "shop" }),
        false,
    )
    .await
    .unwrap();
    let forged = json!({ "spec": { "labels": { "plimsoll.dev/environment": "development" } } });
    let patched = api(&admin, "EvidenceRecord")
        .patch("shop", &PatchParams::default(), &Patch::Merge(forged))
        .await;
    assert_eq!(
        says(
            "patch",
            patched.map(drop).map_err(|e| e.to_string()),
            &["written by the operator only"]
        ),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn labels_that_decide_which_rules_hold_are_for_administrators() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let grant = [
        "create",
        "clusterrolebinding",
        "joe",
        "--clusterrole=cluster-admin",
        "--user=joe",
    ];
    cluster.kubectl(grant).await.unwrap();
    cluster
        .namespace("label-trust", &[("plimsoll.dev/environment", "production")])
        .await
        .unwrap();
    let label = async |label: &str| {
        let args = [
            "label",
            "--overwrite",
            "ns/label-trust",
            label,
            "--as=joe",
            "--as-group=system:authenticated",
        ];
        cluster
            .kubectl(args)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    };
    let reserved = ["plimsoll.dev/environment", "system:masters"];
    let refusals = [
        says(
            "change",
            label("plimsoll.dev/environment=development").await,
            &reserved,
        ),
        says("remove", label("plimsoll.dev/environment-").await, &reserved),
        says(
            "set",
            label("plimsoll.dev/tenant=other").await,
            &["plimsoll.dev/tenant"],
        ),
    ];
    assert_eq!(refusals.concat(), Vec::<String>::new());
    label("team=blue").await.unwrap();
    cluster
        .kubectl(["label", "ns/label-trust", "plimsoll.dev/tenant=blue"])
        .await
        .unwrap();
}

/// A CronJob that says what it is for, with what its Jobs say.
fn restore_test(name: &str, role: &Value, job_role: &Value) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": name,
            "namespace": "role-trust",
            "labels": role,
            "annotations": {"plimsoll.dev/restore-of": "shop/StatefulSet/db"},
        },
        "spec": {
            "schedule": "* * * * *",
            "jobTemplate": {
                "metadata": {"labels": job_role},
                "spec": {"template": {"spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "restore", "image": "restore"}],
                }}},
            },
        },
    })
}

#[tokio::test]
async fn what_an_object_is_for_is_for_administrators_to_say() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    cluster.namespace("role-trust", &[]).await.unwrap();
    let grant = [
        "create",
        "clusterrolebinding",
        "jill",
        "--clusterrole=cluster-admin",
        "--user=jill",
    ];
    cluster.kubectl(grant).await.unwrap();
    let (none, test) = (json!({}), json!({"plimsoll.dev/role": "restore-test"}));
    let as_jill = async |args: &[&str]| {
        let who = ["--as=jill", "--as-group=system:authenticated"];
        let done = cluster.kubectl(args.iter().copied().chain(who)).await;
        done.map(drop).map_err(|error| error.to_string())
    };
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, object: &Value| {
        let path = folder.path().join(name);
        std::fs::write(&path, object.to_string()).unwrap();
        path.to_string_lossy().into_owned()
    };
    let claimed = written("claimed", &restore_test("claimed", &test, &none));
    let smuggled = written("smuggled", &restore_test("smuggled", &none, &test));
    let plain = written("plain", &restore_test("plain", &none, &none));
    let reserved = ["plimsoll.dev/role", "system:masters"];
    // Without any role everybody may, and administrators may with one.
    as_jill(&["create", "-f", &plain]).await.unwrap();
    let real = written("real", &restore_test("real", &test, &test));
    cluster.kubectl(["create", "-f", &real]).await.unwrap();
    let refusals = [
        says("claim", as_jill(&["create", "-f", &claimed]).await, &reserved),
        says(
            "smuggle",
            as_jill(&["create", "-f", &smuggled]).await,
            &["spec.jobTemplate.metadata", "plimsoll.dev/role"],
        ),
        says(
            "label",
            as_jill(&[
                "label",
                "-n",
                "role-trust",
                "cronjob/plain",
                "plimsoll.dev/role=restore-test",
            ])
            .await,
            &reserved,
        ),
        says(
            "remove",
            as_jill(&["label", "-n", "role-trust", "cronjob/real", "plimsoll.dev/role-"]).await,
            &reserved,
        ),
        says(
            "aim elsewhere",
            as_jill(&[
                "annotate",
                "--overwrite",
                "-n",
                "role-trust",
                "cronjob/real",
                "plimsoll.dev/restore-of=bank/*",
            ])
            .await,
            &["plimsoll.dev/restore-of"],
        ),
    ];
    assert_eq!(refusals.concat(), Vec::<String>::new());
    as_jill(&["label", "-n", "role-trust", "cronjob/real", "team=blue"])
        .await
        .unwrap();
    // The controller copies a template that was checked; anybody else would claim by it.
    let start = ["create", "job", "now", "-n", "role-trust", "--from=cronjob/real"];
    assert_eq!(
        says("start", as_jill(&start).await, &reserved),
        Vec::<String>::new()
    );
    let controller = [
        "--as=system:serviceaccount:kube-system:cronjob-controller",
        "--as-group=system:serviceaccounts:kube-system",
    ];
    cluster
        .kubectl(start.into_iter().chain(controller))
        .await
        .unwrap();
}
