//! Credentials in plain text and names of other environments' Services, judged on a real API server; and no output of any sort
//! holds what an object's texts hold. Needs `make controlplane`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client};
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    agreement::dump,
    installed::{NAMESPACE, SOON, api, install_with},
    operator::{ACCOUNT, Operator, condition, events, program, status_until},
};
use serde_json::{Value, json};

const CREDENTIALS: &str = "access/no-plaintext-credentials";
const REFERENCES: &str = "environments/no-cross-references";

/// What must appear nowhere. The parts are what encodings and prefixes of it would show.
const CANARY: &str = "hunter2-canary-7Qx";
const CANARY_BASE64: &str = "aHVudGVyMi1jYW5hcnktN1F4";

fn baseline(patterns: &Value) -> Value {
    let mut credentials = json!({ "failAfter": "0s" });
    let map = credentials.as_object_mut().unwrap();
    map.extend(patterns.as_object().unwrap().clone());
    json!({
        "apiVersion": "plimsoll.dev/v1alpha1", "kind": "SecurityBaseline",
        "metadata": { "name": "all" },
        "spec": {
            "extends": ["essentials"], "mode": "Observe",
            "scope": { "excludeNamespaces": ["kube-system", "kube-node-lease", "kube-public", "default", NAMESPACE] },
            "controls": { CREDENTIALS: credentials, REFERENCES: { "failAfter": "0s" } },
        },
    })
}

/// The canary in every sort of text, in what `kubectl apply` keeps of it, and where a number belongs.
const OBJECTS: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations: {example.com/admin-password: hunter2-canary-7Qx}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {example.com/hook: "https://me:hunter2-canary-7Qx@hooks.example.com"}
    spec:
      containers:
      - name: c
        image: registry.k8s.io/pause:3.10
        command: [sh, -c, "export PGPASSWORD=hunter2-canary-7Qx; run"]
        args: ["--password", "hunter2-canary-7Qx"]
        env:
        - {name: DB_PASSWORD, value: hunter2-canary-7Qx}
        - {name: DB_HOST, value: db.shop-staging.svc.cluster.local}
        - {name: PASSWORD_MIN_LENGTH, value: "12"}
        - {name: geheim, value: hunter2-canary-7Qx}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data:
  api-token: hunter2-canary-7Qx
  app.properties: |
    spring.datasource.password=hunter2-canary-7Qx
    debug=true
