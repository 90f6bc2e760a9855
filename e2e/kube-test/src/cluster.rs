use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use crate::access::{Access, get, plain_client};
use crate::audit::{AuditTail, Ends};
use crate::binaries::Binaries;
use crate::builder::Builder;
use crate::error::{Error, Result};
use crate::parts::{Layout, Part};
use crate::process::{Guard, Process};
use crate::tool::Tool;
use crate::wait::eventually;
use crate::{dump, nodes, setup};

/// Longest time a part may take to answer, generous for a machine that builds at the same time.
const START: Duration = Duration::from_mins(1);
/// How long a part may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// A cluster for tests: one of our own, real parts on loopback, gone when this is dropped or the process ends in whatever
/// way; or, with `KUBE_TEST_KUBECONFIG`, an existing one.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) access: Access,
    own: Option<Own>,
    started_in: Duration,
    // Last, so that the folder goes after everything that uses it.
    guard: Arc<Guard>,
}

/// What only a cluster that we started has.
#[derive(Debug)]
struct Own {
    layout: Layout,
    options: Builder,
    parts: Mutex<BTreeMap<Part, Process>>,
    audit: tokio::sync::Mutex<AuditTail>,
    ends: Ends,
}

impl Cluster {
    /// A cluster with the defaults, or the existing one that `KUBE_TEST_KUBECONFIG` names.
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// To start one with other nodes, zones or arguments.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The one cluster of this test process, started on first use; its parts end with the process. A test that panics
    /// while it holds the returned handle leaves a dump (see [`Cluster::dump`]).
    pub async fn shared() -> Result<Shared> {
        static SHARED: OnceCell<Cluster> = OnceCell::const_new();
        SHARED
            .get_or_try_init(Self::start)
            .await
            .map(|cluster| Shared { cluster })
    }

    pub(crate) async fn start_with(options: Builder) -> Result<Self> {
        // Whoever links a second provider would otherwise see rustls panic at the first connection.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let begun = Instant::now();
        let mut cluster = match &options.existing {
            Some(kubeconfig) => Self::existing(kubeconfig).await?,
            None => Self::own(options).await?,
        };
        cluster.started_in = begun.elapsed();
        Ok(cluster)
    }

    async fn existing(kubeconfig: &Path) -> Result<Self> {
        let unusable = |error: std::io::Error| Error::Kubeconfig {
            path: kubeconfig.to_owned(),
            reason: error.to_string(),
        };
        let kubeconfig = fs::canonicalize(kubeconfig).map_err(unusable)?;
        let (dir, guard) = folder(false)?;
        let access = Access::new(&dir, &kubeconfig, Binaries::locate().ok()).await?;
        Ok(Self {
            access,
            own: None,
            started_in: Duration::ZERO,
            guard,
        })
    }

    async fn own(options: Builder) -> Result<Self> {
        let binaries = Binaries::locate()?;
        for part in Part::ALL.into_iter().filter(|part| options.has(*part)) {
            part.binary(&binaries)?;
        }
        let (dir, guard) = folder(options.keep)?;
        let real_node = options
            .real_node
            .then(|| options.zones.first().cloned().unwrap_or_default());
        let layout = Layout::reserve(&dir, binaries.clone(), real_node)?;
        setup::write(&layout)?;
        let access = Access::new(&dir, &layout.kubeconfig_of("admin"), Some(binaries)).await?;
        let audit = AuditTail::new(layout.path("audit.log"));
        let own = Own {
            layout,
            options,
            parts: Mutex::default(),
            ends: audit.ends(),
            audit: tokio::sync::Mutex::new(audit),
        };
        let cluster = Self {
            access,
            own: Some(own),
            started_in: Duration::ZERO,
            guard,
        };
        cluster.bring_up().await?;
        Ok(cluster)
    }

    async fn bring_up(&self) -> Result<()> {
        let options = &self.own_or("starting")?.options;
        self.spawn_part(Part::Etcd)?;
        self.spawn_part(Part::ApiServer)?; // it waits for etcd by itself
        self.healthy(Part::ApiServer).await?;
        for part in Part::ALL.into_iter().skip(2).filter(|part| options.has(*part)) {
            self.spawn_part(part)?;
            if part == Part::Containerd {
                self.import_images().await?; // and the kubelet ends at once where no runtime answers
            }
        }
        let client = self.admin()?;
        let count = if options.real_node { 1 } else { options.nodes };
        if !options.real_node {
            nodes::create(&client, count, &options.zones).await?;
        }
        if let Some(part) = [Part::Kwok, Part::Kubelet]
            .into_iter()
            .find(|part| options.has(*part))
        {
            self.wait_on(part, "the nodes are Ready", async || {
                nodes::ready(&client, count).await
            })
            .await?;
        }
        if options.has(Part::ControllerManager) {
            self.wait_on(
                Part::ControllerManager,
                "the ServiceAccount default is there",
                async || self.access.has_default_account("default").await,
            )
            .await?;
        }
        Ok(())
    }

