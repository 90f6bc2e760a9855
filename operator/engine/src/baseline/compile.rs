//! From what is written to what is evaluated: presets merged, parameters decoded, problems named.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

use serde_json::{Map, Value};

use super::{
    settings::Settings,
    spec::{BaselineSpec, Mode},
};
use crate::{
    control::{ErasedControl, Meta, Registry},
    decode::Wanted,
    duration::Duration,
    finding::Severity,
};

/// A named set of controls that baselines can extend.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The name used in `extends`.
    pub name: String,
    /// Its controls with parameters.
    pub controls: BTreeMap<String, Map<String, Value>>,
}

/// Where an effective value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Nobody set it: the control's documented default.
    Default,
    /// `spec.mode` of the baseline.
    SpecMode,
    /// A preset in `extends`.
    Preset(String),
    /// The baseline itself.
    Baseline,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::SpecMode => f.write_str("spec.mode"),
            Self::Preset(name) => write!(f, "preset {name}"),
            Self::Baseline => f.write_str("baseline"),
        }
    }
}

/// Something in a baseline that cannot be accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Path of the field, such as `spec.controls.backup/recent-success.maxAge`.
    pub field: String,
    /// What was found and what was expected.
    pub message: String,
}

/// A baseline ready to be evaluated.
#[derive(Clone)]
pub struct Compiled {
    /// Its name.
    pub name: Arc<str>,
    /// What holds for every control.
    pub settings: Arc<Settings>,
    /// `metadata.generation` it was compiled from.
    pub generation: i64,
    /// `spec.mode` with its default.
    pub mode: Mode,
    /// Most changes to one object in one hour.
    pub max_changes_per_hour: u32,
    /// What cannot be accepted; the rest is evaluated all the same.
    pub problems: Vec<Problem>,
    pub(crate) entries: Vec<Arc<Entry>>,
}

/// One control of a baseline.
pub(crate) struct Entry {
    pub(crate) settings: Arc<Settings>,
    pub(crate) control: Arc<dyn ErasedControl>,
    pub(crate) params: Result<Arc<dyn Any + Send + Sync>, Problem>,
    pub(crate) mode: Mode,
    pub(crate) severity: Severity,
    pub(crate) fail_after: Duration,
    pub(crate) values: BTreeMap<String, (Value, Origin)>,
}

impl Entry {
    /// Whether evaluation under both would be the same.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.settings == other.settings
            && self.control.meta().id == other.control.meta().id
            && self.params.is_ok() == other.params.is_ok()
            && self.values == other.values
            && (self.mode, self.severity, self.fail_after) == (other.mode, other.severity, other.fail_after)
    }
}

impl Compiled {
    /// What its controls need decoding to look for.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = Wanted> {
        let accepted = self.entries.iter().filter_map(|entry| {
            let params = entry.params.as_ref().ok()?;
            Some(entry.control.wanted(params))
        });
        accepted.filter(|wanted| *wanted != Wanted::default())
    }

    /// The effective parameters of each control that is evaluated, with where each came from.
    pub fn explain(&self) -> impl Iterator<Item = (&'static str, &BTreeMap<String, (Value, Origin)>)> {
        self.entries
            .iter()
            .map(|entry| (entry.control.meta().id, &entry.values))
    }

    /// What is fixed about each control that is evaluated.
    pub fn metas(&self) -> impl Iterator<Item = &'static Meta> {
        self.entries.iter().map(|entry| entry.control.meta())
    }

    /// The mode in force for a control; `None` if it is not evaluated.
    pub fn mode_of(&self, control: &str) -> Option<Mode> {
        self.entries
            .iter()
            .find(|entry| entry.control.meta().id == control)
            .map(|entry| entry.mode)
    }
}

/// Compiles a baseline. Never fails as a whole: what cannot be accepted is a problem, and its control Unknown.
pub fn compile(
    name: &str,
    generation: i64,
    spec: &BaselineSpec,
    presets: &[Preset],
    registry: &Registry,
    assumed_environment: Option<&str>,
) -> Compiled {
    let mut problems = selector_problems(spec);
    let settings = Arc::new(Settings::new(
        name,
        &valid_selectors_only(spec),
        assumed_environment,
    ));
    let mode = spec.mode.unwrap_or_default();
    let mut entries = Vec::new();
    for (id, values) in merge(spec, presets, &mut problems) {
        let Some(control) = registry.get(&id) else {
            problems.push(Problem {
                field: format!("spec.controls.{id}"),
                message: unknown_control(&id, registry),
            });
            continue;
        };
        let entry = entry(&settings, control, mode, values);
        if let Err(problem) = &entry.params {
            problems.push(problem.clone());
        }
        if entry.mode != Mode::Disabled {
            entries.push(Arc::new(entry));
        }
    }
    let max_changes_per_hour = spec
        .remediation
        .as_ref()
        .and_then(|r| r.max_changes_per_object_per_hour)
        .unwrap_or(3);
    Compiled {
        name: name.into(),
        settings,
        generation,
        mode,
        max_changes_per_hour,
        problems,
        entries,
    }
}

type Values = BTreeMap<String, (Value, Origin)>;

