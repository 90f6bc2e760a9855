//! What random clusters are made of: the objects and parameters of every control's fixtures, and mutations of them. A
//! control that is added brings its own.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use plimsoll_engine::{
    baseline::{Compiled, compile},
    decode::{DecodePlan, Object, decode_json_under},
    kind::Kind,
    manifest::{documents, parse, split},
};
use serde_json::{Map, Value, json};

use crate::dice::Dice;

/// An object as it would be sent: its kind, and JSON with a namespace where one is needed.
pub(crate) type Template = (Kind, Value);

/// Most objects of one random cluster.
const CAST: usize = 15;

/// Everything found in the fixtures.
pub(crate) struct Pool {
    /// The objects of each fixture.
    pub(crate) scenes: Vec<Vec<Template>>,
    /// The controls, with the parameters their fixtures use.
    pub(crate) params: BTreeMap<String, Vec<Map<String, Value>>>,
    /// The rest of the baselines that fixtures use.
    specs: Vec<Map<String, Value>>,
    /// Every value that stands under a key somewhere, by key: what a mutation puts there.
    values: BTreeMap<String, Vec<Value>>,
}

pub(crate) static POOL: LazyLock<Pool> = LazyLock::new(Pool::read);

impl Pool {
    fn read() -> Self {
        let mut pool = Self {
            scenes: Vec::new(),
            params: BTreeMap::new(),
            specs: Vec::new(),
            values: BTreeMap::new(),
        };
        for meta in plimsoll_controls::registry().metas() {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src")
                .join(meta.id.replace('-', "_"))
                .join("fixtures");
            let params = pool.params.entry(meta.id.into()).or_default();
            params.push(Map::new());
            let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
            files.sort();
            for file in files {
                let text = std::fs::read_to_string(file).unwrap();
                let head = |key: &str| {
                    let prefix = format!("# {key}: ");
                    let line = text.lines().find_map(|line| line.strip_prefix(&*prefix))?;
                    Some(as_json(line).as_object().unwrap().clone())
                };
                params.extend(head("params"));
                pool.specs.extend(head("spec"));
                pool.scenes.push(templates(&text));
            }
        }
        // Fixtures of what no object says have none.
        pool.scenes.retain(|scene| !scene.is_empty());
        let mut values = BTreeMap::new();
        for (_, template) in pool.scenes.iter().flatten() {
            collect(template, &mut values);
        }
        for found in values.values_mut() {
            found.sort_by_key(Value::to_string);
            found.dedup();
        }
        pool.values = values;
        pool
    }

    /// A small cluster: objects of one fixture or two.
    pub(crate) fn cast(&self, dice: &mut Dice) -> Vec<Template> {
        let mut cast = dice.pick(&self.scenes).clone();
        if dice.chance(2) {
            cast.extend(dice.pick(&self.scenes).clone());
        }
        dice.shuffle(&mut cast);
        // Without their namespaces most objects say little.
        cast.sort_by_key(|(kind, _)| *kind != Kind::Namespace);
        cast.truncate(CAST);
        cast
    }

