//! `helm test`. No container runs on the simulated nodes: here its manifest is what the server takes, and what the pod would run is
//! run as a process, with a token of the pod's ServiceAccount. `make e2e-node` has Helm run it.

use std::process::{Command, Output};

use kube_test::Cluster;
use plimsoll_e2e::{
    installed::{NAMESPACE, install_anew, post},
    operator::{Operator, program},
};
use serde_json::{Value, json};

use crate::{documents, of, values};

const ACCOUNT: &str = "plimsoll-test";

async fn hooks(cluster: &Cluster) -> Vec<Value> {
    let hooks = cluster
        .helm(["get", "hooks", "plimsoll", "-n", NAMESPACE])
        .await
        .unwrap();
    documents(&hooks.stdout)
}

/// What the test's pod runs, asking the operator of this test instead of the Service.
async fn check(cluster: &Cluster, operator: &Operator, more: &[&str]) -> Output {
    let hooks = hooks(cluster).await;
    let args = of(&hooks, "Pod", ACCOUNT)["spec"]["containers"][0]["args"].clone();
    let args: Vec<String> = serde_json::from_value(args).unwrap();
    let token = cluster.dir().join("check.token");
    std::fs::write(&token, cluster.token_for(NAMESPACE, ACCOUNT).await.unwrap()).unwrap();
    let given = |arg: &String| {
        more.iter()
            .any(|other| other.split('=').next() == arg.split('=').next())
    };
    let args = args
        .into_iter()
        .filter(|arg| !given(arg))
        .map(|arg| match arg.split_once('=') {
            Some(("--operator", _)) => format!("--operator=https://{}", operator.secure),
            Some(("--token-file", _)) => format!("--token-file={}", token.display()),
            _ => arg,
        });
    let mut command = Command::new(program());
    // As in the image, which holds no authorities.
    command.env("SSL_CERT_FILE", "/none").env("SSL_CERT_DIR", "/none");
    command.args(args).args(more);
    command.env(
        "KUBECONFIG",
        cluster.kubeconfig_for(NAMESPACE, ACCOUNT).await.unwrap(),
    );
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

fn said(ran: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8(ran.stdout.clone()).unwrap() + &String::from_utf8_lossy(&ran.stderr);
    (ran.status.code(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_test_says_whether_it_works() {
    let cluster = Cluster::start().await.unwrap();
    install_anew(&cluster, &["-f", &values("production")]).await;
    let hooks = hooks(&cluster).await;
    let text = |wanted: bool| -> String {
        let some = hooks.iter().filter(|hook| (hook["kind"] == "Pod") == wanted);
        some.map(ToString::to_string).collect::<Vec<_>>().join("\n---\n")
    };
    // The namespace enforces the restricted Pod Security Standard.
    let pod = ["create", "--dry-run=server", "-n", NAMESPACE, "-f", "-"];
    cluster
        .tool("kubectl")
        .unwrap()
        .args(["create", "-n", NAMESPACE, "-f", "-"])
        .stdin(text(false))
        .run()
        .await
        .unwrap();
    cluster
        .tool("kubectl")
        .unwrap()
        .args(pod)
        .stdin(text(true))
        .run()
        .await
        .unwrap();
    nobody_counts_it_as_the_operator(&hooks);

    let operator = Operator::ready(&cluster, "checked", &[]).await;
    let (code, text) = said(&check(&cluster, &operator, &[]).await);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("ok      the operator: answers over TLS, "),
        "{text}"
    );
    assert!(
        text.contains("ok      SecurityBaseline production: accepted and evaluated, score "),
        "{text}"
    );

    let client = cluster.admin().unwrap();
    post(
        &client,
        "SecurityBaseline",
        "odd",
        &json!({"extends": ["nowhere"]}),
        false,
    )
    .await
    .unwrap();
    let (code, text) = said(&check(&cluster, &operator, &["--baseline=odd", "--within=5s"]).await);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("FAILED  SecurityBaseline odd: Accepted=False: "),
        "{text}"
    );

    let role = format!("{NAMESPACE}-plimsoll-test");
    cluster
        .kubectl(["delete", "clusterrolebinding", &role])
        .await
        .unwrap();
    let (code, text) = said(&check(&cluster, &operator, &["--within=0s"]).await);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("FAILED  SecurityBaseline production: "), "{text}");
}

/// The Service, the budgets and the Deployments choose by labels that the test's pod must not have.
fn nobody_counts_it_as_the_operator(hooks: &[Value]) {
    let labels = &of(hooks, "Pod", ACCOUNT)["metadata"]["labels"];
    assert_ne!(labels["app.kubernetes.io/name"], "plimsoll", "{labels}");
}
