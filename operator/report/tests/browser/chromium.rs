//! Chromium without a window, driven through chromedriver.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use fantoccini::{
    Client, ClientBuilder,
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

/// How long the browser may take for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one window.
pub(crate) struct Browser {
    pub(crate) window: Client,
    driver: Child,
    /// Its profile, and what a killed one leaves; gone when dropped.
    _folder: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Killed, it leaves its browser behind: that is of the same group.
        let group = i32::try_from(self.driver.id()).ok().and_then(Pid::from_raw);
        _ = group.map(|group| kill_process_group(group, Signal::KILL));
        _ = self.driver.wait();
    }
}

/// A program on the path.
fn found(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

impl Browser {
    /// Starts one; nothing where there is none, which the test says.
    pub(crate) async fn start() -> Option<Self> {
        let browser = ["chromium", "chromium-browser", "google-chrome"]
            .iter()
            .find_map(|name| found(name));
        let (Some(program), Some(browser)) = (found("chromedriver"), browser) else {
            println!("skipped: no chromium with its chromedriver on the path");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let driver = Command::new(program)
            .arg(format!("--port={port}"))
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut started = Self::connect(port, &browser).await;
        let deadline = Instant::now() + PATIENCE;
        while started.is_err() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
            started = Self::connect(port, &browser).await;
        }
        let window = started.unwrap();
        Some(Self {
            window,
            driver,
            _folder: folder,
        })
    }

    async fn connect(port: u16, browser: &Path) -> Result<Client, fantoccini::error::NewSessionError> {
        let capabilities: Capabilities = serde_json::from_value(json!({
            "goog:chromeOptions": {
                "binary": browser,
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                    "--disable-background-networking", "--hide-scrollbars", "--window-size=1360,900",
                ],
            },
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }))
        .unwrap();
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
    }

    /// Opens a file and waits until its script has run.
    pub(crate) async fn open(&self, file: &Path) {
        self.visit(file).await;
        self.until("document.documentElement.classList.contains('ready')")
            .await;
    }

    /// Processor time that the page has taken since it was opened, in seconds.
    pub(crate) async fn spent(&self) -> f64 {
        let metrics = self.tools("Performance.getMetrics", json!({})).await;
        let all = metrics["metrics"].as_array().unwrap();
        let spent = all.iter().find(|metric| metric["name"] == "ProcessTime").unwrap();
        spent["value"].as_f64().unwrap()
    }

    /// Opens a file.
    pub(crate) async fn visit(&self, file: &Path) {
        let address = Url::from_file_path(fs::canonicalize(file).unwrap()).unwrap();
        self.window.goto(address.as_str()).await.unwrap();
    }

    /// Waits until an expression holds.
    pub(crate) async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.eval(&format!("return !!({expression})")).await != json!(true) {
            assert!(Instant::now() < deadline, "never: {expression}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a script in the page.
    pub(crate) async fn eval(&self, script: &str) -> Value {
        self.window.execute(script, Vec::new()).await.unwrap()
    }

    /// Asks for something of the developer tools.
    pub(crate) async fn tools(&self, cmd: &str, params: Value) -> Value {
        let command = Vendor {
            path: "goog/cdp/execute",
            body: json!({"cmd": cmd, "params": params}),
        };
        self.window.issue_cmd(command).await.unwrap()
    }

    /// What was logged since it was last asked for.
    pub(crate) async fn log(&self, kind: &str) -> Vec<Value> {
        let command = Vendor {
            path: "se/log",
            body: json!({"type": kind}),
        };
        let log = self.window.issue_cmd(command).await.unwrap();
        log.as_array().cloned().unwrap_or_default()
    }

    /// Addresses that something was asked of, since this was last asked.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let log = self.log("performance").await;
        let messages = log.iter().filter_map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            (message["method"] == "Network.requestWillBeSent")
                .then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
        });
        messages.collect()
    }

    /// As if the user preferred this.
    pub(crate) async fn prefer(&self, scheme: &str, media: &str) {
        let params = json!({"media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.tools("Emulation.setEmulatedMedia", params).await;
    }

    /// As if the window had this size.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let params = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.tools("Emulation.setDeviceMetricsOverride", params).await;
    }

    /// Presses keys one after another, wherever the focus is.
    pub(crate) async fn press(&self, keys: &[&str]) {
        for key in keys {
            let (code, text) = match *key {
                "Tab" => (9, ""),
                "Enter" => (13, "\r"),
                other => (0, other),
            };
            let name = if code == 0 { *key } else { key };
            for kind in ["keyDown", "keyUp"] {
                let text = if kind == "keyDown" { text } else { "" };
                let params = json!({"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": code, "text": text});
                self.tools("Input.dispatchKeyEvent", params).await;
            }
        }
    }

    /// Keeps a picture of the whole page, or from the findings on, where `PLIMSOLL_SCREENSHOTS` says.
    pub(crate) async fn picture(&self, name: &str, whole: bool) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let Some(folder) = env::var_os("PLIMSOLL_SCREENSHOTS") else {
            return;
        };
        let mut params = json!({"format": "png", "captureBeyondViewport": true});
        let from = if whole {
            "0"
        } else {
            "document.getElementById('findings').getBoundingClientRect().top + scrollY"
        };
        let script = format!(
            "const e = document.documentElement, y = {from}; return [e.clientWidth, Math.min(e.scrollHeight - y, {}), y]",
            if whole { 7000 } else { 1400 }
        );
        let size = self.eval(&script).await;
        params["clip"] = json!({"x": 0, "y": size[2], "width": size[0], "height": size[1], "scale": 1});
        let picture = self.tools("Page.captureScreenshot", params).await;
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        fs::write(Path::new(&folder).join(format!("{name}.png")), bytes).unwrap();
    }
}

/// A command that only this browser's driver knows.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
