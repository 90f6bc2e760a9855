//! Names and values inside of longer texts: properties, configuration files, command lines, scripts.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// `name=value`, `name: value`, `"name": "value"`, `--name value`, within one line. A bare value ends at the first blank.
static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)(?:^|[\s;,{("'&|?-])([A-Za-z_][A-Za-z0-9_.-]{0,127})["']?(?:[ \t]*(?::?=|:[ \t]|:["'])[ \t]*|:[ \t]+)("[^"\n]*"|'[^'\n]*'|[^\s"',;&|)}]+)"#,
    )
    .ok()
});
static FLAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)(?:^|\s)--?([A-Za-z][A-Za-z0-9_.-]{1,127})[ \t]+("[^"\n]*"|'[^'\n]*'|[^\s"'-][^\s"',;&|)]*)"#,
    )
    .ok()
});

/// Every assignment of a text, comments left out: name and value.
pub(super) fn assignments(text: &str) -> impl Iterator<Item = (&str, &str)> {
    pairs(ASSIGNMENT.as_ref(), text)
}

/// Every `--flag value` of a script.
pub(super) fn flags(text: &str) -> impl Iterator<Item = (&str, &str)> {
    pairs(FLAG.as_ref(), text)
}

fn pairs<'t>(pattern: Option<&'static Regex>, text: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.lines()
        .filter(|line| !is_comment(line))
        .flat_map(move |line| {
            pattern
                .into_iter()
                .flat_map(move |pattern| pattern.captures_iter(line))
        })
        .filter_map(|found: Captures<'t>| {
            let (name, value) = (found.get(1)?.as_str(), found.get(2)?.as_str());
            Some((name, unquoted(value)))
        })
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["#", "//", ";", "--  ", "/*", "*"]
        .iter()
        .any(|mark| line.starts_with(mark))
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| {
        value
            .strip_prefix(quote)
            .and_then(|rest: &str| rest.strip_suffix(quote))
    };
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// Whether what stands on the right is a value rather than code or a type: in a script or schema `password = read()` and
/// `password: string` write nothing out.
pub(super) fn is_plain(value: &str) -> bool {
    const TYPES: [&str; 9] = [
        "string", "str", "text", "bool", "boolean", "object", "array", "required", "optional",
    ];
    !value.contains(['(', '[', '{', '<', '$', '%', '`', '\\'])
        && !TYPES.iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Whether a ConfigMap's key names a file of settings or code, whose name says what it is about and not what it is.
pub(super) fn is_document(key: &str, value: &str) -> bool {
    const ENDS: [&str; 22] = [
        "json",
        "yaml",
        "yml",
        "conf",
        "cfg",
        "cnf",
        "ini",
        "toml",
        "properties",
        "env",
        "xml",
        "sh",
        "py",
        "js",
        "lua",
        "sql",
        "html",
        "md",
        "tpl",
        "tmpl",
        "rules",
        "hcl",
    ];
    value.trim().contains('\n') && key.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}

/// Whether a document's lines are settings, not code: in code a name on the left is a variable.
pub(super) fn holds_settings(key: &str) -> bool {
    const CODE: [&str; 10] = ["py", "js", "lua", "sql", "html", "md", "tpl", "tmpl", "go", "rb"];
    !key.rsplit_once('.').is_some_and(|(_, end)| CODE.contains(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("spring.datasource.password=hunter2", &[("spring.datasource.password", "hunter2")])]
    #[case("a: 1\npassword: \"hunter 2\"\n# token: x\n", &[("a", "1"), ("password", "hunter 2")])]
    #[case(r#"{"user":"a","token":"b"}"#, &[("user", "a"), ("token", "b")])]
    #[case("export DB_PASSWORD=hunter2; run", &[("DB_PASSWORD", "hunter2")])]
    #[case("--db-password=hunter2", &[("db-password", "hunter2")])]
    #[case("-Ddb.password=hunter2", &[("Ddb.password", "hunter2")])]
    #[case("password = 'x y'", &[("password", "x y")])]
    #[case("http://host/path?token=abc&x=y", &[("token", "abc"), ("x", "y")])]
    #[case("secretKeyRef:\n  name: db", &[("name", "db")])]
    fn assignments_are_found_line_by_line(#[case] text: &str, #[case] expected: &[(&str, &str)]) {
        assert_eq!(assignments(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn flags_take_the_next_word() {
        let found: Vec<_> = flags("run --user a --password hunter2 --verbose --x").collect();
        assert_eq!(found, [("user", "a"), ("password", "hunter2")]);
    }
}
