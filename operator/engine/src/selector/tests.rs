#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn selector(yaml: &str) -> LabelSelector {
    serde_yaml::from_str(yaml).unwrap()
}

const LABELS: [(&str, &str); 3] = [("app", "web"), ("tier", "front"), ("empty", "")];

#[rstest]
#[case("{}", true)]
#[case("{matchLabels: null, matchExpressions: null}", true)]
#[case("{matchLabels: {app: web}}", true)]
#[case("{matchLabels: {app: web, tier: back}}", false)]
#[case("{matchLabels: {empty: null}}", true)]
#[case("{matchLabels: {gone: null}}", false)]
#[case("{matchExpressions: [{key: app, operator: In, values: [api, web]}]}", true)]
#[case("{matchExpressions: [{key: app, operator: In, values: [api]}]}", false)]
#[case("{matchExpressions: [{key: gone, operator: In, values: [web]}]}", false)]
#[case("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", false)]
#[case("{matchExpressions: [{key: app, operator: NotIn, values: [api]}]}", true)]
#[case("{matchExpressions: [{key: gone, operator: NotIn, values: [web]}]}", true)] // absent counts
#[case("{matchExpressions: [{key: app, operator: Exists, values: null}]}", true)]
#[case("{matchExpressions: [{key: gone, operator: Exists}]}", false)]
#[case("{matchExpressions: [{key: app, operator: DoesNotExist}]}", false)]
#[case("{matchExpressions: [{key: gone, operator: DoesNotExist}]}", true)]
#[case(
    "{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: DoesNotExist}]}",
    false
)]
fn matches_as_the_api_server(#[case] yaml: &str, #[case] expected: bool) {
    let selector = selector(yaml);
    selector.validate().unwrap();
    assert_eq!(selector.matches(LABELS.as_slice()), expected);
    let map: BTreeMap<_, _> = LABELS
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    assert_eq!(selector.matches(&map), expected);
}

#[rstest]
#[case(
    "{matchExpressions: [{key: a, operator: In}]}",
    "matchExpressions[0].values: is empty, expected at least one value for In and NotIn"
)]
#[case(
    "{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: NotIn, values: []}]}",
    "matchExpressions[1].values: is empty, expected at least one value for In and NotIn"
)]
#[case(
    "{matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
    "matchExpressions[0].values: expected no values for Exists and DoesNotExist"
)]
#[case(
    "{matchExpressions: [{key: a, operator: In, values: [b, '-c']}]}",
    "matchExpressions[0].values[1]: \"-c\" is no label value"
)]
#[case(
    "{matchExpressions: [{key: '', operator: Exists}]}",
    "matchExpressions[0].key: \"\" is no label key"
)]
#[case("{matchLabels: {a b: c}}", "matchLabels[a b]: \"a b\" is no label key")]
#[case("{matchLabels: {a: 'b c'}}", "matchLabels[a]: \"b c\" is no label value")]
#[case(
    "{matchLabels: {Example.com/a: b}}",
    "matchLabels[Example.com/a]: prefix \"Example.com\" is no DNS name"
)]
#[case("{matchLabels: {a/b/c: d}}", "matchLabels[a/b/c]: \"b/c\" is no label key")]
#[case("{matchLabels: {/a: b}}", "matchLabels[/a]: prefix \"\" is no DNS name")]
fn errors_name_the_field(#[case] yaml: &str, #[case] message: &str) {
    let error = selector(yaml).validate().unwrap_err().to_string();
    assert!(error.starts_with(message), "{error}");
}

#[test]
fn an_unknown_operator_is_an_error() {
    let yaml = "{matchExpressions: [{key: a, operator: Equals, values: [b]}]}";
    let error = serde_yaml::from_str::<LabelSelector>(yaml)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Equals") && error.contains("DoesNotExist"),
        "{error}"
    );
}

#[rstest]
#[case("{matchLabels: {b: c, a: d}, matchExpressions: [{key: x, operator: In, values: [z]}]}", Some(("a", "d")))]
#[case("{matchExpressions: [{key: y, operator: Exists}, {key: x, operator: In, values: [z]}]}", Some(("x", "z")))]
#[case("{matchExpressions: [{key: x, operator: In, values: [y, z]}]}", None)]
#[case("{matchExpressions: [{key: x, operator: NotIn, values: [z]}]}", None)]
#[case("{}", None)]
fn anchors(#[case] yaml: &str, #[case] anchor: Option<(&str, &str)>) {
    assert_eq!(selector(yaml).anchor(), anchor);
    assert_eq!(selector(yaml).is_everything(), yaml == "{}");
}

#[test]
fn serialises_as_written_and_has_a_structural_schema() {
    let json = r#"{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"c","operator":"DoesNotExist"}]}"#;
    let selector: LabelSelector = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&selector).unwrap(), json);
    assert_eq!(serde_json::to_string(&LabelSelector::default()).unwrap(), "{}");
    let schema = serde_json::to_value(schemars::schema_for!(LabelSelector)).unwrap();
    let text = schema.to_string();
    assert!(!text.contains("oneOf") && !text.contains("\"default\""), "{text}");
    let labels = &schema["properties"]["matchLabels"];
    assert!(
        labels["description"].is_string() && labels["additionalProperties"]["type"] == "string",
        "{text}"
    );
}

fn selectors() -> impl Strategy<Value = LabelSelector> {
    let operator = proptest::sample::select(vec![
        Operator::In,
        Operator::NotIn,
        Operator::Exists,
        Operator::DoesNotExist,
    ]);
    let requirement =
        ("[abc]", operator, proptest::collection::vec("[xyz]", 1..3)).prop_map(|(key, operator, values)| {
            let values = if matches!(operator, Operator::In | Operator::NotIn) {
                values
            } else {
                vec![]
            };
            Requirement {
                key,
                operator,
                values,
            }
        });
    let labels = proptest::collection::btree_map("[abc]", "[xyz]", 0..2);
    (labels, proptest::collection::vec(requirement, 0..3)).prop_map(|(match_labels, match_expressions)| {
        LabelSelector {
            match_labels: match_labels.into_iter().collect(),
            match_expressions,
        }
    })
}

proptest! {
    #[test]
    fn whatever_is_selected_has_the_anchor(
        selector in selectors(),
        labels in proptest::collection::btree_map("[abc]", "[xyz]", 0..4),
    ) {
        prop_assert_eq!(selector.validate(), Ok(()));
        if let Some((key, value)) = selector.anchor()
            && selector.matches(&labels)
        {
            prop_assert_eq!(labels.get(key).map(String::as_str), Some(value));
        }
        prop_assert!(!selector.is_everything() || selector.matches(&labels));
    }

    #[test]
    fn reading_and_validating_never_panic(text in "\\PC{0,60}", key in "\\PC{0,20}", value in "\\PC{0,20}") {
        let _ = serde_yaml::from_str::<LabelSelector>(&text);
        let match_labels = [(key, value)].into_iter().collect();
        let _ = LabelSelector { match_labels, ..LabelSelector::default() }.validate();
    }

    #[test]
    fn reading_is_the_inverse_of_writing(selector in selectors()) {
        let json = serde_json::to_string(&selector).unwrap();
        prop_assert_eq!(serde_json::from_str::<LabelSelector>(&json).unwrap(), selector);
    }
}
