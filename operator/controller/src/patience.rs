//! No question to the API server is waited for without end. A line that was cut tells nobody: without a limit, whatever asked
//! over it would wait until the kernel gives up, a quarter of an hour later, although the line has long been healed.

use std::time::Duration;

use http::{Method, Request};
use kube::{Client, client::Body};
use tower::BoxError;

/// How long a change may take: as long as the slowest webhook that is likely to be asked first.
const CHANGE: Duration = Duration::from_secs(20);
/// How long a list may take until it begins: the API server itself gives up after a minute.
const READ: Duration = Duration::from_secs(65);

/// There was no answer in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
pub(crate) struct NoAnswer(Duration);

impl NoAnswer {
    /// Whether that is why a request failed.
    pub(crate) fn is_why(error: &kube::Error) -> bool {
        matches!(error, kube::Error::Service(source) if source.is::<Self>())
    }
}

/// The same client, whose requests fail when their answer does not begin in time. A watch begins at once, and may then say
/// nothing for as long as it likes.
pub(crate) fn patient(client: Client) -> Client {
    limited(client, READ, CHANGE)
}

fn limited(client: Client, read: Duration, change: Duration) -> Client {
    let namespace = client.default_namespace().to_owned();
    let ask = move |request: Request<Body>| {
        let client = client.clone();
        async move {
            let within = if request.method() == Method::GET {
                read
            } else {
                change
            };
            match tokio::time::timeout(within, client.send(request)).await {
                Ok(answer) => answer.map_err(BoxError::from),
                Err(_) => Err(BoxError::from(NoAnswer(within))),
            }
        }
    };
    Client::new(tower::service_fn(ask), namespace)
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[tokio::test]
    async fn a_server_that_says_nothing_is_not_waited_for() {
        let silent =
            tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, BoxError>>());
        let (read, change) = (Duration::from_millis(2), Duration::from_millis(1));
        let client = limited(Client::new(silent, "here"), read, change);
        assert_eq!(client.default_namespace(), "here");
        for (method, within) in [(Method::GET, read), (Method::PATCH, change)] {
            let request = Request::builder().method(method).uri("/api").body(Body::empty());
            let error = client.send(request.unwrap()).await.unwrap_err();
            assert!(NoAnswer::is_why(&error), "{error}");
            assert!(error.to_string().contains(&format!("{within:?}")), "{error}");
        }
    }

    #[tokio::test]
    async fn errors_stay_what_they_are() {
        let refusing = tower::service_fn(|_: Request<Body>| async {
            Err::<Response<Body>, _>(BoxError::from(kube::Error::LinesCodecMaxLineLengthExceeded))
        });
        let request = Request::get("/api").body(Body::empty()).unwrap();
        let error = patient(Client::new(refusing, "here"))
            .send(request)
            .await
            .unwrap_err();
        assert!(
            matches!(error, kube::Error::LinesCodecMaxLineLengthExceeded),
            "{error}"
        );
    }
}
