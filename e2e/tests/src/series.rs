//! A page of `/metrics`, as something a test can ask, and where it comes from.

use std::collections::BTreeMap;

use kube::{Client, Config};
use kube_test::{eventually, not_yet};

use crate::installed::SOON;

/// One line of the page.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    /// Its name, such as `plimsoll_units`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// What one scrape gave.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page(Vec<Series>);

impl Page {
    /// Reads the text format. Label values with a quote or a brace in them are not expected here.
    pub fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.filter_map(series).collect())
    }

    /// Every series.
    pub fn rows(&self) -> impl Iterator<Item = &Series> {
        self.0.iter()
    }

    /// The series of a name that have all these labels.
    pub fn of<'a>(&'a self, name: &'a str, labels: &'a [(&str, &str)]) -> impl Iterator<Item = &'a Series> {
        let has = |series: &Series| {
            labels
                .iter()
                .all(|(k, v)| series.labels.get(*k).is_some_and(|l| l == v))
        };
        self.0
            .iter()
            .filter(move |series| series.name == name && has(series))
    }

    /// The sum of those series; 0 where there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name, labels).fold(0.0, |sum, series| sum + series.value)
    }

    /// How many units of a control have a verdict (`pass`, `fail`, `unknown`, `not_applicable`, `waived`).
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of a test"
    )]
    pub fn units(&self, control: &str, result: &str) -> u64 {
        let labels = [("control", control), ("result", result)];
        self.sum("plimsoll_units", &labels) as u64
    }

    /// Whether the operator is in this state about a kind.
    pub fn covers(&self, kind: &str, state: &str) -> bool {
        let labels = [("kind", kind), ("state", state)];
        self.of("plimsoll_watched_kind_coverage", &labels)
            .next()
            .is_some()
    }
}

/// What an operator serves in plain HTTP.
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "its client has none")]
pub struct Pages(Client);

impl Pages {
    /// Those at `host:port`.
    pub fn at(address: &str) -> Self {
        let url = format!("http://{address}").parse().unwrap();
        Self(Client::try_from(Config::new(url)).unwrap())
    }

    /// One of them, as text.
    pub async fn get(&self, path: &str) -> Result<String, kube::Error> {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.0.request_text(request).await
    }

    /// The metrics.
    pub async fn metrics(&self) -> Page {
        Page::parse(&self.get("/metrics").await.unwrap())
    }

    /// Waits until the metrics are as they should; else tells which verdicts there were.
    pub async fn until(&self, what: &str, holds: impl Fn(&Page) -> bool) -> kube_test::Result<Page> {
        eventually(SOON, what, async || {
            let text = self.get("/metrics").await.map_err(|e| not_yet(e.to_string()))?;
            let page = Page::parse(&text);
            if holds(&page) {
                return Ok(page);
            }
            let verdicts = text.lines().filter(|line| line.starts_with("plimsoll_units"));
            Err(not_yet(verdicts.collect::<Vec<_>>().join("\n")))
        })
        .await
    }
}

fn series(line: &str) -> Option<Series> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        None => (series, ""),
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
    };
    let labels = labels
        .split("\",")
        .filter_map(|label| label.split_once("=\""))
        .map(|(key, value)| (key.to_owned(), value.trim_end_matches('"').to_owned()));
    Some(Series {
        name: name.to_owned(),
        labels: labels.collect(),
        value: value.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_labels() {
        let page = Page::parse("# HELP a b\na 1\nplimsoll_units{control=\"x/y\",result=\"fail\"} 3\n");
        assert_eq!(page.units("x/y", "fail"), 3);
        assert_eq!(page.units("x/y", "pass"), 0);
        assert!((page.sum("a", &[]) - 1.0).abs() < f64::EPSILON);
    }
}
