//! The operator within the test's own process: without the charts and the rights they give, in a namespace, with a client
//! and with controls of the test's choice.

use std::net::SocketAddr;

use kube::Client;
use kube_test::{Cluster, eventually};
use plimsoll_api::crds;
use plimsoll_controller::{Config, RunError, run};
use plimsoll_engine::control::Registry;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    installed::SOON,
    series::{Page, Pages},
};

/// Makes our own kinds known, and others beside them.
pub async fn define(cluster: &Cluster, others: impl IntoIterator<Item = Value>) {
    let ours = crds(&plimsoll_controls::registry()).unwrap();
    let ours = ours.iter().map(|crd| serde_json::to_value(crd).unwrap());
    let items: Vec<Value> = ours.chain(others).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let path = cluster.dir().join("crds.json");
    std::fs::write(&path, list.to_string()).unwrap();
    let path = path.to_str().unwrap();
    // Server-side: the definitions are too large for the annotation of client-side apply.
    for args in [
        &["apply", "--server-side", "-f", path][..],
        &["wait", "--for=condition=Established", "-f", path, "--timeout=60s"],
    ] {
        cluster.kubectl(args.iter().copied()).await.unwrap();
    }
}

/// An operator without remediation, in this process.
#[allow(missing_debug_implementations, reason = "its client has none")]
pub struct Within {
    /// Where it serves its health and metrics in plain HTTP: `host:port`.
    pub address: String,
    /// What it serves there.
    pub pages: Pages,
    stop: CancellationToken,
    task: JoinHandle<Result<(), RunError>>,
}

impl Within {
    /// Starts one with every control that calls itself `identity`, and waits until it has seen everything.
    pub async fn ready(client: Client, identity: &str) -> Self {
        let operator = Self::start(client, identity);
        operator.until_ready().await;
        operator
    }

    /// As [`Self::ready`], without waiting.
    pub fn start(client: Client, identity: &str) -> Self {
        Self::start_with(client, "default", identity, plimsoll_controls::registry())
    }

    /// As [`Self::start`], in a namespace and with controls of the test's choice.
    pub fn start_with(client: Client, namespace: &str, identity: &str, controls: Registry) -> Self {
        // Free a moment ago; nobody else on this machine asks for fixed ports.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let health: SocketAddr = free.local_addr().unwrap();
        drop(free);
        let config = Config {
            namespace: namespace.into(),
            identity: identity.into(),
            health,
            listen: ([127, 0, 0, 1], 0).into(),
            plain_metrics: true,
            ..Config::default()
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(client, config, controls, Vec::new(), stop.clone()));
        let address = health.to_string();
        Self {
            pages: Pages::at(&address),
            address,
            stop,
            task,
        }
    }

    /// Waits until it has seen everything.
    pub async fn until_ready(&self) {
        let ready = eventually(SOON, "the operator is ready", async || {
            self.pages.get("/readyz").await.map(drop)
        });
        ready.await.unwrap();
    }

    /// Waits until the metrics are as they should.
    pub async fn until(&self, what: &str, holds: impl Fn(&Page) -> bool) -> Page {
        self.pages.until(what, holds).await.unwrap()
    }

    /// Asks it to stop, and tells how it ended.
    pub async fn end(self) -> Result<(), RunError> {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}
