use std::time::Instant;

use axum::extract::State;
use plimsoll_engine::{control::Registry, coverage::Coverage, probe::Answer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};

use super::{
    guard::tests::{Api, STRANGER, YES},
    health::{SILENCE, livez, readyz},
    *,
};
use crate::{
    Health, Published,
    output::{
        metrics::{Metrics, Turns},
        report::Reports,
    },
    probe::handshake,
};

struct Running {
    address: SocketAddr,
    secure: SocketAddr,
    published: watch::Sender<Arc<Published>>,
    scrapes: crate::output::metrics::Scrapes,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn running() -> Running {
    let (published, receiver) = watch::channel(Arc::<Published>::default());
    let (_, leading) = watch::channel(false);
    let metrics = Metrics::new(receiver.clone(), leading, &Turns::default(), jiff::Timestamp::now);
    let (scrapes, metrics) = (metrics.scrapes(), Arc::new(metrics));
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let (door, secure) = (
        Server::bind(loopback).await.unwrap(),
        Server::bind(loopback).await.unwrap(),
    );
    let (address, secure_address, stop) = (door.address(), secure.address(), CancellationToken::new());
    let (heart, own) = (
        Heart::new(receiver.clone()),
        Identity::Own(vec!["localhost".into()]),
    );
    tokio::spawn(heart.clone().follow(stop.clone()));
    let router = heart.router().merge(plain(metrics.clone()));
    let task = tokio::spawn(door.run(router, Transport::Plain, stop.clone()));
    let guard = Guard::new(Api::default().client(), Admissions::default());
    let acceptor = Certificates::new(own).unwrap().acceptor().unwrap();
    let reports = Reports::new(
        receiver.clone(),
        Registry::default(),
        "test",
        jiff::Timestamp::now,
    );
    let pages = Pages { metrics, reports }.router(guard);
    tokio::spawn(secure.run(pages, Transport::Tls(acceptor), stop.clone()));
    Running {
        address,
        secure: secure_address,
        published,
        scrapes,
        stop,
        task,
    }
}

impl Running {
    async fn request(&self, head: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await; // a refusal may come as a reset
        answer
    }

    async fn get(&self, path: &str, headers: &str) -> String {
        self.request(&format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"
        ))
        .await
    }

    fn publish(&self, ready: bool) {
        let health = Health {
            ready,
            coverage: [(plimsoll_engine::kind::Kind::Pod, Coverage::Syncing)].into(),
            ..Health::default()
        };
        self.published.send_replace(Arc::new(Published {
            health: Arc::new(health),
            ..Published::default()
        }));
    }
}

