use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::binaries::Binaries;
use crate::error::{Error, Result};
use crate::process::{Guard, Process};

const INSIDE: &str = include_str!("inside.sh");
/// Set in the namespaces: the name of the cgroup under which the node's pods are.
const ENCLOSED: &str = "KUBE_TEST_ENCLOSED";
/// Who wants a real node says so: it needs root, and changes cgroups while it runs.
const WANTED: &str = "KUBE_TEST_NODE";
/// What `unshare` is asked for.
const NAMESPACES: [&str; 6] = [
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child=KILL",
    "--mount-proc",
];
/// Where the kernel shows control groups, version 1 and 2.
const CGROUPS: &str = "/sys/fs/cgroup";
/// What the distribution provides, and its package in Debian.
const PROGRAMS: [(&str, &str); 5] = [
    ("unshare", "util-linux"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("runc", "runc"),
    ("find", "findutils"),
];
const PARTS: [&str; 5] = [
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "kubelet",
    "kube-proxy",
];
/// Where distributions put the CNI plugins, and where their own releases say.
pub(crate) const CNI_FOLDERS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// A program in network, mount and process namespaces of its own, where it can start a real node
/// ([`Builder::real_node`](crate::Builder::real_node)). When it ends, or this is dropped, or this process dies in whatever
/// way, then every process, network interface, rule and mount of the node is gone, and its folder and cgroups are removed.
///
/// A test binary runs itself in there:
///
/// ```no_run
/// # use std::process::ExitCode;
/// use kube_test::Enclosure;
///
/// fn main() -> ExitCode {
///     if let Some(why) = Enclosure::lacking() {
///         println!("skipped: {why}");
///         return ExitCode::SUCCESS;
///     }
///     if !Enclosure::is_inside() {
///         return Enclosure::again().unwrap();
///     }
///     // … Cluster::builder().real_node() …
/// #   ExitCode::SUCCESS
/// }
/// ```
#[derive(Debug)]
pub struct Enclosure {
    process: Process,
    _guard: Arc<Guard>,
}

impl Enclosure {
    /// Why no real node can be started here, in words; `None` when one can.
    pub fn lacking() -> Option<String> {
        if Self::is_inside() {
            return None;
        }
        if env::var_os(WANTED).is_none_or(|value| value.is_empty() || value == "0") {
            return Some(format!(
                "a real node is started only with {WANTED}=1 (`make e2e-node`)"
            ));
        }
        if !cfg!(target_os = "linux") {
            return Some("a real node needs Linux".to_owned());
        }
        if !rustix::process::geteuid().is_root() {
            return Some("a real node needs root".to_owned());
        }
        lacking_programs()
            .or_else(lacking_namespaces)
            .or_else(lacking_cgroups)
            .or_else(lacking_binaries)
    }

    /// Whether this process runs in such namespaces.
    pub fn is_inside() -> bool {
        env::var_os(ENCLOSED).is_some()
    }

    /// Starts a program inside, with this process's environment and output, and nothing to read.
    pub fn start(program: &Command) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix("kube-test-")
            .tempdir()
            .map_err(Error::io("a temporary folder"))?;
        let group = dir.path().file_name().unwrap_or_default().to_owned();
        let guard = Guard::start(Some(dir.path()), Some(&group))?;
        let dir = dir.keep();
        let mut command = Command::new("unshare");
        command
            .args(NAMESPACES)
            .args(["/bin/sh", "-c", INSIDE, "kube-test-node"])
            .args([dir.as_os_str(), &group])
            .arg(program.get_program())
            .args(program.get_args())
            .env("TMPDIR", &dir)
            .env(ENCLOSED, &group);
        let process = Process::foreground(&guard, "unshare", &command)?;
        Ok(Self {
            process,
            _guard: guard,
        })
    }

    /// Runs this very program with its own arguments inside, and tells how it ended.
    pub fn again() -> Result<std::process::ExitCode> {
        let mut command = Command::new(env::current_exe().map_err(Error::io("this program's path"))?);
        command.args(env::args_os().skip(1));
        let status = Self::start(&command)?.wait();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.unwrap_or(1).into())
    }

    /// A process in these namespaces, for `nsenter --target PID --net --mount`.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How the program ended, or `None` while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    /// Waits for the program's end.
    pub fn wait(mut self) -> ExitStatus {
        loop {
            if let Some(status) = self.exit_status() {
                return status;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The name of the cgroup above all pods, where this process may start a node.
pub(crate) fn cgroup() -> Result<String> {
    env::var(ENCLOSED).map_err(|_| Error::NotEnclosed)
}

fn lacking_programs() -> Option<String> {
    let missing = |name: &str, package: &str| format!("a real node needs {name} (Debian: {package})");
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &str| env::split_paths(&path).any(|dir| dir.join(name).is_file());
    let program = PROGRAMS.into_iter().find(|(name, _)| !is_there(name));
    if let Some((name, package)) = program {
        return Some(missing(name, package));
    }
    let has_plugins = |dir: &str| Path::new(dir).join("ptp").is_file();
    let plugins = CNI_FOLDERS.into_iter().any(has_plugins);
    (!plugins).then(|| missing("the CNI plugins", "containernetworking-plugins"))
}

/// Root in a container may not make namespaces.
fn lacking_namespaces() -> Option<String> {
    let why = match Command::new("unshare").args(NAMESPACES).arg("true").output() {
        Ok(tried) if tried.status.success() => return None,
        Ok(tried) => String::from_utf8_lossy(&tried.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    Some(format!("a real node needs namespaces of its own: {why}"))
}

/// ... nor write to control groups.
fn lacking_cgroups() -> Option<String> {
    let root = Path::new(CGROUPS);
    let of_pods = [root.join("cgroup.procs"), root.join("pids")];
    let is_writable = |path: &PathBuf| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    (!of_pods.iter().any(is_writable)).then(|| format!("a real node needs {CGROUPS} to be writable"))
}

fn lacking_binaries() -> Option<String> {
    let all = |binaries: Binaries| -> Result<Vec<PathBuf>> {
        PARTS.into_iter().map(|part| binaries.node_path(part)).collect()
    };
    Binaries::locate()
        .and_then(all)
        .err()
        .map(|error| error.to_string())
}
