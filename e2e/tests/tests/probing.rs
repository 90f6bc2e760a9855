//! The prober of a real operator on a real API server, against real TLS servers on loopback (scenario 4, without the requests
//! and approvals). Needs `make controlplane`, and OpenSSL for the server that still speaks TLS 1.0.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::float_cmp,
    reason = "a test may panic; gauges of 0 and 1 are exact"
)]

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use kube::Client;
use kube_test::{Cluster, eventually, not_yet};
use plimsoll_api::EvidenceRecord;
use plimsoll_e2e::{
    baseline::{BASELINE, baseline},
    installed::{SOON, install_with, post},
    operator::{Operator, foreign_writes, status_until},
    series::Page,
    tls_host::serve,
};
use rcgen::CertifiedKey;
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

const TLS: &str = "encryption/tls-handshake";
const UPTIME: &str = "availability/uptime-slo";
const SCENE: &str = "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: aws}
spec: {controller: ingress.k8s.aws/alb}
";

const CONTROLS: &str = "
encryption/ingress-tls: {failAfter: 0s}
encryption/tls-min-version: {failAfter: 0s}
encryption/tls-handshake: {probe: true, failAfter: 0s, timeout: 2s, allowCidrs: [127.0.0.2/31, 127.0.0.4/32]}
availability/uptime-slo:
  {probe: true, failAfter: 0s, target: \"0.99\", window: 1d, minCoverage: \"0.00005\", interval: 5s, timeout: 2s,
   allowCidrs: [127.0.0.2/31, 127.0.0.4/32]}
";

fn certificate() -> CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(vec!["*.example.com".to_owned()]).unwrap()
}

