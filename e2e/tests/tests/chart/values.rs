//! Values: what may be set, and that what is misspelt is refused.

use kube_test::Cluster;
use plimsoll_e2e::installed::install;
use serde_json::{Value, json};

use crate::{is_hook, of, template};

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

/// Everything that people set on what they install.
fn usual() -> Value {
    json!({
        "environment": "production",
        "image": {"registry": "mirror.example", "tag": "9.9.9", "pullPolicy": "Always", "pullSecrets": [{"name": "mirror"}]},
        "replicas": 3,
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "serviceAccount": {"annotations": {"example.com/role": "reader"}},
        "commonLabels": {"team": "security"},
        "commonAnnotations": {"example.com/contact": "security"},
        "podLabels": {"example.com/zone": "core"},
        "podAnnotations": {"example.com/scan": "yes"},
        "serviceAnnotations": {"example.com/mesh": "no"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "infra", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "plimsoll"}}},
        ]}},
        "topologySpreadConstraints": [
            {"topologyKey": "topology.kubernetes.io/zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"},
        ],
        "priorityClassName": "system-cluster-critical",
        "podDisruptionBudget": {"maxUnavailable": "50%"},
        "podSecurityContext": {"runAsUser": 1000, "supplementalGroups": [2000]},
        "extraArgs": ["--replica-lease=20s"],
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
        "remediation": {"enabled": true, "separate": true, "replicas": 2},
        "probing": {"enabled": true, "separate": true, "resources": {"limits": {"memory": "3Gi"}}},
    })
}

#[tokio::test]
async fn what_people_usually_set_arrives_and_the_server_takes_it() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let file = cluster.dir().join("usual.yaml");
    std::fs::write(&file, usual().to_string()).unwrap();
    let objects = template(&cluster, &["-f", file.to_str().unwrap()]).await.unwrap();
    for object in &objects {
        let of = format!("{} {}", object["kind"], object["metadata"]["name"]);
        assert_eq!(object["metadata"]["labels"]["team"], "security", "{of}");
        assert_eq!(
            object["metadata"]["annotations"]["example.com/contact"], "security",
            "{of}"
        );
    }
    for name in ["plimsoll", "plimsoll-repairs", "plimsoll-probes"] {
        pods_are_as_asked(of(&objects, "Deployment", name));
        let account = &of(&objects, "ServiceAccount", name)["metadata"]["annotations"];
        assert_eq!(account["example.com/role"], "reader");
        assert_eq!(
            of(&objects, "PodDisruptionBudget", name)["spec"]["maxUnavailable"],
            "50%"
        );
    }
    let replicas = |name: &str| of(&objects, "Deployment", name)["spec"]["replicas"].clone();
    assert_eq!(
        (replicas("plimsoll"), replicas("plimsoll-repairs")),
        (json!(3), json!(2))
    );
    let service = &of(&objects, "Service", "plimsoll")["metadata"]["annotations"];
    assert_eq!(service["example.com/mesh"], "no");

    // The namespace enforces the restricted Pod Security Standard; Deployments are only warned about.
    let stay = objects.iter().filter(|object| !is_hook(object));
    let text: Vec<String> = stay.map(ToString::to_string).collect();
    let apply = [
        "apply",
        "-n",
        "plimsoll-system",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "-f",
        "-",
    ];
    let applied = cluster
        .tool("kubectl")
        .unwrap()
        .args(apply)
        .stdin(text.join("\n---\n"));
    let applied = applied.output().await.unwrap();
    assert!(applied.status.success(), "{}", applied.stderr);
    assert!(!applied.stderr.contains("PodSecurity"), "{}", applied.stderr);
}