    /// Gives the real node its images, as soon as containerd takes them.
    async fn import_images(&self) -> Result<()> {
        let own = self.own_or("images")?;
        let ctr = own.layout.binaries.node_path("ctr")?;
        let socket = own.layout.path("containerd.sock");
        let run = async |args: &[&OsStr]| {
            let common = [
                OsStr::new("--address"),
                socket.as_os_str(),
                "--namespace=k8s.io".as_ref(),
            ];
            let tool = Tool::new(&ctr, &self.access.kubeconfig, &self.access.dir);
            tool.args(common.iter().chain(args)).run().await.map(drop)
        };
        self.wait_on(Part::Containerd, "containerd answers", async || {
            run(&["version".as_ref()]).await
        })
        .await?;
        for archive in images(own.options.images.as_deref())? {
            run(&["images".as_ref(), "import".as_ref(), archive.as_os_str()]).await?;
        }
        Ok(())
    }

    /// Whether this is an existing cluster, without parts to stop and without an audit log.
    pub fn is_external(&self) -> bool {
        self.own.is_none()
    }

    /// How long it took until the cluster was usable.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// A folder of this cluster's own for whatever a test wants to write; removed with it.
    pub fn dir(&self) -> &Path {
        &self.access.dir
    }

    /// Where the binaries are (`kubectl`, `helm` …), for a `PATH`; none on an existing cluster without `make controlplane`.
    pub fn bin_dir(&self) -> Option<&Path> {
        self.access.bin_dir()
    }

    /// The base address of the API server.
    pub fn server(&self) -> Result<String> {
        Ok(self.own_or("the server's address")?.layout.server())
    }

    /// Where etcd serves its clients, for tests that look at or break the store itself.
    pub fn etcd_url(&self) -> Result<String> {
        Ok(self.own_or("etcd")?.layout.etcd_url())
    }

    /// Starts any program under the cluster's guard: it ends with the cluster or the test process at the latest. Its
    /// output goes to a log file of that name. The standard streams and a cleared environment of `command` are not
    /// taken over.
    pub fn spawn(&self, name: &str, command: &Command) -> Result<Process> {
        let logs = self.access.dir.join("logs");
        fs::create_dir_all(&logs).map_err(Error::io(logs.display().to_string()))?;
        Process::spawn(&self.guard, name, command, logs.join(format!("{name}.log")))
    }

    /// Ends a part in an orderly way (SIGTERM, after ten seconds SIGKILL).
    pub async fn stop(&self, part: Part) -> Result<()> {
        let process = self.parts()?.remove(&part);
        if let Some(mut process) = process {
            process.stop(GRACE).await;
        }
        self.note_end(part)
    }

    /// Kills a part (SIGKILL).
    pub fn kill(&self, part: Part) -> Result<()> {
        drop(self.parts()?.remove(&part));
        self.note_end(part)
    }

    fn note_end(&self, part: Part) -> Result<()> {
        if part == Part::ApiServer {
            self.own_or("stopping parts")?.ends.note();
        }
        Ok(())
    }

    /// Starts a part again, first stopping it where it runs, and waits until it answers. The controller manager, the
    /// scheduler and kwok answer nobody: wait for what they do. A restarted kwok does nothing for about ten seconds (it
    /// waits for the node leases of its predecessor).
    pub async fn restart(&self, part: Part) -> Result<()> {
        self.stop(part).await?;
        self.spawn_part(part)?;
        self.healthy(part).await
    }

    /// Freezes a part (SIGSTOP): its connections stay open and nothing is answered.
    pub fn pause(&self, part: Part) -> Result<()> {
        self.with_part(part, Process::pause)
    }

    /// Lets a frozen part go on (SIGCONT).
    pub fn resume(&self, part: Part) -> Result<()> {
        self.with_part(part, Process::resume)
    }

