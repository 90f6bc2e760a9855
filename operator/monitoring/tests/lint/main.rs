//! Whether every expression of rules and panels fits the catalogue of metrics, and whether the dashboards keep the rules of
//! Grafana's dashboard-linter (0.2.0), which are named where they are checked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod expression;
mod grafana;
mod rules;
