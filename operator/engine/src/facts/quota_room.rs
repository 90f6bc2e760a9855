//! Whether a namespace's quotas have room for more pods.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    control::project,
    fact::Fact,
    kind::{Kind, KindSet},
    object::{QuotaStatus, ResourceQuota},
    quantity::Quantity,
    unknown::Unknown,
    view::View,
};

/// What stands in the way of so much more in a namespace: one line per quota and resource, empty where there is room.
///
/// The lines name no amounts: they would change with every pod that comes or goes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct QuotaRoom {
    /// The namespace.
    pub namespace: Arc<str>,
    /// What more is needed, by quota resource name; `None` where it cannot be told. Resources that are not listed are not
    /// needed.
    pub needed: BTreeMap<Box<str>, Option<Quantity>>,
}

impl Fact for QuotaRoom {
    const READS: KindSet = KindSet::of(&[Kind::ResourceQuota]);
    type Value = Vec<Box<str>>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<Box<str>>, Unknown> {
        let mut obstacles = Vec::new();
        for object in view.in_namespace(Kind::ResourceQuota, &self.namespace)? {
            let quota = project::<ResourceQuota>(object)?;
            for (resource, hard) in quota.spec.hard.iter().flatten() {
                let why = self.obstacle(resource, *hard, quota.status.as_ref());
                obstacles.extend(
                    why.map(|why| format!("quota {}: {resource} {why}", object.name.name()).into_boxed_str()),
                );
            }
        }
        Ok(obstacles)
    }
}

impl QuotaRoom {
    fn obstacle(&self, resource: &str, hard: Quantity, status: Option<&QuotaStatus>) -> Option<&'static str> {
        let Some(needed) = self.needed.get(resource)? else {
            return Some("is counted, and how much one more pod takes is not stated");
        };
        let used = status
            .and_then(|s| s.used.as_ref())
            .and_then(|used| used.get(resource));
        match used {
            None => Some("is counted, and how much of it is used is not known"),
            Some(used) if *used + *needed > hard => Some("has no room"),
            Some(_) => None,
        }
    }
}
