use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::{Health, output::metrics::Turns};

struct Running {
    address: SocketAddr,
    published: watch::Sender<Arc<Published>>,
    scrapes: crate::output::metrics::Scrapes,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn running() -> Running {
    let (published, receiver) = watch::channel(Arc::<Published>::default());
    let (_, leading) = watch::channel(false);
    let metrics = Metrics::new(receiver.clone(), leading, &Turns::default(), jiff::Timestamp::now);
    let scrapes = metrics.scrapes();
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let (address, stop) = (server.address(), CancellationToken::new());
    let task = tokio::spawn(server.run(receiver, Arc::new(metrics), stop.clone()));
    Running {
        address,
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
    let (_, leading) = watch::channel(false);
    let metrics = Metrics::new(receiver.clone(), leading, &Turns::default(), jiff::Timestamp::now);
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
    let app = App {
        heart: Heart(Arc::new(Mutex::new(Some(long_ago)))),
        published: receiver,
        metrics: Arc::new(metrics),
    };
    assert_eq!(livez(State(app.clone())).await.status(), 503);
    assert_eq!(readyz(State(app.clone())).await.status(), 503);
    app.heart.beat();
    assert_eq!(livez(State(app.clone())).await.status(), 200);
    assert_eq!(readyz(State(app)).await.status(), 200);
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