fn pods_are_as_asked(deployment: &Value) {
    let (asked, template) = (usual(), &deployment["spec"]["template"]);
    let (pod, container) = (&template["spec"], &template["spec"]["containers"][0]);
    for field in ["nodeSelector", "tolerations", "affinity", "priorityClassName"] {
        assert_eq!(pod[field], asked[field], "{field}");
    }
    assert_eq!(pod["imagePullSecrets"], asked["image"]["pullSecrets"]);
    let memory = &container["resources"]["limits"]["memory"];
    let own = if deployment["metadata"]["name"] == "plimsoll-probes" {
        "3Gi"
    } else {
        "2Gi"
    };
    assert_eq!(memory, own);
    assert_eq!(container["image"], "mirror.example/plimsoll-dev/plimsoll:9.9.9");
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(template["metadata"]["labels"]["example.com/zone"], "core");
    assert_eq!(template["metadata"]["annotations"]["example.com/scan"], "yes");
    let spread = pod["topologySpreadConstraints"].as_array().unwrap();
    assert_eq!(
        (spread.len(), &spread[0]["whenUnsatisfiable"]),
        (1, &json!("DoNotSchedule"))
    );
    assert_eq!(
        spread[0]["labelSelector"]["matchLabels"]["app.kubernetes.io/component"],
        deployment["metadata"]["labels"]["app.kubernetes.io/component"]
    );
    let security = &pod["securityContext"];
    assert_eq!(
        (&security["runAsUser"], &security["fsGroup"]),
        (&json!(1000), &json!(65532))
    );
    assert_eq!(security["runAsNonRoot"], true);
    assert_eq!(
        container["args"].as_array().unwrap().last().unwrap(),
        "--replica-lease=20s"
    );
    assert!(
        container["env"]
            .as_array()
            .unwrap()
            .contains(&asked["extraEnv"][0])
    );
}

#[tokio::test]
async fn what_is_made_elsewhere_is_not_made_again() {
    let cluster = Cluster::shared().await.unwrap();
    let digest = format!("sha256:{}", "0".repeat(64));
    let image = format!("image.registry=,image.repository=registry.example/plimsoll,image.digest={digest}");
    let elsewhere = "environment=production,serviceAccount.create=false,serviceAccount.name=given,podDisruptionBudget.enabled=false,\
        networkPolicy.enabled=false,reports.reader=false,podSecurityContext.runAsUser=null,podSecurityContext.fsGroup=null";
    let args = ["--set", elsewhere, "--set", &image];
    let objects = template(&cluster, &args).await.unwrap();
    let kinds = |kind: &str| {
        objects
            .iter()
            .filter(|o| o["kind"] == kind && !is_hook(o))
            .count()
    };
    assert_eq!(
        (
            kinds("ServiceAccount"),
            kinds("PodDisruptionBudget"),
            kinds("NetworkPolicy")
        ),
        (0, 0, 0)
    );
    let pod = &of(&objects, "Deployment", "plimsoll")["spec"]["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], "given");
    assert_eq!(
        pod["containers"][0]["image"],
        format!("registry.example/plimsoll@{digest}")
    );
    assert!(
        pod["securityContext"].get("runAsUser").is_none() && pod["securityContext"]["runAsNonRoot"] == true
    );
}

#[tokio::test]
async fn the_service_monitor_is_as_prometheus_needs_it() {
    let cluster = Cluster::shared().await.unwrap();
    let monitor = json!({
        "enabled": true, "interval": "1m", "scrapeTimeout": "10s", "labels": {"release": "prometheus"},
        "authorization": {"credentials": {"name": "token", "key": "token"}},
        "tlsConfig": {"serverName": "plimsoll", "ca": {"configMap": {"name": "ca", "key": "ca.crt"}}},
        "relabelings": [{"targetLabel": "cluster", "replacement": "eu-1"}],
        "metricRelabelings": [{"sourceLabels": ["host"], "regex": "internal.*", "action": "drop"}],
    });
    let set = format!("metrics.serviceMonitor={monitor}");
    let objects = template(&cluster, &["--set", "environment=production", "--set-json", &set])
        .await
        .unwrap();
    let made = of(&objects, "ServiceMonitor", "plimsoll");
    assert_eq!(made["metadata"]["labels"]["release"], "prometheus");
    let endpoint = &made["spec"]["endpoints"][0];
    for field in [
        "interval",
        "scrapeTimeout",
        "authorization",
        "tlsConfig",
        "relabelings",
        "metricRelabelings",
    ] {
        assert_eq!(endpoint[field], monitor[field], "{field}");
    }
    assert!(endpoint.get("bearerTokenFile").is_none(), "{endpoint}");
    let plain = "environment=production,metrics.plaintext=true,metrics.serviceMonitor.enabled=true";
    let objects = template(&cluster, &["--set", plain]).await.unwrap();
    let endpoint = &of(&objects, "ServiceMonitor", "plimsoll")["spec"]["endpoints"][0];
    assert_eq!(endpoint, &json!({"port": "metrics", "interval": "30s"}));
}
