//! The prober against real servers on loopback.
//!
//! Those of TLS 1.0 and 1.1 are OpenSSL's; where there is no `openssl` these tests say so and pass.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use plimsoll_engine::{
    duration::Duration as Lasting,
    probe::{AddressFilter, Answer, Check, Endpoint, Limits, Obstacle, Probe, Request},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);
const BRIEF: Duration = Duration::from_millis(400);
const HOST: &str = "shop.example.com";

const YES: Answer = Answer::Accepted;
const NO: Answer = Answer::Refused;

/// A server that does the same with every connection.
async fn serve<F>(with: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(with(stream));
        }
    });
    address
}

/// A certificate of an authority of its own, and the authority in PEM.
fn certificate() -> (rcgen::Certificate, KeyPair, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![HOST.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    (certificate, key, issuer.pem())
}

/// A server of rustls that answers requests over these versions; and its authority.
async fn rustls(
    versions: &[&'static SupportedProtocolVersion],
    answer: &'static str,
) -> (SocketAddr, String) {
    let (certificate, key, authority) = certificate();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(verifier::provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            if String::from_utf8_lossy(&request[..read]).contains("\r\n\r\n") {
                _ = stream.write_all(answer.as_bytes()).await;
                _ = stream.shutdown().await;
            }
        }
    });
    (address.await, authority)
}

/// A running `openssl s_server`; killed when dropped.
struct OpenSsl(
    Child,
    SocketAddr,
    #[allow(dead_code, reason = "kept while it runs")] tempfile::TempDir,
);

impl Drop for OpenSsl {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// One that speaks what the arguments say; nothing where OpenSSL is not installed.
fn openssl(args: &[&str]) -> Option<OpenSsl> {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, _) = certificate();
    std::fs::write(folder.path().join("c.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.path().join("k.pem"), key.serialize_pem()).unwrap();
    let mut command = Command::new("openssl");
    command
        .args([
            "s_server",
            "-accept",
            "127.0.0.1:0",
            "-www",
            "-cipher",
            "ALL:@SECLEVEL=0",
        ])
        .args(["-cert", "c.pem", "-key", "k.pem"])
        .args(args)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("skipped: no openssl to test against: {error}");
            return None;
        }
    };
    let output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(output).map_while(Result::ok);
    let address = lines.find_map(|line| line.strip_prefix("ACCEPT ")?.parse().ok());
    let address = address.expect("openssl says where it listens");
    Some(OpenSsl(child, address, folder))
}

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
        assert_eq!(offers(server.1).await, expected, "{args:?}");
    }
}

