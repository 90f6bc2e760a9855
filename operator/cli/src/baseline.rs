//! The baselines a command works with: a preset, a file, or an object of the cluster.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Result, bail};
use kube::ResourceExt;
use plimsoll_api::SecurityBaseline;
use plimsoll_engine::{
    baseline::{BaselineSpec, Compiled, Preset, Problem, Settings, compile},
    control::Registry,
    intake::Source,
};
use serde_json::{Map, Value};

use crate::own::{self, File};

/// The preset measured against where none is named.
pub(crate) const DEFAULT: &str = "essentials";

/// A baseline as given, before it is compiled.
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) spec: BaselineSpec,
    file: Option<(std::sync::Arc<File>, Source)>,
}

impl Given {
    /// A baseline that is nothing but a preset, under the preset's name.
    fn preset(name: &str) -> Self {
        Self {
            name: name.into(),
            spec: BaselineSpec {
                extends: vec![name.into()],
                ..BaselineSpec::default()
            },
            file: None,
        }
    }

    /// A baseline read from a cluster.
    pub(crate) fn from_cluster(object: &Value) -> Result<Self> {
        let decoded: SecurityBaseline = own::decode(object).map_err(|complaints| {
            let lines: Vec<String> = complaints
                .iter()
                .map(|c| format!("{}: {}", c.field, c.message))
                .collect();
            anyhow::anyhow!("{}", lines.join("\n"))
        })?;
        Ok(Self {
            name: decoded.name_any(),
            spec: decoded.spec.0,
            file: None,
        })
    }

    fn complain(&self, problem: &Problem) -> String {
        match &self.file {
            Some((file, source)) => file.complain(*source, &problem.field, &problem.message),
            None => format!("baseline {}: {}: {}", self.name, problem.field, problem.message),
        }
    }

    /// The environment a word means under this baseline, aliases included.
    pub(crate) fn environment(&self, word: &str) -> Option<std::sync::Arc<str>> {
        self.settings().normalise(word)
    }

    /// Scope, tenancy and environments with their defaults.
    pub(crate) fn settings(&self) -> Settings {
        Settings::new(&self.name, &self.spec, None)
    }

    /// Compiles it; what cannot be accepted is returned beside it.
    pub(crate) fn compile(
        &self,
        presets: &[Preset],
        registry: &Registry,
        environment: Option<&str>,
    ) -> (Compiled, Vec<String>) {
        let compiled = compile(&self.name, 1, &self.spec, presets, registry, environment);
        let complaints = compiled
            .problems
            .iter()
            .map(|problem| self.complain(problem))
            .collect();
        (compiled, complaints)
    }

    /// Everything in it that cannot be accepted.
    fn complaints(&self, presets: &[Preset], registry: &Registry) -> Vec<String> {
        let (compiled, mut complaints) = self.compile(presets, registry, None);
        if complaints.is_empty() && compiled.explain().next().is_none() {
            complaints.push(self.complain(&Problem {
                field: "spec.controls".into(),
                message: "expected at least one control that is not Disabled".into(),
            }));
        }
        complaints
    }

    /// Keeps only some controls.
    pub(crate) fn restrict(&mut self, presets: &[Preset], wanted: &[String]) {
        let mut controls: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for preset in presets
            .iter()
            .filter(|preset| self.spec.extends.contains(&preset.name))
        {
            for id in preset.controls.keys() {
                controls.entry(id.clone()).or_default();
            }
        }
        for id in controls
            .keys()
            .chain(self.spec.controls.keys())
            .cloned()
            .collect::<Vec<_>>()
        {
            if !wanted.contains(&id) {
                let entry = self.spec.controls.entry(id).or_default();
                *entry = Map::from_iter([("mode".to_owned(), Value::from("Disabled"))]);
            }
        }
    }
}

/// The baselines that a name means: a preset, or those in a file.
pub(crate) fn load(name: &str, presets: &[Preset], registry: &Registry) -> Result<Vec<Given>> {
    if presets.iter().any(|preset| preset.name == name) {
        return Ok(vec![Given::preset(name)]);
    }
    if !Path::new(name).exists() {
        bail!(
            "no preset and no file is called {name:?}; presets: {}",
            names(presets)
        );
    }
    from_file(File::open(name)?, presets, registry)
}

pub(crate) fn names(presets: &[Preset]) -> String {
    presets
        .iter()
        .map(|preset| preset.name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Every baseline of a file. All that is wrong with it is told at once.
fn from_file(file: File, presets: &[Preset], registry: &Registry) -> Result<Vec<Given>> {
    let file = std::sync::Arc::new(file);
    let (objects, mut complaints) = file.of_kind("SecurityBaseline");
    let mut given: Vec<Given> = Vec::new();
    for object in &objects {
        match own::decode::<SecurityBaseline>(&object.value) {
            Err(wrong) => complaints.extend(
                wrong
                    .iter()
                    .map(|c| file.complain(object.source, &c.field, &c.message)),
            ),
            Ok(decoded) if given.iter().any(|other| other.name == decoded.name_any()) => {
                complaints.push(file.complain(
                    object.source,
                    "metadata.name",
                    &format!(
                        "{:?} is given twice, expected different names",
                        decoded.name_any()
                    ),
                ));
            }
            Ok(decoded) => given.push(Given {
                name: decoded.name_any(),
                spec: decoded.spec.0,
                file: Some((file.clone(), object.source)),
            }),
        }
    }
    for given in &given {
        complaints.extend(given.complaints(presets, registry));
    }
    if !complaints.is_empty() {
        bail!("the baseline cannot be accepted\n{}", complaints.join("\n"));
    }
    if given.is_empty() {
        bail!(
            "{}: expected a SecurityBaseline of plimsoll.dev/v1alpha1, found none",
            file.name
        );
    }
    Ok(given)
}
