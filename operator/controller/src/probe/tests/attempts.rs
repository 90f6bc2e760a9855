//! Requests that find out whether a host is available.

use std::time::Instant;

use rustls::version::{TLS12, TLS13};

use super::{
    super::http,
    BRIEF, HOST, PATIENCE, check,
    servers::{plain, rustls, silent},
};

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
    let silent = silent().await;
    let begun = Instant::now();
    assert!(http::answers(&[silent, good], &check(false), BRIEF * 2).await);
    assert!(begun.elapsed() < BRIEF * 2, "{:?}", begun.elapsed());
}
