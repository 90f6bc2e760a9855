//! Controls and facts that misbehave on request, by a label of the Deployment they judge.

use std::sync::Arc;

use plimsoll_engine::{
    control::{Control, Meta, Registry, Unit, UnitKind},
    duration::Duration,
    fact::Fact,
    finding::{Basis, Findings, Severity},
    kind::{Kind, KindSet},
    name::ObjRef,
    observation::Observed,
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {}

const fn meta(id: &'static str, reads: KindSet) -> Meta {
    Meta {
        id,
        title: "A toy",
        severity: Severity::High,
        basis: Basis::Automated,
        unit: UnitKind::Subject(&[Kind::Deployment]),
        reads,
        fail_after: Duration::from_mins(5),
        mappings: &[],
        rights: &[],
        page: "",
    }
}

const DEPLOYMENTS: KindSet = KindSet::of(&[Kind::Deployment]);
const MAPS: KindSet = KindSet::of(&[Kind::Deployment, Kind::ConfigMap]);

/// Does what the label `act` of the Deployment says: `fail`, `panic`, or reading a kind that is not declared.
pub(crate) struct Acts;

impl Control for Acts {
    const META: Meta = meta("toy/acts", DEPLOYMENTS);
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, _: &Params, out: &mut Findings) -> Result<(), Unknown> {
        match unit.object()?.meta.labels.get("act") {
            Some("panic") => panic!("as asked"),
            Some("undeclared") => view.in_namespace(Kind::Pod, unit.namespace()).map(drop)?,
            Some("fail") => _ = out.fail("Asked", "was asked to fail"),
            _ => {}
        }
        Ok(())
    }
}

/// Reads a fact that panics while the ConfigMap `mood` is labelled `bad`.
pub(crate) struct Moody;

impl Control for Moody {
    const META: Meta = meta("toy/moody", MAPS);
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, _: &Params, _: &mut Findings) -> Result<(), Unknown> {
        view.fact(&Mood {
            namespace: unit.namespace().into(),
        })
        .map(drop)
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Mood {
    namespace: Arc<str>,
}

impl Fact for Mood {
    const READS: KindSet = KindSet::of(&[Kind::ConfigMap]);
    type Value = ();

    fn compute(&self, view: &View<'_>) -> Result<(), Unknown> {
        let mood = view.object(&ObjRef::new(Kind::ConfigMap, self.namespace.clone(), "mood"))?;
        assert!(
            mood.is_none_or(|map| map.meta.labels.get("mood") != Some("bad")),
            "in a bad mood"
        );
        Ok(())
    }
}

/// Passes at high tide.
pub(crate) struct Tidal;

impl Control for Tidal {
    const META: Meta = meta("toy/tidal", DEPLOYMENTS);
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, _: &Params, out: &mut Findings) -> Result<(), Unknown> {
        match view.observed::<Tide>(&unit.name().name().to_owned()) {
            None => Err(Unknown::new("NotObserved", "nobody looked at the sea")),
            Some(Tide { high }) => {
                if !high {
                    out.fail("LowTide", "the tide is low");
                }
                Ok(())
            }
        }
    }
}

/// What somebody saw of the sea, by the name of a Deployment.
#[derive(PartialEq, Debug)]
pub(crate) struct Tide {
    pub(crate) high: bool,
}

impl Observed for Tide {
    type Key = String;
}

/// Reads two facts that read each other.
pub(crate) struct Circular;

impl Control for Circular {
    const META: Meta = meta("toy/circular", MAPS);
    type Params = Params;

    fn check(unit: &Unit<'_>, view: &View<'_>, _: &Params, _: &mut Findings) -> Result<(), Unknown> {
        let round = view.fact(&Round {
            namespace: unit.namespace().into(),
            turn: 0,
        })?;
        assert!(*round < 1_000, "went round and round");
        Ok(())
    }
}

/// A fact that makes something of its own value: it would grow for ever.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Round {
    namespace: Arc<str>,
    turn: u8,
}

impl Fact for Round {
    const READS: KindSet = KindSet::of(&[Kind::ConfigMap]);
    type Value = u64;

    fn compute(&self, view: &View<'_>) -> Result<u64, Unknown> {
        view.in_namespace(Kind::ConfigMap, &self.namespace)?;
        let other = Self {
            turn: 1 - self.turn,
            ..self.clone()
        };
        Ok(view.fact(&other).map_or(1, |n| *n + 1))
    }
}

pub(crate) fn registry() -> Registry {
    Registry::default()
        .with::<Acts>()
        .with::<Moody>()
        .with::<Circular>()
        .with::<Tidal>()
}
