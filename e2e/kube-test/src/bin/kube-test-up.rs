//! Brings up a cluster, prints the path of its admin kubeconfig and stays until Ctrl-C, SIGTERM or (with
//! `--until-stdin-closes`) the end of its input.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use kube_test::{Cluster, Enclosure, Error, Result};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(about = "A Kubernetes control plane on loopback, with simulated nodes, until Ctrl-C")]
struct Options {
    /// Number of nodes
    #[arg(long, default_value_t = 4)]
    nodes: usize,
    /// Zones over which the nodes are dealt
    #[arg(long, value_delimiter = ',', default_value = "zone-a,zone-b,zone-c")]
    zones: Vec<String>,
    /// One real node that runs containers, instead of simulated ones (root on Linux, KUBE_TEST_NODE=1)
    #[arg(long)]
    real_node: bool,
    /// The folder of the images that the real node has
    #[arg(long, value_name = "DIR", requires = "real_node")]
    images: Option<PathBuf>,
    /// Also end when standard input closes, so that no script can leave it behind
    #[arg(long)]
    until_stdin_closes: bool,
    /// Write the kubeconfig's path to this file too, once the cluster is usable
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "kube-test-up: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<()> {
    let end = until_told(options.until_stdin_closes);
    tokio::pin!(end);
    if options.real_node && !Enclosure::is_inside() {
        return enclosed(end).await;
    }
    let mut builder = Cluster::builder()
        .nodes(options.nodes)
        .zones(options.zones.clone());
    if options.real_node {
        builder = builder.real_node();
    }
    if let Some(images) = &options.images {
        builder = builder.images(images);
    }
    let cluster = tokio::select! {
        cluster = builder.start() => cluster?,
        ended = &mut end => return ended,
    };
    announce(&cluster, &options)?;
    end.await
}

/// Runs this program again where a real node can be, until that ends or this one is told to.
async fn enclosed(end: impl Future<Output = Result<()>>) -> Result<()> {
    if let Some(why) = Enclosure::lacking() {
        return Err(Error::NotYet(why));
    }
    let io = |what: &'static str| {
        move |source| Error::Io {
            what: what.to_owned(),
            source,
        }
    };
    let mut command = Command::new(std::env::current_exe().map_err(io("this program's path"))?);
    // Its input is empty: this process watches its own.
    command.args(
        std::env::args_os()
            .skip(1)
            .filter(|arg| arg != "--until-stdin-closes"),
    );
    let mut enclosure = Enclosure::start(&command)?;
    writeln!(
        std::io::stderr(),
        "kube-test-up: to get there: nsenter --target {} --net --mount",
        enclosure.id()
    )
    .map_err(io("printing"))?;
    let ended = async {
        while enclosure.exit_status().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        told = end => told,
        () = ended => Err(Error::NotYet("the cluster ended".to_owned())),
    }
}

fn announce(cluster: &Cluster, options: &Options) -> Result<()> {
    let kubeconfig = cluster.kubeconfig().display().to_string();
    let said = |source| Error::Io {
        what: "printing the kubeconfig".to_owned(),
        source,
    };
    let seconds = cluster.started_in().as_secs_f32();
    writeln!(
        std::io::stderr(),
        "kube-test-up: ready in {seconds:.1} s; end it with Ctrl-C"
    )
    .map_err(said)?;
    writeln!(std::io::stdout(), "{kubeconfig}")
        .and_then(|()| std::io::stdout().flush())
        .map_err(said)?;
    match &options.ready_file {
        None => Ok(()),
        Some(file) => std::fs::write(file, kubeconfig).map_err(said),
    }
}

async fn until_told(stdin: bool) -> Result<()> {
    let listen = |kind| {
        signal(kind).map_err(|source| Error::Io {
            what: "listening to signals".to_owned(),
            source,
        })
    };
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = input_ends(), if stdin => {}
    }
    Ok(())
}

/// Reads in a thread that nobody waits for: a blocking read cannot be taken back.
async fn input_ends() {
    let (ended, heard) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(ended);
    });
    let _ = heard.await;
}
