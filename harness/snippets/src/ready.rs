//! Which examples start a server in the foreground, and where it answers once it is ready.

use std::sync::OnceLock;

use regex::Regex;

/// How a known program is called, its default port, and whether the word alone gives it away.
const KNOWN: [(&str, u16); 5] = [
    (r"(?-u)(?:^|\s)(?:[!-~]*/)?vllm\s+serve\b", 8000),
    (r"(?-u)(?:^|\s)(?:[!-~]*/)?llama-server\b", 8080),
    (r"(?-u)\bsglang\.launch_server\b", 30000),
    (r"(?-u)\bvllm\.entrypoints\.[!-~]*api_server\b", 8000),
    (r"(?-u)(?:^|\s)[\w./-]+\s+serve\b", 8000),
];

/// The address of the server that a code starts in the foreground; `None` where it starts none.
pub(crate) fn of_code(code: &str) -> Option<String> {
    let joined = code.replace("\\\n", " ");
    joined.lines().find_map(of_line)
}

/// The address by the command alone, for an example that says itself that it is a server.
pub(crate) fn by_port(code: &str) -> Option<String> {
    let joined = code.replace("\\\n", " ");
    of_code(code).or_else(|| joined.lines().find_map(port).map(address))
}

fn of_line(line: &str) -> Option<String> {
    // The table takes longer to make than most pages to read.
    if !["serve", "sglang.launch"]
        .iter()
        .any(|word| line.contains(word))
    {
        return None;
    }
    static TABLE: OnceLock<Vec<(Regex, u16)>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        KNOWN
            .map(|(text, port)| (Regex::new(text).expect("a constant"), port))
            .into()
    });
    let line = line.split(" #").next().unwrap_or(line).trim();
    let asks = ["--help", "--version", "| "]
        .iter()
        .any(|word| line.contains(word));
    if line.starts_with('#') || line.ends_with('&') || asks || line.starts_with("echo ") {
        return None;
    }
    let (_, usual) = table.iter().find(|(pattern, _)| pattern.is_match(line))?;
    Some(address(port(line).unwrap_or(*usual)))
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn port(line: &str) -> Option<u16> {
    static PORT: OnceLock<Regex> = OnceLock::new();
    let pattern = PORT.get_or_init(|| {
        Regex::new(
            r"(?:^|\s)(?:--port|-p|--http-port)[ =]([0-9]{1,5})(?:\s|$)|http\.server\s+([0-9]{1,5})",
        )
        .expect("a constant")
    });
    let found = pattern.captures(line)?;
    found
        .get(1)
        .or(found.get(2))?
        .as_str()
        .parse()
        .ok()
        .filter(|port| *port != 0)
}

/// Host, port and path of an address on this machine.
///
/// # Errors
/// What is wrong with it: examples talk to servers that they start themselves.
pub(crate) fn parts(url: &str) -> Result<(String, u16, Option<String>), String> {
    let wrong = || {
        format!(
            "`server={url}` must be an address of this machine, such as http://127.0.0.1:8000/health"
        )
    };
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (authority, path) = match rest.find('/') {
        Some(at) => (&rest[..at], Some(rest[at..].to_owned())),
        None => (rest, None),
    };
    let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let control = path
        .iter()
        .any(|path| path.chars().any(|c| c.is_control() || c == ' '));
    if port == 0 || control || !matches!(host, "127.0.0.1" | "localhost" | "[::1]") {
        return Err(wrong());
    }
    Ok((host.to_owned(), port, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_recognised() {
        for (code, expected) in [
            ("vllm serve m --port 9001", Some(9001)),
            ("vllm serve m \\\n  --port=9002", Some(9002)),
            ("vllm serve m", Some(8000)),
            ("CUDA_VISIBLE_DEVICES=0 vllm serve m", Some(8000)),
            ("./build/bin/llama-server -m x.gguf", Some(8080)),
            ("python -m sglang.launch_server --model m", Some(30000)),
            ("my-tool serve --port 7", Some(7)),
            ("vllm serve m &", None),
            ("vllm serve --help", None),
            ("# vllm serve m", None),
            ("echo vllm serve m", None),
            ("curl http://x/serve", None),
        ] {
            let found = of_code(code);
            assert_eq!(
                found,
                expected.map(|p: u16| format!("http://127.0.0.1:{p}")),
                "{code}"
            );
        }
        assert_eq!(
            by_port("python3 -m http.server 8765").as_deref(),
            Some("http://127.0.0.1:8765")
        );
    }

    #[test]
    fn addresses_stay_on_this_machine() {
        assert_eq!(
            parts("http://localhost:80/x"),
            Ok(("localhost".into(), 80, Some("/x".into())))
        );
        for url in [
            "http://example.com:80",
            "https://127.0.0.1:1",
            "http://127.0.0.1",
            "http://127.0.0.1:0",
            "http://127.0.0.1:1/a b",
        ] {
            assert!(parts(url).is_err(), "{url}");
        }
    }
}
