//! Availability. An attempt each 15 s is 4 a minute.

use crate::case::{Case, case};

const HOST: &[(&str, &str)] = &[("job", "plimsoll"), ("host", "shop.example.com")];

/// A host whose target is 99.9 %.
fn host(alert: &'static str, about: &'static str, success: &str, failure: &str) -> Case {
    case(alert, about)
        .series(
            r#"plimsoll_uptime_target_ratio{host="shop.example.com",window="30d"}"#,
            "0.999x200",
        )
        .series(
            r#"plimsoll_uptime_probe_total{host="shop.example.com",result="success"}"#,
            success,
        )
        .series(
            r#"plimsoll_uptime_probe_total{host="shop.example.com",result="failure"}"#,
            failure,
        )
}

pub(crate) fn cases() -> Vec<Case> {
    [burns(), target(), prober()].concat()
}

fn burns() -> Vec<Case> {
    let (fast, slow) = ("PlimsollUptimeBurnsFast", "PlimsollUptimeBurnsSlowly");
    vec![
        host(
            fast,
            "an outage of four minutes so far",
            "0+4x95 380+0x30",
            "0x95 4+4x30",
        )
        .at("100m")
        .fires(
            HOST,
            "8.345% of the attempts to reach shop.example.com failed within the last hours, the last minutes included: what its \
             target allows in a month is used up within days.",
        ),
        // The short windows are clean again.
        host(
            fast,
            "an outage that is over",
            "0+4x95 380+0x10 380+4x60",
            "0x95 4+4x10 44x60",
        )
        .at("155m"),
        host(fast, "a single lost attempt", "0+4x90", "0x60 1x30").at("61m"),
        host(slow, "one in a hundred", "0+3.96x160", "0+0.04x160").at("150m").fires(
            HOST,
            "1% of the attempts to reach shop.example.com failed within the last days, the last hours included: at this rate its \
             target will be missed.",
        ),
        host(slow, "one in ten thousand", "0+3.9996x160", "0+0.0004x160").at("150m"),
    ]
}

fn target() -> Vec<Case> {
    let alert = "PlimsollUptimeTargetMissed";
    let budget = r#"plimsoll_uptime_error_budget_remaining_seconds{host="shop.example.com",window="30d"}"#;
    vec![
        case(alert, "a minute too long").series(budget, "-60x30").at("10m").fires(
            &[HOST, &[("window", "30d")]].concat(),
            "shop.example.com failed longer within 30d than its target allows; its budget stands at -1m 0s.",
        ),
        case(alert, "a minute is left").series(budget, "60x30").at("10m"),
    ]
}

fn prober() -> Vec<Case> {
    let alert = "PlimsollProberDown";
    let up = |instance: &str| format!(r#"plimsoll_prober_up{{instance="{instance}"}}"#);
    vec![
        case(alert, "neither of two").series(&up("a"), "0x30").series(&up("b"), "0x30").at("10m").fires(
            &[("job", "plimsoll")],
            "Probing is switched on and no replica of the operator (plimsoll) probes: handshakes and availability grow stale, and \
             then Unknown.",
        ),
        case(alert, "one of two").series(&up("a"), "0x30").series(&up("b"), "1x30").at("10m"),
        case(alert, "probing is off").at("10m"),
    ]
}
