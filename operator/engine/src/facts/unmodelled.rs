//! Network policies that are not modelled and may apply to a namespace's pods.

use std::sync::Arc;

use crate::{
    decode::Object,
    fact::Fact,
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{FOREIGN_POLICIES, ForeignPolicy},
    unknown::Unknown,
    view::View,
};

/// The first policy of a kind that is not modelled and that may select pods of a namespace. What NetworkPolicies alone say
/// of those pods proves nothing, in neither direction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct UnmodelledPolicy {
    /// The namespace.
    pub namespace: Arc<str>,
}

impl Fact for UnmodelledPolicy {
    const READS: KindSet = KindSet::of(FOREIGN_POLICIES).with(Kind::Namespace);
    /// Its resource and name, as kubectl takes them.
    type Value = Option<Box<str>>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let labels = view
            .object(&ObjRef::namespace_object(&self.namespace))?
            .map(|namespace| namespace.meta.labels.clone())
            .unwrap_or_default();
        for kind in FOREIGN_POLICIES {
            let found = if kind.info().namespaced {
                view.in_namespace(*kind, &self.namespace)?.first().copied()
            } else {
                let policies = view.all(*kind)?;
                policies.into_iter().find(|policy| {
                    // One that cannot be read may select anything.
                    crate::control::project::<ForeignPolicy>(policy)
                        .map_or(true, |p| p.may_select_in(&self.namespace, &labels))
                })
            };
            if let Some(policy) = found {
                return Ok(Some(named(policy)));
            }
        }
        Ok(None)
    }
}

/// Kinds of several groups are all called NetworkPolicy.
fn named(policy: &Object) -> Box<str> {
    let name = &policy.name;
    format!("{}/{}", name.kind().resource(), name.name()).into()
}
