//! The examples in YAML are what the API server and the chart take.

use std::fmt::Write as _;

use kube_test::Cluster;
use plimsoll_e2e::installed::{chart, install, soon, top};
use serde_json::Value;

use crate::page;

/// An example of one of our kinds, with a day that has not passed.
fn object(text: &str) -> Option<String> {
    let value: Value = serde_yaml::from_str(text).ok()?;
    let ours = value["apiVersion"] == "plimsoll.dev/v1alpha1";
    let day = format!("expires: \"{}\"", soon());
    let lines = text.lines().map(|line| {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim_start().starts_with("expires: ") {
            format!("{indent}{day}")
        } else {
            line.to_owned()
        }
    });
    ours.then(|| lines.collect::<Vec<_>>().join("\n"))
}

/// Whether an example is values of the chart: it has nothing else.
fn is_values(text: &str) -> bool {
    let known = std::fs::read_to_string(top().join("charts/plimsoll/values.yaml")).unwrap();
    let known: Value = serde_yaml::from_str(&known).unwrap();
    let given: Option<Value> = serde_yaml::from_str(text).ok();
    let given = given
        .and_then(|value| value.as_object().cloned())
        .unwrap_or_default();
    !given.is_empty() && given.keys().all(|key| known.get(key).is_some())
}

#[tokio::test]
async fn examples_are_taken_by_the_server_and_by_the_chart() {
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let (mut objects, mut values, mut wrong) = (0, 0, String::new());
    for page in page::all() {
        for (line, text) in &page.examples {
            let tried = if let Some(object) = object(text) {
                objects += 1;
                let create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
                cluster
                    .tool("kubectl")
                    .unwrap()
                    .args(create)
                    .stdin(object)
                    .run()
                    .await
            } else if is_values(text) {
                values += 1;
                let chart = chart("plimsoll");
                let template = [
                    "template",
                    "plimsoll",
                    &chart,
                    "--set",
                    "environment=production",
                    "-f",
                    "-",
                ];
                cluster
                    .tool("helm")
                    .unwrap()
                    .args(template)
                    .stdin(text.as_str())
                    .run()
                    .await
            } else {
                continue;
            };
            if let Err(error) = tried {
                _ = writeln!(wrong, "{}:{line}: {error}", page.path);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(objects >= 3 && values >= 2, "{objects} objects, {values} values");
}
