//! Conditions as the Kubernetes API conventions have them.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use plimsoll_engine::text::cut_json;

/// Longest message of a condition, in bytes.
const MAX_MESSAGE: usize = 2048;

/// A condition; its `lastTransitionTime` stays as long as its status does. `status` `None` means Unknown.
pub fn condition(
    kind: &str,
    status: Option<bool>,
    reason: &str,
    message: &str,
    generation: i64,
    now: Timestamp,
    previous: &[Condition],
) -> Condition {
    let status = match status {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let since = previous
        .iter()
        .find(|p| p.type_ == kind && p.status == status)
        .map_or(Time(now), |p| p.last_transition_time.clone());
    Condition {
        type_: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message: cut_json(message, MAX_MESSAGE),
        observed_generation: Some(generation),
        last_transition_time: since,
    }
}

/// Whether a condition is there and True.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    conditions.iter().any(|c| c.type_ == kind && c.status == "True")
}