    /// A baseline: some controls with parameters of their fixtures, and settings of some fixture, varied.
    pub(crate) fn spec(&self, dice: &mut Dice) -> Value {
        let mut spec = if dice.chance(2) && !self.specs.is_empty() {
            dice.pick(&self.specs).clone()
        } else {
            Map::new()
        };
        if dice.chance(3) {
            let scopes = [
                json!({"namespaceSelector": {"matchLabels": {"team": "x"}}}),
                json!({"namespaceSelector": {"matchExpressions": [{"key": "plimsoll.dev/environment", "operator": "In", "values": ["production"]}]}}),
                json!({"excludeNamespaces": ["shop", "a"]}),
            ];
            spec.insert("scope".into(), dice.pick(&scopes).clone());
        }
        if dice.chance(3) {
            let environments = [
                json!({"allowed": ["production", "staging"]}),
                json!({"allowed": ["odd", "production"]}),
                json!({"fallbackKeys": ["team"]}),
                json!({"labelKey": "team", "allowed": ["x", "y"]}),
                json!({"overrides": [{"namespace": "shop", "environment": "production"}]}),
            ];
            spec.insert("environments".into(), dice.pick(&environments).clone());
        }
        if dice.chance(4) {
            let tenancies = [
                json!({"mode": "None"}),
                json!({"labelKey": "team"}),
                json!({"fallbackKeys": ["team"]}),
            ];
            spec.insert("tenancy".into(), dice.pick(&tenancies).clone());
        }
        if dice.chance(3) {
            spec.insert(
                "mode".into(),
                dice.pick(&[json!("Enforce"), json!("Propose")]).clone(),
            );
        }
        let mut controls = Map::new();
        for (id, params) in &self.params {
            if !dice.chance(4) {
                controls.insert(id.clone(), entry(params, dice));
            }
        }
        spec.insert("controls".into(), controls.into());
        spec.into()
    }

    /// Changes one thing in an object, to what some other object has there or to nonsense.
    pub(crate) fn mutate(&self, (kind, object): &mut Template, dice: &mut Dice) {
        if *kind == Kind::Namespace && dice.chance(2) {
            return relabel(object, dice);
        }
        if dice.chance(8) {
            object["metadata"]["creationTimestamp"] = json!("2026-06-01T11:59:00Z");
            return;
        }
        let identity = ["name", "namespace"].map(|key| (key, object["metadata"][key].clone()));
        let coordinates = ["apiVersion", "kind"].map(|key| (key, object[key].clone()));
        self.mutate_anywhere(object, dice);
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        for (key, value) in identity.into_iter().filter(|(_, value)| !value.is_null()) {
            object["metadata"][key] = value;
        }
        for (key, value) in coordinates.into_iter().filter(|(_, value)| !value.is_null()) {
            object[key] = value;
        }
    }

    fn mutate_anywhere(&self, object: &mut Value, dice: &mut Dice) {
        let mut places = Vec::new();
        list_places(object, &mut Vec::new(), &mut places);
        if places.is_empty() {
            return;
        }
        let place = dice.pick(&places).clone();
        let (last, parents) = place.split_last().unwrap();
        let mut node = object;
        for step in parents {
            node = step.of(node).unwrap();
        }
        if dice.chance(4) {
            match (last, node) {
                (Place::Key(key), Value::Object(map)) => _ = map.remove(key),
                (Place::Item(i), Value::Array(items)) => _ = items.remove(*i),
                _ => unreachable!(),
            }
            return;
        }
        let key = place.iter().rev().find_map(|step| match step {
            Place::Key(key) => Some(key),
            Place::Item(_) => None,
        });
        let known = key
            .and_then(|key| self.values.get(key))
            .filter(|_| !dice.chance(12));
        let value = known.map_or_else(
            || json!({"not": ["what", "belongs", "here"]}),
            |v| dice.pick(v).clone(),
        );
        *last.of(node).unwrap() = value;
    }
}

/// A control's entry in a baseline.
fn entry(params: &[Map<String, Value>], dice: &mut Dice) -> Value {
    let mut entry = dice.pick(params).clone();
    let reserved = [
        ("mode", json!("Disabled")),
        ("mode", json!("Observe")),
        ("severity", json!("Critical")),
        ("severity", json!("Low")),
        ("failAfter", json!("0s")),
        ("failAfter", json!("2h")),
        ("no-such-parameter", json!(1)),
    ];
    if dice.chance(2) {
        let (key, value) = dice.pick(&reserved);
        entry.insert((*key).into(), value.clone());
    }
    entry.into()
}

/// One step into a JSON value.
#[derive(Clone, Debug)]
enum Place {
    Key(String),
    Item(usize),
}

