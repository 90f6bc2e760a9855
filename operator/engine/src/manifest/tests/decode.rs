//! Nodes into types.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::DecodeError;
use super::read;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    name: &'a str,
    #[serde(default, borrow)]
    note: Option<Cow<'a, str>>,
    #[serde(default)]
    replicas: Option<i32>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default)]
    policy: Option<Policy>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
enum Port {
    Number(u16),
    Name(String),
}

#[derive(Debug, Deserialize, PartialEq)]
enum Policy {
    Always,
    Every(u8),
}

fn decode<'d, T: Deserialize<'d>>(document: &'d super::Document<'d>) -> Result<T, DecodeError> {
    T::deserialize(document.root())
}

#[test]
fn decodes_borrowing() {
    let document = read(
        "name: a\nports: [80, http]\nreplicas: 3\npolicy: {Every: 3}\nextra: {deep: [1]}\nlabels: {a: b}\n",
    );
    let spec: Spec<'_> = decode(&document).unwrap();
    assert_eq!(spec.name, "a");
    assert_eq!(spec.ports, [Port::Number(80), Port::Name("http".to_owned())]);
    assert_eq!((spec.replicas, spec.policy), (Some(3), Some(Policy::Every(3))));
    let document = read("name: a\npolicy: Always\n");
    assert_eq!(
        decode::<Spec<'_>>(&document).unwrap().policy,
        Some(Policy::Always)
    );
}

#[test]
fn null_is_the_zero_value() {
    let document = read("name:\nlabels:\nports: ~\nreplicas: null\nnote:\n");
    let spec: Spec<'_> = decode(&document).unwrap();
    assert_eq!((spec.name, spec.replicas, spec.note), ("", None, None));
    assert!(spec.labels.is_empty() && spec.ports.is_empty());
}

#[test]
fn what_does_not_fit_is_an_error_with_line() {
    let line = |text: &str| {
        let document = read(text);
        decode::<Spec<'_>>(&document)
            .map_err(|error| error.line())
            .unwrap_err()
    };
    assert_eq!(line("name: a\nlabels:\n  a: b\n  c: 1\n"), 4);
    assert_eq!(line("name: a\nlabels:\n  on: yes\n"), 3);
    assert_eq!(line("name: a\n\nreplicas: two\n"), 3);
    assert_eq!(line("name: a\nports:\n- 1\n- {}\n"), 4);
    assert_eq!(line("# no name\nreplicas: 1\n"), 2);
    assert_eq!(line("name: a\npolicy: Never\n"), 2);
    assert_eq!(line("\n- a\n"), 2);
}

#[test]
fn paths_come_from_serde_path_to_error() {
    let document = read("name: a\nlabels:\n  c: 1\n");
    let error = serde_path_to_error::deserialize::<_, Spec<'_>>(document.root()).unwrap_err();
    assert_eq!(error.path().to_string(), "labels.c");
    assert_eq!(error.inner().line(), 3);
    assert_eq!(
        error.inner().message(),
        "invalid type: integer `1`, expected a string"
    );
}

#[test]
fn any_value_decodes_as_to_json_says() {
    let document = read("a: [1, 1.5, yes, ~, x, {b: &x {c: d}}]\ne: *x\n");
    let value: serde_json::Value = decode(&document).unwrap();
    assert_eq!(value, document.root().to_json());
    decode::<IgnoredAny>(&document).unwrap();
}