    /// The process id of a running part.
    pub fn pid(&self, part: Part) -> Result<u32> {
        self.with_part(part, Process::id)
    }

    /// All a part has logged, over all its restarts.
    pub fn log(&self, part: Part) -> Result<String> {
        let path = self.own_or("logs of parts")?.layout.log(part.name());
        fs::read_to_string(&path).map_err(Error::io(path.display().to_string()))
    }

    /// Writes the cluster's objects, the logs of its parts and the audit log into a folder, and returns it:
    /// `PLIMSOLL_TEST_DUMP/<name>`, else `target/kube-test/<name>`. Happens by itself, under the test's name, when a
    /// cluster is dropped by a panic.
    pub fn dump(&self, name: &str) -> PathBuf {
        dump::write(&self.access, name)
    }

    pub(crate) async fn audit_tail(&self) -> Result<tokio::sync::MutexGuard<'_, AuditTail>> {
        Ok(self.own_or("the audit log")?.audit.lock().await)
    }

    fn own_or(&self, what: &'static str) -> Result<&Own> {
        self.own.as_ref().ok_or(Error::External(what))
    }

    fn parts(&self) -> Result<MutexGuard<'_, BTreeMap<Part, Process>>> {
        let own = self.own_or("stopping and starting parts")?;
        Ok(own.parts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_part<T>(&self, part: Part, act: impl FnOnce(&Process) -> T) -> Result<T> {
        let parts = self.parts()?;
        parts
            .get(&part)
            .map(act)
            .ok_or_else(|| Error::NotRunning(part.to_string()))
    }

    fn spawn_part(&self, part: Part) -> Result<()> {
        let own = self.own_or("starting parts")?;
        let extra = own.options.args.get(&part).map(Vec::as_slice).unwrap_or_default();
        let command = own.layout.command(part, extra)?;
        let process = Process::spawn(&self.guard, part.name(), &command, own.layout.log(part.name()))?;
        self.parts()?.insert(part, process);
        Ok(())
    }

    async fn healthy(&self, part: Part) -> Result<()> {
        match part {
            Part::Etcd => {
                let etcd = self.own_or("etcd")?.layout.etcd_url();
                let client = plain_client(&etcd)?;
                self.wait_on(part, "etcd is ready", async || {
                    get(&client, "/readyz").await.map(drop)
                })
                .await
            }
            Part::ApiServer => {
                let client = self.admin()?;
                self.wait_on(part, "the API server is ready", async || {
                    get(&client, "/readyz").await.map(drop)
                })
                .await
            }
            _ => Ok(()),
        }
    }

    /// [`eventually`], but fails at once, with the log, when a part it depends on has ended.
    async fn wait_on(
        &self,
        part: Part,
        what: &str,
        mut attempt: impl AsyncFnMut() -> Result<()>,
    ) -> Result<()> {
        let outcome = eventually(START, what, async || {
            for watched in [Part::Etcd, Part::ApiServer, part] {
                if let Some(Err(ended)) = self.parts()?.get_mut(&watched).map(Process::check) {
                    return Ok(Err(ended));
                }
            }
            attempt().await.map(Ok)
        });
        outcome.await?
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        dump::if_panicking(&self.access);
        if let Ok(mut parts) = self.parts() {
            // The reverse order spares the logs of those that would miss the API server.
            while parts.pop_last().is_some() {}
        }
    }
}

/// A handle to the cluster that all tests of a process share ([`Cluster::shared`]).
#[derive(Clone, Debug)]
pub struct Shared {
    cluster: &'static Cluster,
}

impl std::ops::Deref for Shared {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        self.cluster
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        dump::if_panicking(&self.access);
    }
}

/// The archives of images in a folder, by name.
fn images(folder: Option<&Path>) -> Result<Vec<PathBuf>> {
    let Some(folder) = folder else {
        return Ok(Vec::new());
    };
    let entries = fs::read_dir(folder).map_err(Error::io(folder.display().to_string()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut archives: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|end| end == "tar"))
        .collect();
    archives.sort();
    Ok(archives)
}

/// A new folder for one cluster, and the guard that removes it.
pub(crate) fn folder(keep: bool) -> Result<(PathBuf, Arc<Guard>)> {
    let dir = tempfile::Builder::new()
        .prefix("kube-test-")
        .tempdir()
        .map_err(Error::io("a temporary folder"))?;
    let guard = Guard::start((!keep).then_some(dir.path()), None)?;
    Ok((dir.keep(), guard))
}
