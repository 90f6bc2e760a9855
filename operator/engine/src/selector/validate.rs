//! The API server's rules for selectors (`ValidateLabelSelector`, `labels.NewRequirement`).

use super::{LabelSelector, Operator, Requirement};

/// What is wrong with a selector; `field` is the path below it, such as `matchExpressions[0].values`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct SelectorError {
    /// The path of the field below the selector.
    pub field: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

pub(super) fn selector(selector: &LabelSelector) -> Result<(), SelectorError> {
    for (key, text) in selector.match_labels.iter() {
        let at = || format!("matchLabels[{}]", shorten(key));
        check(label_key(key), at)?;
        check(label_value(text), at)?;
    }
    for (index, requirement) in selector.match_expressions.iter().enumerate() {
        expression(requirement, &format!("matchExpressions[{index}]"))?;
    }
    Ok(())
}

fn expression(requirement: &Requirement, path: &str) -> Result<(), SelectorError> {
    check(label_key(&requirement.key), || format!("{path}.key"))?;
    let values = || format!("{path}.values");
    match (requirement.operator, requirement.values.is_empty()) {
        (Operator::In | Operator::NotIn, true) => {
            check(
                Err("is empty, expected at least one value for In and NotIn".to_owned()),
                values,
            )?;
        }
        (Operator::Exists | Operator::DoesNotExist, false) => {
            check(
                Err("expected no values for Exists and DoesNotExist".to_owned()),
                values,
            )?;
        }
        _ => {}
    }
    requirement
        .values
        .iter()
        .enumerate()
        .try_for_each(|(index, text)| check(label_value(text), || format!("{path}.values[{index}]")))
}

fn check(result: Result<(), String>, field: impl Fn() -> String) -> Result<(), SelectorError> {
    result.map_err(|problem| SelectorError {
        field: field(),
        problem,
    })
}

/// A qualified name: an optional DNS subdomain and `/`, then the name.
fn label_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix
        && !is_dns_subdomain(prefix)
    {
        return Err(format!(
            "prefix \"{}\" is no DNS name, expected lower-case letters, digits, '-' and '.'",
            shorten(prefix)
        ));
    }
    if name.is_empty() || !is_name(name) {
        return Err(format!("\"{}\" is no label key, expected {NAME}", shorten(name)));
    }
    Ok(())
}

fn label_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_name(value) {
        return Ok(());
    }
    Err(format!(
        "\"{}\" is no label value, expected nothing or {NAME}",
        shorten(value)
    ))
}

const NAME: &str = "at most 63 letters, digits, '-', '_' and '.', a letter or digit at either end";

fn is_name(text: &str) -> bool {
    text.len() <= 63
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && bounded_by(text, |b| b.is_ascii_alphanumeric())
}

fn is_dns_subdomain(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= 253
        && text
            .split('.')
            .all(|part| part.bytes().all(|b| alphanumeric(b) || b == b'-') && bounded_by(part, alphanumeric))
}

fn bounded_by(text: &str, is_end: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|&b| is_end(b)) && bytes.last().is_some_and(|&b| is_end(b))
}

/// Messages go into statuses and events: an absurdly long input is cut.
fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}
