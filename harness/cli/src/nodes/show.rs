//! A file of several nodes for people, and for programs.

use serde_json::{Value, json};
use tribunal_deploy::names_secret;
use tribunal_nodes::{Layout, NodesFile, Port, Process, Proxy, Targets, Text};

use crate::workload::show::{line, many};

/// One line for a file that is good, and its notes.
pub(super) fn summary(file: &NodesFile) -> String {
    let nodes: usize = file.layouts.iter().map(|layout| layout.nodes.len()).sum();
    let processes = file
        .layouts
        .iter()
        .flat_map(|layout| &layout.nodes)
        .map(|node| node.processes.len())
        .sum();
    let processes = many(processes, "process").replace("processs", "processes");
    let cases = if file.layouts.len() > 1 {
        format!("{}, ", many(file.layouts.len(), "case"))
    } else {
        String::new()
    };
    let mut out = format!(
        "{}: nothing is wrong: {}; {cases}{}, {processes}\n",
        file.path.display(),
        file.form.name(),
        many(nodes, "node"),
    );
    out.push_str(&notes(file));
    out
}

fn notes(file: &NodesFile) -> String {
    file.notes
        .iter()
        .map(|note| format!("  line {}: {}\n", note.line, note.text))
        .collect()
}

/// What would run where.
pub(super) fn layouts(file: &NodesFile) -> String {
    let mut out = format!("{} ({})\n", file.path.display(), file.form.name());
    for layout in &file.layouts {
        out.push_str(&one(layout));
    }
    out.push_str(&notes(file));
    out
}

fn one(layout: &Layout) -> String {
    let npus = layout.npus_per_node.map_or(String::new(), |npus| {
        format!(" of {}", many(npus as usize, "accelerator"))
    });
    let mut out = format!(
        "\n{}  (line {})\n  model {}; {}{npus}\n",
        layout.test_name,
        layout.line,
        layout.model,
        many(layout.nodes.len(), "node")
    );
    if let Some(hosts) = &layout.hosts {
        out.push_str(&format!("  hosts {}\n", hosts.join(", ")));
    }
    if let Some(pool) = &layout.pool {
        out.push_str(&format!(
            "  pool on node {}: {}, {}\n    $ {}\n",
            pool.node,
            pool.kind.name(),
            ports(&pool.ports),
            command(&pool.command, &[])
        ));
        for file in &pool.files {
            out.push_str(&format!(
                "    writes ${{POOL_FOLDER}}/{} on every node\n",
                file.name
            ));
        }
    }
    for node in &layout.nodes {
        let headless = if node.headless { ", no API server" } else { "" };
        out.push_str(&format!(
            "  node {}: {}, master is node {}{headless}  (line {})\n",
            node.index,
            node.role.name(),
            node.master,
            node.line
        ));
        for process in &node.processes {
            out.push_str(&shown_process(process));
        }
    }
    if let Some(proxy) = &layout.proxy {
        out.push_str(&shown_proxy(layout, proxy));
    }
    for step in layout.workload.iter().flat_map(|case| &case.steps) {
        out.push_str(&format!(
            "  benchmark {}  [{}]: {}  (line {})\n",
            step.name,
            step.label,
            step.purpose.name(),
            step.line
        ));
    }
    if let Some(content) = &layout.content {
        let phases: Vec<&str> = content.phases.iter().map(|phase| phase.name()).collect();
        if !phases.is_empty() {
            out.push_str(&format!("  asks {}\n", phases.join(", ")));
        }
    }
    out
}

fn shown_process(process: &Process) -> String {
    let port = process
        .port
        .as_ref()
        .map_or(String::new(), |port| format!(", port {}", shown_port(port)));
    let rank = process.rank.as_ref().map_or(String::new(), |rank| {
        format!(
            ", rank {}, {}",
            rank.global,
            numbers("accelerator", &rank.devices)
        )
    });
    let mut out = format!("    {}{port}{rank}\n", process.name);
    let hide = secrets(&process.env);
    for (name, value) in &process.env {
        out.push_str(&format!("      {name}={}\n", masked(name, value, &hide)));
    }
    out.push_str(&format!("      $ {}\n", command(&process.command, &hide)));
    out
}

fn shown_proxy(layout: &Layout, proxy: &Proxy) -> String {
    let named = |targets: &[(usize, usize)]| -> String {
        let names: Vec<String> = targets
            .iter()
            .map(|(node, process)| {
                let name = layout
                    .process(*node, *process)
                    .map_or("?", |process| &process.name);
                format!("node {node} {name}")
            })
            .collect();
        names.join(", ")
    };
    let targets = match &proxy.targets {
        Targets::Any(any) => named(any),
        Targets::Pair { prefill, decode } => {
            format!("prefill {}; decode {}", named(prefill), named(decode))
        }
        Targets::Encode { encode, rest } => {
            format!("encode {}; the rest {}", named(encode), named(rest))
        }
    };
    let how = match &proxy.command {
        Some(words) => format!("$ {}", command(words, &secrets(&proxy.env))),
        None => "the proxy of this project".to_owned(),
    };
    format!(
        "  proxy on node {}, port {}: {targets}\n    {how}\n",
        proxy.node,
        shown_port(&proxy.port)
    )
}