#[tokio::test]
async fn alive_at_once_and_ready_when_everything_was_seen() {
    let server = running().await;
    assert!(server.get("/livez", "").await.starts_with("HTTP/1.1 200"));
    server.publish(false);
    let answer = server.get("/readyz", "").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("pods"),
        "{answer}"
    );
    server.publish(true);
    assert!(server.get("/readyz", "").await.starts_with("HTTP/1.1 200"));
    assert!(server.get("/nothing", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_silent_actor_shows() {
    let (published, receiver) = watch::channel(Arc::<Published>::default());
    let long_ago = Instant::now().checked_sub(SILENCE * 2).unwrap();
    published.send_modify(|p| {
        *p = Arc::new(Published {
            health: Arc::new(Health {
                ready: true,
                ..Health::default()
            }),
            ..Published::default()
        });
    });
    let heart = Heart::new(receiver);
    heart.beat(long_ago);
    assert_eq!(livez(State(heart.clone())).await.status(), 503);
    assert_eq!(readyz(State(heart.clone())).await.status(), 503);
    heart.beat(Instant::now());
    assert_eq!(livez(State(heart.clone())).await.status(), 200);
    assert_eq!(readyz(State(heart)).await.status(), 200);
}

#[tokio::test]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let server = running().await;
    let plain = server.get("/metrics", "").await;
    assert!(
        plain.contains("text/plain; version=0.0.4") && !plain.contains("# EOF"),
        "{plain}"
    );
    let open = server
        .get(
            "/metrics",
            "accept: application/openmetrics-text;version=1.0.0\r\n",
        )
        .await;
    assert!(
        open.contains("application/openmetrics-text; version=1.0.0") && open.ends_with("# EOF\n"),
        "{open}"
    );
}

#[tokio::test]
async fn a_scrape_is_remembered_and_a_probe_is_none() {
    let server = running().await;
    server.get("/livez", "").await;
    server.get("/readyz", "").await;
    assert_eq!(server.scrapes.last(), None);
    let before = jiff::Timestamp::now();
    server.get("/metrics", "").await;
    let scraped = server.scrapes.last().unwrap();
    assert!(before <= scraped && scraped <= jiff::Timestamp::now());
}

#[tokio::test]
async fn huge_heads_are_refused() {
    let server = running().await;
    let answer = server
        .get("/livez", &format!("x: {}\r\n", "y".repeat(HEAD_BYTES * 4)))
        .await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    let many = "x: y\r\n".repeat(HEADERS + 1);
    let answer = server.get("/livez", &many).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    assert!(server.get("/livez", "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_says_nothing_is_hung_up_on() {
    let server = running().await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    silent.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    let mut answer = Vec::new();
    let hung_up = tokio::time::timeout(HEAD * 2, silent.read_to_end(&mut answer)).await;
    assert!(hung_up.is_ok(), "the connection is still open");
}

#[tokio::test]
async fn stops_when_told_and_frees_its_address() {
    let server = running().await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    assert!(server.get("/livez", "").await.starts_with("HTTP/1.1 200"));
    server.stop.cancel();
    tokio::time::timeout(GOODBYE * 2, server.task)
        .await
        .unwrap()
        .unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    drop(idle);
}

/// A request over TLS by a client that trusts whatever it is shown.
async fn over_tls(server: SocketAddr, head: &str) -> String {
    let recorder = crate::probe::Recorder::new(None);
    let config = recorder
        .client(&[&rustls::version::TLS12, &rustls::version::TLS13])
        .unwrap();
    let name = "localhost".to_owned().try_into().unwrap();
    let stream = TcpStream::connect(server).await.unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n")
}

#[tokio::test]
async fn the_secure_door_speaks_tls_from_1_2_on_as_our_own_probe_sees_it() {
    let server = running().await;
    let (answers, certificate) =
        handshake::handshake(server.secure, "localhost", Duration::from_secs(10), None).await;
    let [no, yes] = [Answer::Refused, Answer::Accepted];
    assert_eq!(answers, [no, no, yes, yes]);
    let year = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 367);
    assert!(certificate.unwrap().not_after < year, "and its certificate ends");
}

#[tokio::test]
async fn pages_are_for_those_whom_the_api_server_lets() {
    let server = running().await;
    for (path, token, status) in [
        ("/metrics", YES, "200"),
        ("/metrics", STRANGER, "403"),
        ("/metrics", "made-up", "401"),
        ("/elsewhere", YES, "403"),
        ("/elsewhere", "made-up", "401"),
        ("/readyz", YES, "403"),
    ] {
        let answer = over_tls(server.secure, &get(path, token)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{path} {token}: {answer}"
        );
        assert_eq!(answer.contains("plimsoll_ready"), status == "200", "{answer}");
    }
    let plain_http = TcpStream::connect(server.secure).await.unwrap();
    let mut plain_http = plain_http;
    plain_http
        .write_all(get("/metrics", YES).as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain_http.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "no plain HTTP at this door");
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_is_hung_up_on() {
    let server = running().await;
    for hello in [&b""[..], &[0x16, 3, 1, 2, 0, 1, 0]] {
        let mut silent = TcpStream::connect(server.secure).await.unwrap();
        silent.write_all(hello).await.unwrap();
        let mut answer = Vec::new();
        let hung_up = tokio::time::timeout(HEAD * 3, silent.read_to_end(&mut answer)).await;
        assert!(hung_up.is_ok(), "the connection is still open");
    }
}

#[tokio::test]
async fn a_full_secure_door_does_not_close_the_one_for_the_kubelet() {
    let server = running().await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS + 8 {
        held.push(TcpStream::connect(server.secure).await.unwrap());
    }
    assert!(server.get("/livez", "").await.starts_with("HTTP/1.1 200"));
    // And what was held is let go of: somebody else gets in.
    let answer = tokio::time::timeout(HEAD * 5, over_tls(server.secure, &get("/metrics", YES))).await;
    assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
}
