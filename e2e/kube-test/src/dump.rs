//! What is left behind for a person when a test failed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::access::Access;

/// The whole dump of the objects may take this long: the server may be stopped or frozen by the test itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Dumps under the test's name when the thread is panicking.
pub(crate) fn if_panicking(access: &Access) {
    if thread::panicking() {
        let thread = thread::current();
        let dir = write(access, thread.name().unwrap_or("unnamed"));
        note(&format!(
            "kube-test: the state of the cluster is in {}",
            dir.display()
        ));
    }
}

#[allow(clippy::print_stderr)] // the one message a failed test needs, beside its panic
fn note(text: &str) {
    eprintln!("{text}");
}

/// Best effort: a dump must not fail the test a second time.
pub(crate) fn write(access: &Access, name: &str) -> PathBuf {
    let dir = root().join(name.replace(|c: char| !c.is_alphanumeric() && c != '-', "_"));
    let _ = fs::remove_dir_all(&dir);
    let _ = fs::create_dir_all(&dir);
    copy_logs(&access.dir, &dir);
    let until = Instant::now() + PATIENCE;
    let kinds = capture(
        access,
        &["api-resources", "--verbs=list", "-o", "name"],
        &dir.join("kinds.txt"),
        until,
    );
    if kinds {
        let kinds = fs::read_to_string(dir.join("kinds.txt")).unwrap_or_default();
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !kind.is_empty() && *kind != "secrets")
            .collect();
        capture(
            access,
            &["get", &kinds.join(","), "-A"],
            &dir.join("objects.txt"),
            until,
        );
        capture(
            access,
            &["get", &kinds.join(","), "-A", "-o", "yaml"],
            &dir.join("objects.yaml"),
            until,
        );
    }
    dir
}

fn root() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("PLIMSOLL_TEST_DUMP").unwrap_or_else(|| {
        let target = set("CARGO_TARGET_DIR")
            .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
        target.join("kube-test")
    })
}

fn copy_logs(from: &Path, to: &Path) {
    let _ = fs::copy(from.join("audit.log"), to.join("audit.log"));
    copy_tree(&from.join("logs"), to);
}

/// With the folders in it: those of the containers of a real node.
fn copy_tree(from: &Path, to: &Path) {
    let _ = fs::create_dir_all(to);
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_tree(&from, &to);
        } else {
            let _ = fs::copy(from, to);
        }
    }
}

fn capture(access: &Access, args: &[&str], file: &Path, until: Instant) -> bool {
    let Ok(tool) = access.tool("kubectl") else {
        return false;
    };
    let mut command = tool.args(args).args(["--request-timeout=10s"]).command();
    let (Ok(out), Ok(err)) = (File::create(file), File::create(file.with_extension("errors"))) else {
        return false;
    };
    let done = finish(command.stdin(Stdio::null()).stdout(out).stderr(err), until);
    if fs::metadata(file.with_extension("errors")).is_ok_and(|errors| errors.len() == 0) {
        let _ = fs::remove_file(file.with_extension("errors"));
    }
    done
}

fn finish(command: &mut Command, until: Instant) -> bool {
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    while Instant::now() < until {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}
