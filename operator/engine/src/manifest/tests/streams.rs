//! Splitting, document errors, templates, aliases, duplicates.

use std::fmt::Write;

use rstest::rstest;
use serde_json::json as j;

use super::super::{MAX_DEPTH, Problem, Warning, documents, identify, parse, segments, split};
use super::{json, problem, raw, read, starts};

#[rstest]
#[case("a: 1\n---\nb: 2\n", &[(1, "a: 1\n"), (2, "---\nb: 2\n")])]
#[case("---\na: 1\n---\n---\n# only a comment\n---\nb: 2", &[(1, "---\na: 1\n"), (6, "---\nb: 2")])]
#[case("a: 1\r\n---\r\nb: 2\r\n", &[(1, "a: 1\r\n"), (2, "---\r\nb: 2\r\n")])]
#[case("a: 1\n...\n---\nb: 2\n", &[(1, "a: 1\n...\n"), (3, "---\nb: 2\n")])]
#[case("a: 1\n...\nb: 2\n", &[(1, "a: 1\n...\n"), (3, "b: 2\n")])]
#[case("%YAML 1.2\n---\na: 1\n", &[(1, "%YAML 1.2\n---\na: 1\n")])]
#[case("# x\n%YAML 1.1\n--- # y\na: 1\n---\nb: 2\n", &[(1, "# x\n%YAML 1.1\n--- # y\na: 1\n"), (5, "---\nb: 2\n")])]
#[case("a: |\n  ---\n  x\n", &[(1, "a: |\n  ---\n  x\n")])]
#[case("a: ----\n----: b\n", &[(1, "a: ----\n----: b\n")])]
#[case("--- text\n", &[(1, "--- text\n")])]
#[case("\u{feff}a: 1\n", &[(1, "a: 1\n")])]
#[case("", &[])]
#[case("# nothing\n\n---\n", &[])]
#[case("{\"a\": 1}\n{\"a\": \"}\"}\n\n{\"a\": \"\\\"}\"}", &[(1, "{\"a\": 1}"), (2, "{\"a\": \"}\"}"), (4, "{\"a\": \"\\\"}\"}")])]
#[case("{a: b}\n---\n{c: d}\n", &[(1, "{a: b}\n"), (2, "---\n{c: d}\n")])]
fn splits(#[case] stream: &str, #[case] expected: &[(usize, &str)]) {
    assert_eq!(starts(stream), expected);
    for raw in split(stream.as_bytes()) {
        parse(&raw).unwrap();
    }
}

#[test]
fn a_broken_document_leaves_its_neighbours_alone() {
    let stream = "a: 1\n---\nb: [\n---\nc: 3\n";
    let results: Vec<_> = split(stream.as_bytes())
        .map(|raw| parse(&raw).map(|d| d.root().to_json()))
        .collect();
    assert_eq!(results[0], Ok(j!({"a": 1})));
    assert!(results[1].as_ref().unwrap_err().line >= 3);
    assert_eq!(results[2], Ok(j!({"c": 3})));
}

#[rstest]
#[case(b"\xff\xfea\0", "UTF-16")]
#[case(b"a: 1\nb: \0", "NUL")]
#[case(b"a: 1\nb: \xff", "UTF-8")]
fn text_must_be_utf8(#[case] bytes: &[u8], #[case] word: &str) {
    let raw = split(bytes).next().unwrap();
    let error = parse(&raw).unwrap_err();
    assert!(
        matches!(&error.what, Problem::Encoding(text) if text.contains(word)),
        "{error}"
    );
    assert!(
        word == "UTF-16" || (error.line, error.column) == (2, 4),
        "{error}"
    );
}

#[rstest]
#[case("name: {{ .Values.name }}\n", 1)]
#[case("kind: Pod\n{{- if .Values.on }}\na: 1\n{{- end }}\n", 2)]
#[case("{{- if .Values.on }}\na: 1\n{{- end }}\n", 1)]
#[case("a: 1\nname: x-{{ .Release.Name }}\n", 2)]
#[case("a:\n  b:\n{{ toYaml .Values.b | indent 4 }}\n", 3)]
#[case("kind: Pod\nmetadata:\n  name: \"{{ tpl }}\"\n", 3)]
fn templates_are_named_as_such(#[case] text: &str, #[case] line: usize) {
    let error = parse(&raw(text)).unwrap_err();
    assert_eq!((error.what, error.line), (Problem::Templated, line));
}

#[rstest]
#[case("summary: pod {{ $labels.pod }} is down\n")]
#[case("a: \"{{ .Values.x }}\"\n")]
#[case("data:\n  t: |\n    {{ .Values.x }}\n")]
#[case("a: 1 # {{ .Values.x }}\n")]
fn rendered_text_may_have_braces(#[case] text: &str) {
    json(text);
}

#[test]
fn broken_yaml_without_templates_is_a_syntax_error() {
    assert!(matches!(problem("a: [1, 2\n"), Problem::Syntax(_)));
    assert!(matches!(problem("a: 'x {{ y }}\n"), Problem::Syntax(_)));
    assert!(matches!(problem("{\"a\": 1,, }"), Problem::Syntax(_)));
    assert!(matches!(problem("a: *nowhere\n"), Problem::Syntax(_)));
    assert!(matches!(problem("a: &x [*x]\n"), Problem::Syntax(_)));
    assert!(matches!(problem("? {a: b}\n: c\n"), Problem::Syntax(_)));
}

