//! Each version offered alone, to servers that speak it, refuse it, or do neither.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use jiff::Timestamp;
use plimsoll_engine::probe::{Answer, Obstacle};
use rustls::version::{TLS12, TLS13};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{
    super::{anchors, handshake},
    BRIEF, HOST, NO, PATIENCE, YES,
    servers::{certificate, dribbling, openssl, rustls, serve, silent},
};

async fn offers(server: SocketAddr) -> [Answer; 4] {
    handshake::handshake(server, HOST, PATIENCE, None).await.0
}

#[tokio::test]
async fn modern_servers_accept_what_they_speak_and_refuse_the_rest() {
    let (both, _) = rustls(&[&TLS12, &TLS13], "").await;
    assert_eq!(offers(both).await, [NO, NO, YES, YES]);
    let (newest, _) = rustls(&[&TLS13], "").await;
    assert_eq!(offers(newest).await, [NO, NO, NO, YES]);
    let (older, _) = rustls(&[&TLS12], "").await;
    assert_eq!(offers(older).await, [NO, NO, YES, NO]);
}

#[tokio::test]
async fn the_certificate_is_seen_and_judged_by_the_bundle_alone() {
    let (server, authority) = rustls(&[&TLS12, &TLS13], "").await;
    let (_, _, stranger) = certificate();
    for (bundle, trusted) in [
        (Some(&authority), Some(true)),
        (Some(&stranger), Some(false)),
        (None, None),
    ] {
        let roots = bundle.map(|pem| Arc::new(anchors::roots(pem).unwrap()));
        let (_, seen) = handshake::handshake(server, HOST, PATIENCE, roots.as_ref()).await;
        let seen = seen.unwrap();
        assert_eq!(seen.trusted, trusted);
        assert!(seen.not_after > Timestamp::now());
    }
    assert!(anchors::roots("no certificate").is_err());
}

#[tokio::test]
async fn openssl_at_its_lowest_is_caught_at_every_old_version() {
    let old = ["-min_protocol", "TLSv1", "-no_tls1_3"];
    for (args, expected) in [
        (&old[..], [YES, YES, YES, NO]),
        (&["-tls1"], [YES, NO, NO, NO]),
        (&["-tls1_1"], [NO, YES, NO, NO]),
        (&["-tls1_2"], [NO, NO, YES, NO]),
        (&["-tls1_3"], [NO, NO, NO, YES]),
        (&["-min_protocol", "TLSv1.2"], [NO, NO, YES, YES]),
    ] {
        let Some(server) = openssl(args) else { return };
        assert_eq!(offers(server.address).await, expected, "{args:?}");
    }
}

#[tokio::test]
async fn a_server_that_wants_our_certificate_has_agreed_to_the_version_all_the_same() {
    let Some(server) = openssl(&["-Verify", "1", "-min_protocol", "TLSv1.2"]) else {
        return;
    };
    assert_eq!(offers(server.address).await, [NO, NO, YES, YES]);
}

#[tokio::test]
async fn whoever_resets_refuses() {
    let server = serve(|mut stream| async move {
        let mut hello = [0; 8];
        _ = stream.read(&mut hello).await;
        // What is left unread makes the kernel answer with a reset.
        drop(stream);
    });
    assert_eq!(offers(server.await).await, [NO; 4]);
}

#[tokio::test]
async fn whoever_is_silent_costs_one_timeout_and_is_unknown() {
    let (server, begun) = (silent().await, Instant::now());
    let (answers, _) = handshake::handshake(server, HOST, BRIEF, None).await;
    assert_eq!(answers, [Answer::Unknown(Obstacle::Timeout); 4]);
    assert!(begun.elapsed() < BRIEF * 3, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn nobody_there_is_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(offers(closed).await, [Answer::Unknown(Obstacle::Unreachable); 4]);
}

#[tokio::test]
async fn whoever_speaks_plain_http_is_unknown() {
    let server = serve(|mut stream| async move {
        let mut hello = [0; 1024];
        _ = stream.read(&mut hello).await;
        _ = stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            .await;
    });
    assert_eq!(offers(server.await).await, [Answer::Unknown(Obstacle::NotTls); 4]);
}

#[tokio::test]
async fn whoever_answers_byte_by_byte_is_understood() {
    let (modern, _) = rustls(&[&TLS12, &TLS13], "").await;
    assert_eq!(offers(dribbling(modern).await).await, [NO, NO, YES, YES]);
    if let Some(old) = openssl(&["-min_protocol", "TLSv1", "-no_tls1_3"]) {
        assert_eq!(offers(dribbling(old.address).await).await, [YES, YES, YES, NO]);
    }
}

#[tokio::test]
async fn a_host_that_tls_cannot_carry_is_not_asked_for() {
    let (server, _) = rustls(&[&TLS13], "").await;
    let (answers, _) = handshake::handshake(server, "evil\u{7}.example", PATIENCE, None).await;
    assert_eq!(answers, [Answer::Unknown(Obstacle::InvalidHost); 4]);
    let (answers, _) = handshake::handshake(server, "", PATIENCE, None).await;
    assert_eq!(answers[3], YES, "no host, no name");
}
