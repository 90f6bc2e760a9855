use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// Tries until `attempt` succeeds, for at most `within`, more slowly as time goes on (20 ms to 250 ms between attempts).
/// An attempt that hangs is given up at the deadline. The error says `what` was waited for and what the last attempt said.
///
/// ```no_run
/// # async fn f(cluster: kube_test::Cluster) -> kube_test::Result<()> {
/// use std::time::Duration;
/// kube_test::eventually(Duration::from_secs(20), "the web Deployment is Available", async || {
///     let available = cluster.kubectl(["get", "deploy/web", "-o", "jsonpath={.status.availableReplicas}"]).await?;
///     if available.stdout == "2" { Ok(()) } else { Err(kube_test::not_yet(available.stdout)) }
/// })
/// .await
/// # }
/// ```
pub async fn eventually<T, E: Display>(
    within: Duration,
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T> {
    let until = Instant::now() + within;
    let mut pause = Duration::from_millis(20);
    let mut last = "no attempt ended".to_owned();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => {}
        }
        if Instant::now() + pause >= until {
            return Err(Error::Deadline {
                what: what.to_owned(),
                within,
                last,
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
    }
}

/// The error of an attempt in [`eventually`] that worked but did not see what it waits for.
pub fn not_yet(seen: impl Into<String>) -> Error {
    Error::NotYet(seen.into())
}