#[test]
fn aliases_and_merge_keys_resolve() {
    let text = "base: &b {x: 1, z: [1, 2]}\nown:\n  <<: *b\n  x: 2\nboth: {<<: [{z: 3}, *b], w: *b}\n";
    let base = j!({"x": 1, "z": [1, 2]});
    let both = j!({"z": 3, "x": 1, "w": base});
    assert_eq!(
        json(text),
        j!({"base": base, "own": {"x": 2, "z": [1, 2]}, "both": both})
    );
    assert!(matches!(problem("<<: 1\n"), Problem::Syntax(_)));
    assert_eq!(json("\"<<\": 1\n"), j!({"<<": 1}));
}

#[test]
fn alias_bombs_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let item = format!("*a{}, ", level - 1);
        writeln!(text, "a{level}: &a{level} [{}]", item.repeat(10)).unwrap();
    }
    assert_eq!(problem(&text), Problem::AliasBudget);
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 16), "*a, ".repeat(200));
    assert_eq!(problem(&long), Problem::AliasBudget);
}

#[test]
fn depth_is_limited_through_aliases_too() {
    let nest = |inner: &str, levels: usize| format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels));
    json(&nest("", MAX_DEPTH));
    assert_eq!(problem(&nest("", MAX_DEPTH + 1)), Problem::TooDeep);
    assert_eq!(problem(&format!("a: {}", nest("1", MAX_DEPTH))), Problem::TooDeep);
    assert_eq!(
        problem(&format!("a: &a {}\nb: {}", nest("1", 40), nest("*a", 40))),
        Problem::TooDeep
    );
    json(&format!(
        "a: &a {}\nb: {}",
        nest("1", 40),
        nest("*a", MAX_DEPTH - 41)
    ));
    problem(&"[".repeat(100_000));
    problem(&"- ".repeat(100_000));
}

#[test]
fn the_last_of_two_equal_keys_counts_and_the_other_is_reported() {
    let document = read("a: 1\nb: 2\na: 3\n");
    assert_eq!(document.root().to_json(), j!({"a": 3, "b": 2}));
    let lost = Warning::DuplicateKey {
        key: "a".to_owned(),
        lost_line: 1,
        line: 3,
    };
    assert_eq!(document.warnings(), [lost]);

    let many: Vec<_> = (0..40).map(|n| format!("k{n}: {n}")).collect();
    let text = format!("{}\nk7: again\n", many.join("\n"));
    let document = read(&text);
    assert_eq!(document.root().get("k7").unwrap().as_str(), Some("again"));
    assert_eq!(document.root().len(), 40);
    assert_eq!(document.warnings().len(), 1);
}

#[test]
fn lists_give_their_items_with_lines() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a, namespace: x}\n\
                - apiVersion: apps/v1\n  kind: DeploymentList\n  items:\n  - metadata:\n      name: b\n";
    let document = read(text);
    let found = documents(document.root());
    let seen: Vec<_> = found
        .iter()
        .map(|object| {
            let identity = object.identify().unwrap();
            (
                object.node.line(),
                identity.api_version,
                identity.kind,
                identity.namespace,
                identity.name,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (4, "v1", "Pod", Some("x"), Some("a")),
            (10, "apps/v1", "Deployment", None, Some("b"))
        ]
    );
    let values = read("a: 1");
    assert_eq!(documents(values.root()).len(), 1);
    assert_eq!(identify(&values.root()), None);
}

#[test]
fn paths_find_lines() {
    let text = "spec:\n  replicas: 2\n  tls:\n  - hosts: [a]\n  - hosts:\n      - b\n  containers:\n    - image: x\n      name: app\n\
                metadata:\n  annotations:\n    example.com/a: 'x'\n";
    let document = read(text);
    let root = document.root();
    let line = |path: &str| root.line_of(&segments(path));
    assert_eq!(line("spec.replicas"), Some(2));
    assert_eq!(line("spec.tls"), Some(3));
    assert_eq!(line("spec.tls[1]"), Some(5));
    assert_eq!(line("spec.tls[1].hosts[0]"), Some(6));
    assert_eq!(line("spec.containers[app].image"), Some(8));
    assert_eq!(line("spec.containers[name=app]"), Some(8));
    assert_eq!(line("metadata.annotations['example.com/a']"), Some(12));
    assert_eq!(line("spec.absent"), None);
    assert_eq!(
        root.nearest_line(&segments("spec.containers[app].resources.limits")),
        8
    );
    assert_eq!(line(""), Some(1));
}

#[test]
fn json_has_lines_and_its_own_numbers() {
    let text =
        "{\n  \"a\": [1, -2.5e1, true, null,\n    \"\\ud83d\\ude00\\/\"],\n  \"b\": {},\n  \"a\": []\n}\n";
    let stream = format!("\n{text}{{\"c\": 1}}\n");
    let raws: Vec<_> = split(stream.as_bytes()).collect();
    assert_eq!((raws[0].line, raws[1].line), (2, 8));
    let document = parse(&raws[0]).unwrap();
    assert_eq!(document.root().line_of(&segments("b")), Some(5));
    assert_eq!(document.warnings().len(), 1);
    assert_eq!(
        json("{\"a\": [1, -2.5e1, true, null, \"\\ud83d\\ude00\\/\"]}"),
        j!({"a": [1, -25, true, null, "😀/"]})
    );
    assert_eq!(json("---\n{\"a\": 08}"), j!({"a": 8}), "YAML in braces is YAML");
    assert_eq!(json("{a: yes}"), j!({"a": true}));
}

#[test]
fn a_manifest_takes_little_memory() {
    let container = "      - name: app\n        image: registry.example.com/app:1\n        ports:\n        - containerPort: 80\n";
    let text = format!(
        "apiVersion: v1\nkind: Pod\nspec:\n    containers:\n{}",
        container.repeat(500)
    );
    let document = read(&text);
    assert_eq!(size_of::<super::super::tree::Slot>(), 16);
    assert!(document.tree.footprint() < 4 * text.len());
}
