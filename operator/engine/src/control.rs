//! What a control is: a plain function over a view of one unit, and what is fixed about it.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    decode::{Object, Wanted},
    duration::Duration,
    finding::{Basis, Finding, Findings, Repair, Right, Severity},
    kind::{Kind, KindSet},
    name::ObjRef,
    object::{Body, Projection},
    unknown::Unknown,
    view::View,
    workload::WORKLOADS,
};

/// What is fixed about a control.
#[derive(Debug)]
pub struct Meta {
    /// `family/control`, the same in baselines, metrics, reports and docs.
    pub id: &'static str,
    /// One line for lists.
    pub title: &'static str,
    /// Severity of its findings unless they say otherwise.
    pub severity: Severity,
    /// How it reaches its verdicts.
    pub basis: Basis,
    /// What it judges one by one.
    pub unit: UnitKind,
    /// Every kind it may read, its subjects included: generates RBAC and the watch set, enforced by the view.
    pub reads: KindSet,
    /// The only grace: how long a new failure must persist. The control's default; baselines may set `failAfter`.
    pub fail_after: Duration,
    /// Criteria of frameworks it supports, such as `("SOC 2", "A1.2")`.
    pub mappings: &'static [(&'static str, &'static str)],
    /// Writes its safe repairs need.
    pub rights: &'static [Right],
    /// Its page (the README beside the code).
    pub page: &'static str,
}

impl Meta {
    /// The part of the id before `/`.
    pub fn family(&self) -> &'static str {
        self.id.split_once('/').map_or(self.id, |(family, _)| family)
    }
}

/// What a control judges one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnitKind {
    /// Each object of these kinds.
    Subject(&'static [Kind]),
    /// Each object of these kinds, and beside them the cluster as a whole for what no single one answers for.
    SubjectAndCluster(&'static [Kind]),
    /// Each workload at its top-most owner: workload kinds without a controller that is a workload itself.
    Workload,
    /// Each object of these kinds that neither a workload nor an object of these kinds controls: workloads at their
    /// top-most owner, which may be a custom resource.
    TopMost(&'static [Kind]),
    /// The same, and beside them the cluster as a whole for what no object of it answers for.
    TopMostAndCluster(&'static [Kind]),
    /// Each namespace.
    Namespace,
    /// Each namespace, and beside them the cluster as a whole for what no namespace answers for.
    NamespaceAndCluster,
    /// The cluster as a whole.
    Cluster,
}

impl UnitKind {
    /// The kinds whose objects are units.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Subject(kinds)
            | Self::SubjectAndCluster(kinds)
            | Self::TopMost(kinds)
            | Self::TopMostAndCluster(kinds) => kinds,
            Self::Workload => WORKLOADS,
            Self::Namespace | Self::NamespaceAndCluster => &[Kind::Namespace],
            Self::Cluster => &[],
        }
    }

    /// Whether the cluster as a whole is a unit.
    pub const fn has_cluster(self) -> bool {
        matches!(
            self,
            Self::Cluster
                | Self::NamespaceAndCluster
                | Self::SubjectAndCluster(_)
                | Self::TopMostAndCluster(_)
        )
    }

    /// Whether this object is a unit: workloads are judged at their top-most owner.
    pub fn takes(self, object: &Object) -> bool {
        match self {
            Self::Workload => object.is_workload(),
            Self::TopMost(kinds) | Self::TopMostAndCluster(kinds)
                if WORKLOADS.contains(&object.name.kind()) =>
            {
                !object.is_run_by(WORKLOADS) && !object.is_run_by(kinds)
            }
            // A claim that a StatefulSet owns is judged all the same; a custom resource that another one made is not.
            Self::TopMost(kinds) | Self::TopMostAndCluster(kinds) => {
                let custom: Vec<Kind> = kinds.iter().copied().filter(|k| !WORKLOADS.contains(k)).collect();
                !object.is_run_by(&custom)
            }
            _ => true,
        }
    }
}

/// One unit: a subject, a namespace or the cluster.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    name: &'a ObjRef,
    object: Option<&'a Object>,
}

impl<'a> Unit<'a> {
    pub(crate) fn new(name: &'a ObjRef, object: Option<&'a Object>) -> Self {
        Self { name, object }
    }

    /// The unit's name; for the cluster as a whole, a Namespace called `""`.
    pub fn name(&self) -> &'a ObjRef {
        self.name
    }

    /// The namespace the unit is in (or is), empty for cluster-scoped units.
    pub fn namespace(&self) -> &'a str {
        self.name.governing_namespace().unwrap_or_default()
    }

    /// Whether the unit is the cluster as a whole.
    pub fn is_cluster(&self) -> bool {
        self.object.is_none() && self.name.name().is_empty()
    }

    /// The subject with its metadata.
    pub fn object(&self) -> Result<&'a Object, Unknown> {
        self.object
            .ok_or_else(|| Unknown::new("NoSubject", "the unit has no object of its own"))
    }

    /// The subject's projection.
    pub fn get<T: Projection>(&self) -> Result<&'a T, Unknown> {
        project(self.object()?)
    }
}