binaryData: {keystore-password: aHVudGVyMi1jYW5hcnktN1F4}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations: {nginx.ingress.kubernetes.io/auth-url: "http://me:hunter2-canary-7Qx@auth/check"}
spec: {rules: [{host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: backup, namespace: shop, labels: {plimsoll.dev/role: backup}, annotations: {plimsoll.dev/backup-of: StatefulSet/db}}
spec:
  schedule: "0 2 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: dump, image: registry.k8s.io/pause:3.10, command: [sh, -c, "pg_dump postgres://app:hunter2-canary-7Qx@db/shop"]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop, labels: {plimsoll.dev/role: database}}
spec:
  replicas: 1
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: pg, image: "registry.k8s.io/pause:3.10", env: [{name: POSTGRES_PASSWORD, value: hunter2-canary-7Qx}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: broken, namespace: shop}
spec: {rules: hunter2-canary-7Qx, hostnames: [hunter2-canary-7Qx]}
"#;

/// A definition that accepts anything: the API server holds a body that does not decode.
const LENIENT: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: httproutes.gateway.networking.k8s.io
  annotations: {api-approved.kubernetes.io: 'unapproved, for a test'}
spec:
  group: gateway.networking.k8s.io
  scope: Namespaced
  names: {kind: HTTPRoute, plural: httproutes, singular: httproute}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
";

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_judged_and_appear_nowhere() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    let values = ["--set", "environment=production,baseline.install=false"];
    install_with(&cluster, &values).await;
    namespace(&cluster, "shop", "production").await;
    namespace(&cluster, "shop-staging", "staging").await;
    cluster.apply(LENIENT).await.unwrap();
    let wait = [
        "wait",
        "--for=condition=Established",
        "crd/httproutes.gateway.networking.k8s.io",
    ];
    cluster.kubectl(wait).await.unwrap();
    apply_client_side(&cluster, "objects.yaml", OBJECTS).await;
    cluster.apply(&baseline(&json!({})).to_string()).await.unwrap();

    let operator = Operator::start_logging(&cluster, "reader", &[], "debug").await;
    // Deployment, StatefulSet, CronJob, ConfigMap, Ingress.
    let judged = |page: &plimsoll_e2e::series::Page| page.units(CREDENTIALS, "fail") == 5;
    operator.until("credentials in plain text fail", judged).await;
    operator
        .until("a name of staging fails", |page| {
            page.units(REFERENCES, "fail") == 1
        })
        .await;
    named_by_place(&client).await;

    a_change_is_told(&cluster, &client, &operator).await;
    other_patterns_look_again(&cluster, &client, &operator).await;
    a_new_namespace_is_noticed(&cluster, &operator).await;
    nothing_shows(&cluster, &client, &operator).await;
    scans_show_nothing(&cluster).await;
}

async fn namespace(cluster: &Cluster, name: &str, environment: &str) {
    let labels = [
        ("plimsoll.dev/environment", environment),
        ("plimsoll.dev/tenant", "acme"),
    ];
    cluster.namespace(name, &labels).await.unwrap();
}

/// As people do it: what was applied is kept in an annotation.
async fn apply_client_side(cluster: &Cluster, file: &str, text: &str) {
    let path = cluster.dir().join(file);
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    cluster
        .kubectl(["apply", "--server-side=false", "-f", path])
        .await
        .unwrap();
}

/// Findings name object, container and key.
async fn named_by_place(client: &Client) {
    let status = status_until(client, "all", "the status names the findings", |status| {
        status["totals"]["fail"].as_u64() >= Some(6)
    })
    .await;
    let worst = status["worst"].as_array().unwrap();
    let credentials: Vec<&Value> = worst
        .iter()
        .filter(|finding| finding["control"] == CREDENTIALS)
        .collect();
    assert!(!credentials.is_empty(), "{status}");
    let of_variable = |finding: &&&Value| finding.to_string().contains("DB_PASSWORD");
    let variable = credentials.iter().find(of_variable);
    assert!(
        variable.is_some_and(|v| v.to_string().contains("container c")),
        "{credentials:?}"
    );
    assert!(!status.to_string().contains("PASSWORD_MIN_LENGTH"));
}

/// A transition becomes an Event.
async fn a_change_is_told(cluster: &Cluster, client: &Client, operator: &Operator) {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: late, namespace: shop}}\ndata: {{password: {CANARY}}}\n"
    );
    apply_client_side(cluster, "late.yaml", &text).await;
    operator
        .until("the late one fails too", |page| {
            page.units(CREDENTIALS, "fail") == 6
        })
        .await;
    eventually(SOON, "an Event tells it", async || {
        let told = events(client, "shop").await;
        if told.iter().any(|line| line.starts_with("ConfigMap/late ")) {
            Ok(())
        } else {
            Err(not_yet(told.join("\n")))
        }
    })
    .await
    .unwrap();
}

/// The kinds are listed again under other patterns; patterns that cannot be accepted are named.
async fn other_patterns_look_again(cluster: &Cluster, client: &Client, operator: &Operator) {
    let own = json!({ "namePattern": "^geheim$", "valuePatterns": [] });
    cluster.apply(&baseline(&own).to_string()).await.unwrap();
    operator
        .until("only what is called geheim fails", |page| {
            page.units(CREDENTIALS, "fail") == 1 && page.units(CREDENTIALS, "unknown") == 0
        })
        .await;
    let bad = json!({ "valuePatterns": [{ "name": "x", "pattern": "(" }] });
    cluster.apply(&baseline(&bad).to_string()).await.unwrap();
    let refused = |status: &Value| condition(status, "Accepted")["status"] == "False";
    let status = status_until(client, "all", "the pattern is refused", refused).await;
    let message = condition(&status, "Accepted")["message"].to_string();
    assert!(message.contains("valuePatterns[0].pattern"), "{message}");
    cluster.apply(&baseline(&json!({})).to_string()).await.unwrap();
    operator
        .until("all of them fail again", |page| {
            page.units(CREDENTIALS, "fail") == 6
        })
        .await;
}

