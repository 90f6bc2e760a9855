//! `availability/topology-spread`: replicas do not share one zone, or one node.

mod actual;
mod declared;
mod propose;

use std::sync::Arc;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    fact::Fact,
    facts::{Budgets, Desired, Domains, Pods, pod_template},
    finding::{Basis, Finding, Findings, Repair, Severity},
    kind::Kind,
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use declared::Declaration;

/// The control.
pub struct TopologySpread;

/// Parameters of `availability/topology-spread`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Node label whose values are the domains. Default topology.kubernetes.io/zone.
    #[schemars(length(min = 1, max = 317))]
    pub topology_key: String,
    /// Node label used where the cluster has only one domain by topologyKey. Default kubernetes.io/hostname.
    #[schemars(length(min = 1, max = 317))]
    pub fallback_key: String,
    /// Fewest domains the pods must be in. Default 2.
    #[schemars(range(min = 2, max = 100))]
    pub min_domains: usize,
    /// What proves a spread: where the pods run (Actual), what the pod template asks for (Declared), or Both. Default Actual.
    pub evidence: Evidence,
}

/// What proves a spread.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Evidence {
    /// Where the pods run.
    Actual,
    /// What the pod template asks for.
    Declared,
    /// Both.
    Both,
}

/// By hand: the derive would turn the documented variants into a `oneOf`, which a structural schema dislikes.
impl JsonSchema for Evidence {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Evidence".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "enum": ["Actual", "Declared", "Both"] })
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            topology_key: "topology.kubernetes.io/zone".into(),
            fallback_key: "kubernetes.io/hostname".into(),
            min_domains: 2,
            evidence: Evidence::Actual,
        }
    }
}

const SHARED_DOMAIN: &str = "TooFewDomains";
const NOT_DECLARED: &str = "NotDeclared";

impl Control for TopologySpread {
    const META: Meta = Meta {
        id: "availability/topology-spread",
        title: "Replicas do not share one zone, or one node",
        severity: Severity::Medium,
        basis: Basis::Automated,
        unit: UnitKind::TopMost(&[Kind::Deployment, Kind::StatefulSet, Kind::Rollout]),
        reads: <Desired as Fact>::READS
            .union(<Budgets as Fact>::READS)
            .union(<Pods as Fact>::READS)
            .union(<Domains as Fact>::READS),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "A1.2"), ("ISO 27001", "A.8.14"), ("GDPR", "32(1)(b)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        if !(2..=100).contains(&params.min_domains) {
            return Err(ParamError::new("minDomains", "expected 2 to 100"));
        }
        if params.topology_key.is_empty() {
            return Err(ParamError::new("topologyKey", "expected a label key"));
        }
        if params.fallback_key.is_empty() {
            return Err(ParamError::new("fallbackKey", "expected a label key"));
        }
        Ok(())
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let desired = view.fact(&Desired {
            workload: unit.name().clone(),
        })?;
        if desired.is_off() {
            out.not_applicable("scaled to zero");
            return Ok(());
        }
        if desired.count < 2 {
            out.not_applicable("fewer than two replicas");
            return Ok(());
        }
        let key = key(unit, view, params)?;
        let declared = declaration(unit, view, &key)?;
        if params.evidence != Evidence::Actual && declared.is_none() {
            not_declared(&key, out);
        }
        if params.evidence != Evidence::Declared {
            actual::judge(unit, view, &key, params.min_domains, out)?;
        }
        if *key != *params.topology_key {
            out.note(format!(
                "the cluster has fewer than two domains by {}: judged by {key}",
                params.topology_key
            ));
        }
        if params.evidence == Evidence::Actual && declared.is_none() {
            out.note(format!("nothing asks for a spread over {key}: where the pods run is chance"));
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        _finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let key = key(unit, view, params)?;
        let declared = declaration(unit, view, &key)?;
        propose::proposal(unit, view, &key, declared)
    }
}

/// The label to judge by: `fallbackKey` where nodes are known and `topologyKey` does not tell two of them apart.
fn key(unit: &Unit<'_>, view: &View<'_>, params: &Params) -> Result<Arc<str>, Unknown> {
    let key: Arc<str> = params.topology_key.as_str().into();
    let known = match view.fact(&Domains { key: key.clone() }) {
        Ok(known) => known,
        // What is declared can be judged without seeing a node, if it is the same by either label.
        Err(unknown) => {
            let declared = |key: &str| declaration(unit, view, key).map(|found| found.is_some());
            let same = declared(&key)? == declared(&params.fallback_key)?;
            return if params.evidence == Evidence::Declared && same { Ok(key) } else { Err(unknown) };
        }
    };
    Ok(if known.nodes && known.domains.len() < 2 {
        params.fallback_key.as_str().into()
    } else {
        key
    })
}

fn declaration(unit: &Unit<'_>, view: &View<'_>, key: &str) -> Result<Option<Declaration>, Unknown> {
    Ok(pod_template(view, unit.name())?.and_then(|template| declared::of(template, unit.namespace(), key)))
}

fn not_declared(key: &str, out: &mut Findings) {
    out.fail(
        NOT_DECLARED,
        format!("no spread constraint or anti-affinity over {key} selects the pods"),
    )
    .at("spec.template.spec");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_make_no_sense_are_refused_by_field() {
        for (params, field) in [
            (r#"{"minDomains": 1}"#, "minDomains"),
            (r#"{"topologyKey": ""}"#, "topologyKey"),
            (r#"{"fallbackKey": ""}"#, "fallbackKey"),
        ] {
            let params: Params = serde_json::from_str(params).unwrap();
            assert_eq!(TopologySpread::validate(&params).unwrap_err().field, field);
        }
        assert!(serde_json::from_str::<Params>(r#"{"mode": "actual"}"#).is_err());
    }
}
