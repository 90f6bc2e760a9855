//! Where the commands of a page run: a cluster, and a folder with what a reader would have. No container runs on the simulated
//! nodes; where the operator's Deployment is, this runs it as a process, with the Deployment's arguments and its ServiceAccount's
//! token, behind the chart's Service.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use kube_test::{Cluster, eventually, not_yet};
use plimsoll_e2e::{
    front::Front,
    installed::{NAMESPACE, SOON, install_anew, soon, top},
    operator::{Operator, program},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{process::Command, time::Instant};
use walkdir::WalkDir;

use crate::{
    output::matches,
    page::{Block, Page, Shown},
};

/// The longest that a block may take.
const LONGEST: Duration = Duration::from_mins(3);
/// What of the repository a reader has in front of them.
const CHECKOUT: [&str; 7] = [
    "README.md",
    "alerts",
    "charts",
    "crds",
    "dashboards",
    "docs",
    "policies",
];

pub(crate) struct Stage {
    cluster: Cluster,
    address: IpAddr,
    folder: TempDir,
    running: Option<Running>,
    started: usize,
}

/// The operator, as its Deployment asks for it.
struct Running {
    asked: Vec<String>,
    operator: Operator,
    front: Front,
}

/// How a page went.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) run: usize,
    pub(crate) skipped: Vec<String>,
    pub(crate) failed: Vec<String>,
}

