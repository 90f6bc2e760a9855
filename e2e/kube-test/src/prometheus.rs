use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use kube::Client;
use serde_json::{Value, json};

use crate::access::{get, plain_client};
use crate::binaries::Binaries;
use crate::cluster::folder;
use crate::error::{Error, Result};
use crate::ports::Port;
use crate::process::Process;
use crate::tool::{Output, Tool};
use crate::wait::eventually;

/// A real Prometheus that scrapes every second. Gone when dropped or when the test process ends.
#[derive(Debug)]
pub struct Prometheus {
    port: Port,
    process: Mutex<Process>,
}

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels, `__name__` among them.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Prometheus {
    /// Starts one that scrapes `targets` (`host:port`, path `/metrics`, job `plimsoll`) and evaluates the rules in
    /// `rules`: the content of a rule file, or empty. Returns once it is ready; whether the targets answer is for
    /// [`Prometheus::query`] to see (`up`).
    pub async fn start(targets: &[&str], rules: &str) -> Result<Self> {
        Self::scraping(&config(targets), rules).await
    }

    /// As [`Prometheus::start`], from targets that serve over TLS, whoever signed their certificate, and want this token.
    pub async fn start_with_token(targets: &[&str], token: &str, rules: &str) -> Result<Self> {
        let mut config = config(targets);
        let job = &mut config["scrape_configs"][0];
        job["scheme"] = "https".into();
        job["authorization"] = json!({ "type": "Bearer", "credentials": token });
        job["tls_config"] = json!({ "insecure_skip_verify": true });
        Self::scraping(&config, rules).await
    }

    async fn scraping(config: &Value, rules: &str) -> Result<Self> {
        let binaries = Binaries::locate()?;
        let program = binaries.path("prometheus")?;
        let (dir, guard) = folder(false)?;
        write(
            &dir.join("rules.yaml"),
            if rules.trim().is_empty() {
                "groups: []"
            } else {
                rules
            },
        )?;
        write(&dir.join("prometheus.yaml"), &format!("{config:#}"))?;
        let port = Port::reserve()?;
        let mut command = Command::new(program);
        command.current_dir(&dir).args([
            "--config.file=prometheus.yaml".to_owned(),
            "--storage.tsdb.path=data".to_owned(),
            format!("--web.listen-address=127.0.0.1:{}", port.number),
            "--log.level=warn".to_owned(),
        ]);
        let process = Process::spawn(&guard, "prometheus", &command, dir.join("prometheus.log"))?;
        let prometheus = Self {
            port,
            process: Mutex::new(process),
        };
        prometheus.ready().await?;
        Ok(prometheus)
    }

    async fn ready(&self) -> Result<()> {
        let client = self.client()?;
        let outcome = eventually(Duration::from_secs(30), "Prometheus is ready", async || {
            let ended = self
                .process
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .check();
            match ended {
                Err(ended) => Ok(Err(ended)),
                Ok(()) => get(&client, "/-/ready").await.map(|_| Ok(())),
            }
        });
        outcome.await?
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number)
    }

    /// The instant value of an expression: a series each; a scalar is one without labels.
    pub async fn query(&self, expression: &str) -> Result<Vec<Sample>> {
        let data = self
            .api(&format!("query?query={}", percent_encode(expression)))
            .await?;
        let unreadable = || Error::Prometheus(format!("no vector or scalar: {data}"));
        let series = match data["resultType"].as_str() {
            Some("scalar") => vec![json!({ "metric": {}, "value": data["result"] })],
            Some("vector") => data["result"].as_array().ok_or_else(unreadable)?.clone(),
            _ => return Err(unreadable()),
        };
        series
            .iter()
            .map(|one| sample(one).ok_or_else(unreadable))
            .collect()
    }

    /// The `data` of any GET of its HTTP API, such as `rules`, `alerts` or `targets`.
    pub async fn api(&self, path: &str) -> Result<Value> {
        let text = get(&self.client()?, &format!("/api/v1/{path}"))
            .await
            .map_err(|error| match error {
                // Its error objects are not Kubernetes'; the text is in the message all the same.
                Error::Api { source, .. } => Error::Prometheus(source.to_string()),
                other => other,
            })?;
        let mut answer: Value =
            serde_json::from_str(&text).map_err(|error| Error::Prometheus(error.to_string()))?;
        if answer["status"] == "success" {
            return Ok(answer["data"].take());
        }
        Err(Error::Prometheus(answer["error"].to_string()))
    }

    fn client(&self) -> Result<Client> {
        plain_client(&self.url())
    }
}

/// Runs the real promtool (`check rules FILE`, `test rules FILE`, `check metrics` …), fed with `input`.
pub async fn promtool(args: &[&str], input: &str) -> Result<Output> {
    let program = Binaries::locate()?.path("promtool")?;
    Tool::new(&program, Path::new(""), &std::env::temp_dir())
        .args(args)
        .stdin(input)
        .run()
        .await
}

fn write(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).map_err(Error::io(path.display().to_string()))
}

fn config(targets: &[&str]) -> Value {
    json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
        "rule_files": ["rules.yaml"],
        "scrape_configs": [{ "job_name": "plimsoll", "static_configs": [{ "targets": targets }] }],
    })
}

fn sample(series: &Value) -> Option<Sample> {
    let labels = serde_json::from_value(series["metric"].clone()).ok()?;
    let value = series["value"].get(1)?.as_str()?.parse().ok()?;
    Some(Sample { labels, value })
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

// A NaN is what Prometheus writes as "NaN"; f64 reads that, and "+Inf", as they are.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_and_nan_are_values() {
        let value =
            |text: &str| sample(&json!({ "metric": {}, "value": [0, text] })).map(|sample| sample.value);
        assert_eq!(value("+Inf"), Some(f64::INFINITY));
        assert!(value("NaN").is_some_and(f64::is_nan));
        assert_eq!(value("x"), None);
    }
}
