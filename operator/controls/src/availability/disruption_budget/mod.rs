//! `availability/disruption-budget`: exactly one budget lets pods be evicted, and not all of them.

mod budget;
mod create;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    fact::Fact,
    facts::{Budgets, Covered, Desired},
    finding::{Basis, Finding, Findings, Repair, RepairClass, Right, Severity},
    kind::{Kind, KindSet},
    name::ObjRef,
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The control.
pub struct DisruptionBudget;

/// Parameters of `availability/disruption-budget`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Pods that a budget Plimsoll proposes lets be missing; never all of them. Existing budgets may allow more. Default 1.
    #[schemars(range(min = 1, max = 1000))]
    pub max_unavailable: i32,
}

impl Default for Params {
    fn default() -> Self {
        Self { max_unavailable: 1 }
    }
}

const NO_BUDGET: &str = "NoBudget";
const MULTIPLE: &str = "MultipleBudgets";

impl Control for DisruptionBudget {
    const META: Meta = Meta {
        id: "availability/disruption-budget",
        title: "One disruption budget keeps drains from taking every replica, and lets them go on",
        severity: Severity::Medium,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(&[Kind::Deployment, Kind::StatefulSet, Kind::Rollout]),
        reads: KindSet::of(&[Kind::PodDisruptionBudget])
            .union(<Budgets as Fact>::READS)
            .union(<Covered as Fact>::READS)
            .union(<Desired as Fact>::READS),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "A1.2"), ("ISO 27001", "A.8.14"), ("GDPR", "32(1)(b)")],
        rights: &[Right {
            kind: Kind::PodDisruptionBudget,
            subresource: None,
            verbs: &["create", "patch"], // server-side apply is a patch that may create
        }],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if (1..=1000).contains(&params.max_unavailable) {
            Ok(())
        } else {
            Err(ParamError::new("maxUnavailable", "expected 1 to 1000"))
        }
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, _params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let desired = view.fact(&Desired {
            workload: unit.name().clone(),
        })?;
        if desired.is_off() {
            out.not_applicable("scaled to zero");
            return Ok(());
        }
        if desired.count < 2 {
            out.not_applicable("fewer than two replicas: a budget would only block drains");
            return Ok(());
        }
        match budgets(unit, view)?.as_slice() {
            [] => no_budget(out),
            [only] => budget::judge(unit, view, only, desired.count, out)?,
            several => multiple(several, out),
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let desired = view.fact(&Desired {
            workload: unit.name().clone(),
        })?;
        // A budget that lets every pod go protects nothing.
        let missing = params.max_unavailable.min(desired.count - 1);
        match (finding.reason, budgets(unit, view)?.as_slice()) {
            (NO_BUDGET, _) => create::proposal(unit, view, missing),
            (MULTIPLE, _) => Ok(Some(Repair {
                class: RepairClass::NeverAutomatic,
                why: "which of the budgets has to go is for their owners to say".into(),
                changes: Vec::new(),
            })),
            (_, [only]) => budget::proposal(view, only, missing),
            _ => Ok(None),
        }
    }
}

fn budgets(unit: &Unit<'_>, view: &View<'_>) -> Result<std::sync::Arc<Vec<ObjRef>>, Unknown> {
    view.fact(&Budgets {
        workload: unit.name().clone(),
    })
}

fn no_budget(out: &mut Findings) {
    out.fail(
        NO_BUDGET,
        "no disruption budget selects the pods: a drain may take all of them at once",
    );
}

fn multiple(budgets: &[ObjRef], out: &mut Findings) {
    let mut finding = out.fail(
        MULTIPLE,
        format!("{} disruption budgets select the pods: evicting one is refused", budgets.len()),
    );
    for budget in budgets.iter().take(20) {
        finding = finding.seen(budget.to_string());
    }
}
