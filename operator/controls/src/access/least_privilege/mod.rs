//! `access/least-privilege`: no role gives somebody more than their work asks for.
//!
//! Cost: each role is a unit. It reads what it gives (a fact that holds the few rules that matter), then its bindings, found by
//! role; of a role that gives nothing dangerous, only until one is found.

use std::collections::BTreeSet;

use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
    decode::Object,
    duration::Duration,
    facts::{Aggregator, Aggregators, RoleEffect, RoleValue},
    finding::{Basis, Findings, Severity},
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{Binding, Projection},
    rights::{Effect, Grant, Power, Subject, is_default},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::rights::{AllowedSubject, WITNESSES, briefly, is_allowed, may};

/// The control.
pub struct LeastPrivilege;

/// Parameters.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Who may hold such roles, such as the ServiceAccounts of GitOps controllers:
    /// `system:serviceaccount:NAMESPACE:NAME`, `User/NAME` or `Group/NAME`. Default: nobody.
    #[schemars(length(max = 256))]
    pub allowed_subjects: Vec<AllowedSubject>,
}

/// What is found of a role, with the reason it is found under.
const DANGERS: [(&str, Power); 8] = [
    ("Wildcard", Power::Wildcard),
    ("WildcardInOwnGroup", Power::OwnWildcard),
    ("Escalates", Power::Escalates),
    ("Impersonates", Power::Impersonates),
    ("EntersPods", Power::EntersPods),
    ("ReachesNodes", Power::ReachesNodes),
    ("IssuesTokens", Power::IssuesTokens),
    ("WritesWebhooks", Power::WritesWebhooks),
];

impl Control for LeastPrivilege {
    const META: Meta = Meta {
        id: "access/least-privilege",
        title: "No role gives somebody more than their work asks for",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Subject(&[Kind::Role, Kind::ClusterRole]),
        reads: KindSet::of(&[
            Kind::Role,
            Kind::ClusterRole,
            Kind::RoleBinding,
            Kind::ClusterRoleBinding,
        ]),
        fail_after: Duration::from_secs(0),
        mappings: &[
            ("SOC 2", "CC6.3"),
            ("ISO 27001", "A.5.15"),
            ("ISO 27001", "A.8.2"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let object = unit.object()?;
        if is_default(object) {
            out.not_applicable("one of the API server's own");
            return Ok(());
        }
        let value = view.fact(&RoleEffect {
            role: unit.name().clone(),
        })?;
        let Some(value) = Option::as_ref(&value) else {
            return Err(Unknown::new("RoleGone", "the role is not there any more"));
        };
        let dangers: Vec<(&'static str, Power, &Grant)> = dangers(&value.effect).collect();
        if dangers.is_empty() {
            return harmless(view, object, value, out);
        }
        let bound = bound(view, object);
        let outside: BTreeSet<&String> =
            bound.holders.iter().filter(|h| !h.is_allowed(params)).map(|h| &h.subject).collect();
        if !outside.is_empty() {
            for (reason, power, grant) in dangers {
                found(out, reason, power, grant, &outside);
            }
        }
        // A holder found is a holder; whether there is none is only known when all is seen.
        bound.complete?;
        value.complete()?;
        if bound.holders.is_empty() {
            out.not_applicable("bound to nobody but Kubernetes itself");
        }
        Ok(())
    }
}

/// What a role names outright. What it gives by a wildcard is found as the wildcard.
fn dangers(effect: &Effect) -> impl Iterator<Item = (&'static str, Power, &Grant)> {
    DANGERS.iter().filter_map(|(reason, power)| {
        let grant = effect.get(*power).filter(|grant| grant.named)?;
        Some((*reason, *power, grant))
    })
}

fn found(out: &mut Findings, reason: &'static str, power: Power, grant: &Grant, holders: &BTreeSet<&String>) {
    let Some(first) = holders.first() else { return };
    let more = match holders.len() - 1 {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let rule = grant.witnesses.first().map_or_else(String::new, |rule| briefly(rule));
    let message = format!("{first}{more} may {}: {rule}", may(power));
    let mut finding = out.fail(reason, message).at("rules");
    if power == Power::OwnWildcard {
        finding = finding.severity(Severity::Low);
    } else if grant.narrowed {
        finding = finding.severity(Severity::Medium);
    }
    for rule in &grant.witnesses {
        finding = finding.seen(&**rule);
    }
    for holder in holders.iter().take(WITNESSES) {
        finding = finding.seen(format!("held by {holder}"));
    }
}

/// A role without anything dangerous passes where somebody holds it, and does not matter where nobody does.
fn harmless(view: &View<'_>, role: &Object, value: &RoleValue, out: &mut Findings) -> Result<(), Unknown> {
    value.complete()?;
    let mut complete = Ok(());
    for key in keys(&role.name) {
        let (mut bindings, all) = view.indexed_so_far(key.0, &key.1);
        complete = complete.and(all);
        if bindings.any(|binding| holders(binding).next().is_some()) {
            return complete;
        }
    }
    complete?;
    out.not_applicable("bound to nobody but Kubernetes itself");
    Ok(())
}

/// Somebody who holds a role, and by which binding.
struct Holder {
    /// The subject in words.
    subject: String,
    named: Subject,
}

impl Holder {
    fn is_allowed(&self, params: &Params) -> bool {
        is_allowed(&self.named, "", &params.allowed_subjects)
    }
}

/// Everybody who holds a role.
struct Bound {
    holders: Vec<Holder>,
    complete: Result<(), Unknown>,
}

/// Who holds a role, by its own bindings or by those of a default role that gathers its rules: that one is not judged itself.
fn bound(view: &View<'_>, role: &Object) -> Bound {
    let mut bound = Bound {
        holders: Vec::new(),
        complete: Ok(()),
    };
    let mut through = vec![role.name.clone()];
    if role.name.kind() == Kind::ClusterRole {
        match view.fact(&Aggregators) {
            Ok(all) => {
                let above = Aggregator::above(&all, &role.meta.labels);
                through.extend(above.iter().filter(|a| a.is_default).map(|a| a.name.clone()));
            }
            Err(unknown) => bound.complete = Err(unknown),
        }
    }
    for name in &through {
        for (kind, key) in keys(name) {
            let (bindings, all) = view.indexed_so_far(kind, &key);
            let unparsed = view.all_parsed(kind, name.namespace().unwrap_or_default());
            bound.complete = bound.complete.and(all).and(unparsed);
            bound.holders.extend(bindings.flat_map(holders));
        }
    }
    bound
}

/// The kinds of bindings that may give a role, with how they are found.
fn keys(role: &ObjRef) -> Vec<(Kind, IndexKey)> {
    let kinds: &[Kind] = match role.kind() {
        Kind::ClusterRole => &[Kind::RoleBinding, Kind::ClusterRoleBinding],
        _ => &[Kind::RoleBinding],
    };
    kinds.iter().map(|kind| (*kind, IndexKey::bindings_of(*kind, role))).collect()
}

/// The subjects of a binding that are no part of Kubernetes.
fn holders(binding: &Object) -> impl Iterator<Item = Holder> {
    let namespace = binding.name.namespace().unwrap_or_default();
    let subjects = binding.body.as_ref().ok().and_then(Binding::of).map(|binding| &binding.subjects);
    let subjects = subjects.into_iter().flatten().filter(|subject| !subject.is_system());
    subjects.map(move |subject| {
        let named = subject.in_namespace(namespace);
        Holder {
            subject: format!("{named} by {}", binding.name),
            named,
        }
    })
}
