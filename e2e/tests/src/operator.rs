//! The operator as a process, with a token of the chart's own ServiceAccount: what RBAC grants there is what it has.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::{Api, Client, Config, api::ListParams};
use kube_test::{AuditLog, Cluster, Process, eventually, not_yet};
use serde_json::Value;

use crate::{
    installed::{NAMESPACE, SOON, api},
    series::{Page, Pages},
};

/// The chart's ServiceAccount.
pub const ACCOUNT: &str = "plimsoll";
/// How long the operator may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// The program `plimsoll`: `PLIMSOLL_BIN`, else built by cargo as this test was.
pub fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM
        .get_or_init(|| env::var_os("PLIMSOLL_BIN").map_or_else(build, PathBuf::from))
        .clone()
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--package=plimsoll", "--message-format=json"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // What cargo tells this test about itself would look like a changed environment to build scripts of dependencies, which
    // would be built anew each time.
    let ours = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|start| name.starts_with(start))
    };
    for (name, _) in env::vars().filter(|(name, _)| ours(name)) {
        cargo.env_remove(name);
    }
    let output = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "plimsoll does not build");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut programs = text.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    programs.next_back().expect("cargo names the program it built")
}

/// A running `plimsoll run`; killed when dropped.
#[allow(missing_debug_implementations, reason = "its client has none")]
pub struct Operator {
    /// The process and its log.
    pub process: Process,
    /// Where it serves those who show a token, over TLS: `host:port`.
    pub secure: String,
    /// Where it serves its metrics in plain HTTP, too: `host:port`.
    pub address: String,
    pages: Pages,
}

impl Operator {
    /// Starts one that calls itself `name` (unique in the cluster) and serves on a free port; answers once it serves.
    pub async fn start(cluster: &Cluster, name: &str, args: &[&str]) -> Self {
        Self::start_logging(cluster, name, args, "info").await
    }

    /// As [`Self::start`], with another filter of what it logs.
    pub async fn start_logging(cluster: &Cluster, name: &str, args: &[&str], filter: &str) -> Self {
        Self::start_as(cluster, name, ACCOUNT, args, filter).await
    }

    /// As [`Self::start_logging`], under another account of the operator's namespace.
    pub async fn start_as(cluster: &Cluster, name: &str, account: &str, args: &[&str], filter: &str) -> Self {
        let kubeconfig = cluster.kubeconfig_for(NAMESPACE, account).await.unwrap();
        Self::start_with(cluster, name, &kubeconfig, args, filter).await
    }

    /// As [`Self::start_as`], with a kubeconfig of its own.
    pub async fn start_with(
        cluster: &Cluster,
        name: &str,
        kubeconfig: &Path,
        args: &[&str],
        filter: &str,
    ) -> Self {
        let mut command = Command::new(program());
        command
            .args(["run", "--health-listen=127.0.0.1:0", "--listen=127.0.0.1:0"])
            .args(["--plain-metrics", "--identity", name])
            .args(["--leader-election-namespace", NAMESPACE, "--kubeconfig"])
            .arg(kubeconfig)
            .args(args)
            .env("PLIMSOLL_LOG", filter);
        let mut process = cluster.spawn(name, &command).unwrap();
        let address = eventually(SOON, "the operator serves", async || {
            process.check()?;
            addresses(&process.log()).ok_or_else(|| not_yet(process.log_tail(1)))
        });
        let (address, secure) = address.await.unwrap();
        Self {
            process,
            secure,
            pages: Pages::at(&address),
            address,
        }
    }

    /// As [`Self::start`], and waits until it has seen everything.
    pub async fn ready(cluster: &Cluster, name: &str, args: &[&str]) -> Self {
        Self::ready_as(cluster, name, ACCOUNT, args).await
    }

    /// As [`Self::ready`], under another account of the operator's namespace.
    pub async fn ready_as(cluster: &Cluster, name: &str, account: &str, args: &[&str]) -> Self {
        let operator = Self::start_as(cluster, name, account, args, "info").await;
        operator.until_ready().await;
        operator
    }

    /// Waits until it has seen everything.
    pub async fn until_ready(&self) {
        let ready = eventually(SOON, "the operator is ready", async || {
            self.get("/readyz").await.map(drop)
        });
        ready
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", self.process.log_tail(20)));
    }

    /// One of its pages.
    pub async fn get(&self, path: &str) -> Result<String, kube::Error> {
        self.pages.get(path).await
    }

