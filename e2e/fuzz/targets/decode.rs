//! Objects as an API server sends them (a line that names the kind, then JSON) and as manifests. What YAML says and what the
//! same in JSON says is one and the same object, under a plan that looks for credentials and hosts. Where something is null
//! they may differ: a manifest's null is what the API server makes of it, the zero value; what the API server sends has none. Nor
//! does it send a list where its schema has an object: only manifests are refused for that.
#![no_main]

mod all_controls;

use std::{
    fmt::Display,
    sync::{Arc, LazyLock},
};

use libfuzzer_sys::fuzz_target;
use plimsoll_engine::{
    Engine,
    decode::{DecodePlan, Object, decode, decode_json_under},
    kind::Kind,
    manifest::{documents, parse, split},
};
use serde_json::Value;

static PLAN: LazyLock<Arc<DecodePlan>> =
    LazyLock::new(|| Arc::new(DecodePlan::of([&all_controls::baseline()])));

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some((first, json)) = text.split_once('\n')
        && let Some(kind) = Kind::ALL.iter().find(|kind| kind.info().kind == first)
    {
        return as_watched(*kind, json);
    }
    for raw in split(bytes) {
        let Ok(document) = parse(&raw) else { continue };
        for object in documents(document.root()) {
            let kind = object
                .identify()
                .and_then(|id| Kind::of_manifest(id.api_version, id.kind));
            let Some(kind) = kind else { continue };
            let value = object.node.to_json();
            let read = decode(kind, Some("default"), &PLAN, || object.node);
            if !has_null(&value) {
                same(&read, &decode(kind, Some("default"), &PLAN, || &value));
            }
            as_watched(kind, &value.to_string());
        }
    }
});

fn as_watched(kind: Kind, json: &str) {
    let read = decode_json_under(&PLAN, kind, json);
    same(&read, &decode_json_under(&PLAN, kind, json));
    if let Ok(object) = read {
        let name = object.name.clone();
        let mut engine = Engine::live();
        engine.upsert(object);
        engine.remove(&name);
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

/// Both are the same object, the first maybe from a manifest; why one cannot be read may be put in other words.
fn same<E: Display>(a: &Result<Object, E>, b: &Result<Object, E>) {
    match (a, b) {
        (Ok(a), Ok(b)) => {
            assert_eq!((&a.name, &a.meta), (&b.name, &b.meta));
            match (&a.body, &b.body) {
                (Ok(a), Ok(b)) => assert_eq!(a, b),
                (Err(a), Ok(_)) if is_list_for_object(&a.why) => {}
                (a, b) => assert_eq!(a.is_err(), b.is_err(), "{a:?} {b:?}"),
            }
        }
        (Err(a), Ok(_)) if is_list_for_object(a) => {}
        (a, b) => assert_eq!(a.is_err(), b.is_err()),
    }
}

fn is_list_for_object(why: &impl Display) -> bool {
    why.to_string()
        .contains("invalid type: sequence, expected struct")
}