fn shown_port(port: &Port) -> String {
    match port {
        Port::Fixed(port) => port.to_string(),
        Port::Free(name) => format!("${{{name}}} (free)"),
    }
}

fn ports(ports: &[u16]) -> String {
    let ports: Vec<u32> = ports.iter().map(|port| u32::from(*port)).collect();
    numbers("port", &ports)
}

fn numbers(what: &str, numbers: &[u32]) -> String {
    let list: Vec<String> = numbers.iter().map(u32::to_string).collect();
    let s = if numbers.len() == 1 { "" } else { "s" };
    format!("{what}{s} {}", list.join(", "))
}

/// The values that must not be shown, wherever else the file puts them; shorter ones would hit ordinary words.
fn secrets(env: &[(String, Text)]) -> Vec<String> {
    env.iter()
        .filter(|(name, _)| names_secret(name))
        .map(|(_, value)| value.to_string())
        .filter(|value| value.len() >= 6)
        .collect()
}

fn hidden(text: &Text, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_string(), |text, secret| {
        text.replace(secret.as_str(), "***")
    })
}

fn masked(name: &str, value: &Text, secrets: &[String]) -> String {
    if names_secret(name) {
        "***".to_owned()
    } else {
        hidden(value, secrets)
    }
}

/// A command as a shell would take it, with variables in braces.
fn command(words: &[Text], secrets: &[String]) -> String {
    line(&texts(words, secrets))
}

/// The whole file, for programs.
pub(super) fn json(file: &NodesFile) -> Value {
    let notes: Vec<Value> = file
        .notes
        .iter()
        .map(|note| json!({ "line": note.line, "text": note.text }))
        .collect();
    let layouts: Vec<Value> = file.layouts.iter().map(json_layout).collect();
    json!({ "file": file.path.display().to_string(), "form": file.form.name(), "notes": notes, "layouts": layouts })
}

fn json_layout(layout: &Layout) -> Value {
    let nodes: Vec<Value> = layout
        .nodes
        .iter()
        .map(|node| {
            let processes: Vec<Value> = node.processes.iter().map(json_process).collect();
            json!({
                "index": node.index, "role": node.role.name(), "master": node.master, "headless": node.headless,
                "free_ports": node.free_ports, "line": node.line, "processes": processes,
            })
        })
        .collect();
    let benchmarks: Vec<Value> = layout
        .workload
        .iter()
        .flat_map(|case| &case.steps)
        .map(|step| json!({ "name": step.name, "purpose": step.purpose.name(), "line": step.line }))
        .collect();
    let proxy = layout.proxy.as_ref().map(|proxy| {
        json!({ "node": proxy.node, "port": json_port(&proxy.port), "command": proxy.command.as_deref().map(|command| texts(command, &secrets(&proxy.env))) })
    });
    let pool = layout.pool.as_ref().map(|pool| {
        let files: Vec<&str> = pool.files.iter().map(|file| &*file.name).collect();
        json!({ "kind": pool.kind.name(), "node": pool.node, "ports": pool.ports, "command": texts(&pool.command, &[]), "files": files })
    });
    let dependencies: serde_json::Map<String, Value> = layout
        .dependencies
        .iter()
        .map(|(name, version)| (name.clone(), json!(version)))
        .collect();
    json!({
        "name": layout.name, "test_name": layout.test_name, "line": layout.line, "model": layout.model,
        "npus_per_node": layout.npus_per_node, "nodes": nodes, "proxy": proxy, "pool": pool, "hosts": layout.hosts,
        "dependencies": dependencies, "benchmarks": benchmarks,
    })
}

fn json_process(process: &Process) -> Value {
    let secrets = secrets(&process.env);
    let env: serde_json::Map<String, Value> = process
        .env
        .iter()
        .map(|(name, value)| (name.clone(), json!(masked(name, value, &secrets))))
        .collect();
    let rank = process
        .rank
        .as_ref()
        .map(|rank| json!({ "local": rank.local, "global": rank.global, "devices": rank.devices }));
    json!({
        "name": process.name, "role": process.role.name(), "line": process.line,
        "port": process.port.as_ref().map(json_port), "rank": rank, "devices": process.devices, "env": env,
        "command": texts(&process.command, &secrets),
    })
}

/// A number, or the name of the variable of a free port.
fn json_port(port: &Port) -> Value {
    match port {
        Port::Fixed(port) => json!(port),
        Port::Free(name) => json!(name),
    }
}

fn texts(texts: &[Text], secrets: &[String]) -> Vec<String> {
    texts.iter().map(|text| hidden(text, secrets)).collect()
}
