//! What a baseline holds for a credential: names, and shapes of values.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Longest pattern accepted, in bytes.
const LONGEST: usize = 1_000;
/// Most patterns of one kind.
const MOST: usize = 32;
/// Most memory one compiled pattern may take, in bytes: beyond it, it is refused.
const LARGEST: usize = 1 << 20;

/// The shape of a value that is a credential whatever it is called.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ValuePattern {
    /// What it is called in findings.
    pub name: String,
    /// A regular expression, searched for anywhere in the value.
    pub pattern: String,
}

/// What is asked for, as parameters state it; compared by value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Patterns {
    /// A regular expression for names of credentials; matched against the name as written and in upper snake case.
    pub name: String,
    /// Ends of names (in upper snake case) that make them no credentials.
    pub excluded_suffixes: Vec<String>,
    /// Shapes of values.
    pub values: Vec<ValuePattern>,
}

/// A pattern that cannot be accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct PatternError {
    /// Which: `None` for the name pattern, else the index of the value pattern.
    pub value: Option<usize>,
    what: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// Patterns ready to be matched: in time linear in the text, whatever the pattern.
#[derive(Debug)]
pub(crate) struct Matcher {
    pub(crate) asked: Patterns,
    name: Regex,
    values: RegexSet,
}

impl Patterns {
    /// Tells which pattern cannot be accepted, if any.
    pub fn validate(&self) -> Result<(), PatternError> {
        self.compile().map(drop)
    }

    pub(crate) fn compile(&self) -> Result<Matcher, PatternError> {
        let name = one(&self.name).map_err(|why| PatternError {
            value: None,
            what: "the name pattern",
            why,
        })?;
        let wrong = |value, why| PatternError {
            value: Some(value),
            what: "a value pattern",
            why,
        };
        if self.values.len() > MOST {
            return Err(wrong(MOST, format!("expected at most {MOST} patterns")));
        }
        for (i, value) in self.values.iter().enumerate() {
            one(&value.pattern).map_err(|why| wrong(i, why))?;
        }
        let values = RegexSetBuilder::new(self.values.iter().map(|value| &value.pattern))
            .size_limit(LARGEST * MOST)
            .build()
            .map_err(|e| wrong(0, e.to_string()))?;
        Ok(Matcher {
            asked: self.clone(),
            name,
            values,
        })
    }
}

fn one(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > LONGEST {
        return Err(format!("expected at most {LONGEST} bytes"));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(LARGEST)
        .build()
        .map_err(|e| format!("expected a regular expression: {}", last_line(&e.to_string())))?;
    if regex.is_match("") {
        return Err("expected a pattern that does not match everything".into());
    }
    Ok(regex)
}

/// Parse errors are drawn over several lines; the last says what is wrong.
fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or(text)
        .trim()
        .trim_start_matches("error: ")
        .to_owned()
}

/// How well a name fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// Not at all, or it says that it is something about a credential.
    Not,
    /// A word for a credential occurs in it.
    Somewhere,
    /// It ends with that word.
    AtTheEnd,
}

impl Matcher {
    /// Whether something of this name is a credential.
    pub(crate) fn named(&self, name: &str) -> Named {
        let snake = upper_snake(name);
        let excluded = &self.asked.excluded_suffixes;
        if excluded.iter().any(|suffix| snake.ends_with(&**suffix)) {
            return Named::Not;
        }
        let best = |text: &str| {
            let mut named = Named::Not;
            for found in self.name.find_iter(text) {
                let rest = text[found.end()..].trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
                if rest.is_empty() {
                    return Named::AtTheEnd;
                }
                named = Named::Somewhere;
            }
            named
        };
        match (best(name), best(&snake)) {
            (Named::AtTheEnd, _) | (_, Named::AtTheEnd) => Named::AtTheEnd,
            (Named::Not, Named::Not) => Named::Not,
            _ => Named::Somewhere,
        }
    }

    /// The first shape a value has, by index.
    pub(crate) fn shaped(&self, value: &str) -> Option<usize> {
        self.values.matches(value).into_iter().next()
    }
}

/// `dbPassword`, `db-password` and `db.password` are all `DB_PASSWORD`.
fn upper_snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut previous = ' ';
    for c in name.chars() {
        if matches!(c, '-' | '.' | '/' | ' ') {
            snake.push('_');
        } else {
            if c.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit()) {
                snake.push('_');
            }
            snake.push(c.to_ascii_uppercase());
        }
        previous = c;
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns() -> Patterns {
        Patterns {
            name: "(?i)pass(word)?|token|api_?key".into(),
            excluded_suffixes: vec!["_FILE".into(), "_NAME".into()],
            values: vec![ValuePattern {
                name: "key".into(),
                pattern: "AKIA[0-9A-Z]{16}".into(),
            }],
        }
    }

    #[rstest::rstest]
    #[case("DB_PASSWORD", Named::AtTheEnd)]
    #[case("dbPassword", Named::AtTheEnd)]
    #[case("PASSWORD_2", Named::AtTheEnd)]
    #[case("api-key", Named::AtTheEnd)]
    #[case("PASSWORD_ROUNDS", Named::Somewhere)]
    #[case("passwordFile", Named::Not)]
    #[case("DB_PASSWORD_FILE", Named::Not)]
    #[case("secret.token-name", Named::Not)]
    #[case("HOST", Named::Not)]
    fn names_are_read_in_any_case(#[case] name: &str, #[case] expected: Named) {
        assert_eq!(patterns().compile().unwrap().named(name), expected);
    }

    #[rstest::rstest]
    #[case("(", None)]
    #[case("a*", None)]
    #[case("(a{1000}){1000}", None)]
    fn bad_patterns_are_refused(#[case] name: &str, #[case] value: Option<usize>) {
        let refused = Patterns {
            name: name.into(),
            ..patterns()
        };
        let error = refused.validate().unwrap_err();
        assert_eq!(error.value, value);
        assert!(
            error.why.contains("expected") && !error.why.contains('\n'),
            "{error}"
        );
    }

    #[test]
    fn a_bad_shape_is_named_by_its_place() {
        let mut refused = patterns();
        refused.values.push(ValuePattern {
            name: "x".into(),
            pattern: "[".into(),
        });
        assert_eq!(refused.validate().unwrap_err().value, Some(1));
    }
}
