//! A browser without a window, and as much of WebDriver (W3C, 2018) as these tests need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Ends the browser and its driver when it goes.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

/// One step of a pointer that is pressed or not, in pixels of the window.
pub enum Step {
    To(i64, i64),
    Down,
    Up,
}

impl Browser {
    /// A browser with a window of this size.
    pub fn start(width: u32, height: u32) -> Browser {
        let started =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = started.expect("chromedriver starts");
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        let mut browser =
            Browser { driver, port: port.expect("chromedriver says its port"), session: String::new() };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": 60_000, "pageLoad": 60_000},
        }}});
        let session = browser.post("/session", &capabilities);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        browser.resize(width, height);
        browser
    }

    /// Gives the page this many pixels, less than the least width of a window too.
    pub fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.chromium("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// A command of Chromium's own protocol.
    pub fn chromium(&self, command: &str, parameters: Value) -> Value {
        self.in_session("/goog/cdp/execute", json!({"cmd": command, "params": parameters}))
    }

    pub fn open(&self, file: &Path) {
        self.in_session("/url", json!({"url": format!("file://{}", file.display())}));
    }

    /// What a script gives back with `return`.
    pub fn run(&self, script: &str) -> Value {
        self.in_session("/execute/sync", json!({"script": script, "args": []}))
    }

    /// What an expression is worth, a promise included.
    pub fn value(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; Promise.resolve({expression}).then(done, error => done(String(error)));"
        );
        self.in_session("/execute/async", json!({"script": script, "args": []}))
    }

    /// Waits, frame by frame, until an expression is true.
    pub fn until(&self, condition: &str) {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const look = () => ({condition}) ? done() : requestAnimationFrame(look); look();"
        );
        self.in_session("/execute/async", json!({"script": script, "args": []}));
    }

    pub fn text(&self, selector: &str) -> String {
        let selector = json!(selector);
        self.run(&format!("return document.querySelector({selector}).textContent"))
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.in_session(&format!("/element/{element}/click"), json!({}));
    }

    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.in_session(&format!("/element/{element}/value"), json!({"text": text}));
    }

    pub fn point(&self, steps: &[Step]) {
        let actions: Vec<Value> = steps
            .iter()
            .map(|step| match step {
                Step::To(x, y) => {
                    json!({"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": "viewport"})
                }
                Step::Down => json!({"type": "pointerDown", "button": 0}),
                Step::Up => json!({"type": "pointerUp", "button": 0}),
            })
            .collect();
        let mouse = json!({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions});
        self.in_session("/actions", json!({"actions": [mouse]}));
    }

    /// Turns the wheel by so many pixels.
    pub fn wheel(&self, x: i64, y: i64, by: i64) {
        let turn = json!({"type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": by, "duration": 0});
        self.in_session(
            "/actions",
            json!({"actions": [{"type": "wheel", "id": "wheel", "actions": [turn]}]}),
        );
    }

    /// What the reader's system says that they prefer.
    pub fn prefer(&self, what: &str, value: &str) {
        let features = json!({"features": [{"name": what, "value": value}]});
        self.chromium("Emulation.setEmulatedMedia", features);
    }

    /// A PNG of the window, as it is when all that was asked for is painted.
    pub fn screenshot(&self) -> Vec<u8> {
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
        let answer = self.ask("GET", &format!("/session/{}/screenshot", self.session), "").unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        STANDARD.decode(answer["value"].as_str().unwrap()).unwrap()
    }

    /// Red, green and blue of a pixel of the window.
    pub fn pixel(&self, x: i64, y: i64) -> [u8; 3] {
        let mut reader = png::Decoder::new(std::io::Cursor::new(self.screenshot())).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let at = (y as usize * info.width as usize + x as usize) * info.color_type.samples();
        [bytes[at], bytes[at + 1], bytes[at + 2]]
    }

    /// Texts whose contrast with the nearest ground behind them is below 4.5, as WCAG 2.2 counts it;
    /// what cannot be used may be faint.
    pub fn faint(&self) -> Vec<String> {
        let script = r"
            const light = (color) => {
                const shares = color.match(/[\d.]+/g).slice(0, 3).map((byte) => byte / 255);
                const [red, green, blue] = shares.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
                return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            };
            const ground = (each) => {
                for (let at = each; at; at = at.parentElement) {
                    const color = getComputedStyle(at).backgroundColor;
                    if (!color.endsWith(', 0)')) return color;
                }
                return 'rgb(255, 255, 255)';
            };
            const written = (each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
            const texts = [...document.querySelectorAll('body *')].filter((each) => each.offsetWidth > 1 && !each.disabled && written(each));
            return texts.filter((each) => {
                const [a, b] = [light(getComputedStyle(each).color), light(ground(each))];
                return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
            }).map((each) => each.outerHTML.slice(0, 100));";
        serde_json::from_value(self.run(script)).unwrap()
    }

    /// Messages of the page that are errors or warnings.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.in_session("/se/log", json!({"type": "browser"}));
        let messages = log.as_array().cloned().unwrap_or_default();
        messages
            .iter()
            .filter(|message| message["level"] != "INFO" && message["level"] != "DEBUG")
            .map(|message| message["message"].to_string())
            .collect()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.in_session("/element", json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|element| element.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    fn in_session(&self, path: &str, body: Value) -> Value {
        self.post(&format!("/session/{}{path}", self.session), &body)
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, &body.to_string()).expect("the driver answers");
        let value: Value = serde_json::from_str(&answer).expect("the driver answers in JSON");
        assert!(value["value"]["error"].is_null(), "{path}: {}", value["value"]["message"]);
        value["value"].clone()
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let (port, length) = (self.port, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.ask("DELETE", &format!("/session/{}", self.session), "");
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