/// Merges presets and the baseline, parameter by parameter: later wins, lists replace.
fn merge(spec: &BaselineSpec, presets: &[Preset], problems: &mut Vec<Problem>) -> BTreeMap<String, Values> {
    let mut merged: BTreeMap<String, Values> = BTreeMap::new();
    let mut lay = |controls: &BTreeMap<String, Map<String, Value>>, origin: &Origin| {
        for (id, entry) in controls {
            let values = merged.entry(id.clone()).or_default();
            values.extend(
                entry
                    .iter()
                    .map(|(k, v)| (k.clone(), (v.clone(), origin.clone()))),
            );
        }
    };
    for (i, name) in spec.extends.iter().enumerate() {
        match presets.iter().find(|preset| preset.name == *name) {
            Some(preset) => lay(&preset.controls, &Origin::Preset(name.clone())),
            None => problems.push(Problem {
                field: format!("spec.extends[{i}]"),
                message: format!("no preset is called {name:?}; there is: {}", names(presets)),
            }),
        }
    }
    lay(&spec.controls, &Origin::Baseline);
    merged
}

fn names(presets: &[Preset]) -> String {
    presets
        .iter()
        .map(|p| p.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

fn unknown_control(id: &str, registry: &Registry) -> String {
    let name = id.rsplit('/').next().unwrap_or(id);
    let close = registry
        .metas()
        .map(|m| m.id)
        .find(|known| known.ends_with(name) || id.ends_with(&known[..known.len() - 1]));
    match close {
        Some(known) => format!("no control is called {id:?}; did you mean {known:?}?"),
        None => format!("no control is called {id:?}; `plimsoll explain` lists them"),
    }
}

fn entry(
    settings: &Arc<Settings>,
    control: &Arc<dyn ErasedControl>,
    spec_mode: Mode,
    mut values: Values,
) -> Entry {
    let meta = control.meta();
    let mut problem = None;
    let mode = reserved(&values, "mode", meta.id, &mut problem);
    let severity = reserved(&values, "severity", meta.id, &mut problem);
    let fail_after = reserved(&values, "failAfter", meta.id, &mut problem);
    let own: Map<String, Value> = values
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "mode" | "severity" | "failAfter"))
        .map(|(key, (value, _))| (key.clone(), value.clone()))
        .collect();
    let params = control.compile(&own).map_err(|e| Problem {
        field: ["spec.controls", meta.id, &e.field]
            .into_iter()
            .filter(|p| !p.is_empty())
            .collect::<Vec<_>>()
            .join("."),
        message: e.expected,
    });
    fill_defaults(&mut values, control.defaults(), spec_mode, meta);
    Entry {
        settings: settings.clone(),
        control: control.clone(),
        params: problem.map_or(params, Err),
        mode: mode.unwrap_or(spec_mode),
        severity: severity.unwrap_or(meta.severity),
        fail_after: fail_after.unwrap_or(meta.fail_after),
        values,
    }
}

/// Decodes one of the fields that every entry may have.
fn reserved<T: serde::de::DeserializeOwned>(
    values: &Values,
    key: &str,
    id: &str,
    problem: &mut Option<Problem>,
) -> Option<T> {
    let (value, _) = values.get(key)?;
    match serde_json::from_value(value.clone()) {
        Ok(decoded) => Some(decoded),
        Err(e) => {
            problem.get_or_insert(Problem {
                field: format!("spec.controls.{id}.{key}"),
                message: e.to_string(),
            });
            None
        }
    }
}

fn fill_defaults(values: &mut Values, defaults: Value, spec_mode: Mode, meta: &crate::control::Meta) {
    if let Value::Object(defaults) = defaults {
        for (key, value) in defaults {
            values.entry(key).or_insert((value, Origin::Default));
        }
    }
    let mut own = |key: &str, value: Result<Value, serde_json::Error>, origin: Origin| {
        values
            .entry(key.into())
            .or_insert((value.unwrap_or_default(), origin));
    };
    own("mode", serde_json::to_value(spec_mode), Origin::SpecMode);
    own("severity", serde_json::to_value(meta.severity), Origin::Default);
    own(
        "failAfter",
        serde_json::to_value(meta.fail_after),
        Origin::Default,
    );
}

/// Selectors that do not parse: reported, and never treated as "everything".
fn selector_problems(spec: &BaselineSpec) -> Vec<Problem> {
    let scope = spec.scope.as_ref().and_then(|s| s.namespace_selector.as_ref());
    let platform = spec.platform.as_ref().and_then(|p| p.namespace_selector.as_ref());
    [
        ("spec.scope.namespaceSelector", scope),
        ("spec.platform.namespaceSelector", platform),
    ]
    .into_iter()
    .filter_map(|(field, selector)| {
        selector?.validate().err().map(|e| Problem {
            field: field.into(),
            message: e.to_string(),
        })
    })
    .collect()
}

/// A scope that cannot be read judges everything: looking at too much is visible, looking at nothing is not.
fn valid_selectors_only(spec: &BaselineSpec) -> BaselineSpec {
    let mut spec = spec.clone();
    if let Some(scope) = &mut spec.scope {
        scope.namespace_selector = scope.namespace_selector.take().filter(|s| s.validate().is_ok());
    }
    if let Some(platform) = &mut spec.platform {
        platform.namespace_selector = platform
            .namespace_selector
            .take()
            .filter(|s| s.validate().is_ok());
    }
    spec
}
