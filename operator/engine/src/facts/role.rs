//! What roles give: each role's effect with what it gathers from others, and which ClusterRoles give everything.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    control::project,
    decode::Object,
    fact::Fact,
    inventory::IndexKey,
    kind::{Kind, KindSet},
    labels::Labels,
    name::ObjRef,
    object::{AGGREGATES, EVERYTHING, Role},
    rights::{
        Effect, Power, Powers,
        aggregate::{gathered, selectors},
        defaults, is_default,
    },
    selector::LabelSelector,
    unknown::Unknown,
    view::View,
};

const ROLES: KindSet = KindSet::of(&[Kind::Role, Kind::ClusterRole]);

/// What a role gives. A rule edited so that it gives the same runs nobody who reads this.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RoleEffect {
    /// The Role or ClusterRole.
    pub role: ObjRef,
}

/// What one role gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleValue {
    /// What its rules give, those it gathers included, as far as they can be seen.
    pub effect: Effect,
    /// Why there may be more.
    pub incomplete: Option<Unknown>,
}

impl RoleValue {
    /// Why there may be more, as a result.
    pub fn complete(&self) -> Result<(), Unknown> {
        self.incomplete.clone().map_or(Ok(()), Err)
    }
}

impl Fact for RoleEffect {
    const READS: KindSet = ROLES;
    /// `None` where there is no such role. Default ClusterRoles are always there: the API server creates them.
    type Value = Option<RoleValue>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let Some(root) = find(view, &self.role)? else {
            return Ok(None);
        };
        let mut incomplete = Ok(());
        let sources = gathered(root, |selector| select(view, selector, &mut incomplete));
        let mut effect = Effect::default();
        for source in std::iter::once(root).chain(sources) {
            let other = (source.name != root.name).then(|| source.name.name());
            match project::<Role>(source) {
                Ok(role) => role.rules.iter().for_each(|rule| effect.add(rule, other)),
                Err(unparsed) => incomplete = incomplete.and(Err(unparsed)),
            }
        }
        Ok(Some(RoleValue {
            effect,
            incomplete: incomplete.err(),
        }))
    }
}

/// What a role gives, without how: an edit that changes only the words runs nobody who reads this.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RolePowers {
    /// The Role or ClusterRole.
    pub role: ObjRef,
}

/// What one role gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PowersValue {
    /// As far as can be seen.
    pub powers: Powers,
    /// Why there may be more.
    pub incomplete: Option<Unknown>,
}

impl PowersValue {
    /// Whether the role gives one of these. Where none is seen, everything of it must be seen to say so.
    pub fn gives(&self, powers: &[Power]) -> Result<bool, Unknown> {
        match &self.incomplete {
            _ if self.powers.has_any(powers) => Ok(true),
            Some(unknown) => Err(unknown.clone()),
            None => Ok(false),
        }
    }
}

impl Fact for RolePowers {
    const READS: KindSet = ROLES;
    /// `None` where there is no such role.
    type Value = Option<PowersValue>;

    fn compute(&self, view: &View<'_>) -> Result<Self::Value, Unknown> {
        let value = view.fact(&RoleEffect {
            role: self.role.clone(),
        })?;
        Ok(Option::as_ref(&value).map(|value| PowersValue {
            powers: value.effect.powers(),
            incomplete: value.incomplete.clone(),
        }))
    }
}

/// A role by name, or the one that the API server creates under it.
fn find<'a>(view: &View<'a>, name: &ObjRef) -> Result<Option<&'a Object>, Unknown> {
    let found = view.object(name)?;
    Ok(found.or_else(|| defaults::role(name)))
}

/// The ClusterRoles that a selector of an aggregated one selects, the default ones included.
fn select<'a>(
    view: &View<'a>,
    selector: &LabelSelector,
    complete: &mut Result<(), Unknown>,
) -> Vec<&'a Object> {
    let kind = Kind::ClusterRole;
    let anchors = selector.anchors();
    let narrowest =
        view.narrowest(anchors.map(|(key, value)| IndexKey::Carries(kind, key.into(), value.into())));
    let (mut selected, all): (Vec<&Object>, _) = if let Some(key) = narrowest {
        let (found, all) = view.indexed_so_far(kind, &key);
        (found.collect(), all)
    } else {
        let (found, all) = view.all_so_far(kind);
        (found.collect(), all)
    };
    selected.retain(|role| selector.matches(&role.meta.labels));
    let mut note = |result: Result<(), Unknown>| *complete = std::mem::replace(complete, Ok(())).and(result);
    note(all);
    for default in defaults::roles().filter(|role| selector.matches(&role.meta.labels)) {
        match view.object(&default.name) {
            Ok(None) => selected.push(default),
            Ok(Some(_)) => {}
            Err(unknown) => note(Err(unknown)),
        }
    }
    selected
}

