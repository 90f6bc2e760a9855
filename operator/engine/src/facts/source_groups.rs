//! Whose namespaces reach an opening: its sources by tenant or environment.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use super::{SourcesOf, Standing};
use crate::{
    baseline::Settings,
    fact::Fact,
    kind::{Kind, KindSet},
    reach::Sources,
    unknown::Unknown,
    view::View,
};

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

/// A group of namespaces: a tenant's, or those of an environment.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Group {
    /// A tenant or environment by name.
    Named(Arc<str>),
    /// A namespace without a valid label: in questions of pairs a group of its own.
    Alone(Arc<str>),
}

/// Namespaces by group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourceGroupsValue {
    /// The namespaces of each group, by name; those of the platform are in none.
    pub groups: BTreeMap<Group, Vec<Arc<str>>>,
    /// How many namespaces all groups have together.
    pub total: usize,
    /// Namespaces of the platform, by name.
    pub platform: Vec<Arc<str>>,
    /// Namespaces whose labels are not known, so that no group can be told.
    pub unknown: Vec<Arc<str>>,
}

impl SourceGroupsValue {
    /// How many namespaces are in other groups.
    pub fn outside(&self, own: &Group) -> usize {
        self.total - self.groups.get(own).map_or(0, Vec::len)
    }

    /// Namespaces of other groups, each group after the other, beginning behind the asking one and going round: so that not
    /// everybody names the same few.
    pub fn others<'a>(
        &'a self,
        own: &'a Group,
        namespace: &str,
    ) -> impl Iterator<Item = (&'a Group, &'a Arc<str>)> {
        let behind = (Bound::Excluded(own), Bound::Unbounded);
        let groups = self.groups.range(behind).chain(self.groups.range(..own));
        groups.flat_map(move |(group, names)| {
            let at = names.partition_point(|name| **name <= *namespace);
            let (before, behind) = names.split_at(at);
            behind.iter().chain(before).map(move |name| (group, name))
        })
    }

    fn add(&mut self, namespace: &Arc<str>, membership: Membership) {
        match membership {
            Membership::Platform => self.platform.push(namespace.clone()),
            Membership::NotKnown => self.unknown.push(namespace.clone()),
            Membership::In(group) => {
                self.total += 1;
                self.groups.entry(group).or_default().push(namespace.clone());
            }
        }
    }
}

/// Which group a namespace is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Membership {
    /// It belongs to the platform, and to no group.
    Platform,
    /// Its labels are not known.
    NotKnown,
    /// It is of a group.
    In(Group),
}

impl Membership {
    /// The membership of a namespace.
    pub fn of(
        settings: &Arc<Settings>,
        namespace: &Arc<str>,
        by: GroupBy,
        view: &View<'_>,
    ) -> Result<Self, Unknown> {
        let standing = view.fact(&Standing {
            settings: settings.clone(),
            namespace: namespace.clone(),
        })?;
        let label = match by {
            GroupBy::Tenant => standing.tenant.as_ref(),
            // Where the cluster has one environment, a namespace without a label is of that one.
            GroupBy::Environment => standing.environment.as_ref().or(settings.cluster_environment()),
        };
        Ok(match label {
            _ if standing.platform => Self::Platform,
            Some(label) => Self::In(Group::Named(label.clone())),
            None if standing.known => Self::In(Group::Alone(namespace.clone())),
            None => Self::NotKnown,
        })
    }
}

impl Fact for SourceGroups {
    const READS: KindSet = SourcesOf::READS;
    type Value = SourceGroupsValue;

    fn compute(&self, view: &View<'_>) -> Result<SourceGroupsValue, Unknown> {
        let sources = view.fact(&SourcesOf(self.sources.clone()))?;
        let mut value = SourceGroupsValue::default();
        for namespace in &**sources {
            value.add(
                namespace,
                Membership::of(&self.settings, namespace, self.by, view)?,
            );
        }
        Ok(value)
    }
}

/// What matters of the sources of an opening to the namespaces of one group. It stays equal while namespaces of their own
/// come and go, so that in a cluster of one group nobody runs for them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SourcesBeside {
    /// The sources by group.
    pub groups: SourceGroups,
    /// The group that asks.
    pub own: Group,
}

/// The sources of an opening, but for those of one group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourcesBesideValue {
    /// How many namespaces are in other groups.
    pub count: usize,
    /// The first namespaces of the platform, by name.
    pub platform: Box<[Arc<str>]>,
    /// The first namespace whose labels are not known.
    pub unknown: Option<Arc<str>>,
}

/// How many namespaces of the platform are told.
const EXAMPLES: usize = 20;

impl Fact for SourcesBeside {
    const READS: KindSet = SourcesOf::READS;
    type Value = SourcesBesideValue;

    fn compute(&self, view: &View<'_>) -> Result<SourcesBesideValue, Unknown> {
        let groups = view.fact(&self.groups)?;
        Ok(SourcesBesideValue {
            count: groups.outside(&self.own),
            platform: groups.platform.iter().take(EXAMPLES).cloned().collect(),
            unknown: groups.unknown.first().cloned(),
        })
    }
}

/// All namespaces by group.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NamespaceGroups {
    /// The baseline's settings.
    pub settings: Arc<Settings>,
    /// What makes a group.
    pub by: GroupBy,
}

impl Fact for NamespaceGroups {
    const READS: KindSet = KindSet::of(&[Kind::Namespace]);
    type Value = SourceGroupsValue;

    fn compute(&self, view: &View<'_>) -> Result<SourceGroupsValue, Unknown> {
        let mut names: Vec<Arc<str>> = view
            .names(Kind::Namespace)?
            .map(|name| name.name().into())
            .collect();
        names.sort_unstable();
        let mut value = SourceGroupsValue::default();
        for namespace in &names {
            value.add(
                namespace,
                Membership::of(&self.settings, namespace, self.by, view)?,
            );
        }
        Ok(value)
    }
}
