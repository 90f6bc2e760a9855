//! What subjects are given, by name.

use std::{collections::BTreeMap, sync::Arc};

use super::RolePowers;
use crate::{
    control::project,
    fact::Fact,
    kind::{Kind, KindSet},
    object::Binding,
    rights::{Crowd, Powers, Subject},
    unknown::Unknown,
    view::View,
};

/// What the bindings of a namespace give each subject that they name; under the empty name, ClusterRoleBindings.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Granted {
    /// The namespace.
    pub namespace: Arc<str>,
}

/// What [`Granted`] yields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GrantedValue {
    /// As far as can be seen. A ServiceAccount has its namespace spelt out.
    pub subjects: BTreeMap<Subject, Powers>,
    /// Why there may be more.
    pub incomplete: Option<Unknown>,
}

impl Fact for Granted {
    const READS: KindSet =
        <RolePowers as Fact>::READS.union(KindSet::of(&[Kind::RoleBinding, Kind::ClusterRoleBinding]));
    type Value = GrantedValue;

    fn compute(&self, view: &View<'_>) -> Result<GrantedValue, Unknown> {
        let mut value = GrantedValue::default();
        let bindings = if self.namespace.is_empty() {
            view.all(Kind::ClusterRoleBinding)?
        } else {
            view.in_namespace(Kind::RoleBinding, &self.namespace)?
        };
        for object in bindings {
            let granted = project::<Binding>(object).and_then(|binding| {
                let role = binding
                    .role(&object.name)
                    .map(|role| view.fact(&RolePowers { role }));
                Ok((binding, role.transpose()?))
            });
            match granted {
                Err(unknown) => value.miss(unknown),
                Ok((binding, role)) => {
                    let Some(role) = role.as_deref().and_then(Option::as_ref) else {
                        continue;
                    };
                    value.grant(binding, role.powers, &self.namespace);
                    role.incomplete
                        .iter()
                        .for_each(|unknown| value.miss(unknown.clone()));
                }
            }
        }
        Ok(value)
    }
}

impl GrantedValue {
    fn miss(&mut self, unknown: Unknown) {
        self.incomplete.get_or_insert(unknown);
    }

    fn grant(&mut self, binding: &Binding, powers: Powers, namespace: &str) {
        for subject in &binding.subjects {
            let all = self.subjects.entry(subject.in_namespace(namespace)).or_default();
            *all = all.with(powers);
        }
    }

    /// What a subject is given under its own name, and as one of a crowd that the API server puts it in. Whoever names it in
    /// another group is not known.
    pub fn of(&self, subject: &Subject) -> Powers {
        let own = self.subjects.get(subject).copied().unwrap_or_default();
        let crowds = self.subjects.iter().filter(|(other, _)| includes(other, subject));
        crowds.fold(own, |sum, (_, powers)| sum.with(*powers))
    }
}

/// Whether everybody whom `subject` stands for is one of the crowd that `other` stands for.
fn includes(other: &Subject, subject: &Subject) -> bool {
    let namespace = subject.namespace("");
    match other.crowd() {
        Crowd::None => false,
        Crowd::AccountsOf(of) => namespace == Some(of),
        Crowd::Accounts => namespace.is_some(),
        Crowd::Authenticated => subject.crowd() != Crowd::Anonymous,
        Crowd::Anonymous => true,
    }
}
