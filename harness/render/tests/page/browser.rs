//! A browser without a window, told what to do over two pipes.
//!
//! Promise: it ends with its test, uses a folder of its own, and is asked with deadlines. Rejected: a driver of browsers as a dependency (some hundred lines of JSON do).

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The machine may be busy with everything else.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    session: Value,
    next: u64,
    /// What the page did without being asked: requests, exceptions, words of its log.
    pub events: Vec<Value>,
    _folder: tempfile::TempDir,
}

/// A browser of this machine, or why there is none.
pub fn found() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os("TRIBUNAL_CHROMIUM") {
        return Ok(given.into());
    }
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];
    let folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            format!(
                "none of {} is in PATH, and TRIBUNAL_CHROMIUM names none",
                names.join(", ")
            )
        })
}

impl Browser {
    /// Starts it with an empty page.
    pub fn start(program: &Path) -> Browser {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = |name: &str| {
            let path = folder.path().join(name);
            let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
            assert!(made.success(), "mkfifo: {made}");
            path
        };
        let (input, output) = (pipe("in"), pipe("out"));
        // Both ends: to open it waits for nobody.
        let both = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
        let to = both(&input).expect("the pipe");
        let replies = both(&output).expect("the pipe");
        // The browser reads from 3 and writes to 4.
        let child = Command::new("/bin/sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<\"$IN\" 4>\"$OUT\""])
            .arg(program)
            .args([
                "--headless",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
            ])
            .args([
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-extensions",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args([
                "--mute-audio",
                "--hide-scrollbars",
                "--host-resolver-rules=MAP * ~NOTFOUND",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .arg("about:blank")
            .env("IN", &input)
            .env("OUT", &output)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser");
        let (give, from) = channel();
        std::thread::spawn(move || {
            let mut replies = BufReader::new(replies);
            let mut message = Vec::new();
            while replies
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else {
                    return;
                };
                message.clear();
                if give.send(value).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            child,
            to,
            from,
            session: Value::Null,
            next: 0,
            events: Vec::new(),
            _folder: folder,
        };
        let pages = browser.call("Target.getTargets", json!({}));
        let pages = pages["targetInfos"].as_array().cloned().unwrap_or_default();
        let page = pages
            .iter()
            .find(|page| page["type"] == "page")
            .expect("a page");
        let attached = browser.call(
            "Target.attachToTarget",
            json!({"targetId": page["targetId"], "flatten": true}),
        );
        browser.session = attached["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Asks for something that must be granted, and waits for the answer.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        match self.ask(method, parameters) {
            Ok(result) => result,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": parameters});
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.to
            .write_all(format!("{message}\0").as_bytes())
            .expect("the browser reads");
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let reply = match self.from.recv_timeout(left) {
                Ok(reply) => reply,
                Err(RecvTimeoutError::Timeout) => panic!("{method} was not answered"),
                Err(RecvTimeoutError::Disconnected) => panic!("the browser is gone: {method}"),
            };
            if reply["id"] == self.next {
                return match reply["error"].is_null() {
                    true => Ok(reply["result"].clone()),
                    false => Err(reply["error"].clone()),
                };
            }
            if reply["id"].is_null() {
                self.events.push(reply);
            }
        }
    }

    /// The value of an expression in the page.
    pub fn value(&mut self, expression: &str) -> Value {
        match self.evaluated(expression) {
            Ok(value) => value,
            Err(why) => panic!("{expression}: {why}"),
        }
    }

    fn evaluated(&mut self, expression: &str) -> Result<Value, Value> {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let found = self.ask("Runtime.evaluate", asked)?;
        match found["exceptionDetails"].is_null() {
            true => Ok(found["result"]["value"].clone()),
            false => Err(found["exceptionDetails"].clone()),
        }
    }

    /// Waits until an expression is true. While one page makes room for the next there is nothing to ask, which is *not yet*.
    pub fn until(&mut self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.evaluated(expression);
            if found == Ok(Value::Bool(true)) {
                return;
            }
            assert!(Instant::now() < end, "never true: {expression}: {found:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Opens a file and waits until all of it is shown.
    pub fn open(&mut self, page: &Path, hash: &str) {
        let url = format!("file://{}{hash}", page.display());
        // Another hash alone would not load it again.
        self.call("Page.navigate", json!({"url": "about:blank"}));
        self.until("location.href === 'about:blank'");
        let went = self.call("Page.navigate", json!({"url": url}));
        assert!(went["errorText"].is_null(), "{went}");
        self.until("document.documentElement.dataset.ready === 'all'");
    }

    /// How large the page is on the screen, and whether it is dark.
    pub fn screen(&mut self, width: u32, height: u32, dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Presses a key and lets it go.
    pub fn key(&mut self, key: &str) {
        let text = if key == "Enter" { "\r" } else { key };
        let down = match key.chars().count() == 1 || key == "Enter" {
            true => json!({"type": "keyDown", "key": key, "text": text}),
            false => {
                json!({"type": "rawKeyDown", "key": key, "code": key, "windowsVirtualKeyCode": code(key)})
            }
        };
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({"type": "keyUp", "key": key}),
        );
    }

    /// Keeps what is on the screen as a file.
    pub fn picture(&mut self, path: &Path) {
        use base64::Engine as _;
        let taken = self.call("Page.captureScreenshot", json!({"format": "png"}));
        let data = taken["data"].as_str().expect("a picture");
        let bytes = base64::engine::general_purpose::STANDARD.decode(data);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes.expect("base 64")).expect("written");
    }

    /// Fails where the page asked for anything from elsewhere, or its script or its policy complained.
    pub fn nothing_happened(&mut self, page: &Path) {
        self.value("new Promise((done) => setTimeout(done, 100))");
        let own = format!("file://{}", page.display());
        for event in self.events.drain(..) {
            let about = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    let url = about["request"]["url"].as_str().unwrap_or_default();
                    let known =
                        url.starts_with(&own) || url.starts_with("data:") || url == "about:blank";
                    assert!(known, "asked for {url}");
                }
                "Runtime.exceptionThrown" | "Log.entryAdded" => panic!("{about}"),
                "Runtime.consoleAPICalled" if about["type"] != "log" => panic!("{about}"),
                _ => {}
            }
        }
    }
}

fn code(key: &str) -> u32 {
    match key {
        "Tab" => 9,
        "Escape" => 27,
        "End" => 35,
        "Home" => 36,
        "ArrowLeft" => 37,
        "ArrowRight" => 39,
        _ => 0,
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already; either way it is waited for.
        let _ = self
            .to
            .write_all(b"{\"id\":1000000,\"method\":\"Browser.close\"}\0");
        let until = Instant::now() + Duration::from_secs(10);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.child.kill();
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.wait();
    }
}
