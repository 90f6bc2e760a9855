//! The charts, installed, upgraded and uninstalled by the real Helm.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kube::{Client, api::DeleteParams};
use kube_test::{Cluster, Error, eventually, not_yet};
use plimsoll_e2e::{
    agreement::{agree, scan},
    installed::{NAMESPACE, SOON, api, chart, install, policies_hold, post, top},
    operator::Operator,
};
use plimsoll_engine::baseline::{BaselineSpec, compile};
use serde_json::{Value, json};

async fn template(cluster: &Cluster, args: &[&str]) -> Result<Vec<Value>, Error> {
    let chart = chart("plimsoll");
    let fixed = ["template", "plimsoll", chart.as_str(), "-n", NAMESPACE];
    let text = cluster.helm(fixed.iter().chain(args)).await?.stdout;
    Ok(text
        .split("\n---\n")
        .map(|d| serde_yaml::from_str(d).unwrap())
        .filter(|d: &Value| d.is_object())
        .collect())
}

fn rules(objects: &[Value]) -> Vec<Value> {
    let roles = objects
        .iter()
        .filter(|o| o["kind"] == "ClusterRole" || o["kind"] == "Role");
    roles
        .flat_map(|role| role["rules"].as_array().unwrap().clone())
        .collect()
}

#[tokio::test]
async fn each_environment_installs_its_baseline() {
    let cluster = Cluster::shared().await.unwrap();
    for environment in ["production", "staging", "development"] {
        let values = format!("{}/values-{environment}.yaml", chart("plimsoll"));
        let objects = template(&cluster, &["-f", &values]).await.unwrap();
        let baseline = objects.iter().find(|o| o["kind"] == "SecurityBaseline").unwrap();
        assert_eq!(baseline["metadata"]["name"], environment);
        assert!(
            baseline["spec"]["platform"]["namespaces"]
                .as_array()
                .unwrap()
                .contains(&json!(NAMESPACE))
        );
        let spec: BaselineSpec = serde_json::from_value(baseline["spec"].clone()).unwrap();
        let compiled = compile(
            environment,
            1,
            &spec,
            &plimsoll_controls::presets(),
            &plimsoll_controls::registry(),
            None,
        );
        assert!(
            compiled.problems.is_empty(),
            "{environment}: {:?}",
            compiled.problems
        );
    }
}

#[tokio::test]
async fn misspelt_values_are_refused() {
    let cluster = Cluster::shared().await.unwrap();
    let set = |what: &'static str| ["--set", what];
    let production = "environment=production";
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (vec![], "environment"),
        (set("environment=prod").to_vec(), "environment"),
        ([set(production), set("replica=3")].concat(), "replica"),
        (
            [set(production), set("remediation.enable=true")].concat(),
            "enable",
        ),
        ([set(production), set("baseline.mode=Off")].concat(), "mode"),
        ([set(production), set("replicas=0")].concat(), "replicas"),
        ([set(production), set("image.digest=latest")].concat(), "digest"),
        (
            [
                set(production),
                set("remediation.enabled=true"),
                set("remediation.controls={no/such}"),
            ]
            .concat(),
            "no/such has no repair",
        ),
    ];
    for (args, word) in cases {
        let error = template(&cluster, &args)
            .await
            .expect_err(&format!("{args:?}"))
            .to_string();
        assert!(error.contains(word), "{args:?}: {error}");
    }
}

#[tokio::test]
async fn reports_for_other_tools_are_granted_only_where_they_are_asked_for() {
    let cluster = Cluster::shared().await.unwrap();
    let production = ["--set", "environment=production"];
    let groups = |objects: &[Value]| {
        let rules = rules(objects).into_iter();
        let groups = rules.filter_map(|rule| rule["apiGroups"][0].as_str().map(str::to_owned));
        let reports = groups.filter(|g| g == "openreports.io" || g == "wgpolicyk8s.io");
        reports.collect::<Vec<_>>()
    };
    let quiet = template(&cluster, &production).await.unwrap();
    assert_eq!(groups(&quiet), Vec::<String>::new());
    assert!(!Value::from(quiet).to_string().contains("--policy-report"));

    let values = "policyReports.enabled=true,policyReports.apis={wgpolicyk8s.io},policyReports.maxResults=7";
    let reporting = [&production[..], &["--set", values]].concat();
    let reporting = template(&cluster, &reporting).await.unwrap();
    assert_eq!(groups(&reporting), ["wgpolicyk8s.io"]);
    let deployment = reporting
        .iter()
        .find(|o| o["kind"] == "Deployment")
        .unwrap()
        .to_string();
    for argument in [
        "--policy-reports=plimsoll-system-plimsoll-policy-reports",
        "--policy-report-apis=wgpolicyk8s.io",
        "--policy-report-results=7",
    ] {
        assert!(
            deployment.contains(&format!("\"{argument}\"")),
            "{argument} in {deployment}"
        );
    }
    let owner = "plimsoll-system-plimsoll-policy-reports";
    assert!(
        reporting
            .iter()
            .any(|o| o["kind"] == "ClusterRole" && o["metadata"]["name"] == owner)
    );
}

