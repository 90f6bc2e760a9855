//! Who probes, what is never probed, and how many at once.

use std::net::SocketAddr;

use plimsoll_engine::{
    duration::Duration as Lasting,
    probe::{AddressFilter, Answer, Endpoint, Limits},
};
use rustls::version::TLS13;

use super::{
    super::*,
    HOST, NO, PATIENCE, YES, check,
    servers::{plain, rustls, silent},
};

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
    let silent = silent().await;
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
