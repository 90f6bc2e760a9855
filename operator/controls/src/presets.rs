//! The presets shipped in `policies/`, embedded in the binary.

use std::collections::BTreeMap;

use plimsoll_engine::{
    baseline::Preset,
    manifest::{parse, split},
};
use serde_json::Value;

const FILES: &[(&str, &str)] = &[("essentials", include_str!("../../../policies/essentials.yaml"))];

/// Every preset that `extends` may name.
pub fn presets() -> Vec<Preset> {
    FILES
        .iter()
        .map(|(name, text)| Preset {
            name: (*name).into(),
            controls: controls(text),
        })
        .collect()
}

/// `spec.controls` of a preset. A test sees to it that every shipped file reads.
fn controls(text: &str) -> BTreeMap<String, serde_json::Map<String, Value>> {
    split(text.as_bytes())
        .filter_map(|raw| parse(&raw).map(|document| document.root().to_json()).ok())
        .filter_map(|value| value.pointer("/spec/controls").cloned())
        .filter_map(|value| match value {
            Value::Object(entries) => Some(entries),
            _ => None,
        })
        .flatten()
        .filter_map(|(id, entry)| entry.as_object().cloned().map(|entry| (id, entry)))
        .collect()
}
