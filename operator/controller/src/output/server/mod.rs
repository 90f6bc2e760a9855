//! Two doors. The plain one shows `/livez` and `/readyz` to the kubelet, nothing else unless plain metrics are chosen. The
//! other speaks TLS 1.2 and 1.3 only, and every page behind it is for those whom the API server knows and lets `get` its path:
//! see [`guard`]. A new page is one more route in [`pages::router`].

mod certificate;
mod guard;
mod health;
mod pages;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use certificate::{CertificateError, Certificates, Identity};
pub use guard::{Admissions, Guard};
pub use health::Heart;
pub use pages::{Pages, plain};

/// How long a client may take over the handshake, and to send a request's head; also how long an idle connection is kept.
const HEAD: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });
/// Longest life of a connection: a client that reads slowly for ever must not hold one for ever.
const LIFE: Duration = Duration::from_mins(5);
/// Most connections at once.
const CONNECTIONS: usize = 256;
/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 16 * 1024;
/// Most headers of a request.
const HEADERS: usize = 64;
/// How long requests under way may take to finish when the server stops.
const GOODBYE: Duration = Duration::from_secs(5);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no certificate to serve with.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl ServeError {
    /// A bounded word for labels.
    pub const fn category(&self) -> &'static str {
        match self {
            Self::Bind { .. } => "bind",
            Self::Certificate(error) => error.category(),
        }
    }
}

/// How a door speaks.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "an acceptor has none")]
pub enum Transport {
    /// HTTP.
    Plain,
    /// HTTPS.
    Tls(TlsAcceptor),
}

/// A door that has its address and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes an address; port 0 takes any free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let refused = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// The address it has.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets requests under way finish.
    pub async fn run(self, router: Router, transport: Transport, stop: CancellationToken) {
        let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS)));
        loop {
            let next = async {
                let place = room.clone().acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            match accepted {
                Ok((stream, _)) => {
                    let client = client(stream, transport.clone(), router.clone(), graceful.watcher());
                    tokio::spawn(async move {
                        client.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: accepting again at once would spin.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.listener); // who comes now is to go elsewhere
        if tokio::time::timeout(GOODBYE, graceful.shutdown()).await.is_err() {
            tracing::info!("connections were still open when the server stopped");
        }
    }
}

/// Serves one client, after the handshake where there is one.
async fn client(stream: TcpStream, transport: Transport, router: Router, watcher: Watcher) {
    match transport {
        Transport::Plain => connection(stream, router, watcher).await,
        Transport::Tls(acceptor) => match tokio::time::timeout(HEAD, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => connection(stream, router, watcher).await,
            // Scanners and old clients are everyday.
            Ok(Err(error)) => tracing::debug!(%error, "handshake"),
            Err(_) => tracing::debug!("a client did not finish its handshake"),
        },
    }
}

/// Serves one connection of any transport.
async fn connection<T>(stream: T, router: Router, watcher: Watcher)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(LIFE, watcher.watch(connection)).await {
        Ok(Ok(())) | Err(_) => {}
        // Clients that hang up are everyday.
        Ok(Err(error)) => tracing::debug!(%error, "connection"),
    }
}

#[cfg(test)]
mod tests;
