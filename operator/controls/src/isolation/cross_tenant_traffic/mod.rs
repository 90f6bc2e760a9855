//! `isolation/cross-tenant-traffic`: no pod of one tenant reaches a pod of another.
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
pub struct CrossTenantTraffic;

/// Namespaces by tenant, by name, or both; `{}` is all of them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantSide {
    /// The tenant they belong to; absent: any, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub tenant: Option<String>,
    /// The namespace, by exact name; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

impl traffic::Named for TenantSide {
    const BY: GroupBy = GroupBy::Tenant;

    fn group(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }
}

impl Control for CrossTenantTraffic {
    const META: Meta = Meta {
        id: "isolation/cross-tenant-traffic",
        title: "No pod of one tenant reaches a pod of another",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::Namespace,
        reads: traffic::READS,
        fail_after: Duration::from_mins(5),
        mappings: &[
            ("SOC 2", "CC6.1"),
            ("SOC 2", "CC6.6"),
            ("ISO 27001", "A.8.22"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = traffic::Params<TenantSide>;

    fn validate(params: &Self::Params) -> Result<(), ParamError> {
        params.validate()
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Self::Params, out: &mut Findings) -> Result<(), Unknown> {
        if !view.settings()?.has_tenants() {
            out.not_applicable("there is one tenant");
            return Ok(());
        }
        if params.traffic().check(unit, view, out)? {
            traffic::note_dangling(unit.namespace(), view, out)?;
        }
        Ok(())
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
