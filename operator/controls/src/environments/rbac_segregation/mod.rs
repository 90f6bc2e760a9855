//! `environments/rbac-segregation`: whoever works in one environment holds no rights in another.
//!
//! Cost: each binding is a unit. It reads where its own namespace and those of its subjects stand; where else a subject may
//! change things is a fact, computed once for all bindings that name it.

mod several;

use std::sync::Arc;

use plimsoll_engine::{
    control::{Control, Meta, Unit, UnitKind},
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

use crate::shared::rights::{AllowedSubject, Culprits, briefly, gives, is_allowed, may, role_name, role_of, worst};

/// The control.
pub struct RbacSegregation;

/// Parameters. Environments and platform namespaces stand in the baseline's `spec`.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// Who may work in several environments, such as the ServiceAccount that deploys from one to the next:
    /// `system:serviceaccount:NAMESPACE:NAME`, `User/NAME` or `Group/NAME`. Default: nobody.
    #[schemars(length(max = 256))]
    pub deployers: Vec<AllowedSubject>,
    /// Whether a group of people that may change things in production and in development fails; otherwise it is noted.
    /// Default: false.
    pub separate_human_groups: bool,
}

const PRODUCTION: &str = "production";
const DEVELOPMENT: &str = "development";

/// What counts as working in an environment that one holds cluster-wide.
const WORKS: [Power; 4] = [
    Power::EntersPods,
    Power::ReachesNodes,
    Power::ReadsSecrets,
    Power::WritesNamespaced,
];

impl Control for RbacSegregation {
    const META: Meta = Meta {
        id: "environments/rbac-segregation",
        title: "Whoever works in one environment holds no rights in another",
        severity: Severity::High,
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
            ("SOC 2", "CC6.3"),
            ("SOC 2", "CC8.1"),
            ("ISO 27001", "A.8.31"),
            ("GDPR", "32(1)(b)"),
        ],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        if view.settings()?.cluster_environment().is_some() {
            out.not_applicable("the cluster is of one environment");
            return Ok(());
        }
        let case = match Case::of(unit, view, params)? {
            Ok(case) => case,
            Err(why) => {
                out.not_applicable(why);
                return Ok(());
            }
        };
        let mut judged = case.judge();
        if !judged.found.is_empty() {
            case.report(&judged, out);
        }
        judged.notes.drain(..).for_each(|note| out.note(note));
        judged.unknown.map_or(Ok(()), Err)
    }

    fn repair(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        _finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        let Ok(case) = Case::of(unit, view, params)? else { return Ok(None) };
        let mut all = Culprits::default();
        case.judge().found.into_iter().for_each(|(_, culprits)| all.extend(culprits));
        let why = "removing a subject may lock people or controllers out";
        Ok(all.removed(unit.name(), case.binding, RepairClass::NeverAutomatic, why))
    }
}

/// One binding with what it is judged by.
struct Case<'a> {
    unit: &'a Unit<'a>,
    view: &'a View<'a>,
    params: &'a Params,
    binding: &'a Binding,
    /// Environment of a RoleBinding's namespace.
    environment: Option<Arc<str>>,
}

