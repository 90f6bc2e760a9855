//! Every version of TLS offered by itself, on a connection of its own.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use plimsoll_engine::probe::{Answer, Certificate, Obstacle};
use rustls::{
    RootCertStore, SupportedProtocolVersion,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use super::{
    answer::of_rustls,
    hello::{Legacy, offer},
    verifier::{Recorder, provider},
};

/// What a server answered to TLS 1.0, 1.1, 1.2 and 1.3, and the certificate it showed. A server that does not answer the first
/// offer in time is made no other: it costs its timeout once.
pub(crate) async fn handshake(
    server: SocketAddr,
    host: &str,
    patience: Duration,
    roots: Option<&Arc<RootCertStore>>,
) -> ([Answer; 4], Option<Certificate>) {
    let name = match name_of(host, server) {
        Ok(name) => name,
        Err(obstacle) => return ([Answer::Unknown(obstacle); 4], None),
    };
    let recorder = Recorder::new(roots);
    let mut answers = [Answer::Unknown(Obstacle::Timeout); 4];
    for version in [3, 2, 1, 0] {
        let step = async {
            match version {
                3 => modern(server, &name, &TLS13, &recorder).await,
                2 => modern(server, &name, &TLS12, &recorder).await,
                1 => legacy(server, host, Legacy::V1_1).await,
                _ => legacy(server, host, Legacy::V1_0).await,
            }
        };
        let answer = timeout(patience, step)
            .await
            .unwrap_or(Answer::Unknown(Obstacle::Timeout));
        if version == 3 && matches!(answer, Answer::Unknown(Obstacle::Timeout | Obstacle::Unreachable)) {
            return ([answer; 4], None);
        }
        answers[version] = answer;
    }
    (answers, recorder.seen())
}

/// The name to ask for; without a host none is sent.
pub(crate) fn name_of(host: &str, server: SocketAddr) -> Result<ServerName<'static>, Obstacle> {
    if host.is_empty() {
        return Ok(ServerName::IpAddress(server.ip().into()));
    }
    ServerName::try_from(host.to_owned()).map_err(|_| Obstacle::InvalidHost)
}

async fn modern(
    server: SocketAddr,
    name: &ServerName<'static>,
    version: &'static SupportedProtocolVersion,
    recorder: &Arc<Recorder>,
) -> Answer {
    let own = Recorder::clone_of(recorder);
    let Ok(config) = own.client(&[version]) else {
        return Answer::Unknown(Obstacle::OtherAlert);
    };
    let Ok(stream) = TcpStream::connect(server).await else {
        return Answer::Unknown(Obstacle::Unreachable);
    };
    let outcome = TlsConnector::from(Arc::new(config))
        .connect(name.clone(), stream)
        .await;
    let shown = own.seen();
    let agreed = shown.is_some();
    recorder.keep(shown);
    match outcome {
        Ok(_) => Answer::Accepted,
        // It agreed and then wanted something else, such as a certificate of ours.
        Err(_) if agreed => Answer::Accepted,
        Err(error) => of_rustls(&error),
    }
}

async fn legacy(server: SocketAddr, host: &str, version: Legacy) -> Answer {
    let mut random = [0; 32];
    if provider().secure_random.fill(&mut random).is_err() {
        return Answer::Unknown(Obstacle::OtherAlert);
    }
    match TcpStream::connect(server).await {
        Ok(mut stream) => offer(&mut stream, version, host, random).await,
        Err(_) => Answer::Unknown(Obstacle::Unreachable),
    }
}
