//! Alerts about certificates, by what the servers themselves showed to a probe.

use plimsoll_metrics::TLS_CERTIFICATE_NOT_AFTER;

use super::{
    Alert, Group, Limits, Owner, Severity,
    threshold::{CERTIFICATE, CERTIFICATE_URGENT, Threshold},
};
use crate::promql::{MINUTE, Pace, Reader::Rule, least};

pub(super) fn alerts(_: Pace, limits: Limits) -> Vec<Alert> {
    let expires = |name, severity, threshold: Threshold, summary| Alert {
        name,
        group: Group::Certificates,
        severity,
        owner: Owner::Service,
        expr: format!(
            "{} - time() < {}",
            least("host", Rule.of(&TLS_CERTIFICATE_NOT_AFTER, "")),
            limits.of(threshold)
        ),
        hold: 5 * MINUTE,
        summary,
        description: "The certificate that {{ $labels.host }} showed to the last probe is valid for another \
                      {{ $value | humanizeDuration }}; a negative time is one since it expired.",
    };
    vec![
        expires(
            "PlimsollCertificateExpiresSoon",
            Severity::Warning,
            CERTIFICATE,
            "The certificate of {{ $labels.host }} was not renewed",
        ),
        expires(
            "PlimsollCertificateExpires",
            Severity::Critical,
            CERTIFICATE_URGENT,
            "The certificate of {{ $labels.host }} is about to expire",
        ),
    ]
}
