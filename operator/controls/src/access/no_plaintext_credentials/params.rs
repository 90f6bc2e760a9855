//! Which names and values are credentials.

use plimsoll_engine::{control::ParamError, texts::Patterns};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Words for credentials. `pass` counts only as a word of its own or behind the name of a service: `BYPASS` and `PASSTHROUGH`
/// are none; `token` not in `tokenizer`.
const NAMES: &str = "(?i)((^|[^a-z]|db|pg|sql|user|admin|root|redis|mail|smtp|ldap|http|ssh|auth)pass([^a-z]|$)|passwo?r?d|passphrase\
                     |secret|token(s?[^a-z]|s?$)|api_?key|access_?key|private_?key|credential)";

/// Ends of names that are about a credential and hold none.
const SUFFIXES: [&str; 10] = [
    "_FILE", "_PATH", "_NAME", "_REF", "_URL", "_LENGTH", "_TTL", "_HEADER", "_POLICY", "_ENABLED",
];

/// Values that are credentials under any name.
const SHAPES: [(&str, &str); 5] = [
    ("private key", "-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----"),
    ("AWS access key", r"(^|[^A-Za-z0-9/+=])(AKIA|ASIA)[A-Z2-7]{16}($|[^A-Za-z0-9/+=])"),
    (
        "JSON Web Token",
        r"(^|[^A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}",
    ),
    (
        "password in a URL",
        r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@'\x22<>]*:[^\s/?#@$<{*%'\x22>][^\s/?#@'\x22<>]*@",
    ),
    ("GitHub or GitLab token", r"(^|[^A-Za-z0-9_])(gh[pousr]_[A-Za-z0-9]{36,}|glpat-[A-Za-z0-9_-]{20,})"),
];

/// Parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Params {
    /// A regular expression (RE2 syntax) for names of credentials, matched against names as written and in upper snake case
    /// (`dbPassword` is `DB_PASSWORD`). Default: words such as password, secret, token, API key, private key, credential.
    #[schemars(length(min = 1, max = 1000))]
    pub name_pattern: String,
    /// Ends of names, in upper snake case, that make them no credentials. Default: `[_FILE, _PATH, _NAME, _REF, _URL, _LENGTH,
    /// _TTL, _HEADER, _POLICY, _ENABLED]`.
    #[schemars(length(max = 64))]
    pub exclude_suffixes: Vec<String>,
    /// Values that are credentials whatever they are called. Default: private keys, AWS access keys, JSON Web Tokens, passwords
    /// in URLs, tokens of GitHub and GitLab.
    #[schemars(length(max = 32))]
    pub value_patterns: Vec<ValuePattern>,
    /// Environments that are judged. Default: `[production, staging]`.
    #[schemars(length(max = 32))]
    pub environments: Vec<String>,
}

/// The shape of a credential.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValuePattern {
    /// What findings call it.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// A regular expression (RE2 syntax), searched for in values.
    #[schemars(length(min = 1, max = 1000))]
    pub pattern: String,
}

impl Default for Params {
    fn default() -> Self {
        let shape = |(name, pattern): (&str, &str)| ValuePattern {
            name: name.into(),
            pattern: pattern.into(),
        };
        Self {
            name_pattern: NAMES.into(),
            exclude_suffixes: SUFFIXES.map(String::from).to_vec(),
            value_patterns: SHAPES.map(shape).to_vec(),
            environments: ["production", "staging"].map(String::from).to_vec(),
        }
    }
}

impl Params {
    /// What decoding is to look for.
    pub(super) fn patterns(&self) -> Patterns {
        let value = |value: &ValuePattern| plimsoll_engine::texts::ValuePattern {
            name: value.name.clone(),
            pattern: value.pattern.clone(),
        };
        Patterns {
            name: self.name_pattern.clone(),
            excluded_suffixes: self.exclude_suffixes.clone(),
            values: self.value_patterns.iter().map(value).collect(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ParamError> {
        self.patterns().validate().map_err(|wrong| {
            let field = match wrong.value {
                None => "namePattern".to_owned(),
                Some(i) => format!("valuePatterns[{i}].pattern"),
            };
            ParamError::new(field, wrong.why)
        })
    }
}
