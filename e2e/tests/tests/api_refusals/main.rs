//! What the API server refuses once the charts are installed, whoever asks: by server-side apply and by a plain POST of a
//! client that checks nothing itself. The message names the field.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod baselines;
mod exceptions;
mod reserved;

use kube::{
    Client,
    api::{Patch, PatchParams, ValidationDirective},
};
use plimsoll_e2e::installed::{api, object, post};
use serde_json::Value;

/// Server-side apply, with nothing checked for the client's sake.
async fn apply(client: &Client, kind: &str, name: &str, spec: &Value) -> Result<(), String> {
    let params = PatchParams {
        field_validation: Some(ValidationDirective::Ignore),
        ..PatchParams::apply("test").force()
    };
    let applied = api(client, kind)
        .patch(name, &params, &Patch::Apply(object(kind, name, spec)))
        .await;
    applied.map(drop).map_err(|error| error.to_string())
}

fn says(what: &str, answer: Result<(), String>, words: &[&str]) -> Vec<String> {
    match answer {
        Ok(()) => vec![format!("{what}: accepted")],
        Err(message) => words
            .iter()
            .filter(|word| !message.contains(*word))
            .map(|word| format!("{what}: {word:?} is not in: {message}"))
            .collect(),
    }
}

/// What is not as it should be where both a POST and server-side apply are to be refused.
async fn refused_both_ways(
    client: &Client,
    kind: &str,
    what: &str,
    spec: &Value,
    words: &[&str],
) -> Vec<String> {
    let posted = post(client, kind, "wrong", spec, false).await;
    let applied = apply(client, kind, "wrong", spec).await;
    [
        says(&format!("POST {what}"), posted, words),
        says(&format!("apply {what}"), applied, words),
    ]
    .concat()
}
