//! `isolation/tenant-rbac`: no tenant's accounts hold rights over another tenant's objects.
//!
//! Cost: each binding is a unit. It reads where its own namespace and those of its subjects stand; what its role gives, only
//! where somebody is to be told of it.

mod group;

use plimsoll_engine::{
    control::{Control, Meta, ParamError, Unit, UnitKind},
    duration::Duration,
    finding::{Basis, Finding, Findings, Repair, RepairClass, Severity},
    kind::{Kind, KindSet},
    object::Binding,
    rights::{Crowd, Power, Subject},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::rights::{AllowedSubject, Culprits, briefly, is_allowed, may, role_name, role_of, worst, worst_of_all};
use group::{Belongs, Pattern};

/// The control.
pub struct TenantRbac;

/// Parameters. Label keys and platform namespaces stand in the baseline's `spec`.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Who may hold rights over several tenants, such as the ServiceAccounts of backup, monitoring and GitOps agents:
    /// `system:serviceaccount:NAMESPACE:NAME`, `User/NAME` or `Group/NAME`. Default: nobody.
    #[schemars(length(max = 256))]
    pub allowed_subjects: Vec<AllowedSubject>,
    /// Groups of the identity provider that belong to tenants: `{tenant}` stands for the tenant's name, or `*` for any text,
    /// once, as in `oidc:{tenant}-developers`. Default: none.
    #[schemars(length(min = 1, max = 253))]
    pub tenant_group_pattern: Option<String>,
}

