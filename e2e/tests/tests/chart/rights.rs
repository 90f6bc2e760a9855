//! What the operator may do: as little as what is switched on takes.

use kube_test::Cluster;
use plimsoll_e2e::installed::{NAMESPACE, chart, install};
use serde_json::{Value, json};

use crate::{is_hook, template};

fn rules(objects: &[Value]) -> Vec<Value> {
    let roles = objects
        .iter()
        .filter(|o| o["kind"] == "ClusterRole" || o["kind"] == "Role");
    roles
        .flat_map(|role| role["rules"].as_array().unwrap().clone())
        .collect()
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
        accounts.sort_by_key(ToString::to_string);
        accounts.dedup();
        // That of plimsoll-reader is no process's: tokens are made for it, to read reports.
        let processes_own = of("ServiceAccount");
        let own = processes_own
            .iter()
            .filter(|account| account["metadata"]["name"] != "plimsoll-reader" && !is_hook(account));
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
            .filter(|o| o["kind"] == "NetworkPolicy" && !is_hook(o))
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