    /// One of its pages, from the secure port; the status and the text. What certificate it shows does not matter here.
    pub async fn get_securely(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut config = Config::new(format!("https://{}", self.secure).parse().unwrap());
        config.accept_invalid_certs = true;
        let mut request = http::Request::get(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(kube::client::Body::empty()).unwrap();
        let answer = Client::try_from(config).unwrap().send(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect_bytes().await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Its metrics.
    pub async fn page(&self) -> Page {
        self.pages.metrics().await
    }

    /// Waits until the metrics are as they should.
    pub async fn until(&self, what: &str, holds: impl Fn(&Page) -> bool) -> Page {
        let seen = self.pages.until(what, holds);
        seen.await
            .unwrap_or_else(|error| panic!("{error}\n{}", self.process.log_tail(20)))
    }

    /// Waits until it has had every occasion to act again: three more turns, of which each is a pass.
    pub async fn three_turns(&self) {
        let turns = |page: &Page| page.sum("plimsoll_evaluations_total", &[]);
        let now = turns(&self.page().await);
        self.until("three more turns", |page| turns(page) >= now + 3.0)
            .await;
    }

    /// Asks it to stop, as the kubelet does, and tells how it ended and how long it took.
    pub async fn stop(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        let status = self.process.stop(STOPS_WITHIN).await.unwrap();
        (status, asked.elapsed())
    }
}

/// Where it serves, plainly and securely, by the first line of its log that says so.
fn addresses(log: &str) -> Option<(String, String)> {
    log.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let fields = &line["fields"];
        let at = |field: &str| fields[field].as_str().map(str::to_owned);
        (fields["message"] == "serving").then(|| at("address").zip(at("secure")))?
    })
}

/// The status of a baseline.
pub async fn status(client: &Client, baseline: &str) -> Value {
    let object = api(client, "SecurityBaseline").get(baseline).await.unwrap();
    object.data.get("status").cloned().unwrap_or_default()
}

/// Waits until the status of a baseline is as it should.
pub async fn status_until(
    client: &Client,
    baseline: &str,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    let seen = eventually(SOON, what, async || {
        let status = status(client, baseline).await;
        if holds(&status) {
            Ok(status)
        } else {
            Err(not_yet(status.to_string()))
        }
    });
    seen.await.unwrap()
}

/// The findings of a control that fail, as the status tells them: `Kind namespace/name Reason`, sorted.
pub async fn found(client: &Client, baseline: &str, control: &str) -> Vec<String> {
    let status = status(client, baseline).await;
    let worst = status["worst"].as_array().cloned().unwrap_or_default();
    let of_control = worst.iter().filter(|finding| finding["control"] == control);
    let mut lines: Vec<String> = of_control.map(finding).collect();
    lines.sort();
    lines
}

fn finding(finding: &Value) -> String {
    let object = &finding["object"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = match object["namespace"].as_str() {
        Some(namespace) => format!("{namespace}/{}", text(&object["name"])),
        None => text(&object["name"]),
    };
    format!("{} {name} {}", text(&object["kind"]), text(&finding["reason"]))
}

/// A condition of a status.
pub fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let all = status["conditions"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    all.iter().find(|c| c["type"] == kind).unwrap_or(&Value::Null)
}

/// When an object says something happened.
pub fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// `kind/name reason` of the operator's events in a namespace, oldest first.
pub async fn events(client: &Client, namespace: &str) -> Vec<String> {
    let api: Api<Event> = Api::namespaced(client.clone(), namespace);
    let mut events = api.list(&ListParams::default()).await.unwrap().items;
    let ours = |event: &Event| {
        let by = event.reporting_controller.as_deref().unwrap_or_default();
        by.starts_with("plimsoll.dev/")
    };
    events.retain(ours);
    events.sort_by_key(|event| event.event_time.clone());
    events.iter().map(line).collect()
}

fn line(event: &Event) -> String {
    let regarding = event.regarding.clone().unwrap_or_default();
    let times = event.series.as_ref().map_or(1, |series| series.count);
    let line = format!(
        "{}/{} {}",
        regarding.kind.unwrap_or_default(),
        regarding.name.unwrap_or_default(),
        event.reason.as_deref().unwrap_or_default(),
    );
    if times > 1 {
        format!("{line} x{times}")
    } else {
        line
    }
}

/// What the operator's account asked for and was refused: rights the chart lacks.
pub async fn refused(cluster: &Cluster) -> Vec<String> {
    let log = cluster.audit().await.unwrap().by_account(NAMESPACE, ACCOUNT);
    log.filter(|event| event.code == 403).lines()
}

/// What the operator's account changed, tried to change or dry-ran, other than its own records: the status of its own kinds,
/// evidence, events and the Lease. In the order of the answers.
pub async fn foreign_writes(cluster: &Cluster) -> AuditLog {
    let log = cluster.audit().await.unwrap().by_account(NAMESPACE, ACCOUNT);
    log.writes().filter(|event| {
        let own = event.group == "plimsoll.dev"
            && (event.subresource == "status" || event.resource == "evidencerecords");
        let told = ["events.k8s.io", "coordination.k8s.io"].contains(&event.group.as_str());
        !own && !told
    })
}