/// A name means something from the moment on in which its namespace exists.
async fn a_new_namespace_is_noticed(cluster: &Cluster, operator: &Operator) {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: tap, namespace: shop}\n\
                spec: {type: ExternalName, externalName: tap.later.svc.cluster.local}\n";
    cluster.apply(text).await.unwrap();
    operator
        .until("the Service is judged", |page| {
            page.units(REFERENCES, "fail") == 1 && page.units(REFERENCES, "pass") > 0
        })
        .await;
    namespace(cluster, "later", "staging").await;
    operator
        .until("the namespace exists", |page| page.units(REFERENCES, "fail") == 2)
        .await;
}

fn clean(what: &str, text: &str) {
    for canary in [CANARY, CANARY_BASE64, "hunter2"] {
        let around = text
            .find(canary)
            .map(|at| text.get(at.saturating_sub(200)..at).unwrap_or_default());
        assert!(around.is_none(), "{what} holds the canary after {around:?}");
    }
    assert!(!text.is_empty(), "{what} is empty");
}

/// Log, metrics, events, statuses, evidence.
async fn nothing_shows(cluster: &Cluster, client: &Client, operator: &Operator) {
    clean("the log", &operator.process.log());
    clean("metrics", &operator.get("/metrics").await.unwrap());
    let listed = ["get", "events", "-A", "-o", "json"];
    clean("events", &cluster.kubectl(listed).await.unwrap().stdout);
    for kind in ["SecurityBaseline", "EvidenceRecord", "BaselineException"] {
        let all: Api<DynamicObject> = api(client, kind);
        let all = all.list(&ListParams::default()).await.unwrap();
        clean(kind, &serde_json::to_string(&all).unwrap());
    }
}

/// Scans of the cluster and of its dump, in every form, with what they say on standard error.
async fn scans_show_nothing(cluster: &Cluster) {
    let kubeconfig = cluster.kubeconfig_for(NAMESPACE, ACCOUNT).await.unwrap();
    let baseline_file = cluster.dir().join("baseline.json");
    std::fs::write(&baseline_file, baseline(&json!({})).to_string()).unwrap();
    let objects = cluster.dir().join("objects.yaml").display().to_string();
    let torn = cluster.dir().join("torn.yaml");
    std::fs::write(
        &torn,
        format!("{OBJECTS}---\nkind: !!int {CANARY}\n---\na: [{CANARY}\nb: \"{CANARY}\n"),
    )
    .unwrap();
    let dumped = dump(cluster).await.display().to_string();
    let torn = torn.display().to_string();
    for source in ["--cluster", &objects, &dumped, &torn] {
        for form in ["json", "table"] {
            let mut command = Command::new(program());
            command
                .args(["scan", "-o", form, "--limit=0", "--baseline"])
                .arg(&baseline_file)
                .arg(source)
                .env("KUBECONFIG", &kubeconfig)
                .env("PLIMSOLL_LOG", "debug");
            let output = tokio::task::spawn_blocking(move || command.output())
                .await
                .unwrap()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            clean(&format!("a scan of {source} as {form}"), &text);
            assert!(text.contains("DB_PASSWORD"), "{text}");
            // Only where the namespace is given is it the name of one.
            let with_namespaces = source == "--cluster" || source == dumped;
            assert_eq!(text.contains("db.shop-staging"), with_namespaces, "{text}");
        }
    }
}