#[tokio::test]
async fn a_server_that_wants_our_certificate_has_agreed_to_the_version_all_the_same() {
    let Some(server) = openssl(&["-Verify", "1", "-min_protocol", "TLSv1.2"]) else {
        return;
    };
    assert_eq!(offers(server.1).await, [NO, NO, YES, YES]);
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
    let server = serve(|stream| async move {
        let held = stream;
        std::future::pending::<()>().await;
        drop(held);
    });
    let (server, begun) = (server.await, Instant::now());
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

/// Passes bytes on one by one.
async fn dribbling(behind: SocketAddr) -> SocketAddr {
    serve(move |mut client| async move {
        let Ok(server) = TcpStream::connect(behind).await else {
            return;
        };
        client.set_nodelay(true).unwrap();
        let (mut from_server, mut to_server) = server.into_split();
        let (mut from_client, mut to_client) = client.split();
        let up = tokio::io::copy(&mut from_client, &mut to_server);
        let down = async {
            let mut byte = [0; 1];
            while from_server.read_exact(&mut byte).await.is_ok() {
                if to_client.write_all(&byte).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            _ = to_client.shutdown().await;
        };
        tokio::select! { _ = up => {}, () = down => {} }
    })
    .await
}

#[tokio::test]
async fn whoever_answers_byte_by_byte_is_understood() {
    let (modern, _) = rustls(&[&TLS12, &TLS13], "").await;
    assert_eq!(offers(dribbling(modern).await).await, [NO, NO, YES, YES]);
    if let Some(old) = openssl(&["-min_protocol", "TLSv1", "-no_tls1_3"]) {
        assert_eq!(offers(dribbling(old.1).await).await, [YES, YES, YES, NO]);
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

fn check(tls: bool) -> Check {
    Check {
        host: HOST.into(),
        tls,
        path: "/healthz".into(),
        criteria: "".into(),
    }
}

/// A plain server that answers thus, and what it was asked.
async fn plain(answer: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let (asked, requests) = mpsc::unbounded_channel();
    let address = serve(move |mut stream| {
        let asked = asked.clone();
        async move {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            _ = asked.send(String::from_utf8_lossy(&request[..read]).into_owned());
            _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address.await, requests)
}

#[tokio::test]
async fn an_attempt_says_who_asks_and_brings_no_credentials() {
    let (server, mut requests) = plain("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert!(http::answers(&[server], &check(false), PATIENCE).await);
    let request = requests.recv().await.unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /healthz http/1.1\r\n"), "{request}");
    assert!(
        request.contains(&format!("host: {HOST}:{}\r\n", server.port())),
        "{request}"
    );
    assert!(request.contains("user-agent: plimsoll/"), "{request}");
    assert!(
        !request.contains("authorization") && !request.contains("cookie"),
        "{request}"
    );
}

#[tokio::test]
async fn any_answer_below_500_is_one() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n",
            true,
        ),
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", true),
        ("HTTP/1.1 404 Not Found\r\n\r\n", true),
        ("HTTP/1.1 500 Internal Server Error\r\n\r\n", false),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
        ("SSH-2.0-OpenSSH_9.6\r\n", false),
        ("", false),
    ] {
        let (server, _requests) = plain(answer).await;
        assert_eq!(
            http::answers(&[server], &check(false), PATIENCE).await,
            expected,
            "{answer:?}"
        );
    }
    let (server, _) = rustls(&[&TLS12, &TLS13], "HTTP/1.1 200 OK\r\n\r\n").await;
    assert!(http::answers(&[server], &check(true), PATIENCE).await);
    assert!(
        !http::answers(&[server], &check(false), BRIEF).await,
        "it speaks TLS only"
    );
}

#[tokio::test]
async fn one_address_that_answers_is_enough_and_a_dead_one_costs_its_share() {
    let (good, _requests) = plain("HTTP/1.1 200 OK\r\n\r\n").await;
    let silent = serve(|stream| async move {
        let held = stream;
        std::future::pending::<()>().await;
        drop(held);
    });
    let begun = Instant::now();
    assert!(http::answers(&[silent.await, good], &check(false), BRIEF * 2).await);
    assert!(begun.elapsed() < BRIEF * 2, "{:?}", begun.elapsed());
}

fn request(probe: Probe, allow: &[&str]) -> Request {
    Request {
        namespace: "shop".into(),
        probe,
        interval: Lasting::from_secs(60),
        last: None,
        filter: AddressFilter {
            allow: allow.iter().map(|net| net.parse().unwrap()).collect(),
            ..AddressFilter::default()
        },
        limits: Limits {
            timeout: Lasting::from_secs(1),
            concurrency: 4,
            hosts: 500,
        },
    }
}

fn offer_to(server: SocketAddr, allow: &[&str]) -> Request {
    let endpoint = Endpoint {
        host: HOST.into(),
        address: server.ip().to_string().into(),
        port: server.port(),
    };
    request(Probe::Handshake { endpoint, ca: None }, allow)
}

fn no_anchors() -> Anchors {
    let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    Anchors::new(Client::try_from(config).unwrap())
}

#[tokio::test]
async fn nothing_is_sent_where_the_filter_refuses() {
    let (server, mut requests) = plain("HTTP/1.1 200 OK\r\n\r\n").await;
    let anchors = no_anchors();
    match attend(&offer_to(server, &[]), &anchors).await {
        Done::Handshake(handshake) => {
            assert_eq!(handshake.answers, [Answer::Unknown(Obstacle::AddressRefused); 4]);
        }
        _ => panic!("a handshake"),
    }
    let at = [(server.ip().to_string().into(), server.port())].into();
    let attempt = Probe::Availability {
        check: check(false),
        at,
        maintenance: [].into(),
    };
    assert!(matches!(
        attend(&request(attempt.clone(), &[]), &anchors).await,
        Done::Nothing
    ));
    assert!(requests.try_recv().is_err(), "somebody knocked");
    let admitted = attend(&request(attempt, &["127.0.0.0/8"]), &anchors).await;
    assert!(matches!(admitted, Done::Attempt(_, 60, Outcome::Success)));
    assert!(requests.try_recv().is_ok());
}

/// A prober with what it reads from and tells to.
struct Bench {
    published: watch::Sender<Arc<Published>>,
    leading: watch::Sender<bool>,
    told: mpsc::Receiver<Input>,
    counters: Arc<Counters>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Bench {
    fn new(requests: Vec<Request>) -> Self {
        let (published, published_rx) = watch::channel(Arc::new(Published {
            asides: Asides::of_requests(requests),
            ..Published::default()
        }));
        let (leading, leading_rx) = watch::channel(false);
        let (inputs, told) = mpsc::channel(64);
        let (counters, stop) = (Arc::new(Counters::default()), CancellationToken::new());
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        let prober = Prober {
            client: Client::try_from(config).unwrap(),
            inputs,
            counters: counters.clone(),
        };
        let task = tokio::spawn(prober.run(published_rx, leading_rx, stop.clone()));
        Self {
            published,
            leading,
            told,
            counters,
            stop,
            task,
        }
    }

    async fn met(&mut self) -> Vec<Met> {
        match tokio::time::timeout(PATIENCE, self.told.recv()).await {
            Ok(Some(Input::Met(met))) => met,
            other => panic!("told {other:?}"),
        }
    }
}

#[tokio::test]
async fn only_who_leads_probes_and_who_stops_leading_stops() {
    let (server, mut requests) = plain("HTTP/1.1 200 OK\r\n\r\n").await;
    let at: Arc<[_]> = [(server.ip().to_string().into(), server.port())].into();
    let attempt = Probe::Availability {
        check: check(false),
        at,
        maintenance: [].into(),
    };
    let mut bench = Bench::new(vec![request(attempt, &["127.0.0.0/8"])]);
    tokio::task::yield_now().await;
    assert!(!bench.counters.is_up(Timestamp::now()));
    assert!(requests.try_recv().is_err());
    bench.leading.send(true).unwrap();
    let met = bench.met().await;
    assert!(matches!(&met[..], [Met::Attempts { bucket, .. }] if bucket.covered == 60 && bucket.failed == 0));
    assert!(bench.counters.is_up(Timestamp::now()));
    assert_eq!(bench.counters.series()[0].1, 1);
    bench.leading.send(false).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while bench.counters.is_up(Timestamp::now()) {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    bench.stop.cancel();
    bench.task.await.unwrap();
}

#[tokio::test]
async fn dead_hosts_hold_up_no_others() {
    let silent = serve(|stream| async move {
        let held = stream;
        std::future::pending::<()>().await;
        drop(held);
    });
    let silent = silent.await;
    let (good, _) = rustls(&[&TLS13], "").await;
    // Three dead ones at four at once leave room for the one that answers.
    let mut requests: Vec<Request> = Vec::new();
    for n in 0..3 {
        let mut dead = offer_to(silent, &["127.0.0.0/8"]);
        if let Probe::Handshake { endpoint, .. } = &mut dead.probe {
            endpoint.host = format!("a{n}.example.com").into();
        }
        requests.push(dead);
    }
    requests.push(offer_to(good, &["127.0.0.0/8"]));
    let mut bench = Bench::new(requests);
    let begun = Instant::now();
    bench.leading.send(true).unwrap();
    let first = bench.met().await;
    assert!(
        matches!(&first[..], [Met::Handshake { handshake, .. }] if handshake.answers == [NO, NO, NO, YES])
    );
    for _ in 0..3 {
        let dead = bench.met().await;
        assert!(matches!(&dead[..], [Met::Handshake { handshake, .. }] if !handshake.is_complete()));
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    bench.published.send_replace(Arc::new(Published::default()));
    bench.stop.cancel();
    bench.task.await.unwrap();
}
