use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use tokio::io::AsyncWriteExt;

use crate::cluster::Cluster;
use crate::error::{Error, Result};

/// What a tool wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error: also where kubectl prints the warnings of the API server.
    pub stderr: String,
}

/// One call of a real command-line tool against the cluster, with caches and settings of the cluster's own.
///
/// ```no_run
/// # async fn f(cluster: kube_test::Cluster) -> kube_test::Result<()> {
/// let refused = cluster.tool("kubectl")?.args(["apply", "-f", "-"]).stdin("kind: Nonsense").output().await?;
/// assert!(!refused.status.success());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Tool {
    program: PathBuf,
    args: Vec<OsString>,
    kubeconfig: PathBuf,
    dir: PathBuf,
    stdin: Option<Vec<u8>>,
}

impl Tool {
    pub(crate) fn new(program: &Path, kubeconfig: &Path, dir: &Path) -> Self {
        let (program, kubeconfig, dir) = (program.to_owned(), kubeconfig.to_owned(), dir.to_owned());
        Self {
            program,
            args: Vec::new(),
            kubeconfig,
            dir,
            stdin: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// What it reads from standard input; nothing by default.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(input.into());
        self
    }

    /// Acts as somebody else than the admin (see [`Cluster::kubeconfig_for`]).
    #[must_use]
    pub fn kubeconfig(mut self, path: impl Into<PathBuf>) -> Self {
        self.kubeconfig = path.into();
        self
    }

    /// The command, for [`Cluster::spawn`] or a synchronous run.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env("KUBECONFIG", &self.kubeconfig);
        command.env("KUBECACHEDIR", self.dir.join("kubectl-cache"));
        for (variable, folder) in [
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
        ] {
            command.env(variable, self.dir.join("helm").join(folder));
        }
        command
    }

    /// Runs it, whatever it answers.
    pub async fn output(self) -> Result<Output> {
        let mut command = tokio::process::Command::from(self.command());
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command.stdin(if self.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        let mut child = command.spawn().map_err(Error::io(self.line()))?;
        let input = child.stdin.take();
        let feed = async {
            if let (Some(mut pipe), Some(bytes)) = (input, self.stdin.as_deref()) {
                let _ = pipe.write_all(bytes).await; // it may have ended without reading: its status says so
            }
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), feed);
        let output = output.map_err(Error::io(self.line()))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Output {
            status: output.status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        })
    }

    /// Runs it; anything but success is [`Error::Tool`] with all it wrote.
    pub async fn run(self) -> Result<Output> {
        let line = self.line();
        let Output {
            status,
            stdout,
            stderr,
        } = self.output().await?;
        if status.success() {
            return Ok(Output {
                status,
                stdout,
                stderr,
            });
        }
        Err(Error::Tool {
            command: line,
            status,
            stdout,
            stderr,
        })
    }

    fn line(&self) -> String {
        let program = self
            .program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let args = self.args.iter().map(|arg| arg.to_string_lossy());
        std::iter::once(program.into())
            .chain(args)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

impl Cluster {
    /// A real tool (`kubectl`, `helm`, `promtool`), to be given arguments and input.
    pub fn tool(&self, binary: &str) -> Result<Tool> {
        self.access.tool(binary)
    }

    /// Runs the real kubectl as admin; a failure is an error with all it wrote.
    pub async fn kubectl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<Output> {
        self.tool("kubectl")?.args(args).run().await
    }

    /// Runs the real Helm as admin; a failure is an error with all it wrote.
    pub async fn helm<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<Output> {
        self.tool("helm")?.args(args).run().await
    }

    /// `kubectl apply` of YAML documents (client-side, as people do it).
    pub async fn apply(&self, yaml: &str) -> Result<Output> {
        self.tool("kubectl")?
            .args(["apply", "-f", "-"])
            .stdin(yaml)
            .run()
            .await
    }
}