/// What was found of a binding, by reason.
#[derive(Default)]
struct Judged {
    found: Vec<(&'static str, Culprits)>,
    notes: Vec<String>,
    unknown: Option<Unknown>,
}

impl Judged {
    fn add(&mut self, reason: &'static str, subject: &Subject, said: String) {
        let place = self.found.iter().position(|(found, _)| *found == reason).unwrap_or_else(|| {
            self.found.push((reason, Culprits::default()));
            self.found.len() - 1
        });
        self.found[place].1.add(subject, said);
    }
}

impl<'a> Case<'a> {
    /// The inner error is why the binding is not judged.
    fn of(unit: &'a Unit<'a>, view: &'a View<'a>, params: &'a Params) -> Result<Result<Self, &'static str>, Unknown> {
        let binding: &Binding = unit.get()?;
        let mut environment = None;
        if unit.name().namespace().is_some() {
            let standing = view.standing()?;
            if standing.platform || standing.terminating {
                let why = if standing.platform { "belongs to the platform" } else { "is being deleted" };
                return Ok(Err(why));
            }
            environment.clone_from(&standing.environment);
        }
        Ok(Ok(Self {
            unit,
            view,
            params,
            binding,
            environment,
        }))
    }

    fn judge(&self) -> Judged {
        let mut judged = Judged::default();
        let own = self.unit.name().namespace();
        for subject in &self.binding.subjects {
            if is_allowed(subject, own.unwrap_or_default(), &self.params.deployers) {
                continue;
            }
            let outcome = match (own, subject.namespace(own.unwrap_or_default())) {
                (Some(own), Some(namespace)) if own == namespace => Ok(()),
                (Some(_), Some(namespace)) => self.account(namespace, subject, &mut judged),
                (None, Some(namespace)) => self.cluster_account(namespace, subject, &mut judged),
                (_, None) => self.group(subject, &mut judged),
            };
            if let Err(unknown) = outcome {
                judged.unknown.get_or_insert(unknown);
            }
        }
        judged
    }

    /// The environment of the namespace the binding is in.
    fn environment(&self) -> Result<&Arc<str>, Unknown> {
        self.environment.as_ref().ok_or_else(|| Unknown::environment(self.unit.namespace()))
    }

    fn gives(&self, powers: &[Power]) -> Result<bool, Unknown> {
        gives(self.view, self.unit.name(), self.binding, powers)
    }

    /// A ServiceAccount of another namespace, or all of that namespace.
    fn account(&self, namespace: &str, subject: &Subject, judged: &mut Judged) -> Result<(), Unknown> {
        let standing = self.view.standing_of(namespace)?;
        if standing.platform {
            return Ok(());
        }
        let Some(theirs) = &standing.environment else {
            // An account of no environment may still be seen to work in several.
            self.several(subject, judged)?;
            return Err(Unknown::environment(namespace));
        };
        if theirs != self.environment()? {
            judged.add("ForeignServiceAccount", subject, format!("of {theirs}"));
        }
        Ok(())
    }

    /// A ServiceAccount that is bound everywhere.
    fn cluster_account(&self, namespace: &str, subject: &Subject, judged: &mut Judged) -> Result<(), Unknown> {
        let standing = self.view.standing_of(namespace)?;
        if standing.platform || !self.gives(&WORKS)? {
            return Ok(());
        }
        let theirs = standing.environment.as_ref().ok_or_else(|| Unknown::environment(namespace))?;
        judged.add("ClusterWide", subject, format!("of {theirs}"));
        Ok(())
    }

    fn group(&self, subject: &Subject, judged: &mut Judged) -> Result<(), Unknown> {
        match subject.crowd() {
            Crowd::None if matches!(subject, Subject::Group(_)) && !subject.is_system() => self.people(subject, judged),
            Crowd::None | Crowd::AccountsOf(_) => Ok(()),
            Crowd::Accounts | Crowd::Authenticated | Crowd::Anonymous => {
                let changes = self.gives(&[Power::WritesNamespaced])?;
                let here = self.unit.name().namespace().is_none() || (changes && **self.environment()? == *PRODUCTION);
                if changes && here {
                    judged.add("Everybody", subject, String::new());
                }
                Ok(())
            }
        }
    }

    fn report(&self, judged: &Judged, out: &mut Findings) {
        let role = role_name(self.unit.name(), self.binding);
        let value = role_of(self.view, self.unit.name(), self.binding).ok();
        let value = value.as_deref().and_then(Option::as_ref);
        let worst = value.and_then(|value| worst(&value.effect, &WORKS));
        for (reason, culprits) in &judged.found {
            let message = self.message(reason, &culprits.named(), &role, worst);
            let mut finding = out.fail(reason, message).at(culprits.path());
            if let Some((_, rule)) = worst {
                finding = finding.seen(format!("{role}: {rule}"));
            }
            culprits.show(finding);
        }
    }

    fn message(&self, reason: &str, who: &str, role: &str, worst: Option<(Power, &str)>) -> String {
        let by = worst.map_or_else(String::new, |(_, rule)| format!(": {}", briefly(rule)));
        let what = worst.map_or("do something", |(power, _)| may(power));
        let here = self.environment.as_deref().unwrap_or("every environment");
        match reason {
            "ForeignServiceAccount" => {
                format!("{who} holds {role} in namespace {} of {here}{by}", self.unit.namespace())
            }
            "ClusterWide" => format!("{who} may {what} in every environment by {role}{by}"),
            "Everybody" => format!("{who} may {what} in {here} by {role}{by}"),
            _ => format!("{who} may change things here in {here} by {role}{by}"),
        }
    }
}
