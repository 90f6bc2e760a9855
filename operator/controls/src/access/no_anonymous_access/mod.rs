//! `access/no-anonymous-access`: nothing is given to whoever can reach the API server.
//!
//! Cost: each binding is a unit; it reads what its role gives only where it names everybody.

use std::sync::Arc;

use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
    duration::Duration,
    facts::RoleValue,
    finding::{Basis, Finding, Findings, Repair, RepairClass, Severity},
    kind::{Kind, KindSet},
    name::ObjRef,
    object::Binding,
    rights::{Crowd, Grant, Power},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::rights::{Culprits, briefly, role_name, role_of};

/// The control.
pub struct NoAnonymousAccess;

/// Parameters.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Roles that everybody may have: a ClusterRole by its name, a Role as `NAMESPACE/NAME`, such as
    /// `system:service-account-issuer-discovery` where others federate with this cluster. Default: none.
    #[schemars(length(max = 64), inner(length(min = 1, max = 317)))]
    pub allow: Vec<String>,
}

/// What the API server, and kubeadm, give to everybody: binding, role. Their ClusterRoles give no more than discovery, which is
/// checked; kubeadm's Role gives the one ConfigMap that nodes need to join.
const DEFAULTS: [(&str, &str); 4] = [
    ("system:public-info-viewer", "system:public-info-viewer"),
    ("system:discovery", "system:discovery"),
    ("system:basic-user", "system:basic-user"),
    (BOOTSTRAP, BOOTSTRAP),
];
const BOOTSTRAP: &str = "kubeadm:bootstrap-signer-clusterinfo";

impl Control for NoAnonymousAccess {
    const META: Meta = Meta {
        id: "access/no-anonymous-access",
        title: "Nothing is given to whoever can reach the API server",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::Subject(&[Kind::RoleBinding, Kind::ClusterRoleBinding]),
        reads: KindSet::of(&[
            Kind::RoleBinding,
            Kind::ClusterRoleBinding,
            Kind::Role,
            Kind::ClusterRole,
        ]),
        fail_after: Duration::from_secs(0),
        mappings: &[("SOC 2", "CC6.1"), ("ISO 27001", "A.8.5"), ("GDPR", "32(1)(b)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let (name, binding) = (unit.name(), unit.get::<Binding>()?);
        let case = Case::of(view, name, binding);
        if case.anonymous.is_empty() && case.authenticated.is_empty() {
            return Ok(());
        }
        if is_allowed(name, binding, params) {
            out.not_applicable("its role is allowed to everybody");
            return Ok(());
        }
        let role = role_name(name, binding);
        let beyond = case.beyond();
        let witness = beyond.and_then(|grant| grant.witnesses.first());
        let by = witness.map_or_else(String::new, |rule| format!(": {}", briefly(rule)));
        if case.gives_anonymous() {
            let who = &case.anonymous;
            let message = format!("{} holds {role}, without saying who they are{by}", who.named());
            let finding = out.fail("Anonymous", message).at(who.path());
            who.show(match witness {
                Some(first) => finding.seen(&**first),
                None => finding,
            });
        }
        if case.gives_authenticated() {
            let who = &case.authenticated;
            let message = format!("{}, everybody with an account, holds {role}{by}", who.named());
            let mut finding = out.fail("Everybody", message).at(who.path());
            for rule in beyond.into_iter().flat_map(|grant| &grant.witnesses) {
                finding = finding.seen(&**rule);
            }
        }
        // Where nothing was found, what cannot be seen may hold it.
        match Option::as_ref(&*case.gives.clone()?) {
            Some(value) => value.complete()?,
            None => out.note(format!("{role} does not exist: the binding gives nothing until somebody creates it")),
        }
        if case.is_default {
            out.not_applicable("one of the API server's own");
        }
        Ok(())
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        _params: &Params,
        _finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let (name, binding) = (unit.name(), unit.get::<Binding>()?);
        let case = Case::of(view, name, binding);
        // One change for all that is found: several would undo each other.
        let mut culprits = Culprits::default();
        for subject in &binding.subjects {
            let gone = match subject.crowd() {
                Crowd::Anonymous => case.gives_anonymous(),
                Crowd::Authenticated => case.gives_authenticated(),
                _ => false,
            };
            if gone {
                culprits.add(subject, "");
            }
        }
        let why = "whoever works by this binding alone loses what it gives";
        Ok(culprits.removed(name, binding, RepairClass::NeedsApproval, why))
    }
}

/// A binding with those it gives something to who may be anybody.
struct Case {
    anonymous: Culprits,
    authenticated: Culprits,
    gives: Result<Arc<Option<RoleValue>>, Unknown>,
    is_default: bool,
    joins: bool,
}

impl Case {
    fn of(view: &View<'_>, name: &ObjRef, binding: &Binding) -> Self {
        let anonymous = crowd(binding, Crowd::Anonymous);
        let authenticated = crowd(binding, Crowd::Authenticated);
        let is_default = is_default(name, binding);
        let gives = if anonymous.is_empty() && authenticated.is_empty() {
            Ok(Arc::new(None))
        } else {
            role_of(view, name, binding)
        };
        Self {
            anonymous,
            authenticated,
            gives,
            is_default,
            joins: is_default && name.name() == BOOTSTRAP,
        }
    }

    /// What it gives that not every account has anyway, as far as can be seen.
    fn beyond(&self) -> Option<&Grant> {
        let value = self.gives.as_deref().ok()?.as_ref()?;
        value.effect.get(Power::BeyondDiscovery)
    }

    fn gives_anonymous(&self) -> bool {
        let harmless = self.beyond().is_none_or(|grant| self.joins && grant.narrowed);
        let excused = self.is_default && harmless;
        !self.anonymous.is_empty() && !excused
    }

    fn gives_authenticated(&self) -> bool {
        !self.authenticated.is_empty() && self.beyond().is_some()
    }
}

/// The subjects that stand for a crowd.
fn crowd(binding: &Binding, crowd: Crowd<'_>) -> Culprits {
    let mut found = Culprits::default();
    for subject in binding.subjects.iter().filter(|subject| subject.crowd() == crowd) {
        found.add(subject, "");
    }
    found
}

fn is_default(name: &ObjRef, binding: &Binding) -> bool {
    let role = binding.role(name);
    DEFAULTS.iter().any(|(default, gives)| {
        let place = if *default == BOOTSTRAP { Some("kube-public") } else { None };
        let (kind, namespace) = (if place.is_some() { Kind::Role } else { Kind::ClusterRole }, place.unwrap_or(""));
        name.name() == *default && name.namespace() == place && role == Some(ObjRef::new(kind, namespace, *gives))
    })
}

fn is_allowed(name: &ObjRef, binding: &Binding, params: &Params) -> bool {
    let Some(role) = binding.role(name) else { return false };
    params.allow.iter().any(|allowed| match (allowed.split_once('/'), role.namespace()) {
        (Some((namespace, name)), Some(of)) => namespace == of && name == role.name(),
        (None, None) => allowed == role.name(),
        _ => false,
    })
}
