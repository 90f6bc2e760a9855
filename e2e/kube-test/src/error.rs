use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// What can go wrong while bringing up, using or asking a test cluster. Messages carry what one needs to go on:
/// the end of a part's log, a tool's stderr, the last error seen while waiting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The control plane was never built, or its pinned versions changed since.
    #[error("no {binary} in {}: run `{build}` (once, about 10 minutes), or set KUBE_TEST_BIN_DIR", looked_in.display())]
    MissingBinary {
        /// The binary that was wanted.
        binary: String,
        /// Where it should have been.
        looked_in: PathBuf,
        /// The command that builds it.
        build: &'static str,
    },
    /// A real node was asked for outside the namespaces that keep it apart from this machine.
    #[error(
        "a real node runs in namespaces of its own only: start this process through kube_test::Enclosure"
    )]
    NotEnclosed,
    /// A part of the cluster ended while it should be running.
    #[error("{part} ended ({status}); the end of its log:\n{log}")]
    PartEnded {
        /// Its name.
        part: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last lines.
        log: String,
    },
    /// A condition did not come true in time.
    #[error("{what}: not within {within:?}, the last answer: {last}")]
    Deadline {
        /// The condition, in words.
        what: String,
        /// How long it was waited for.
        within: Duration,
        /// What the last attempt said.
        last: String,
    },
    /// What an attempt saw instead of what is waited for; made by [`crate::not_yet`].
    #[error("{0}")]
    NotYet(String),
    /// kubectl, helm or promtool ended with a failure.
    #[error("`{command}` failed ({status})\nstderr:\n{stderr}\nstdout:\n{stdout}")]
    Tool {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// All it wrote to standard output.
        stdout: String,
        /// All it wrote to standard error.
        stderr: String,
    },
    /// An existing cluster (`KUBE_TEST_KUBECONFIG`) has no parts of ours to stop, and no audit log to read.
    #[error("{0} is not available on an existing cluster (KUBE_TEST_KUBECONFIG is set)")]
    External(&'static str),
    /// A part that is not running was to be paused or signalled.
    #[error("{0} is not running")]
    NotRunning(String),
    /// Something in the API server's audit log could not be read.
    #[error("audit log: {0}")]
    Audit(String),
    /// Prometheus answered a query with an error.
    #[error("prometheus: {0}")]
    Prometheus(String),
    /// A file, process or socket of this machine.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The API server refused or could not be reached.
    #[error("{what}: {source}")]
    Api {
        /// What was tried.
        what: String,
        /// The server's answer.
        #[source]
        source: Box<kube::Error>,
    },
    /// A kubeconfig that cannot be used.
    #[error("kubeconfig {}: {reason}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Keys or certificates could not be made.
    #[error("certificates: {0}")]
    Certificates(#[from] rcgen::Error),
}

/// [`std::result::Result`] with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Api {
            what,
            source: Box::new(source),
        }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
