//! Names of Services in the cluster's DNS, as they occur in texts: `<service>.<namespace>`, `<service>.<namespace>.svc…`.
//!
//! Prose, file names, versions and keys of properties have dots too. A name with `.svc` behind it is taken wherever it
//! stands as a word; the short form only where a host can stand: a whole value, after `//`, `@`, `=`, a quote or a blank, and
//! followed by nothing, a port, a path or a delimiter.

use std::ops::Range;

use memchr::memchr_iter;

/// The name of a Service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Host {
    pub(super) service: String,
    pub(super) namespace: String,
}

/// Every Service a text may name, as (Service, namespace).
pub fn services(text: &str) -> impl Iterator<Item = (String, String)> {
    hosts(text).map(|host| (host.service, host.namespace))
}

/// Every Service a text may name.
pub(super) fn hosts(text: &str) -> impl Iterator<Item = Host> {
    let bytes = text.as_bytes();
    let mut end = 0;
    memchr_iter(b'.', bytes).filter_map(move |dot| {
        if dot < end {
            return None; // of a word that was looked at already
        }
        let word = word_around(bytes, dot);
        end = word.end;
        host(text, word)
    })
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

fn word_around(bytes: &[u8], at: usize) -> Range<usize> {
    let start = bytes[..at]
        .iter()
        .rposition(|b| !is_host_byte(*b))
        .map_or(0, |i| i + 1);
    let length = bytes[at..].iter().position(|b| !is_host_byte(*b));
    start..length.map_or(bytes.len(), |length| at + length)
}

/// Longest name of a host (RFC 1035), a root dot included.
const LONGEST: usize = 254;

fn host(text: &str, word: Range<usize>) -> Option<Host> {
    let (before, name, after) = (&text[..word.start], &text[word.clone()], &text[word.end..]);
    if name.len() > LONGEST || before.ends_with('_') || after.starts_with('_') {
        return None;
    }
    let absolute = name.strip_suffix('.');
    let labels: Vec<&str> = absolute.unwrap_or(name).split('.').collect();
    let (service, namespace) = match full_form(&labels) {
        Some(pair) => pair,
        None => match labels[..] {
            [service, namespace] if absolute.is_none() && stands_as_host(before, after) => {
                (service, namespace)
            }
            _ => return None,
        },
    };
    let service_name = service.starts_with(|c: char| c.is_ascii_alphabetic()) && is_label(service);
    (service_name && is_label(namespace)).then(|| Host {
        service: service.to_ascii_lowercase(),
        namespace: namespace.to_ascii_lowercase(),
    })
}

/// The two labels before `svc`; a pod of a headless Service has one more in front.
fn full_form<'n>(labels: &[&'n str]) -> Option<(&'n str, &'n str)> {
    let svc = labels
        .iter()
        .skip(2)
        .position(|label| label.eq_ignore_ascii_case("svc"))?;
    Some((labels[svc], labels[svc + 1]))
}

fn is_label(label: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    label.len() <= 63 && edge(label.as_bytes().first()) && edge(label.as_bytes().last())
}

fn stands_as_host(before: &str, after: &str) -> bool {
    let starts = match before.chars().next_back() {
        None => true,
        Some('/') => before.ends_with("//"),
        Some('@') => !is_mailbox(before),
        Some(c) => {
            c.is_whitespace()
                || matches!(
                    c,
                    '"' | '\'' | '=' | ',' | ';' | '(' | '[' | '{' | ':' | '|' | '>'
                )
        }
    };
    let mut rest = after.chars();
    starts
        && match rest.next() {
            None => true,
            Some(':') => rest
                .next()
                .is_some_and(|c| c.is_ascii_digit() || matches!(c, '$' | '{')),
            Some(c) => {
                c.is_whitespace()
                    || matches!(
                        c,
                        '"' | '\'' | ',' | ';' | ')' | ']' | '}' | '/' | '?' | '#' | '|' | '<' | '\\' | '&'
                    )
            }
        }
}

/// Whether the part before an `@` is that of an address of e-mail: no password in it and no scheme before it. A part that is
/// longer than any mailbox is none, and need not be read to its end.
fn is_mailbox(before: &str) -> bool {
    const LONGEST: usize = 256;
    let delimits = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '=' | '<');
    let mut part = before
        .chars()
        .rev()
        .take(LONGEST + 1)
        .take_while(|c| !delimits(*c));
    let mut length = 0;
    part.all(|c| {
        length += 1;
        !matches!(c, ':' | '/')
    }) && length <= LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("db.shop-staging", &["db.shop-staging"])]
    #[case("db.shop-staging:5432", &["db.shop-staging"])]
    #[case("db.shop-staging.svc.cluster.local", &["db.shop-staging"])]
    #[case("DB.Shop-Staging.SVC", &["db.shop-staging"])]
    #[case("db-0.db.shop-staging.svc.cluster.local.", &["db.shop-staging"])]
    #[case("postgres://u:p@db.shop-staging/x?sslmode=off", &["db.shop-staging"])]
    #[case("u:p@tcp(db.shop-staging:3306)/x", &["db.shop-staging"])]
    #[case("--upstream=http://a.staging,http://b.staging:80/", &["a.staging", "b.staging"])]
    #[case("see db.staging.svc for more.", &["db.staging"])]
    #[case("host: db.staging\nport: 1", &["db.staging"])]
    #[case("jdbc:postgresql://db.staging:${PORT}/x", &["db.staging"])]
    // Nothing that can be a Service's name stands where a host can stand.
    #[case("the file values.yaml.", &[])]
    #[case("a test. this is prose", &[])]
    #[case("someone@app.test", &[])]
    #[case("app.test=true", &[])]
    #[case("app.test: true", &[])]
    #[case("/etc/app.test", &[])]
    #[case("spring.datasource.test", &[])]
    #[case(".shop-staging.svc", &[])]
    #[case("*.shop-staging.svc", &[])]
    #[case("my_db.staging.svc", &[])]
    #[case("db.staging_2", &[])]
    #[case("1.2", &[])]
    #[case("..", &[])]
    #[case("-a.b-", &[])]
    fn services_are_found_where_hosts_stand(#[case] text: &str, #[case] expected: &[&str]) {
        let found: Vec<String> = hosts(text)
            .map(|h| format!("{}.{}", h.service, h.namespace))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_looked_through(text in "(?s)[a-c.@:/_\\- é\\n]{0,40}") {
            for host in hosts(&text) {
                let name = format!("{}.{}", host.service, host.namespace);
                proptest::prop_assert!(text.to_lowercase().contains(&name));
            }
        }
    }
}
