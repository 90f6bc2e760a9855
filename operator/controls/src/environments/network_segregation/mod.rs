//! `environments/network-segregation`: no pod of one environment reaches a pod of another.
//!
//! What it costs is told where it is decided, in `shared/traffic`.

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    facts::GroupBy,
    finding::{Basis, Finding, Findings, Repair, Severity},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::traffic;

/// The control.
pub struct NetworkSegregation;

/// Namespaces by environment, by name, or both; `{}` is all of them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentSide {
    /// The environment they belong to; absent: any, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub environment: Option<String>,
    /// The namespace, by exact name; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

impl traffic::Named for EnvironmentSide {
    const BY: GroupBy = GroupBy::Environment;

    fn group(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }
}

impl Control for NetworkSegregation {
    const META: Meta = Meta {
        id: "environments/network-segregation",
        title: "No pod of one environment reaches a pod of another",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: traffic::READS,
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "CC6.6"),
            ("SOC 2", "CC8.1"),
            ("ISO 27001", "A.8.22"),
            ("ISO 27001", "A.8.31"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = traffic::Params<EnvironmentSide>;

    fn validate(params: &Self::Params) -> Result<(), ParamError> {
        params.validate()
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Self::Params, out: &mut Findings) -> Result<(), Unknown> {
        params.traffic().check(unit, view, out).map(drop)
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Self::Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        params.traffic().repair(unit, view, finding)
    }
}