impl Stage {
    /// A cluster with two tenants' objects in it, and a checkout.
    pub(crate) async fn bare(address: IpAddr) -> Self {
        let cluster = Cluster::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        for part in CHECKOUT {
            copy(&top().join(part), &folder.path().join(part));
        }
        let scene = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documentation/scene");
        copy(&scene, folder.path());
        let exceptions = folder.path().join("exceptions.yaml");
        let text = fs::read_to_string(&exceptions)
            .unwrap()
            .replace("EXPIRES", &soon().to_string());
        fs::write(&exceptions, text).unwrap();
        let bin = folder.path().join(".bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(program(), bin.join("plimsoll")).unwrap();
        let apply = fs::read_to_string(scene.join("cluster.yaml")).unwrap();
        cluster.apply(&apply).await.unwrap();
        Self {
            cluster,
            address,
            folder,
            running: None,
            started: 0,
        }
    }

    /// The same, with Plimsoll installed as the README says.
    pub(crate) async fn installed(address: IpAddr) -> Self {
        let mut stage = Self::bare(address).await;
        let values = top()
            .join("charts/plimsoll/values-production.yaml")
            .display()
            .to_string();
        install_anew(&stage.cluster, &["-f", &values, "--wait"]).await;
        stage.tend().await;
        stage
    }

    /// Runs the commands of a page in their order; stops at the first block that fails.
    pub(crate) async fn play(&mut self, page: &Page) -> Outcome {
        let mut outcome = Outcome::default();
        for block in &page.blocks {
            let place = format!("{}:{}", page.path, block.line);
            if let Some(why) = &block.skip {
                outcome.skipped.push(format!("{place}: {why}"));
                continue;
            }
            match self.run(block).await {
                Ok(()) => outcome.run += 1,
                Err(what) => {
                    outcome.failed.push(format!("{place}: {what}"));
                    break;
                }
            }
        }
        outcome
    }

    async fn run(&mut self, block: &Block) -> Result<(), String> {
        self.tend().await;
        if !block.is_console {
            let (code, printed) = self.shell(&block.text).await;
            return ended(block, &block.text, code, &printed);
        }
        for shown in block.shown() {
            self.show(block, &shown).await?;
        }
        Ok(())
    }

    /// Runs a command of which the page shows the output. What looks is repeated for a while: it may see more. What acts is not.
    async fn show(&mut self, block: &Block, shown: &Shown) -> Result<(), String> {
        let until = Instant::now() + SOON;
        loop {
            self.tend().await;
            let (code, printed) = self.shell(&shown.command).await;
            let wrong = match ended(block, &shown.command, code, &printed) {
                Ok(()) if matches(&shown.output, &printed) => return Ok(()),
                Ok(()) => format!(
                    "{}\nthe page shows\n{}\nand it prints\n{printed}",
                    shown.command, shown.output
                ),
                Err(wrong) => wrong,
            };
            if !looks(&shown.command) || Instant::now() > until {
                return Err(wrong);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Runs commands as a reader does, in the checkout, as the administrator of the cluster.
    async fn shell(&self, script: &str) -> (i32, String) {
        let bin = self.cluster.bin_dir().unwrap();
        let own = self.folder.path().join(".bin");
        let path = format!(
            "{}:{}:{}",
            own.display(),
            bin.display(),
            std::env::var("PATH").unwrap()
        );
        let kubectl = self.cluster.tool("kubectl").unwrap().command();
        let variables = kubectl
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", &format!("exec 2>&1\n{script}")])
            .current_dir(self.folder.path())
            .envs(variables)
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("COLUMNS", "200")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(LONGEST, command.output()).await {
            Ok(output) => {
                let output = output.unwrap();
                let printed = String::from_utf8_lossy(&output.stdout).into_owned();
                (output.status.code().unwrap_or(-1), printed)
            }
            Err(_) => (-1, format!("nothing for {} s", LONGEST.as_secs())),
        }
    }

    /// Does what a node would do: runs the operator where its Deployment is, as it asks.
    async fn tend(&mut self) {
        let asked = self.asked().await;
        let has = self.running.as_ref().map(|running| running.asked.clone());
        if asked != has {
            if let Some(mut running) = self.running.take() {
                running.operator.stop().await;
            }
            if let Some(asked) = asked {
                self.running = Some(self.start(asked).await);
            }
        }
        if let Some(running) = &self.running {
            let led = eventually(SOON, "the Service leads to the operator", async || {
                if running.front.stands_behind(&self.cluster, "plimsoll").await? {
                    return Ok(());
                }
                running.front.stand_behind(&self.cluster, "plimsoll").await?;
                Err(not_yet("it led elsewhere"))
            });
            led.await.unwrap();
        }
    }

    /// The arguments of the Deployment; none where there is no such.
    async fn asked(&self) -> Option<Vec<String>> {
        let path = "jsonpath={.spec.template.spec.containers[0].args}";
        let get = ["get", "deployment", "plimsoll", "-n", NAMESPACE, "-o", path];
        let seen = self.cluster.kubectl(get).await.ok()?;
        let args: Vec<String> = serde_json::from_str(&seen.stdout).unwrap();
        let own = ["run", "--listen=", "--health-listen=", "--plain-metrics"];
        Some(
            args.into_iter()
                .filter(|arg| !own.iter().any(|start| arg.starts_with(start)))
                .collect(),
        )
    }

    async fn start(&mut self, asked: Vec<String>) -> Running {
        self.started += 1;
        let args: Vec<&str> = asked.iter().map(String::as_str).collect();
        let operator = Operator::ready(&self.cluster, &format!("operator-{}", self.started), &args).await;
        let front = Front::of(self.address, &operator.secure).await;
        let leads = eventually(SOON, "the operator leads", async || {
            let lease = ["get", "lease", "plimsoll", "-n", NAMESPACE, "-o", "json"];
            let lease: Value = serde_json::from_str(&self.cluster.kubectl(lease).await?.stdout).unwrap();
            let holder = lease["spec"]["holderIdentity"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let ours = holder.starts_with(&format!("operator-{}", self.started));
            if ours { Ok(()) } else { Err(not_yet(holder)) }
        });
        leads.await.unwrap();
        Running {
            asked,
            operator,
            front,
        }
    }
}

fn ended(block: &Block, command: &str, code: i32, printed: &str) -> Result<(), String> {
    if code == block.exits {
        return Ok(());
    }
    Err(format!(
        "{command}\nends with {code}, not {}:\n{printed}",
        block.exits
    ))
}

/// Whether a command only looks.
fn looks(command: &str) -> bool {
    let reads = ["kubectl get ", "kubectl describe ", "kubectl wait ", "plimsoll "];
    reads.iter().any(|start| command.starts_with(start))
}

fn copy(from: &Path, to: &Path) {
    for entry in WalkDir::new(from) {
        let entry = entry.unwrap();
        let target: PathBuf = match entry.path().strip_prefix(from).unwrap() {
            same if same.as_os_str().is_empty() => to.to_owned(),
            below => to.join(below),
        };
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
