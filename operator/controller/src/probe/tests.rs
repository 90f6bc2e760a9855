//! The prober against real servers on loopback.
//!
//! Those of TLS 1.0 and 1.1 are OpenSSL's; where there is no `openssl` these tests say so and pass.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod attempts;
mod handshakes;
mod prober;
mod servers;

use std::time::Duration;

use plimsoll_engine::probe::{Answer, Check};

const PATIENCE: Duration = Duration::from_secs(10);
const BRIEF: Duration = Duration::from_millis(400);
const HOST: &str = "shop.example.com";

const YES: Answer = Answer::Accepted;
const NO: Answer = Answer::Refused;

fn check(tls: bool) -> Check {
    Check {
        host: HOST.into(),
        tls,
        path: "/healthz".into(),
        criteria: "".into(),
    }
}