/// A server of rustls that answers every request; ends when its task is aborted.
async fn modern(ip: &str, versions: &[&'static SupportedProtocolVersion]) -> (SocketAddr, JoinHandle<()>) {
    let CertifiedKey { cert, signing_key } = certificate();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind((ip, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, serve(listener, config))
}

/// Counts who knocks.
async fn trap(address: (&str, u16)) -> Arc<AtomicUsize> {
    let knocks = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind(address).await.unwrap();
    let seen = knocks.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    knocks
}

/// `openssl s_server` that speaks TLS 1.0 to 1.2; killed when dropped.
struct Legacy(
    Child,
    SocketAddr,
    #[allow(dead_code, reason = "kept while it runs")] TempDir,
);

impl Drop for Legacy {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn legacy(ip: &str) -> Option<Legacy> {
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } = certificate();
    std::fs::write(folder.path().join("c.pem"), cert.pem()).unwrap();
    std::fs::write(folder.path().join("k.pem"), signing_key.serialize_pem()).unwrap();
    let mut command = Command::new("openssl");
    command
        .args([
            "s_server",
            "-www",
            "-cert",
            "c.pem",
            "-key",
            "k.pem",
            "-accept",
            &format!("{ip}:0"),
        ])
        .args([
            "-cipher",
            "ALL:@SECLEVEL=0",
            "-min_protocol",
            "TLSv1",
            "-no_tls1_3",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        eprintln!("skipped: no openssl to play the server that speaks TLS 1.0");
        return None;
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("ACCEPT ")?.parse().ok());
    Some(Legacy(
        child,
        address.expect("openssl says where it listens"),
        folder,
    ))
}

/// An Ingress as its controller left it: with the load balancer's address in its status.
async fn ingress(
    cluster: &Cluster,
    name: &str,
    host: &str,
    class: Option<&str>,
    tls: bool,
    at: Option<SocketAddr>,
) {
    let mut object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"rules": [{"host": host, "http": {"paths": [{
            "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]},
    });
    if tls {
        object["spec"]["tls"] = json!([{"hosts": [host], "secretName": name}]);
    }
    if let Some(class) = class {
        object["spec"]["ingressClassName"] = json!(class);
    }
    cluster.apply(&object.to_string()).await.unwrap();
    if let Some(at) = at {
        let balancer = json!({"ip": at.ip().to_string(), "ports": [{"port": at.port(), "protocol": "TCP"}]});
        let status = json!({"status": {"loadBalancer": {"ingress": [balancer]}}}).to_string();
        let patch = [
            "patch",
            "ingress",
            name,
            "-n",
            "shop",
            "--subresource=status",
            "--type=merge",
            "-p",
            &status,
        ];
        cluster.kubectl(patch).await.unwrap();
    }
}

fn accepts(page: &Page, host: &str) -> Vec<f64> {
    ["1.0", "1.1", "1.2", "1.3"]
        .iter()
        .flat_map(|version| {
            page.of(
                "plimsoll_tls_version_accepted",
                &[("host", host), ("version", version)],
            )
            .map(|s| s.value)
            .collect::<Vec<_>>()
        })
        .collect()
}

fn settled(page: &Page) -> bool {
    page.units(TLS, "pass") == 3 && page.units(TLS, "fail") == 1 && page.units(UPTIME, "pass") == 4
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::too_many_lines, reason = "one story")]
async fn servers_are_tried_out_and_what_was_met_survives_restarts_and_replicas() {
    let (a, a_task) = modern("127.0.0.2", &[&TLS12, &TLS13]).await;
    let Some(b) = legacy("127.0.0.3") else { return };
    let (c, c_task) = modern("127.0.0.4", &[&TLS13]).await;
    let elsewhere = trap(("127.0.0.1", a.port())).await;
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    let values = "environment=production,baseline.install=false,remediation.enabled=true";
    install_with(&cluster, &["--set", values]).await;
    cluster
        .namespace("shop", &[("plimsoll.dev/environment", "production")])
        .await
        .unwrap();
    cluster.apply(SCENE).await.unwrap();
    cluster.apply(&baseline("Enforce", CONTROLS)).await.unwrap();
    ingress(&cluster, "a", "a.example.com", None, true, Some(a)).await;
    ingress(&cluster, "b", "b.example.com", None, true, Some(b.1)).await;
    ingress(&cluster, "c", "c.example.com", None, true, Some(c)).await;
    ingress(&cluster, "d", "d.example.com", None, false, None).await;
    ingress(&cluster, "alb", "alb.example.com", Some("aws"), true, None).await;
    // Its name means 127.0.0.1, its status A: only the status counts.
    ingress(&cluster, "named", "localhost", None, true, Some(a)).await;
    let metadata: SocketAddr = "169.254.169.254:443".parse().unwrap();
    ingress(
        &cluster,
        "metadata",
        "metadata.example.com",
        None,
        true,
        Some(metadata),
    )
    .await;
    let loopback = SocketAddr::new("127.0.0.1".parse().unwrap(), a.port());
    ingress(
        &cluster,
        "loopback",
        "loopback.example.com",
        None,
        true,
        Some(loopback),
    )
    .await;

    let mut first = Operator::ready(&cluster, "first", &["--probing", "--remediation"]).await;
    let page = first.until("every server was tried", settled).await;
    assert_eq!(accepts(&page, "a.example.com"), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(accepts(&page, "b.example.com"), [1.0, 1.0, 1.0, 0.0]);
    assert_eq!(accepts(&page, "c.example.com"), [0.0, 0.0, 0.0, 1.0]);
    assert!(
        page.sum(
            "plimsoll_tls_certificate_not_after_timestamp_seconds",
            &[("host", "a.example.com")]
        ) > 1e9
    );
    assert_eq!(
        page.units("encryption/ingress-tls", "fail"),
        1,
        "d declares no TLS"
    );
    assert_eq!(
        page.units("encryption/tls-min-version", "fail"),
        2,
        "b, which was seen to accept 1.0; the default policy of AWS"
    );
    assert_eq!(
        (page.units(TLS, "not_applicable"), page.units(TLS, "unknown")),
        (1, 3),
        "d; alb, metadata, loopback"
    );
    assert!(
        page.sum(
            "plimsoll_uptime_probe_total",
            &[("host", "a.example.com"), ("result", "success")]
        ) >= 1.0
    );
    assert_eq!(page.sum("plimsoll_prober_up", &[]), 1.0);
    assert_eq!(
        page.sum(
            "plimsoll_uptime_target_ratio",
            &[("host", "a.example.com"), ("window", "24h")]
        ),
        0.99
    );
    // The status follows the metrics, every few seconds.
    let status = status_until(&client, BASELINE, "the worst is told", |status| {
        status
            .to_string()
            .contains("TLS 1.0 and 1.1 accepted by b.example.com at 127.0.0.3:")
    })
    .await;
    let worst = status["worst"].as_array().unwrap();
    let legacy = worst.iter().find(|finding| finding["control"] == TLS).unwrap();
    assert_eq!(legacy["severity"], "Critical", "{legacy}");
    remembered(&client).await;
    first.three_turns().await;
    let written = foreign_writes(&cluster).await.effective_writes().lines();
    assert_eq!(written, [""; 0], "a minimum is proposed, never set");

    // A replica that never led knows it all from the evidence.
    let second = Operator::ready(&cluster, "second", &["--probing"]).await;
    let page = second.until("the other replica knows", settled).await;
    assert_eq!(page.sum("plimsoll_prober_up", &[]), 0.0, "one probes");

    // Everything goes down, the leader too: handshakes stand, for they are young; availability falls.
    a_task.abort();
    c_task.abort();
    drop(b);
    first
        .until("the outage is seen", |page| page.units(UPTIME, "fail") == 4)
        .await;
    first.stop().await;
    let held = |page: &Page| {
        page.units(TLS, "pass") == 3
            && page.units(TLS, "fail") == 1
            && page.units(UPTIME, "fail") == 4
            && page.sum("plimsoll_prober_up", &[]) == 1.0
    };
    second
        .until("the successor goes on where the other ended", held)
        .await;
    let third = Operator::ready(&cluster, "third", &["--probing"]).await;
    third
        .until("a restart changes nothing", |page| {
            page.units(TLS, "fail") == 1 && page.units(UPTIME, "fail") == 4
        })
        .await;
    assert_eq!(
        elsewhere.load(Ordering::SeqCst),
        0,
        "somebody went where a name led"
    );
}

/// What was met is written down.
async fn remembered(client: &Client) {
    let api: kube::Api<EvidenceRecord> = kube::Api::all(client.clone());
    eventually(SOON, "evidence of the probes", async || {
        let record = api.get("shop").await.map_err(|e| not_yet(e.to_string()))?;
        let probed = record.spec.probed().map_err(|e| not_yet(e.to_string()))?;
        match (probed.handshakes.len(), probed.availability.len()) {
            (4, 4) => Ok(()),
            other => Err(not_yet(format!("{other:?}"))),
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_refuses_an_interval_too_coarse_for_its_target() {
    let cluster = Cluster::shared().await.unwrap();
    let client = cluster.admin().unwrap();
    let values = "environment=production,baseline.install=false,remediation.enabled=true";
    install_with(&cluster, &["--set", values]).await;
    let spec = |params: serde_json::Value| json!({"controls": {UPTIME: params}});
    for good in [
        json!({"target": "0.9999", "interval": "30s"}),
        json!({"target": "0.999", "interval": "60s"}),
        json!({"interval": "60s"}), // a preset may bring the target; what remains wrong is said in the status
        json!({"target": "0.99999"}),
    ] {
        post(&client, "SecurityBaseline", "fine", &spec(good), true)
            .await
            .unwrap();
    }
    for bad in [
        json!({"target": "0.9999", "interval": "60s"}),
        json!({"target": "1", "interval": "31s"}),
        json!({"target": "0.9999", "interval": "1d"}),
    ] {
        let error = post(&client, "SecurityBaseline", "coarse", &spec(bad.clone()), true)
            .await
            .unwrap_err();
        assert!(error.contains("30s or less"), "{bad}: {error}");
    }
    let error = post(
        &client,
        "SecurityBaseline",
        "odd",
        &spec(json!({"target": "99.99"})),
        true,
    )
    .await
    .unwrap_err();
    assert!(error.contains("target"), "{error}");
}
