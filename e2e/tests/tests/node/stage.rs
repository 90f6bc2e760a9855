//! The one cluster of all these tests, with the operator installed as users install it.

use std::{
    env,
    fs::{self, File},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use kube::Client;
use kube_test::{Cluster, eventually, not_yet};
use libtest_mimic::Failed;
use plimsoll_e2e::{
    installed::{chart, install_anew},
    operator::{found, status},
};
use serde_json::Value;
use tokio::{runtime::Runtime, sync::OnceCell, task::LocalSet};

use crate::Test;

/// For what containers do on a machine that builds at the same time.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);

/// What `make e2e-node` builds; kind has them from the same archives.
const IMAGES: [&str; 3] = ["plimsoll", "tools", "traefik"];

/// Whether the cluster is somebody else's, such as kind's.
pub(crate) fn is_external() -> bool {
    env::var_os("KUBE_TEST_KUBECONFIG").is_some_and(|path| !path.is_empty())
}

fn images() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../images")
}

/// Waits for whoever builds the operator's image right now: `make test` does so beside the tests.
pub(crate) fn await_images() {
    if let Ok(lock) = File::open(images().join("lock")) {
        lock.lock_shared().unwrap();
    }
}

/// Which image was not built, in words.
pub(crate) fn lacking_images() -> Option<String> {
    let missing = |name: &&&str| !images().join(format!("{name}.tar")).is_file();
    let name = IMAGES.iter().find(missing)?;
    Some(format!(
        "no image {name} in target/images (`make e2e-node` builds it)"
    ))
}

/// Where the tests play.
pub(crate) struct Stage {
    runtime: Runtime,
    cluster: OnceCell<Cluster>,
    begun: AtomicBool,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            runtime: Runtime::new().unwrap(),
            cluster: OnceCell::new(),
            begun: AtomicBool::new(false),
        }
    }

    /// Plays one test on it; a failure leaves a dump of the cluster.
    pub(crate) fn play(&self, name: &str, test: Test) -> Result<(), Failed> {
        let begun = Instant::now();
        let played = panic::catch_unwind(AssertUnwindSafe(|| {
            LocalSet::new().block_on(&self.runtime, test(self));
        }));
        println!("{name}: {:.0} s", begun.elapsed().as_secs_f32());
        played.map_err(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            let dump = self.cluster.get().map(|cluster| cluster.dump(name));
            let dump = dump.map_or_else(|| "there is none".to_owned(), |path| path.display().to_string());
            format!("{}\nthe state of the cluster: {dump}", said.unwrap_or_default()).into()
        })
    }

    /// Takes the cluster down.
    pub(crate) fn end(&self) {
        if let Some(cluster) = self.cluster.get().filter(|cluster| !cluster.is_external()) {
            // Its processes end with the namespaces; its folder is the enclosure's.
            println!(
                "the cluster was up in {:.1} s",
                cluster.started_in().as_secs_f32()
            );
        }
    }

    /// The cluster, with both charts installed and two replicas ready.
    pub(crate) async fn cluster(&self) -> &Cluster {
        let make = async || {
            let again = self.begun.swap(true, Ordering::SeqCst);
            assert!(!again, "the cluster did not come up: another test says why");
            let builder = Cluster::builder().zones(["zone-a"]).real_node().images(images());
            let cluster = builder.start().await.unwrap();
            let begun = Instant::now();
            let production = format!("{}/values-production.yaml", chart("plimsoll"));
            // Of kind's administrator the group is kubeadm's.
            let set = "baseline.install=false,probing.enabled=true,\
                labelPolicy.adminGroups={system:masters,kubeadm:cluster-admins}";
            let values = ["-f", &production, "--set", set, "--wait", "--timeout", "4m"];
            install_anew(&cluster, &values).await;
            println!("installed and ready in {:.1} s", begun.elapsed().as_secs_f32());
            cluster
        };
        self.cluster.get_or_init(make).await
    }

    /// Its administrator.
    pub(crate) async fn client(&self) -> Client {
        self.cluster().await.admin().unwrap()
    }

    /// Applies a manifest of this folder, with some words in it replaced.
    pub(crate) async fn apply(&self, file: &str, words: &[(&str, &str)]) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node");
        let mut text = fs::read_to_string(folder.join(file)).unwrap();
        for (from, to) in words {
            text = text.replace(from, to);
        }
        self.cluster().await.apply(&text).await.unwrap();
    }

    /// A field of every node.
    pub(crate) async fn nodes(&self, field: &str) -> Vec<String> {
        let path = format!("jsonpath={{range .items[*]}}{{{field}}}{{'\\n'}}{{end}}");
        let args = ["get", "nodes", "-o", &path];
        let lines = self.cluster().await.kubectl(args).await.unwrap().stdout;
        lines.lines().map(str::to_owned).collect()
    }

    /// Waits until a Deployment, StatefulSet … has rolled out.
    pub(crate) async fn rolled_out(&self, namespace: &str, object: &str) {
        let args = ["rollout", "status", object, "-n", namespace, "--timeout=3m"];
        self.cluster().await.kubectl(args).await.unwrap();
    }

    /// How many units of a control pass, fail and are unknown.
    pub(crate) async fn counts(&self, baseline: &str, control: &str) -> [i64; 3] {
        let status = status(&self.client().await, baseline).await;
        let controls = status["controls"].as_array().cloned().unwrap_or_default();
        let of = |entry: &Value| ["pass", "fail", "unknown"].map(|key| entry[key].as_i64().unwrap_or(0));
        let entry = controls.iter().find(|entry| entry["id"] == control);
        entry.map_or([-1; 3], of)
    }

    /// Waits until exactly these findings of a control fail, and so many units pass.
    pub(crate) async fn until_judged(&self, baseline: &str, control: &str, findings: &[&str], passing: i64) {
        let client = self.client().await;
        let what = format!("{control}: {findings:?} fail and {passing} pass");
        eventually(PATIENCE * 2, &what, async || {
            let found = found(&client, baseline, control).await;
            let counts = self.counts(baseline, control).await;
            if found == findings && counts[0] == passing {
                Ok(())
            } else {
                Err(not_yet(format!("{found:#?}, pass fail unknown {counts:?}")))
            }
        })
        .await
        .unwrap();
    }
}
