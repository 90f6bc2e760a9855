//! Child processes that cannot outlive the test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::error::{Error, Result};

const GUARD: &str = include_str!("guard.sh");

/// The process waits for one line before it becomes the program: by then the guard knows of it, so there is no moment
/// at which the test can die and leave it behind.
const GATE: &str = r#"read -r _ && exec "$@" </dev/null"#;

/// Ends every process given to it when the test process is gone, even by SIGKILL: a shell that waits for the end of a
/// pipe only the test process holds. (`PR_SET_PDEATHSIG` would follow the *thread* that started a part, and test
/// threads end all the time.)
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Mutex<Child>,
    pipe: Mutex<Option<ChildStdin>>,
}

impl Guard {
    /// Starts the guard; `remove` is the folder to delete at the end, `cgroup` the name of the cgroups.
    pub(crate) fn start(remove: Option<&Path>, cgroup: Option<&OsStr>) -> Result<Arc<Self>> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", GUARD, "kube-test-guard"])
            .arg(remove.unwrap_or(Path::new("")))
            .arg(cgroup.unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0) // a Ctrl-C at the terminal must not reach it
            .spawn()
            .map_err(Error::io("starting the guard"))?;
        let pipe = Mutex::new(shell.stdin.take());
        Ok(Arc::new(Self {
            shell: Mutex::new(shell),
            pipe,
        }))
    }

    fn tell(&self, line: &str) -> std::io::Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        match pipe.as_mut() {
            Some(pipe) => pipe.write_all(line.as_bytes()),
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take());
        let _ = self.shell.lock().unwrap_or_else(PoisonError::into_inner).wait();
    }
}

/// A running child in a process group of its own, its output in a log file. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    guard: Arc<Guard>,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts the program, arguments, environment and folder of `command` (its standard streams and a cleared
    /// environment are not taken over), appending what it writes to `log`.
    pub(crate) fn spawn(guard: &Arc<Guard>, name: &str, command: &Command, log: PathBuf) -> Result<Self> {
        let open = || File::options().create(true).append(true).open(&log);
        let out = open().map_err(Error::io(log.display().to_string()))?;
        let err = out.try_clone().map_err(Error::io(log.display().to_string()))?;
        Self::start(guard, name, command, [out.into(), err.into()], log)
    }

    /// As [`Self::spawn`], with the output of this process.
    pub(crate) fn foreground(guard: &Arc<Guard>, name: &str, command: &Command) -> Result<Self> {
        let output = [Stdio::inherit(), Stdio::inherit()];
        Self::start(guard, name, command, output, PathBuf::from("/dev/null"))
    }

    fn start(
        guard: &Arc<Guard>,
        name: &str,
        command: &Command,
        [out, err]: [Stdio; 2],
        log: PathBuf,
    ) -> Result<Self> {
        let mut child = gated(command)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("starting {name}")))?;
        let gate = child.stdin.take();
        let process = Self {
            name: name.to_owned(),
            child,
            log,
            guard: Arc::clone(guard),
            status: None,
        };
        guard
            .tell(&format!("+{}\n", process.id()))
            .map_err(Error::io("telling the guard"))?;
        gate.map_or(Ok(()), |mut gate| gate.write_all(b"go\n"))
            .map_err(Error::io(format!("starting {name}")))?;
        Ok(process)
    }

    /// The process id, also that of its process group.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, or `None` while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
            if self.status.is_some() {
                let _ = self.guard.tell(&format!("-{}\n", self.child.id()));
            }
        }
        self.status
    }

    /// Fails with the end of its log when it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.exit_status() {
            None => Ok(()),
            Some(status) => Err(Error::PartEnded {
                part: self.name.clone(),
                status,
                log: self.log_tail(20),
            }),
        }
    }

    /// Asks it to end (SIGTERM) and waits; after `grace` it is killed. Returns how it ended.
    pub async fn stop(&mut self, grace: Duration) -> Option<ExitStatus> {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT); // a paused process takes no SIGTERM
        let until = Instant::now() + grace;
        while self.exit_status().is_none() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.kill()
    }

    /// Kills it and what it started (SIGKILL) and waits for its end.
    pub fn kill(&mut self) -> Option<ExitStatus> {
        if self.exit_status().is_none() {
            if let Some(group) = self.pid() {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            self.status = self.child.wait().ok();
            let _ = self.guard.tell(&format!("-{}\n", self.child.id()));
        }
        self.status
    }

    /// Freezes it (SIGSTOP): it keeps its connections and answers nothing.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen process go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Where its output goes.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// All it has written so far, standard output and error.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The last lines it has written.
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let skip = log.lines().count().saturating_sub(lines);
        log.lines().skip(skip).collect::<Vec<_>>().join("\n")
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn signal(&self, signal: Signal) {
        // Once waited for, the number may belong to somebody else.
        if let (None, Some(pid)) = (self.status, self.pid()) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn gated(command: &Command) -> Command {
    let mut gated = Command::new("/bin/sh");
    gated
        .args(["-c", GATE, "kube-test-gate"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => gated.env(name, value),
            None => gated.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        gated.current_dir(dir);
    }
    gated
}
