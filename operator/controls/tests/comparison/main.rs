//! Other linters' own test cases, judged by our controls.
//!
//! Their rules are narrower than ours, so equality is not the aim: for every rule that overlaps a control of ours it is
//! written down how many cases both judge alike, and each case that they judge differently with the reason. A
//! disagreement that is not in the table fails the test, and so does one that is no longer there. Rules without a
//! counterpart are listed too: no rule of a corpus is left out unnoticed.
//!
//! The cases come from `PLIMSOLL_CORPORA`; without it the tests say that they were skipped.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod corpus;
mod gatekeeper;
mod kube_score;
mod ours;
mod polaris;
mod table;