/// The projection an object holds; Unknown when its body could not be read.
pub fn project<T: Projection>(object: &Object) -> Result<&T, Unknown> {
    let body: &Body = object.body.as_ref().map_err(|unparsed| {
        Unknown::new(
            "Unparsed",
            format!("{} cannot be read: {}", object.name, unparsed.why),
        )
    })?;
    T::of(body).ok_or_else(|| Unknown::new("Unparsed", format!("{} is of another kind", object.name)))
}

/// A control. Stateless: everything it knows comes from the unit, the view and its parameters.
pub trait Control: Send + Sync + 'static {
    /// What is fixed about it.
    const META: Meta;
    /// Its parameters; `Default` gives the documented defaults, `deny_unknown_fields` refuses misspelt ones.
    type Params: DeserializeOwned + Serialize + JsonSchema + Default + Send + Sync + 'static;

    /// Refuses parameters that contradict each other or are out of range.
    fn validate(_params: &Self::Params) -> Result<(), ParamError> {
        Ok(())
    }

    /// What it needs decoding to look for in confidential texts.
    fn wanted(_params: &Self::Params) -> Wanted {
        Wanted::default()
    }

    /// Judges one unit. Says nothing when it passes.
    fn check(
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Self::Params,
        out: &mut Findings,
    ) -> Result<(), Unknown>;

    /// The change that would repair one finding, if any can be told.
    fn repair(
        _unit: &Unit<'_>,
        _view: &View<'_>,
        _params: &Self::Params,
        _finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        Ok(None)
    }
}

/// A parameter that cannot be accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct ParamError {
    /// Path within the control's entry.
    pub field: String,
    /// What was found and what was expected.
    pub expected: String,
}

impl ParamError {
    /// `field` is a path within the control's entry.
    pub fn new(field: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            expected: expected.into(),
        }
    }
}

type Params = Arc<dyn Any + Send + Sync>;

/// A control of any type.
pub(crate) trait ErasedControl: Send + Sync {
    fn meta(&self) -> &'static Meta;
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;
    fn compile(&self, entry: &Map<String, Value>) -> Result<Params, ParamError>;
    fn defaults(&self) -> Value;
    fn wanted(&self, params: &Params) -> Wanted;
    fn check(
        &self,
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        out: &mut Findings,
    ) -> Result<(), Unknown>;
    fn repair(
        &self,
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown>;
}

struct Erased<C>(std::marker::PhantomData<fn() -> C>);

impl<C: Control> ErasedControl for Erased<C> {
    fn meta(&self) -> &'static Meta {
        const { &C::META }
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        C::Params::json_schema(generator)
    }

    fn compile(&self, entry: &Map<String, Value>) -> Result<Params, ParamError> {
        let params: C::Params =
            serde_path_to_error::deserialize(Value::Object(entry.clone())).map_err(|e| {
                ParamError::new(
                    e.path().to_string().trim_start_matches('.'),
                    e.inner().to_string(),
                )
            })?;
        C::validate(&params)?;
        Ok(Arc::new(params))
    }

    fn defaults(&self) -> Value {
        serde_json::to_value(C::Params::default()).unwrap_or_default()
    }

    fn wanted(&self, params: &Params) -> Wanted {
        downcast::<C>(params).map(C::wanted).unwrap_or_default()
    }

    fn check(
        &self,
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        out: &mut Findings,
    ) -> Result<(), Unknown> {
        C::check(unit, view, downcast::<C>(params)?, out)
    }

    fn repair(
        &self,
        unit: &Unit<'_>,
        view: &View<'_>,
        params: &Params,
        finding: &Finding,
    ) -> Result<Option<Repair>, Unknown> {
        C::repair(unit, view, downcast::<C>(params)?, finding)
    }
}

fn downcast<C: Control>(params: &Params) -> Result<&C::Params, Unknown> {
    params
        .downcast_ref()
        .ok_or_else(|| Unknown::new("InvalidParameters", "the parameters are of another control"))
}

/// The controls an operator knows, by id.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Arc<dyn ErasedControl>>);

impl Registry {
    /// Adds a control.
    #[must_use]
    pub fn with<C: Control>(mut self) -> Self {
        self.0
            .insert(C::META.id, Arc::new(Erased::<C>(std::marker::PhantomData)));
        self
    }

    /// What is fixed about each control, by id.
    pub fn metas(&self) -> impl Iterator<Item = &'static Meta> {
        self.0.values().map(|control| control.meta())
    }

    /// What is fixed about one control.
    pub fn meta(&self, id: &str) -> Option<&'static Meta> {
        self.0.get(id).map(|control| control.meta())
    }

    /// The schema of a control's parameters.
    pub fn schema(&self, id: &str, generator: &mut SchemaGenerator) -> Option<Schema> {
        self.0.get(id).map(|control| control.schema(generator))
    }

    /// The default parameters of a control.
    pub fn defaults(&self, id: &str) -> Option<Value> {
        self.0.get(id).map(|control| control.defaults())
    }

    /// Every kind some control reads: what the operator watches and may list.
    pub fn reads(&self) -> KindSet {
        self.metas()
            .fold(KindSet::of(&[Kind::Namespace]), |all, meta| all.union(meta.reads))
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Arc<dyn ErasedControl>> {
        self.0.get(id)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
