//! What the operator says to the world. Every output reads the published state; only the leader's write.

mod bucket;
pub mod events;
pub mod evidence;
pub mod metrics;
pub mod outcomes;
pub mod policy_reports;
pub mod report;
pub mod server;
pub mod status;
pub(crate) mod text;

use crate::patience::NoAnswer;

/// A bounded word for what went wrong with a request, for metric labels and logs.
pub(crate) fn category_of(error: &kube::Error) -> &'static str {
    match error {
        kube::Error::Api(status) => match status.code {
            401 => "unauthorized",
            403 => "forbidden",
            404 => "not_found",
            409 => "conflict",
            422 => "invalid",
            429 => "throttled",
            500.. => "server",
            _ => "rejected",
        },
        kube::Error::SerdeError(_) => "decode",
        error if NoAnswer::is_why(error) => "timeout",
        _ => "connection",
    }
}
