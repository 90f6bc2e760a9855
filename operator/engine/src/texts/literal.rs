//! Whether a value is a literal, or stands for something that lies elsewhere.

use std::sync::LazyLock;

use regex::Regex;

/// Where a secret store's operator or injector finds the value: what is written is only an address.
const STORES: &[&str] = &[
    "vault:",
    "ref+",
    "op://",
    "secret://",
    "arn:aws:secretsmanager:",
    "arn:aws:ssm:",
    "awssm://",
    "gcpsm://",
    "azurekeyvault://",
];

/// Folders in which credentials are mounted.
const FOLDERS: &[&str] = &[
    "/run/",
    "/var/",
    "/etc/",
    "/mnt/",
    "/vault/",
    "/secrets/",
    "/opt/",
    "/home/",
    "/tmp/",
    "/usr/",
];

/// `$(VAR)` as the kubelet expands it, `${VAR}` and `$VAR` as shells do, `{{ … }}` of templates, `%VAR%`.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\$[A-Za-z_][A-Za-z0-9_]*$|\$\([A-Za-z_`]|\$\{[A-Za-z_]|\{\{|^<[^<>]*>$|^%[^%]+%$|^\*+$")
        .ok()
});
static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[-+]?[0-9]+(\.[0-9]+)?(ms|s|m|h|d|Mi|Gi|Ki|%)?$").ok());

/// A value as a name that says credential sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    /// Nothing confidential: empty, a switch, a reference, a path.
    Harmless,
    /// A number or a time: confidential only under a name that says nothing else.
    Number,
    /// Written out.
    Literal,
}

pub(super) fn value(text: &str) -> Value {
    let text = text.trim();
    if text.is_empty() || is_switch(text) || is_reference(text) {
        Value::Harmless
    } else if NUMBER.as_ref().is_some_and(|number| number.is_match(text)) {
        Value::Number
    } else {
        Value::Literal
    }
}

fn is_switch(text: &str) -> bool {
    const SWITCHES: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "null", "none"];
    SWITCHES.iter().any(|switch| text.eq_ignore_ascii_case(switch))
}

fn is_reference(text: &str) -> bool {
    REFERENCE
        .as_ref()
        .is_some_and(|reference| reference.is_match(text))
        || STORES.iter().any(|store| text.starts_with(store))
        || (FOLDERS.iter().any(|folder| text.starts_with(folder)) && !text.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("hunter2", Value::Literal)]
    #[case("pa$$w0rd", Value::Literal)]
    #[case("$tr0ng!", Value::Literal)]
    #[case("a$(b", Value::Harmless)]
    #[case("12345", Value::Number)]
    #[case("5m", Value::Number)]
    #[case("", Value::Harmless)]
    #[case("  ", Value::Harmless)]
    #[case("True", Value::Harmless)]
    #[case("$(DB_PASSWORD)", Value::Harmless)]
    #[case("Bearer ${TOKEN}", Value::Harmless)]
    #[case("{{ .Values.password }}", Value::Harmless)]
    #[case("<your token>", Value::Harmless)]
    #[case("/run/secrets/db", Value::Harmless)]
    #[case("vault:secret/data/db#password", Value::Harmless)]
    fn only_what_is_written_out_is_a_literal(#[case] text: &str, #[case] expected: Value) {
        assert_eq!(value(text), expected);
    }
}