impl Place {
    fn of<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        match self {
            Self::Key(key) => value.get_mut(key),
            Self::Item(i) => value.get_mut(i),
        }
    }
}

/// Every place in a value.
fn list_places(value: &Value, at: &mut Vec<Place>, places: &mut Vec<Vec<Place>>) {
    let mut visit = |step: Place, value: &Value| {
        at.push(step);
        places.push(at.clone());
        list_places(value, at, places);
        at.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, v)| visit(Place::Key(key.clone()), v)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(i, v)| visit(Place::Item(i), v)),
        _ => {}
    }
}

/// Gives a namespace other labels, or makes it another one of the same name.
fn relabel(namespace: &mut Value, dice: &mut Dice) {
    let labels = [
        ("plimsoll.dev/environment", json!("production")),
        ("plimsoll.dev/environment", json!("staging")),
        ("plimsoll.dev/environment", json!("prod")),
        ("plimsoll.dev/environment", json!("odd")),
        ("plimsoll.dev/tenant", json!("acme")),
        ("plimsoll.dev/tenant", json!("globex")),
    ];
    let (key, value) = dice.pick(&labels);
    if dice.chance(3) {
        team(namespace, dice);
    } else if dice.chance(6) {
        namespace["metadata"]["uid"] = json!(format!("uid-{}", dice.below(3)));
    } else if dice.chance(4) {
        namespace["metadata"]["labels"] = json!({});
    } else {
        set_label(namespace, key, value.clone());
    }
}

/// Gives a namespace a label that only scopes and exceptions select by.
pub(crate) fn team(namespace: &mut Value, dice: &mut Dice) {
    set_label(namespace, "team", json!(*dice.pick(&["x", "y"])));
}

fn set_label(namespace: &mut Value, key: &str, value: Value) {
    if !namespace["metadata"]["labels"].is_object() {
        namespace["metadata"]["labels"] = json!({});
    }
    namespace["metadata"]["labels"][key] = value;
}

/// Decodes a template, as a watch does, looking for everything that some baseline may ask for.
pub(crate) fn decode((kind, object): &Template) -> Object {
    decode_json_under(&PLAN, *kind, &object.to_string()).unwrap()
}

/// A plan with the patterns of every entry in the pool.
pub(crate) static PLAN: LazyLock<Arc<DecodePlan>> = LazyLock::new(|| {
    let entries = POOL.params.iter().flat_map(|(id, all)| {
        all.iter()
            .map(move |params| json!({ "controls": { id: params } }))
    });
    let registry = plimsoll_controls::registry();
    let compiled: Vec<Compiled> = entries
        .map(|spec| {
            compile(
                "all",
                1,
                &serde_json::from_value(spec).unwrap(),
                &[],
                &registry,
                None,
            )
        })
        .collect();
    let plan = DecodePlan::of(&compiled);
    assert!(!plan.is_empty());
    Arc::new(plan)
});

fn as_json(yaml: &str) -> Value {
    parse(&split(yaml.as_bytes()).next().unwrap())
        .unwrap()
        .root()
        .to_json()
}

fn templates(text: &str) -> Vec<Template> {
    let mut templates = Vec::new();
    for raw in split(text.as_bytes()) {
        let Ok(document) = parse(&raw) else { continue };
        for object in documents(document.root()) {
            let mut value = object.node.to_json();
            let kind = Kind::of_manifest(
                value["apiVersion"].as_str().unwrap_or(""),
                value["kind"].as_str().unwrap_or(""),
            );
            let Some(kind) = kind.filter(|_| value["metadata"]["name"].is_string()) else {
                continue;
            };
            if kind.info().namespaced && value["metadata"]["namespace"].is_null() {
                value["metadata"]["namespace"] = json!("default");
            }
            templates.push((kind, value));
        }
    }
    templates
}

fn collect(value: &Value, into: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                into.entry(key.clone()).or_default().push(value.clone());
                collect(value, into);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}
