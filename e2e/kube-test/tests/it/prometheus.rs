//! A real Prometheus against a small target.

use kube_test::{Prometheus, eventually, not_yet, promtool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::SOON;

const RULES: &str = r"
groups:
  - name: test
    rules:
      - record: answer:doubled
        expr: answer * 2
";

async fn serve(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let body = "# TYPE answer gauge\nanswer{of=\"all\"} 21\n";
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    }
}

#[tokio::test]
async fn it_scrapes_records_and_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    tokio::spawn(serve(listener));
    let prometheus = Prometheus::start(&[&target], RULES).await.unwrap();
    let doubled = eventually(SOON, "the rule has a value", async || {
        prometheus
            .query("answer:doubled")
            .await?
            .pop()
            .ok_or_else(|| not_yet("no series"))
    });
    let doubled = doubled.await.unwrap();
    assert!((doubled.value - 42.0).abs() < f64::EPSILON);
    assert_eq!(doubled.labels["of"], "all");
    let error = prometheus.query("answer{").await.unwrap_err().to_string();
    assert!(error.contains("parse error"), "{error}");
}

#[tokio::test]
async fn promtool_checks_rules() {
    promtool(&["check", "rules"], RULES).await.unwrap();
    let error = promtool(&["check", "rules"], &RULES.replace("* 2", "*"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("could not parse expression"),
        "{error}"
    );
}
