//! Hosts behind a real ingress controller.

use kube_test::{eventually, not_yet};
use plimsoll_e2e::operator::status_until;
use rcgen::CertifiedKey;
use serde_json::json;

use crate::stage::{PATIENCE, Stage};

const CONTROL: &str = "encryption/tls-handshake";

/// Traefik ends TLS for two hosts, one with a minimum of 1.2 and one with 1.0: objects look alike, handshakes do not. After
/// the fix the next probe sees it.
pub(crate) async fn handshakes_tell_hosts_apart(stage: &Stage) {
    let cluster = stage.cluster().await;
    let client = stage.client().await;
    let nodes = stage
        .nodes(".status.addresses[?(@.type==\"InternalIP\")].address")
        .await;
    let cidrs: Vec<String> = nodes.iter().map(|node| format!("{node}/32")).collect();
    stage.apply("traefik.yaml", &[("NODES", &cidrs.join(", "))]).await;
    for host in ["modern", "legacy"] {
        secret(stage, host).await;
    }
    stage.rolled_out("edge", "deployment/traefik").await;
    stage.rolled_out("web", "deployment/web").await;
    eventually(PATIENCE, "Traefik published its address", async || {
        let path = "jsonpath={.items[*].status.loadBalancer.ingress[*].ip}";
        let args = ["get", "ingresses", "-n", "web", "-o", path];
        let addresses = cluster.kubectl(args).await?.stdout;
        match addresses.split_once(' ') {
            Some((one, other)) if one == other && nodes.iter().any(|node| node == one) => Ok(()),
            _ => Err(not_yet(addresses)),
        }
    })
    .await
    .unwrap();

    stage
        .until_judged("tls", CONTROL, &["Ingress web/legacy LegacyTlsAccepted"], 1)
        .await;
    let told = status_until(&client, "tls", "what was accepted", |status| {
        status.to_string().contains("TLS 1.0")
    })
    .await;
    let told = told.to_string();
    assert!(
        told.contains("TLS 1.0 and 1.1 accepted by legacy.example.com"),
        "{told}"
    );

    let fix = "traefik.ingress.kubernetes.io/router.tls.options=modern@file";
    let annotate = ["annotate", "ingress", "legacy", "-n", "web", "--overwrite", fix];
    cluster.kubectl(annotate).await.unwrap();
    stage.until_judged("tls", CONTROL, &[], 2).await;
}

async fn secret(stage: &Stage, name: &str) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec![format!("{name}.example.com")]).unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": { "name": name, "namespace": "web" },
        "stringData": { "tls.crt": cert.pem(), "tls.key": signing_key.serialize_pem() },
    });
    stage.cluster().await.apply(&secret.to_string()).await.unwrap();
}
