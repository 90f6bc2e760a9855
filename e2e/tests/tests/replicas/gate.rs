//! The moment between the dry run and the apply of a repair: an admission webhook holds the apply back while its leader is lost.
//! The dry run was answered, the Lease was looked at, the change is under way.

use std::{io, net::Ipv4Addr, sync::Arc};

use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube_test::{AuditEvent, Cluster, eventually, not_yet};
use plimsoll_e2e::{
    installed::{NAMESPACE, SOON},
    operator::{ACCOUNT, foreign_writes},
    replicas::Replicas,
    scenario::deployment,
};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::scene::{ARGS, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_lost_between_the_dry_run_and_the_apply_changes_nothing_twice() {
    let Some(scene) = Scene::begin().await else {
        return;
    };
    let gate = Gate::install(&scene.cluster).await;
    let mut replicas = Replicas::start(&scene.cluster, 2, ARGS).await;
    killed(&scene, &gate, &mut replicas).await;
    overtaken(&scene, &gate, &replicas).await;
}

async fn killed(scene: &Scene, gate: &Gate, replicas: &mut Replicas<'_>) {
    let what = "leader killed between the dry run and the apply";
    let name = replicas.leader(None).await;
    gate.turn(State::Holds);
    scene.work().await;
    gate.until_held().await;
    let mut lost = replicas.take(&name);
    let moment = Timestamp::now();
    lost.operator.process.kill();
    replicas.leader(None).await;
    gate.turn(State::Open);
    scene.until_repaired().await;
    scene.took_over(replicas, None, moment, what).await;
    replicas.add().await;
    replicas.until_alike().await;
    scene.nothing_was_done_twice(what).await;
}

/// The leader is paused, another makes the repair that the first has under way, and then that arrives.
async fn overtaken(scene: &Scene, gate: &Gate, replicas: &Replicas<'_>) {
    let what = "leader paused between the dry run and the apply";
    let name = replicas.leader(None).await;
    let lost = replicas.get(&name);
    gate.turn(State::Holds);
    scene.work().await;
    gate.until_held().await;
    let moment = Timestamp::now();
    lost.operator.process.pause();
    replicas.leader(Some(&name)).await;
    gate.turn(State::HoldsWhatItHas);
    scene.until_repaired().await;
    scene.took_over(replicas, Some(&name), moment, what).await;
    gate.turn(State::Open);
    lost.operator.process.resume();
    lost.until_leads(false).await;
    replicas.until_alike().await;
    scene.nothing_was_done_twice(what).await;
    let late = |event: &AuditEvent| {
        event.source == lost.link.source() && !event.dry_run && !event.is_effective_write()
    };
    let refused = foreign_writes(&scene.cluster).await.filter(late).len();
    assert!(refused > 0, "{what}: what was overtaken has to be refused");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// All pass.
    Open,
    /// Who comes now is held until it is open.
    Holds,
    /// Who comes now passes.
    HoldsWhatItHas,
}

/// Looks at every change of a Deployment's scale that the operator makes, before it is made.
struct Gate {
    state: watch::Sender<State>,
    held: watch::Receiver<usize>,
    server: JoinHandle<()>,
}

impl Gate {
    async fn install(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let (state, held) = (watch::Sender::new(State::Open), watch::Sender::new(0));
        let gate = Self {
            held: held.subscribe(),
            server: tokio::spawn(serve(
                listener,
                TlsAcceptor::from(Arc::new(config)),
                state.subscribe(),
                held,
            )),
            state,
        };
        cluster.apply(&webhook(port, &cert.pem())).await.unwrap();
        gate.until_asked(cluster).await;
        gate
    }

    /// The API server takes a moment to know of a new webhook.
    async fn until_asked(&self, cluster: &Cluster) {
        cluster.apply(&deployment("default", "probe", 1)).await.unwrap();
        let account = format!("system:serviceaccount:{NAMESPACE}:{ACCOUNT}");
        let operator = cluster.client_impersonating(&account, &[]).unwrap();
        let deployments: kube::Api<k8s_openapi::api::apps::v1::Deployment> =
            kube::Api::namespaced(operator, "default");
        self.turn(State::Holds);
        let asked = eventually(SOON, "the webhook is asked", async || {
            let params = PatchParams {
                dry_run: true,
                ..PatchParams::default()
            };
            let scale = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
            tokio::select! {
                done = deployments.patch_scale("probe", &params, &scale) => Err(not_yet(format!("{done:?}"))),
                () = self.until_held() => Ok(()),
            }
        });
        asked.await.unwrap();
        self.turn(State::Open);
        let mut held = self.held.clone();
        held.wait_for(|held| *held == 0).await.unwrap();
    }

    fn turn(&self, state: State) {
        self.state.send_replace(state);
    }

    async fn until_held(&self) {
        let mut held = self.held.clone();
        let is_held = tokio::time::timeout(SOON, held.wait_for(|held| *held > 0));
        is_held.await.expect("a change comes to the gate").unwrap();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn webhook(port: u16, certificate: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let operator = format!("request.userInfo.username == 'system:serviceaccount:{NAMESPACE}:{ACCOUNT}'");
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "gate" },
        "webhooks": [{
            "name": "gate.plimsoll.dev", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 30, "failurePolicy": "Fail",
            "clientConfig": {
                "url": format!("https://127.0.0.1:{port}/"), "caBundle": STANDARD.encode(certificate) },
            "matchConditions": [{ "name": "operator", "expression": operator }],
            "rules": [{ "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"],
                        "resources": ["deployments/scale"] }],
        }],
    })
    .to_string()
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    state: watch::Receiver<State>,
    held: watch::Sender<usize>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, state, held) = (acceptor.clone(), state.clone(), held.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                // Ends when the API server does not want an answer any more.
                _ = answer_all(BufStream::new(stream), state, held).await;
            }
        });
    }
}

/// Reads reviews and allows what they ask for, each at its time.
async fn answer_all<S>(
    mut stream: BufStream<S>,
    mut state: watch::Receiver<State>,
    held: watch::Sender<usize>,
) -> io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(given) = line.strip_prefix("content-length:") {
                length = given.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let review: Value = serde_json::from_slice(&body)?;
        let request = &review["request"];
        // The probe of the gate itself is a dry run, too.
        let probes = request["name"] == "probe";
        if *state.borrow() == State::Holds && (probes || request["dryRun"] != true) {
            held.send_modify(|held| *held += 1);
            _ = state.wait_for(|state| *state == State::Open).await;
            held.send_modify(|held| *held -= 1);
        }
        let answer = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "response": { "uid": request["uid"], "allowed": true },
        })
        .to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        stream.write_all((head + &answer).as_bytes()).await?;
        stream.flush().await?;
    }
}
