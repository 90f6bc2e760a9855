//! Who may get at restored data and not at the data it was made of.

use std::{collections::BTreeSet, sync::Arc};

use plimsoll_engine::{
    control::project,
    decode::Object,
    facts::{Granted, GrantedValue, RolePowers},
    finding::Findings,
    kind::Kind,
    object::Binding,
    restore::{RESTORE_OF, targets},
    rights::{Power, Powers, Subject},
    unknown::Unknown,
    view::View,
};

use super::Params;
use crate::shared::rights::{Culprits, is_allowed, may, role_name};

/// What lets somebody read or take data of a namespace: its Secrets, its pods from within, and whatever mounts its volumes. From
/// the most to the least alarming.
const DATA: [Power; 5] = [
    Power::Everything,
    Power::EntersPods,
    Power::IssuesTokens,
    Power::ReadsSecrets,
    Power::WritesNamespaced,
];

/// Bindings of the test's namespace must give nobody more of these than he has where the data is at home. What
/// ClusterRoleBindings give, they give there too.
pub(super) fn check(
    namespace: &str,
    tests: &[&Object],
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let bindings = view.in_namespace(Kind::RoleBinding, namespace)?;
    if bindings.is_empty() {
        return Ok(());
    }
    let home = Home::of(namespace, tests);
    let mut complete = Ok(());
    for object in bindings {
        complete = complete.and(judge(object, namespace, &home, view, params, out));
    }
    complete
}

fn judge(
    object: &Object,
    namespace: &str,
    home: &Home,
    view: &View<'_>,
    params: &Params,
    out: &mut Findings,
) -> Result<(), Unknown> {
    let binding: &Binding = project(object)?;
    let Some(role) = binding.role(&object.name) else {
        return Ok(());
    };
    let role = view.fact(&RolePowers { role })?;
    let Some(role) = &*role else { return Ok(()) };
    let gives = role.powers.and(Powers::of(&DATA));
    // More of a role may give more.
    let complete = role.incomplete.clone().map_or(Ok(()), Err);
    if gives.is_empty() {
        return complete;
    }
    let mut culprits = Culprits::default();
    let mut more = Powers::default();
    for subject in binding.subjects.iter().filter(|subject| !subject.is_system()) {
        let subject = subject.in_namespace(namespace);
        if subject.namespace(namespace) == Some(namespace)
            || is_allowed(&subject, namespace, &params.allowed_subjects)
            || is_platform(&subject, view)?
        {
            continue;
        }
        let lacking = gives.without(home.powers(&subject, view)?);
        if !lacking.is_empty() {
            more = more.with(lacking);
            culprits.add(&subject, "");
        }
    }
    if let Some(power) = DATA.into_iter().find(|power| more.has(*power)) {
        let message = format!(
            "{} may {} here by {}, and not {}",
            culprits.named(),
            may(power),
            role_name(&object.name, binding),
            home.place()
        );
        let finding = out
            .fail("MoreAccess", message)
            .about(object.name.clone())
            .at(culprits.path());
        culprits.show(finding);
    }
    complete
}

fn is_platform(subject: &Subject, view: &View<'_>) -> Result<bool, Unknown> {
    match subject.namespace("") {
        Some(namespace) => Ok(view.standing_of(namespace)?.platform),
        None => Ok(false),
    }
}

/// Where the restored data is at home: the namespaces that the tests name.
struct Home(BTreeSet<Arc<str>>);

impl Home {
    fn of(namespace: &str, tests: &[&Object]) -> Self {
        let mut home = BTreeSet::new();
        for test in tests {
            let list = test.meta.annotations.get(RESTORE_OF).unwrap_or_default();
            let named = targets(list, namespace).map(|(of, _)| of);
            home.extend(named.filter(|of| *of != namespace).map(Arc::from));
        }
        Self(home)
    }

    /// What a subject is given wherever the data is at home: the least of it.
    fn powers(&self, subject: &Subject, view: &View<'_>) -> Result<Powers, Unknown> {
        if self.0.is_empty() {
            let why = "the tests do not name the namespace whose data they restore (plimsoll.dev/restore-of): who may get at it there cannot be compared";
            return Err(Unknown::new("OriginUnknown", why));
        }
        let everywhere = granted("".into(), view)?;
        let mut least = Powers::of(&DATA);
        for namespace in &self.0 {
            let there = granted(namespace.clone(), view)?;
            let held = there.of(subject).with(everywhere.of(subject));
            let lacking = Powers::of(&DATA).without(held);
            if !lacking.is_empty() {
                let unseen = there.incomplete.as_ref().or(everywhere.incomplete.as_ref());
                if let Some(unknown) = unseen {
                    return Err(unknown.clone());
                }
            }
            least = least.and(held);
        }
        Ok(least)
    }

    /// `in namespace shop, whose data is restored`.
    fn place(&self) -> String {
        let mut names = self.0.iter();
        match (names.next(), names.len()) {
            (None, _) => "where the data is from".into(),
            (Some(name), 0) => format!("in namespace {name}, whose data is restored"),
            (Some(name), more) => format!("in namespace {name} and {more} more, whose data is restored"),
        }
    }
}

fn granted(namespace: Arc<str>, view: &View<'_>) -> Result<Arc<GrantedValue>, Unknown> {
    view.fact(&Granted { namespace })
}
