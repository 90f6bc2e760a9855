//! `access/cluster-admin-bindings`: few may do everything, and they are known.
//!
//! Cost: each ClusterRoleBinding is a unit and reads what its role gives; the cluster is a unit and reads the bindings of the
//! roles that give everything, found by role.

use std::collections::BTreeMap;

use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
    duration::Duration,
    facts::AllPowerful,
    finding::{Basis, Findings, Severity},
    inventory::IndexKey,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{Binding, Projection},
    rights::{Crowd, Power, Subject},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::rights::{AllowedSubject, Culprits, WITNESSES, briefly, gives, is_allowed, role_name, role_of};

/// The control.
pub struct ClusterAdminBindings;

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// How many subjects may hold everything, allowed ones included. Default: 3.
    #[schemars(range(min = 0, max = 1000))]
    pub max: u32,
    /// Who may hold everything beside the groups `system:masters` and `kubeadm:cluster-admins`:
    /// `system:serviceaccount:NAMESPACE:NAME`, `User/NAME` or `Group/NAME`. Default: nobody.
    #[schemars(length(max = 64))]
    pub allowed_subjects: Vec<AllowedSubject>,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            max: 3,
            allowed_subjects: Vec::new(),
        }
    }
}

/// Groups that hold everything in every cluster, and in every cluster of kubeadm.
const KNOWN: [&str; 2] = ["system:masters", "kubeadm:cluster-admins"];

impl Control for ClusterAdminBindings {
    const META: Meta = Meta {
        id: "access/cluster-admin-bindings",
        title: "Few may do everything, and they are known",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::SubjectAndCluster(&[Kind::ClusterRoleBinding]),
        reads: KindSet::of(&[Kind::ClusterRoleBinding, Kind::Role, Kind::ClusterRole]),
        fail_after: Duration::from_mins(15),
        mappings: &[("SOC 2", "CC6.3"), ("ISO 27001", "A.8.2"), ("GDPR", "32(1)(b)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if unit.is_cluster() {
            return count(view, params, out);
        }
        let (name, binding) = (unit.name(), unit.get::<Binding>()?);
        if !gives(view, name, binding, &[Power::Everything])? {
            out.not_applicable("does not give everything");
            return Ok(());
        }
        let value = role_of(view, name, binding)?;
        let everything = Option::as_ref(&value).and_then(|value| value.effect.get(Power::Everything));
        let (mut accounts, mut others) = (Culprits::default(), Culprits::default());
        for subject in binding.subjects.iter().filter(|subject| !is_known(subject, params)) {
            let of_accounts = matches!(subject, Subject::ServiceAccount { .. }) || subject.crowd() != Crowd::None;
            if of_accounts { &mut accounts } else { &mut others }.add(subject, "");
        }
        let witness = everything.and_then(|grant| grant.witnesses.first());
        let by = format!("{}: {}", role_name(name, binding), briefly(witness.map_or("", |rule| rule)));
        if !accounts.is_empty() {
            let message = format!("{}, which runs without a person, may do everything by {by}", accounts.named());
            accounts.show(
                out.fail("ServiceAccountIsAdmin", message).severity(Severity::Critical).at(accounts.path()),
            );
        }
        if !others.is_empty() {
            let message = format!("{} may do everything by {by}", others.named());
            others.show(out.fail("UnexpectedAdmin", message).at(others.path()));
        }
        Ok(())
    }
}

fn is_known(subject: &Subject, params: &Params) -> bool {
    let known = matches!(subject, Subject::Group(name) if KNOWN.contains(&&**name));
    known || is_allowed(subject, "", &params.allowed_subjects)
}

/// How many hold everything, each counted once, however many bindings say so.
fn count(view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
    let roles = view.fact(&AllPowerful)?;
    let mut complete = roles.incomplete.clone().map_or(Ok(()), Err);
    let mut holders: BTreeMap<&Subject, &ObjRef> = BTreeMap::new();
    for role in &roles.names {
        let role = ObjRef::cluster(Kind::ClusterRole, &**role);
        let key = IndexKey::bindings_of(Kind::ClusterRoleBinding, &role);
        let (bindings, all) = view.indexed_so_far(Kind::ClusterRoleBinding, &key);
        complete = complete.and(all);
        for object in bindings {
            let subjects = object.body.as_ref().ok().and_then(Binding::of).map(|binding| &binding.subjects);
            for subject in subjects.into_iter().flatten() {
                holders.entry(subject).or_insert(&object.name);
            }
        }
    }
    if holders.len() > params.max as usize {
        let message = format!("{} subjects may do everything, at most {} should", holders.len(), params.max);
        let mut finding = out.fail("TooManyAdmins", message);
        for (subject, binding) in holders.into_iter().take(WITNESSES) {
            finding = finding.seen(format!("{subject} by {binding}"));
        }
    }
    // One that cannot be read may give anything to anybody.
    complete.and(view.all_parsed(Kind::ClusterRoleBinding, ""))
}
