//! Nothing outlives the test process, however it ends; and a failed test leaves a dump.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kube_test::{Cluster, Enclosure, eventually};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::SOON;

/// A whole process with a cluster, in a process group of its own as a shell would start it.
struct Up {
    process: Child,
    dir: PathBuf,
}

/// A way for it to end.
type End = fn(&mut Child, Pid);

async fn up(ready: &Path, until_stdin_closes: bool) -> Up {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-test-up"));
    command
        .args(["--nodes", "1", "--ready-file"])
        .arg(ready)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.args(until_stdin_closes.then_some("--until-stdin-closes"));
    let process = command.stdin(Stdio::piped()).process_group(0).spawn().unwrap();
    let kubeconfig = eventually(SOON, "a cluster is up", async || {
        match fs::read_to_string(ready) {
            Ok(path) if !path.is_empty() => Ok(path),
            other => Err(format!("{other:?}")),
        }
    });
    let dir = Path::new(&kubeconfig.await.unwrap()).parent().unwrap().to_owned();
    assert!(processes_of(&dir) >= 5, "etcd and the others");
    Up { process, dir }
}

/// Processes that have the cluster's folder in their command line.
fn processes_of(dir: &Path) -> usize {
    processes_with(&dir.display().to_string())
}

async fn all_gone(dir: &Path) {
    let gone = async || match (processes_of(dir), dir.exists()) {
        (0, false) => Ok(()),
        (left, folder) => Err(format!("{left} processes left, folder there: {folder}")),
    };
    eventually(SOON, "nothing is left", gone).await.unwrap();
}

#[tokio::test]
async fn after_any_end_of_the_process() {
    let files = tempfile::tempdir().unwrap();
    let ends: [(&str, End); 4] = [
        ("killed", |_, pid| kill_process(pid, Signal::KILL).unwrap()),
        ("terminated", |_, pid| kill_process(pid, Signal::TERM).unwrap()),
        // Ctrl-C goes to the group
        ("interrupted", |_, pid| {
            kill_process_group(pid, Signal::INT).unwrap();
        }),
        ("stdin closed", |process, _| drop(process.stdin.take())),
    ];
    for (name, end) in ends {
        let Up { mut process, dir } = up(&files.path().join(name), true).await;
        let pid = Pid::from_raw(process.id().try_into().unwrap()).unwrap();
        end(&mut process, pid);
        process.wait().unwrap();
        all_gone(&dir).await;
    }
}

#[tokio::test]
async fn after_a_kill_during_the_start() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-test-up"));
    let files = tempfile::tempdir().unwrap();
    let mark = files.path().display().to_string();
    // The cluster's folder lies in there, so its processes are told apart from other tests'.
    command
        .env("TMPDIR", files.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .stdin(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let some = async || {
        // The guard is the first.
        if processes_of(Path::new(&mark)) > 1 {
            Ok(())
        } else {
            Err("none yet")
        }
    };
    eventually(SOON, "the first part has started", some)
        .await
        .unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let gone = async || match processes_of(Path::new(&mark)) {
        0 => Ok(()),
        left => Err(format!("{left} processes left")),
    };
    eventually(SOON, "nothing is left", gone).await.unwrap();
}

#[tokio::test]
async fn a_panic_leaves_a_dump_and_nothing_else() {
    let cluster = Cluster::builder().nodes(1).start().await.unwrap();
    cluster.kubectl(["create", "configmap", "a-clue"]).await.unwrap();
    let dir = cluster.dir().to_owned();
    let program = std::thread::Builder::new().name("a_failing_test".to_owned());
    let failed = program.spawn(move || {
        let _cluster = cluster;
        panic!("as meant");
    });
    assert!(failed.unwrap().join().is_err());
    all_gone(&dir).await;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let root = std::env::var_os("PLIMSOLL_TEST_DUMP").map_or(target.join("kube-test"), PathBuf::from);
    let dump = root.join("a_failing_test");
    for file in ["objects.txt", "objects.yaml"] {
        assert!(
            fs::read_to_string(dump.join(file)).unwrap().contains("a-clue"),
            "{file}"
        );
    }
    for file in ["audit.log", "etcd.log", "kube-apiserver.log", "kwok.log"] {
        assert!(dump.join(file).exists(), "{file}");
    }
    fs::remove_dir_all(dump).unwrap();
}

#[tokio::test]
async fn missing_binaries_name_the_command_that_builds_them() {
    let empty = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-test-up"));
    let output = command
        .env("KUBE_TEST_BIN_DIR", empty.path())
        .env_remove("KUBE_TEST_KUBECONFIG")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("no etcd in") && said.contains("make controlplane"),
        "{said}"
    );
}

/// A process with a real node; killed when dropped.
struct RealNode {
    process: Child,
    ready: PathBuf,
    _files: tempfile::TempDir,
}

