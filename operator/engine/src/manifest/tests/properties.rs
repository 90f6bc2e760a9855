//! No bytes make the reader panic, and what serde_yaml writes is read back.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value;

use super::super::{RawDocument, documents, parse, split};
use super::fast_equals_general;

const SEEDS: [&str; 3] = [
    "apiVersion: v1\nkind: List\nitems:\n- &a\n  kind: Pod\n  metadata: {name: \"x\\n\", labels: {a: 'b''c'}}\n- *a\n- <<: *a\n  z: |\n    text\n\n    more\n  y: >-\n    folded\n    text\n",
    "---\n# comment\n%TAG ! x\n--- !!map\n? a\n: [1, 2, {c: d}]\n\"k\\u00e9y\": é\n...\n---\n- - - 1\n  -\n",
    "{\"a\": [1, -2.5e1, true, null, \"\\ud83d\\ude00\"], \"b\": {\"c\": \"{{ x }}\"}}\n{\"a\": 1}\n",
];

/// Reads everything that can be read from the bytes.
fn exercise(bytes: &[u8]) {
    for raw in split(bytes) {
        if let Ok(text) = std::str::from_utf8(raw.bytes) {
            fast_equals_general(text);
        }
        if let Ok(document) = parse(&raw) {
            for object in documents(document.root()) {
                object.identify();
                object.node.to_json();
            }
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "\\PC{0,12}",
        "[ -~]{0,12}",
        "[a-z0-9.:#{}_-]{0,8}",
        "[ \ta-z\n'\"]{0,12}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1.0e6..1.0e6_f64)
            .prop_filter("whole floats are integers", |x| x.fract() != 0.0)
            .prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(text.clone(), inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Plain words that libyaml leaves unquoted although they are no strings to kubectl.
fn kubectl_differs(yaml: &str) -> bool {
    let clean = |text: &str| text.trim_matches([' ', '-', ':', '?']).to_owned();
    yaml.lines()
        .flat_map(|line| line.split(": ").chain([line]))
        .any(|part| {
            let part = clean(part);
            part.starts_with(|c: char| c.is_ascii_digit() || ".+-".contains(c))
                || ["y", "n", "yes", "no", "on", "off", "<<"].contains(&part.to_lowercase().as_str())
        })
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..400)) {
        exercise(&bytes);
    }

    #[test]
    fn arbitrary_indicators_do_not_panic(text in "[-?:,\\[\\]{}#&*!|>'\"%@` \n\ta1~<.]{0,80}") {
        exercise(text.as_bytes());
    }

    #[test]
    fn loaders_agree_on_lines(lines in vec(("[ ]{0,4}", "(- ){0,2}", "([a-c\\-]|'a'|\"b\"|<<){0,1}", "(:|: ){0,1}", "([0-9a-c]|[\\[\\]{}, a:]{0,8}|\\||\\|-|\\|\\+|'|''|\"\\\\n\"|#| #|&a|\\*a|~|\\t|\r){0,2}"), 0..8)) {
        let text: String = lines.into_iter().map(|(a, b, c, d, e)| a + &b + &c + &d + &e + "\n").collect();
        exercise(text.as_bytes());
    }

    #[test]
    fn mutated_manifests_do_not_panic(seed in 0..SEEDS.len(), edits in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8)) {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (at, byte, what) in edits {
            let at = at.index(bytes.len().max(1)).min(bytes.len());
            match what {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => { bytes.remove(at); }
                _ => if let Some(slot) = bytes.get_mut(at) { *slot = byte % 128 },
            }
        }
        exercise(&bytes);
    }

    #[test]
    fn reads_what_serde_yaml_writes(value in value()) {
        let yaml = serde_yaml::to_string(&value).unwrap();
        fast_equals_general(&yaml);
        // YAML 1.1 breaks lines at U+0085, U+2028 and U+2029, and libyaml folds there; YAML 1.2 does not.
        let old_breaks = yaml.contains(['\u{85}', '\u{2028}', '\u{2029}']);
        if old_breaks || kubectl_differs(&yaml) || yaml.contains("{{") {
            return Ok(()); // about half of the values, too many to have them drawn again
        }
        let document = parse(&RawDocument { bytes: yaml.as_bytes(), line: 1 });
        prop_assert_eq!(document.map(|d| d.root().to_json()), Ok(value), "{}", yaml);
    }

    #[test]
    fn reads_json_as_serde_json_does(value in value(), pretty in any::<bool>()) {
        let value = Value::Array(vec![value]);
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let raws: Vec<_> = split(text.as_bytes()).collect();
        prop_assert_eq!(raws.len(), 1);
        match parse(&raws[0]) {
            Ok(document) => prop_assert_eq!(document.root().to_json(), value),
            Err(error) => prop_assert!(text.contains("{{"), "{} in {}", error, text),
        }
    }
}