impl Control for TenantRbac {
    const META: Meta = Meta {
        id: "isolation/tenant-rbac",
        title: "No tenant's accounts hold rights over another tenant's objects",
        severity: Severity::Critical,
        basis: Basis::Automated,
        unit: UnitKind::Subject(&[Kind::RoleBinding, Kind::ClusterRoleBinding]),
        reads: KindSet::of(&[
            Kind::RoleBinding,
            Kind::ClusterRoleBinding,
            Kind::Role,
            Kind::ClusterRole,
            Kind::Namespace,
        ]),
        fail_after: Duration::from_secs(0),
        mappings: &[
            ("SOC 2", "CC6.1"),
            ("SOC 2", "CC6.3"),
            ("ISO 27001", "A.5.15"),
            ("ISO 27001", "A.8.3"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        let pattern = params.tenant_group_pattern.as_deref();
        let fault = pattern.and_then(|pattern| Pattern::parse(pattern).err());
        fault.map_or(Ok(()), |expected| Err(ParamError::new("tenantGroupPattern", expected)))
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if !view.settings()?.has_tenants() {
            out.not_applicable("there is one tenant");
            return Ok(());
        }
        let binding: &Binding = unit.get()?;
        let judged = Judged::of(unit, view, params, binding)?;
        if let Some(why) = judged.excused {
            out.not_applicable(why);
            return Ok(());
        }
        if unit.name().namespace().is_some() {
            in_namespace(unit, view, binding, &judged, out);
        } else {
            cluster_wide(unit, view, binding, &judged, out)?;
        }
        judged.unknown.map_or(Ok(()), Err)
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        _finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let binding: &Binding = unit.get()?;
        let judged = Judged::of(unit, view, params, binding)?;
        let all: Vec<(&Subject, String)> = judged.everybody.into_iter().chain(judged.foreign).collect();
        let culprits = culprits(&all);
        let why = "removing a subject may lock people or controllers out";
        Ok(culprits.removed(unit.name(), binding, RepairClass::NeverAutomatic, why))
    }
}

/// The subjects of a binding by whom they belong to.
#[derive(Default)]
struct Judged<'a> {
    excused: Option<&'static str>,
    /// Those that stand for accounts of every tenant.
    everybody: Vec<(&'a Subject, String)>,
    /// In a RoleBinding those of another tenant, in a ClusterRoleBinding those of any.
    foreign: Vec<(&'a Subject, String)>,
    /// Those of whom it cannot be told, with the reason.
    unclear: Vec<&'a Subject>,
    unknown: Option<Unknown>,
    /// Tenant of the RoleBinding's namespace.
    own: Option<std::sync::Arc<str>>,
}

impl<'a> Judged<'a> {
    fn of(unit: &Unit<'_>, view: &View<'_>, params: &Params, binding: &'a Binding) -> Result<Self, Unknown> {
        let mut judged = Self::default();
        let own = unit.name().namespace();
        if own.is_some() {
            let standing = view.standing()?;
            if standing.platform || standing.terminating {
                let why = if standing.platform { "belongs to the platform" } else { "is being deleted" };
                judged.excused = Some(why);
            }
            judged.own.clone_from(&standing.tenant);
        }
        let pattern = params.tenant_group_pattern.as_deref().and_then(|pattern| Pattern::parse(pattern).ok());
        for subject in &binding.subjects {
            if is_allowed(subject, own.unwrap_or_default(), &params.allowed_subjects) {
                continue;
            }
            if let Err(unknown) = judged.subject(view, own, pattern.as_ref(), subject) {
                judged.unclear.push(subject);
                judged.unknown.get_or_insert(unknown);
            }
        }
        Ok(judged)
    }

    fn subject(
        &mut self,
        view: &View<'_>,
        own: Option<&str>,
        pattern: Option<&Pattern<'_>>,
        subject: &'a Subject,
    ) -> Result<(), Unknown> {
        if let Crowd::Anonymous | Crowd::Authenticated | Crowd::Accounts = subject.crowd() {
            self.everybody.push((subject, String::new()));
            return Ok(());
        }
        if let Some(namespace) = subject.namespace(own.unwrap_or_default()) {
            return self.account(view, own, namespace, subject);
        }
        let Subject::Group(group) = subject else { return Ok(()) };
        match (pattern.and_then(|pattern| pattern.belongs(group)), own) {
            (None, _) | (Some(Belongs::Somebody), Some(_)) => {}
            (Some(Belongs::Tenant(tenant)), Some(namespace)) => {
                let own = self.own.as_deref().ok_or_else(|| no_tenant(namespace))?;
                if own != tenant {
                    self.foreign.push((subject, format!("of tenant {tenant}")));
                }
            }
            (Some(Belongs::Tenant(tenant)), None) => self.foreign.push((subject, format!("of tenant {tenant}"))),
            (Some(Belongs::Somebody), None) => self.foreign.push((subject, "of a tenant".into())),
        }
        Ok(())
    }

    /// A ServiceAccount of a namespace, or all of them.
    fn account(
        &mut self,
        view: &View<'_>,
        own: Option<&str>,
        namespace: &str,
        subject: &'a Subject,
    ) -> Result<(), Unknown> {
        if own == Some(namespace) {
            return Ok(());
        }
        let standing = view.standing_of(namespace)?;
        if standing.platform {
            return Ok(());
        }
        if !standing.known {
            let message = format!("namespace {namespace} of {subject} is not known: nobody can tell whose it is");
            return Err(Unknown::new("NamespaceNotGiven", message));
        }
        let tenant = standing.tenant.as_deref().ok_or_else(|| no_tenant(namespace))?;
        if let Some(own) = own {
            let own = self.own.as_deref().ok_or_else(|| no_tenant(own))?;
            if own == tenant {
                return Ok(());
            }
        }
        self.foreign.push((subject, format!("of tenant {tenant}")));
        Ok(())
    }
}

fn no_tenant(namespace: &str) -> Unknown {
    Unknown::new(
        "TenantUnknown",
        format!("namespace {namespace} has no tenant label and is not the platform's"),
    )
}

fn culprits(subjects: &[(&Subject, String)]) -> Culprits {
    let mut culprits = Culprits::default();
    for (subject, said) in subjects {
        culprits.add(subject, &**said);
    }
    culprits
}

/// In a tenant's namespace nobody else's account holds anything: today's role may give more tomorrow.
fn in_namespace(unit: &Unit<'_>, view: &View<'_>, binding: &Binding, judged: &Judged<'_>, out: &mut Findings) {
    if judged.everybody.is_empty() && judged.foreign.is_empty() {
        return;
    }
    let role = role_name(unit.name(), binding);
    let of = judged.own.as_deref().map_or_else(String::new, |tenant| format!(" of tenant {tenant}"));
    let value = role_of(view, unit.name(), binding).ok();
    let worst = value.as_deref().and_then(Option::as_ref).and_then(|value| worst_of_all(&value.effect));
    let by = worst.map_or_else(String::new, |(_, rule)| format!(": {}", briefly(rule)));
    for (reason, subjects) in [("OpenToAll", &judged.everybody), ("ForeignSubject", &judged.foreign)] {
        if !subjects.is_empty() {
            let culprits = culprits(subjects);
            let namespace = unit.namespace();
            let message = format!("{} holds {role} in namespace {namespace}{of}{by}", culprits.named());
            let mut finding = out.fail(reason, message).at(culprits.path());
            if let Some((_, rule)) = worst {
                finding = finding.seen(format!("{role}: {rule}"));
            }
            culprits.show(finding);
        }
    }
}

/// What reaches into the namespaces of others.
const REACHES: [Power; 5] = [
    Power::EntersPods,
    Power::ReachesNodes,
    Power::ReadsSecrets,
    Power::WritesWebhooks,
    Power::TouchesNamespaced,
];
/// What gives more than it says.
const ESCALATES: [Power; 2] = [Power::Escalates, Power::Impersonates];

/// Cluster-wide, what counts is what the role gives.
fn cluster_wide(
    unit: &Unit<'_>,
    view: &View<'_>,
    binding: &Binding,
    judged: &Judged<'_>,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let subjects: Vec<(&Subject, String)> = judged.everybody.iter().chain(&judged.foreign).cloned().collect();
    if subjects.is_empty() && judged.unclear.is_empty() {
        return Ok(());
    }
    let role = role_name(unit.name(), binding);
    let value = role_of(view, unit.name(), binding)?;
    let Some(value) = &*value else {
        out.note(format!("{role} does not exist: the binding gives nothing until somebody creates it"));
        return Ok(());
    };
    let culprits = culprits(&subjects);
    for (reason, powers) in [("ClusterWide", &REACHES[..]), ("Escalation", &ESCALATES[..])] {
        if let Some((power, rule)) = worst(&value.effect, powers).filter(|_| !culprits.is_empty()) {
            let message =
                format!("{} may {} of every tenant by {role}: {}", culprits.named(), may(power), briefly(rule));
            let finding = out.fail(reason, message).at(culprits.path());
            culprits.show(finding.seen(format!("{role}: {rule}")));
        }
    }
    value.complete()
}