impl RealNode {
    fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let ready = files.path().join("ready");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kube-test-up"));
        command.args(["--real-node", "--ready-file"]).arg(&ready);
        let images = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../images");
        if images.join("tools.tar").is_file() {
            command.arg("--images").arg(images);
        }
        command
            .env("TMPDIR", files.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            process: command.spawn().unwrap(),
            ready,
            _files: files,
        }
    }

    /// The folder of its namespaces; also the name of its cgroups.
    async fn dir(&self) -> PathBuf {
        let parent = self.ready.parent().unwrap();
        eventually(SOON, "the namespaces are there", async || {
            let entries = fs::read_dir(parent).unwrap().flatten();
            let mut folders = entries.map(|e| e.path()).filter(|path| path.is_dir());
            folders.next().ok_or("none yet")
        })
        .await
        .unwrap()
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for RealNode {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a node could leave on the machine: cgroups of that name, mounts, links, addresses given to pods.
fn traces(dir: &Path) -> Vec<String> {
    let name = dir.file_name().unwrap().to_str().unwrap();
    let groups = fs::read_dir("/sys/fs/cgroup").unwrap().flatten();
    let tops = groups
        .map(|entry| entry.path())
        .chain([PathBuf::from("/sys/fs/cgroup")]);
    let groups = tops.map(|top| top.join(name)).filter(|path| path.exists());
    let mut traces: Vec<String> = groups.map(|path| path.display().to_string()).collect();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    traces.extend(
        mounts
            .lines()
            .filter(|line| line.contains(name))
            .map(str::to_owned),
    );
    let links = fs::read_dir("/sys/class/net").unwrap().flatten();
    let links = links.map(|entry| entry.file_name().into_string().unwrap());
    traces.extend(links.filter(|link| link == "node0"));
    traces
}

async fn node_is_gone(dir: &Path) {
    all_gone(dir).await;
    let none = async || {
        let left = traces(dir);
        if left.is_empty() {
            Ok(())
        } else {
            Err(left.join("\n"))
        }
    };
    eventually(SOON, "the machine is as before", none).await.unwrap();
}

#[tokio::test]
async fn a_killed_real_node_leaves_nothing() {
    if let Some(why) = Enclosure::lacking() {
        eprintln!("skipped: {why}");
        return;
    }
    let mut node = RealNode::start();
    let dir = node.dir().await;
    let kubeconfig = eventually(SOON * 3, "the node is up", async || {
        match fs::read_to_string(&node.ready) {
            Ok(path) if !path.is_empty() => Ok(path),
            other => Err(format!("{other:?}")),
        }
    })
    .await
    .unwrap();
    assert!(!traces(&dir).is_empty(), "its cgroups");
    assert!(
        processes_of(&dir) >= 7,
        "etcd, the API server, containerd and the others"
    );
    assert!(Path::new(&kubeconfig).starts_with(&dir));
    run_a_pod(&dir, &kubeconfig).await;
    node.kill();
    node_is_gone(&dir).await;
}

/// A container with its shim and mounts, where its image was built (`make e2e-node`).
async fn run_a_pod(dir: &Path, kubeconfig: &str) {
    let images = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../images");
    if !images.join("tools.tar").is_file() {
        eprintln!("no image to run a pod from: killed without one");
        return;
    }
    let listing = Command::new("ps").args(["-Ao", "pid=,args="]).output().unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    let dir = dir.display().to_string();
    let line = listing.lines().map(str::trim_start);
    let unshare = line
        .filter_map(|line| line.split_once(' '))
        .find(|(_, args)| args.trim_start().starts_with("unshare ") && args.contains(&dir));
    let (pid, _) = unshare.expect("the process that made the namespaces");
    let kubectl = |args: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args(["--target", pid, "--net", "--mount"]);
        command.arg(kube_test::binary("kubectl").unwrap());
        command.args(["--kubeconfig", kubeconfig]).args(args);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let run = [
        "run",
        "sleeper",
        "--image=kube-test/tools:1",
        "--image-pull-policy=Never",
    ];
    let running = async || {
        let (_, error) = kubectl(&run);
        let phase = kubectl(&["get", "pod", "sleeper", "-o", "jsonpath={.status.phase}"]);
        if phase.0 == "Running" {
            Ok(())
        } else {
            Err(format!("{phase:?} {error}"))
        }
    };
    eventually(SOON * 3, "a pod runs", running).await.unwrap();
    assert!(processes_with("2147483647") > 0, "its process");
}

fn processes_with(word: &str) -> usize {
    let listing = Command::new("ps").args(["-Ao", "args="]).output().unwrap();
    let listing = String::from_utf8_lossy(&listing.stdout);
    listing.lines().filter(|line| line.contains(word)).count()
}

#[tokio::test]
async fn a_real_node_killed_while_it_starts_leaves_nothing() {
    if let Some(why) = Enclosure::lacking() {
        eprintln!("skipped: {why}");
        return;
    }
    let mut node = RealNode::start();
    let dir = node.dir().await;
    let some = async || {
        let count = processes_of(&dir);
        if count > 3 {
            Ok(())
        } else {
            Err(format!("{count}"))
        }
    };
    eventually(SOON, "the first parts have started", some)
        .await
        .unwrap();
    node.kill();
    node_is_gone(&dir).await;
}
