//! One attempt to get a page: no credentials, no body, nothing is followed.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::body::Body;
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use plimsoll_engine::probe::Check;
use rustls::version::{TLS12, TLS13};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{handshake::name_of, verifier::Recorder};

/// Who asks: an operator of the service should know at once.
const AGENT: &str = concat!(
    "plimsoll/",
    env!("CARGO_PKG_VERSION"),
    " (uptime probe; ",
    env!("CARGO_PKG_REPOSITORY"),
    ")"
);
/// Most bytes of an answer's head.
const HEAD: usize = 32 * 1024;

/// Whether any of the servers answers with a status below 500. They share the time.
pub(crate) async fn answers(servers: &[SocketAddr], check: &Check, patience: Duration) -> bool {
    let each = patience / u32::try_from(servers.len().max(1)).unwrap_or(1);
    for server in servers {
        if let Ok(Some(status)) = timeout(each, status(*server, check)).await
            && status < 500
        {
            return true;
        }
    }
    false
}

async fn status(server: SocketAddr, check: &Check) -> Option<u16> {
    let stream = TcpStream::connect(server).await.ok()?;
    if !check.tls {
        return ask(stream, server, check).await;
    }
    let config = Recorder::new(None).client(&[&TLS13, &TLS12]).ok()?;
    let name = name_of(&check.host, server).ok()?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .ok()?;
    ask(stream, server, check).await
}

async fn ask<S>(stream: S, server: SocketAddr, check: &Check) -> Option<u16>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut client = http1::Builder::new();
    client.max_buf_size(HEAD);
    let (mut sender, connection) = client.handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::get(&*check.path)
        .header(header::HOST, authority(server, check))
        .header(header::USER_AGENT, AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Body::empty())
        .ok()?;
    let answer = async {
        sender
            .send_request(request)
            .await
            .map(|answer| answer.status().as_u16())
            .ok()
    };
    let (mut answer, mut connection) = (pin!(answer), pin!(connection));
    tokio::select! {
        // Both end with this attempt: nothing is left running, and no body is read.
        status = &mut answer => status,
        _ = &mut connection => answer.await,
    }
}

/// The host as a browser would write it.
fn authority(server: SocketAddr, check: &Check) -> String {
    let usual = if check.tls { 443 } else { 80 };
    match (check.host.is_empty(), server.port() == usual) {
        (true, _) => server.to_string(),
        (false, true) => check.host.to_string(),
        (false, false) => format!("{}:{}", check.host, server.port()),
    }
}
