//! Network policies of other kinds that may apply to a namespace's pods.

use std::sync::Arc;

use super::reach::cluster_policy;
use crate::{
    decode::Object,
    fact::Fact,
    kind::{Kind, KindSet},
    labels::Labels,
    name::ObjRef,
    object::{ADMIN_POLICIES, Body, FOREIGN_POLICIES},
    unknown::Unknown,
    view::View,
};

/// The first policy that may select pods of a namespace and of which nothing is known: its kind is not modelled, or it cannot be
/// read. What other policies say of those pods proves nothing, in neither direction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct UnmodelledPolicy {
    /// The namespace.
    pub namespace: Arc<str>,
}

impl Fact for UnmodelledPolicy {
    const READS: KindSet = KindSet::of(FOREIGN_POLICIES)
        .union(KindSet::of(ADMIN_POLICIES))
        .with(Kind::Namespace);
    /// Its resource and name, as kubectl takes them.
    type Value = Option<Box<str>>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let labels = view
            .object(&ObjRef::namespace_object(&self.namespace))?
            .map(|namespace| namespace.meta.labels.clone())
            .unwrap_or_default();
        for kind in FOREIGN_POLICIES.iter().chain(ADMIN_POLICIES) {
            let found = if kind.info().namespaced {
                view.in_namespace(*kind, &self.namespace)?.first().copied()
            } else {
                let policies = view.all(*kind)?;
                policies
                    .into_iter()
                    .find(|policy| self.may_be_selected(&labels, policy))
            };
            if let Some(policy) = found {
                return Ok(Some(named(policy)));
            }
        }
        Ok(None)
    }
}

impl UnmodelledPolicy {
    /// One that cannot be read may select anything.
    fn may_be_selected(&self, labels: &Labels, policy: &Object) -> bool {
        match &policy.body {
            Ok(Body::ForeignPolicy(policy)) => policy.may_select_in(&self.namespace),
            Ok(Body::AdminPolicy(admin)) => cluster_policy(policy).is_err() && admin.may_select_in(labels),
            _ => true,
        }
    }
}

/// Kinds of several groups are all called NetworkPolicy.
fn named(policy: &Object) -> Box<str> {
    let name = &policy.name;
    format!("{}/{}", name.kind().resource(), name.name()).into()
}