/// The ClusterRoles that gather their rules from others.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Aggregators;

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Aggregator {
    /// Its name.
    pub name: ObjRef,
    /// Its own labels: another one may gather from it.
    pub labels: Labels,
    /// Which ClusterRoles it gathers from: any of these.
    pub selectors: Vec<LabelSelector>,
    /// Whether the API server created it.
    pub is_default: bool,
}

impl Aggregator {
    fn of(role: &Object) -> Self {
        Self {
            name: role.name.clone(),
            labels: role.meta.labels.clone(),
            selectors: selectors(role)
                .filter(|s| s.validate().is_ok())
                .cloned()
                .collect(),
            is_default: is_default(role),
        }
    }

    /// Whether it gathers from a ClusterRole with these labels.
    pub fn takes(&self, labels: &Labels) -> bool {
        self.selectors.iter().any(|selector| selector.matches(labels))
    }

    /// Those of them that gather from a ClusterRole with these labels, directly or through each other.
    pub fn above<'r>(all: &'r [Self], labels: &Labels) -> Vec<&'r Self> {
        let mut above: Vec<&Self> = all.iter().filter(|aggregator| aggregator.takes(labels)).collect();
        let mut next = 0;
        while let Some(through) = above.get(next).copied() {
            next += 1;
            for further in all.iter().filter(|aggregator| aggregator.takes(&through.labels)) {
                if !above.iter().any(|known| known.name == further.name) {
                    above.push(further);
                }
            }
        }
        above
    }
}

impl Fact for Aggregators {
    const READS: KindSet = KindSet::of(&[Kind::ClusterRole]);
    type Value = Vec<Aggregator>;

    fn compute(&self, view: &View<'_>) -> Result<Vec<Aggregator>, Unknown> {
        let key = IndexKey::States(Kind::ClusterRole, AGGREGATES.into());
        let mut roles = view.indexed(Kind::ClusterRole, &key)?;
        for default in defaults::roles().filter(|role| selectors(role).next().is_some()) {
            if view.object(&default.name)?.is_none() {
                roles.push(default);
            }
        }
        Ok(roles.into_iter().map(Aggregator::of).collect())
    }
}

/// The ClusterRoles that give everything, as `cluster-admin` does.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AllPowerful;

/// Their names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AllPowerfulValue {
    /// By their own rules or by those they gather, as far as can be seen.
    pub names: BTreeSet<Arc<str>>,
    /// Why there may be more.
    pub incomplete: Option<Unknown>,
}

impl Fact for AllPowerful {
    const READS: KindSet = ROLES;
    type Value = AllPowerfulValue;

    fn compute(&self, view: &View<'_>) -> Result<AllPowerfulValue, Unknown> {
        let filed = |setting: &str| IndexKey::States(Kind::ClusterRole, setting.into());
        let (own, mut complete) = view.indexed_so_far(Kind::ClusterRole, &filed(EVERYTHING));
        let mut names: BTreeSet<Arc<str>> = own.map(|role| role.name.name().into()).collect();
        let (aggregated, _) = view.indexed_so_far(Kind::ClusterRole, &filed(AGGREGATES));
        let defaults = defaults::roles().filter(|role| role.name.name() == ADMIN);
        for role in aggregated
            .map(|role| &role.name)
            .chain(defaults.map(|role| &role.name))
        {
            let value = view.fact(&RolePowers { role: role.clone() });
            let gives = value.and_then(|value| match &*value {
                Some(value) => value.gives(&[Power::Everything]),
                None => Ok(false),
            });
            match gives {
                Ok(gives) => names.extend(gives.then(|| role.name().into())),
                Err(unknown) => complete = complete.and(Err(unknown)),
            }
        }
        Ok(AllPowerfulValue {
            names,
            incomplete: complete.err(),
        })
    }
}

const ADMIN: &str = "cluster-admin";
