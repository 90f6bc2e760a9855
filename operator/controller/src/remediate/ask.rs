//! One write request, with what the client library leaves out of the answer: the API server's warnings.

use http::{HeaderMap, Request};
use kube::{Client, client::Body, core::Status};
use serde_json::Value;

/// What the server answers.
#[derive(Debug)]
pub(super) struct Answer {
    /// The object as it is, or would be, stored.
    pub(super) value: Value,
    /// What it warns of, such as pods that would be rejected from now on.
    pub(super) warnings: Vec<String>,
}

/// Sends a request and reads its answer whole.
pub(super) async fn ask(client: &Client, request: Request<Vec<u8>>) -> Result<Answer, kube::Error> {
    let response = client.send(request.map(Body::from)).await?;
    let status = response.status();
    let warnings = warnings(response.headers());
    let body = response.into_body().collect_bytes().await?;
    if status.is_success() {
        let value = serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?;
        return Ok(Answer { value, warnings });
    }
    // A proxy in between answers in its own words.
    let told = serde_json::from_slice::<Status>(&body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&body);
        Status::failure(text.trim(), "Unreadable").with_code(status.as_u16())
    });
    Err(kube::Error::Api(told.boxed()))
}

/// The texts of `Warning: 299 - "…"` headers (RFC 7234, 5.5).
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("warning").iter();
    values
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            quoted(&text).unwrap_or_else(|| text.trim().to_owned())
        })
        .collect()
}

/// What stands between the first pair of quotes; `\\` escapes.
fn quoted(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('"')?;
    let mut told = String::new();
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Some(told),
            '\\' => told.extend(letters.next()),
            other => told.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(r#"299 - "v1 X is deprecated""#, "v1 X is deprecated")]
    #[case(r#"299 - "namespace \"a\" holds \\ pods""#, r#"namespace "a" holds \ pods"#)]
    #[case(r#"299 - "cut off"#, r#"299 - "cut off"#)]
    #[case("299 - unquoted", "299 - unquoted")]
    fn warnings_are_what_stands_in_quotes(#[case] header: &str, #[case] told: &str) {
        let mut headers = HeaderMap::new();
        headers.append("warning", header.parse().unwrap());
        assert_eq!(warnings(&headers), [told]);
    }

    #[test]
    fn every_warning_counts() {
        let mut headers = HeaderMap::new();
        for text in ["299 - \"one\"", "299 - \"two\""] {
            headers.append("Warning", text.parse().unwrap());
        }
        assert_eq!(warnings(&headers), ["one", "two"]);
    }
}