#[tokio::test]
async fn the_operator_is_let_out_only_to_probe() {
    let cluster = Cluster::shared().await.unwrap();
    let production = ["--set", "environment=production"];
    let probing = [
        &production[..],
        &["--set", "probing.enabled=true,probing.ports={443,8443}"],
    ]
    .concat();
    let egress = |objects: &[Value]| {
        let policies = objects
            .iter()
            .filter(|o| o["kind"] == "NetworkPolicy")
            .filter_map(|o| o["spec"]["egress"].as_array().cloned());
        Value::from(policies.flatten().collect::<Vec<_>>())
    };
    let starts_prober = |objects: &[Value]| {
        let deployment = objects.iter().find(|o| o["kind"] == "Deployment").unwrap();
        deployment.to_string().contains("--probing")
    };
    let quiet = template(&cluster, &production).await.unwrap();
    assert!(!starts_prober(&quiet) && !egress(&quiet).to_string().contains("0.0.0.0/0"));
    let probing = template(&cluster, &probing).await.unwrap();
    assert!(starts_prober(&probing));
    let out = egress(&probing);
    let last = out.as_array().unwrap().last().unwrap();
    assert_eq!(
        last["to"][0]["ipBlock"]["except"],
        serde_json::json!(["169.254.0.0/16"]),
        "{last}"
    );
    assert_eq!(
        last["to"][1]["ipBlock"]["except"],
        serde_json::json!(["fe80::/10"]),
        "{last}"
    );
    let ports: Vec<i64> = last["ports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["port"].as_i64().unwrap())
        .collect();
    assert_eq!(ports, [443, 8443]);
}

#[tokio::test]
async fn rights_are_no_wider_than_what_is_switched_on() {
    let cluster = Cluster::shared().await.unwrap();
    let reading = template(&cluster, &["--set", "environment=production"])
        .await
        .unwrap();
    let fixing = [
        "--set",
        "environment=production",
        "--set",
        "remediation.enabled=true",
    ];
    let one = "remediation.controls={availability/disruption-budget}";
    let all = template(&cluster, &fixing).await.unwrap();
    let one = template(&cluster, &[&fixing[..], &["--set", one]].concat())
        .await
        .unwrap();
    let own = [
        "plimsoll.dev",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "coordination.k8s.io",
        "events.k8s.io",
    ];
    let foreign_writes = |objects: &[Value]| -> Vec<String> {
        let rules = rules(objects);
        let text = |rule: &Value, key: &str| -> Vec<String> {
            serde_json::from_value(rule[key].clone()).unwrap_or_default() // a rule on paths has no groups
        };
        for rule in &rules {
            for key in ["apiGroups", "resources", "verbs"] {
                assert!(
                    text(rule, key).iter().all(|word| !word.contains('*')),
                    "a wildcard: {rule}"
                );
            }
            assert!(
                !text(rule, "resources")
                    .iter()
                    .any(|r| r == "secrets" || r == "nodes/proxy"),
                "{rule}"
            );
        }
        rules
            .iter()
            .filter(|rule| {
                !text(rule, "apiGroups")
                    .iter()
                    .any(|group| own.contains(&group.as_str()))
            })
            .flat_map(|rule| {
                let on = rule["resources"][0]
                    .as_str()
                    .or(rule["nonResourceURLs"][0].as_str());
                let on = on.unwrap().to_owned();
                text(rule, "verbs")
                    .into_iter()
                    .map(move |verb| format!("{verb} {on}"))
            })
            .filter(|write| {
                !["get ", "list ", "watch "]
                    .iter()
                    .any(|verb| write.starts_with(verb))
            })
            .collect()
    };
    assert_eq!(foreign_writes(&reading), Vec::<String>::new());
    assert_eq!(
        foreign_writes(&one),
        ["create poddisruptionbudgets", "patch poddisruptionbudgets"]
    );
    let all = foreign_writes(&all);
    let rights: usize = plimsoll_controls::registry()
        .metas()
        .flat_map(|meta| meta.rights)
        .map(|r| r.verbs.len())
        .sum();
    assert!(all.len() > 1 && all.len() <= rights, "{all:?}");
}

/// All that the chart can switch on at once, in one process and in three.
const EVERYTHING: [&str; 2] = [
    "environment=production,remediation.enabled=true,probing.enabled=true",
    "environment=production,remediation.enabled=true,remediation.separate=true,probing.enabled=true,probing.separate=true",
];

#[tokio::test]
async fn each_process_has_an_account_of_its_own_and_only_one_may_write_to_workloads() {
    let cluster = Cluster::shared().await.unwrap();
    let [together, apart] = EVERYTHING;
    for (values, processes) in [(together, 1), (apart, 3)] {
        let objects = template(&cluster, &["--set", values]).await.unwrap();
        let of = |kind: &str| objects.iter().filter(|o| o["kind"] == kind).collect::<Vec<_>>();
        let mut accounts: Vec<&Value> = of("Deployment")
            .iter()
            .map(|o| &o["spec"]["template"]["spec"]["serviceAccountName"])
            .collect();
        accounts.sort_by_key(|account| account.to_string());
        accounts.dedup();
        // That of plimsoll-reader is no process's: tokens are made for it, to read reports.
        let processes_own = of("ServiceAccount");
        let own = processes_own
            .iter()
            .filter(|account| account["metadata"]["name"] != "plimsoll-reader");
        assert_eq!((accounts.len(), own.count()), (processes, processes));
        let secret = ["secrets", "*", "nodes/proxy"];
        let rules = rules(&objects);
        let resources = rules
            .iter()
            .filter_map(|rule| rule["resources"].as_array())
            .flatten();
        assert_eq!(
            resources
                .filter(|r| secret.contains(&r.as_str().unwrap()))
                .count(),
            0
        );
        let name = "plimsoll-system-plimsoll-remediation";
        let bindings = of("ClusterRoleBinding");
        let writes = bindings.iter().find(|o| o["roleRef"]["name"] == name).unwrap();
        let wanted = if processes == 1 {
            "plimsoll"
        } else {
            "plimsoll-repairs"
        };
        assert_eq!(writes["subjects"].as_array().unwrap().len(), 1);
        assert_eq!(writes["subjects"][0]["name"], wanted);
        // Selectors must not overlap: a Deployment would count the pods of another as its own.
        let mut selectors: Vec<String> = of("Deployment")
            .iter()
            .map(|o| o["spec"]["selector"].to_string())
            .collect();
        selectors.sort();
        selectors.dedup();
        assert_eq!(selectors.len(), processes);
    }
}

#[tokio::test]
async fn our_own_controls_of_access_find_nothing_in_the_chart() {
    let cluster = Cluster::shared().await.unwrap();
    let (folder, chart) = (tempfile::tempdir().unwrap(), chart("plimsoll"));
    let baseline = folder.path().join("baseline.yaml");
    let access = plimsoll_controls::registry()
        .metas()
        .filter(|meta| meta.family() == "access")
        .map(|meta| (meta.id.to_owned(), json!({})))
        .collect::<serde_json::Map<_, _>>();
    assert!(access.len() >= 4);
    let spec = json!({
        "apiVersion": "plimsoll.dev/v1alpha1", "kind": "SecurityBaseline", "metadata": {"name": "access"},
        // As strict as with a tenant's namespace.
        "spec": {"controls": access, "platform": {"namespaces": ["kube-system"]}},
    });
    std::fs::write(&baseline, spec.to_string()).unwrap();
    for values in EVERYTHING {
        let fixed = [
            "template",
            "plimsoll",
            chart.as_str(),
            "-n",
            NAMESPACE,
            "--set",
            values,
        ];
        let rendered = folder.path().join("rendered.yaml");
        std::fs::write(&rendered, cluster.helm(fixed).await.unwrap().stdout).unwrap();
        let mut scan = std::process::Command::new(plimsoll_e2e::operator::program());
        scan.args(["scan", "-o", "json", "--quiet", "--baseline"])
            .arg(&baseline)
            .arg(&rendered);
        let output = tokio::task::spawn_blocking(move || scan.output())
            .await
            .unwrap()
            .unwrap();
        let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
        let results = seen["results"].as_array().unwrap();
        let bad: Vec<&Value> = results.iter().filter(|r| r["result"] == "fail").collect();
        assert!(bad.is_empty(), "{bad:#?}");
        let judged = results.iter().filter(|r| r["result"] == "pass").count();
        assert!(judged >= 5, "{judged} of {}", results.len());
    }
}

#[tokio::test]
async fn the_operators_account_may_do_what_it_needs_and_no_more() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let may = async |verb: &str, resource: &str| {
        let user = format!("--as=system:serviceaccount:{NAMESPACE}:plimsoll");
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let subresource = format!("--subresource={subresource}");
        let args = ["auth", "can-i", verb, resource, &subresource, "-A", &user];
        let output = cluster
            .tool("kubectl")
            .unwrap()
            .args(args)
            .output()
            .await
            .unwrap();
        output.stdout.trim() == "yes"
    };
    for kind in plimsoll_controls::registry()
        .reads()
        .iter()
        .filter(|kind| !kind.is_optional())
    {
        for verb in ["list", "watch"] {
            assert!(may(verb, &kind.resource()).await, "{verb} {kind}");
        }
    }
    for (verb, resource) in [
        ("watch", "securitybaselines.plimsoll.dev"),
        ("patch", "securitybaselines.plimsoll.dev/status"),
        ("patch", "evidencerecords.plimsoll.dev"),
        ("watch", "customresourcedefinitions"),
        ("create", "events"),
    ] {
        assert!(may(verb, resource).await, "{verb} {resource}");
    }
    for (verb, resource) in [
        ("get", "secrets"),
        ("list", "secrets"),
        ("patch", "deployments.apps"),
        ("patch", "deployments.apps/scale"),
        ("create", "poddisruptionbudgets.policy"),
        ("delete", "pods"),
        ("patch", "securitybaselines.plimsoll.dev"),
        ("create", "baselineexceptions.plimsoll.dev"),
        ("update", "leases.coordination.k8s.io"),
        ("create", "clusterrolebindings"),
    ] {
        assert!(!may(verb, resource).await, "{verb} {resource}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_own_namespace_has_no_failing_finding() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    eventually(SOON, "both replicas run", async || {
        let path = "jsonpath={.status.availableReplicas}";
        let args = ["get", "deployment/plimsoll", "-n", NAMESPACE, "-o", path];
        let seen = cluster.kubectl(args).await?.stdout;
        if seen == "2" { Ok(()) } else { Err(not_yet(seen)) }
    })
    .await
    .unwrap();
    let labels = [
        "plimsoll.dev/environment=production",
        "plimsoll.dev/tenant=platform",
    ];
    cluster
        .kubectl(["label", "namespace", NAMESPACE].iter().chain(&labels))
        .await
        .unwrap();
    let client = cluster.admin().unwrap();
    judge_at_once(&client).await;
    let operator = Operator::ready(&cluster, "operator", &[]).await;
    let scanned = scan(&cluster, ["--cluster"]).await;
    agree(&client, &scanned, "the operator and a scan agree").await;
    let own: Vec<&Value> = scanned["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["baseline"] == "own" && entry["object"].to_string().contains(NAMESPACE))
        .collect();
    let with = |result: &str| -> Vec<String> {
        own.iter()
            .filter(|entry| entry["result"] == result)
            .map(|entry| format!("{} {} {}", entry["control"], entry["object"], entry["message"]))
            .collect()
    };
    assert_eq!((with("fail"), with("unknown")), (vec![], vec![]));
    let passes = with("pass");
    for control in [
        "access/least-privilege",
        "access/no-anonymous-access",
        "availability/disruption-budget",
        "availability/replica-redundancy",
        "availability/topology-spread",
        "environments/labelled",
        "isolation/default-deny",
        "isolation/tenant-namespace",
        "isolation/tenant-rbac",
    ] {
        let is_good = passes.iter().any(|entry| entry.contains(control));
        assert!(is_good, "{control}: {passes:#?}");
    }
    drop(operator);
}

/// Replaces the installed baseline by one of the same spec under which failures count at once.
async fn judge_at_once(client: &Client) {
    let baselines = api(client, "SecurityBaseline");
    let mut spec = baselines.get("production").await.unwrap().data["spec"].clone();
    let at_once = json!({ "failAfter": "0s" });
    let controls = plimsoll_controls::registry()
        .metas()
        .map(|meta| (meta.id, at_once.clone()))
        .collect();
    spec["controls"] = controls;
    // Whoever reads all tenants' objects without being the platform's has to be named.
    let own_account = format!("system:serviceaccount:{NAMESPACE}:plimsoll");
    spec["controls"]["isolation/tenant-rbac"]["allowedSubjects"] = json!([own_account]);
    // As strict as with a tenant's namespace: being the platform's must not be the reason that nothing fails.
    spec["platform"] = json!({ "namespaces": ["kube-system"] });
    post(client, "SecurityBaseline", "own", &spec, false)
        .await
        .unwrap();
    baselines
        .delete("production", &DeleteParams::default())
        .await
        .unwrap();
}

/// The life of an installation, step by step.
#[tokio::test]
async fn uninstalling_keeps_the_kinds_and_what_people_wrote() {
    let cluster = Cluster::start().await.unwrap();
    install_staging(&cluster).await;
    policies_hold(cluster.admin().unwrap()).await;
    let mine = top()
        .join("docs/samples/first-baseline.yaml")
        .display()
        .to_string();
    cluster.kubectl(["apply", "-f", &mine]).await.unwrap();
    upgrade_to_production(&cluster).await;
    uninstall(&cluster).await;

    // And it can come back.
    install_staging(&cluster).await;
    assert_eq!(baselines(&cluster).await, ["first", "staging"]);
}

fn values(environment: &str) -> String {
    format!("{}/values-{environment}.yaml", chart("plimsoll"))
}

/// As the README says: two commands.
async fn install_staging(cluster: &Cluster) {
    let (crds, main, values) = (chart("plimsoll-crds"), chart("plimsoll"), values("staging"));
    let kinds = [
        "install",
        "plimsoll-crds",
        &crds,
        "-n",
        NAMESPACE,
        "--create-namespace",
    ];
    cluster.helm(kinds).await.unwrap();
    let operator = [
        "install", "plimsoll", &main, "-n", NAMESPACE, "-f", &values, "--wait",
    ];
    cluster.helm(operator).await.unwrap();
}

/// Once to the same, and once to another choice of everything that can be chosen.
async fn upgrade_to_production(cluster: &Cluster) {
    let (crds, main) = (chart("plimsoll-crds"), chart("plimsoll"));
    cluster
        .helm(["upgrade", "plimsoll-crds", &crds, "-n", NAMESPACE])
        .await
        .unwrap();
    let upgrade = ["upgrade", "plimsoll", &main, "-n", NAMESPACE, "-f"];
    let (staging, production) = (values("staging"), values("production"));
    cluster
        .helm([&upgrade[..], &[staging.as_str()]].concat())
        .await
        .unwrap();
    let more = [
        production.as_str(),
        "--set",
        "remediation.enabled=true,baseline.mode=Enforce",
        "--set-json",
        r#"baseline.spec={"controls":{"availability/replica-redundancy":{"minReplicas":3}}}"#,
        "--wait",
    ];
    cluster.helm([&upgrade[..], &more].concat()).await.unwrap();
    assert_eq!(baselines(cluster).await, ["first", "production"]);
    let client = cluster.admin().unwrap();
    let spec = api(&client, "SecurityBaseline")
        .get("production")
        .await
        .unwrap()
        .data["spec"]
        .clone();
    assert_eq!(spec["mode"], "Enforce");
    assert_eq!(
        spec["controls"]["availability/replica-redundancy"]["minReplicas"],
        3
    );
}

/// Everything goes but the kinds and what somebody else wrote.
async fn uninstall(cluster: &Cluster) {
    for release in ["plimsoll", "plimsoll-crds"] {
        cluster
            .helm(["uninstall", release, "-n", NAMESPACE, "--wait"])
            .await
            .unwrap();
    }
    assert_eq!(baselines(cluster).await, ["first"]);
    let label = "app.kubernetes.io/part-of=plimsoll";
    for kinds in [
        "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings",
        "deployments,services,networkpolicies,poddisruptionbudgets,roles,rolebindings,serviceaccounts",
    ] {
        let left = cluster
            .kubectl(["get", kinds, "-A", "-l", label, "-o", "name"])
            .await
            .unwrap();
        assert_eq!(left.stdout, "");
    }
}

async fn baselines(cluster: &Cluster) -> Vec<String> {
    let path = "jsonpath={range .items[*]}{.metadata.name}{'\\n'}{end}";
    let names = cluster
        .kubectl(["get", "securitybaselines", "-o", path])
        .await
        .unwrap()
        .stdout;
    let mut names: Vec<String> = names.lines().map(str::to_owned).collect();
    names.sort();
    names
}

const ALERTS: &[&str] = &["--set", "environment=production,alerts.enabled=true"];

fn rule_groups(objects: &[Value]) -> &Value {
    let rule = objects.iter().find(|o| o["kind"] == "PrometheusRule").unwrap();
    &rule["spec"]["groups"]
}

fn alerts_of(groups: &Value) -> Vec<&Value> {
    let groups = groups.as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.filter(|rule| rule["alert"].is_string()).collect()
}

#[tokio::test]
async fn alerts_are_the_plain_rules_until_values_say_otherwise() {
    let cluster = Cluster::shared().await.unwrap();
    let objects = template(&cluster, ALERTS).await.unwrap();
    let plain = std::fs::read_to_string(top().join("alerts/rules.yaml")).unwrap();
    let plain: Value = serde_yaml::from_str(&plain).unwrap();
    assert_eq!(rule_groups(&objects), &plain["groups"]);

    let quiet = template(&cluster, &["--set", "environment=production"])
        .await
        .unwrap();
    assert!(quiet.iter().all(|o| o["kind"] != "PrometheusRule"));
}

#[tokio::test]
async fn alerts_follow_the_values() {
    let cluster = Cluster::shared().await.unwrap();
    let staging = format!("{}/values-staging.yaml", chart("plimsoll"));
    let values = [
        "alerts.enabled=true,alerts.labels.cluster=eu-1,alerts.owners.data=dba,alerts.objectLabels.release=prometheus",
        "alerts.thresholds.certificateDays=7,alerts.disabled={PlimsollWatchdog},alerts.runbooks=https://example.com/runbooks/",
    ];
    let args = ["-f", &staging, "--set", values[0], "--set", values[1]];
    let objects = template(&cluster, &args).await.unwrap();
    let rule = objects.iter().find(|o| o["kind"] == "PrometheusRule").unwrap();
    assert_eq!(rule["metadata"]["labels"]["release"], "prometheus");
    let groups = rule_groups(&objects);
    assert!(!groups.to_string().contains('@'), "a mark is left");
    let alerts = alerts_of(groups);
    let of = |name: &str| *alerts.iter().find(|alert| alert["alert"] == name).unwrap();
    assert!(alerts.iter().all(|alert| alert["labels"]["cluster"] == "eu-1"));
    assert!(
        alerts
            .iter()
            .all(|alert| alert["labels"]["severity"] == "warning"),
        "nobody is paged for staging"
    );
    assert!(alerts.iter().all(|alert| alert["alert"] != "PlimsollWatchdog"));
    assert_eq!(of("PlimsollBackupTooOld")["labels"]["owner"], "dba");
    let soon = of("PlimsollCertificateExpiresSoon");
    assert!(soon["expr"].as_str().unwrap().ends_with("< 604800"), "{soon}");
    assert_eq!(
        soon["annotations"]["runbook_url"],
        "https://example.com/runbooks/PlimsollCertificateExpiresSoon.md"
    );
}

#[tokio::test]
async fn misspelt_alerts_are_refused() {
    let cluster = Cluster::shared().await.unwrap();
    for (value, word) in [
        ("alerts.disabled={PlimsollNope}", "there is no alert PlimsollNope"),
        ("alerts.treshold.certificateDays=7", "treshold"),
        ("alerts.thresholds.certificateDays=soon", "certificateDays"),
        ("alerts.labels.severity=low", "severity"),
        ("dashboards.folder=", "folder"),
    ] {
        let args = [ALERTS, &["--set", value]].concat();
        let error = template(&cluster, &args).await.expect_err(value).to_string();
        assert!(error.contains(word), "{value}: {error}");
    }
}

#[tokio::test]
async fn dashboards_are_config_maps_that_the_sidecar_finds() {
    let cluster = Cluster::shared().await.unwrap();
    let values = "environment=production,dashboards.enabled=true,dashboards.namespace=monitoring";
    let objects = template(&cluster, &["--set", values]).await.unwrap();
    let maps: Vec<&Value> = objects
        .iter()
        .filter(|o| o["metadata"]["labels"]["grafana_dashboard"] == "1")
        .collect();
    assert_eq!(maps.len(), 3);
    for map in maps {
        assert_eq!(map["metadata"]["annotations"]["grafana_folder"], "Plimsoll");
        assert_eq!(map["metadata"]["namespace"], "monitoring");
        for (file, text) in map["data"].as_object().unwrap() {
            let name = file.strip_prefix("plimsoll-").unwrap();
            let shipped = std::fs::read_to_string(top().join("dashboards").join(name)).unwrap();
            assert_eq!(text, &shipped, "{file}");
        }
    }
}
