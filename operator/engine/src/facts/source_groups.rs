//! Whose namespaces reach an opening: its sources by tenant or environment.

use std::{collections::BTreeMap, sync::Arc};

use super::{SourcesOf, Standing};
use crate::{baseline::Settings, fact::Fact, kind::KindSet, reach::Sources, unknown::Unknown, view::View};

/// The sources of an opening by group. One value for all namespaces that are open alike: who asks for one of them takes its
/// own group out, which costs no walk over the others.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SourceGroups {
    /// The baseline's settings.
    pub settings: Arc<Settings>,
    /// The sources.
    pub sources: Sources,
    /// What makes a group.
    pub by: GroupBy,
}

/// What makes a group of namespaces.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the words say it")]
pub enum GroupBy {
    Tenant,
    Environment,
}

/// A group of namespaces.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Group {
    /// A tenant or environment by name.
    Named(Arc<str>),
    /// A namespace without a valid label: in questions of pairs a group of its own.
    Alone(Arc<str>),
}

/// The sources of an opening.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceGroupsValue {
    /// The namespaces of each group, by name; those of the platform are in none.
    pub groups: BTreeMap<Group, Vec<Arc<str>>>,
    /// How many namespaces all groups have together.
    pub total: usize,
    /// Namespaces of the platform, by name.
    pub platform: Vec<Arc<str>>,
}

impl SourceGroupsValue {
    /// How many namespaces are in other groups.
    pub fn outside(&self, own: &Group) -> usize {
        self.total - self.groups.get(own).map_or(0, Vec::len)
    }

    /// Namespaces of other groups, a group after the other.
    pub fn others<'a>(&'a self, own: &'a Group) -> impl Iterator<Item = (&'a Group, &'a Arc<str>)> {
        let others = self.groups.iter().filter(move |(group, _)| *group != own);
        others.flat_map(|(group, names)| names.iter().map(move |name| (group, name)))
    }
}

impl Group {
    /// The group of a namespace.
    pub fn of(
        settings: &Arc<Settings>,
        namespace: &Arc<str>,
        by: GroupBy,
        view: &View<'_>,
    ) -> Result<(Self, bool), Unknown> {
        let standing = view.fact(&Standing {
            settings: settings.clone(),
            namespace: namespace.clone(),
        })?;
        let label = match by {
            GroupBy::Tenant => &standing.tenant,
            GroupBy::Environment => &standing.environment,
        };
        let group = label
            .clone()
            .map_or_else(|| Self::Alone(namespace.clone()), Self::Named);
        Ok((group, standing.platform))
    }
}

impl Fact for SourceGroups {
    const READS: KindSet = SourcesOf::READS;
    type Value = SourceGroupsValue;

    fn compute(&self, view: &View<'_>) -> Result<SourceGroupsValue, Unknown> {
        let sources = view.fact(&SourcesOf(self.sources.clone()))?;
        let mut value = SourceGroupsValue::default();
        for namespace in &**sources {
            let (group, platform) = Group::of(&self.settings, namespace, self.by, view)?;
            if platform {
                value.platform.push(namespace.clone());
            } else {
                value.total += 1;
                value.groups.entry(group).or_default().push(namespace.clone());
            }
        }
        Ok(value)
    }
}
