//! Fake users of servers, as processes of their own: a harness that is killed, one of several that share, one that only reaches.

use std::io::Read;

use serde_json::json;
use tribunal_serving::{Deployment, Runner, Server, Share, StartOptions};

use crate::fake::{KEY, option};
use crate::support;

/// Starts a server as a harness would, says so in one line, and goes on until it is killed or its input ends.
pub fn harness(args: &[String]) {
    let runtime = support::runtime();
    let folder = option(args, "--folder").unwrap();
    let alive = format!("{folder}/alive");
    let options = StartOptions::new(&folder).lease_folder(format!("{folder}/leases"));
    let mode = option(args, "--mode").unwrap();
    let deployment = support::fake(&mode, alive.as_ref());
    if args.iter().any(|a| a == "--churn") {
        churn(&runtime, &deployment, &options.ports(support::APART));
    }
    if mode == "never-listens" {
        // Whoever looks at the lock sees when the server runs.
        drop(runtime.block_on(Server::start(&deployment, &options)));
        return;
    }
    let server = runtime
        .block_on(Server::start(&deployment, &options))
        .unwrap();
    let processes = server.processes();
    let keeper = processes[0].parent;
    println!(
        "{}",
        json!({"port": server.port(), "processes": processes.len(), "keeper": keeper})
    );
    let _ = std::io::stdin().read(&mut [0]);
    if args.iter().any(|a| a == "--stop") {
        let report = runtime.block_on(server.stop()).unwrap();
        println!("{}", report.exit.unwrap());
        return;
    }
    // As `std::process::exit` does in real harnesses: no destructor runs.
    std::process::exit(0);
}

/// Reaches a server whose key is in a variable, which a test cannot set for itself while others run beside it.
pub fn reach(args: &[String]) {
    let deployment = Deployment::url(&option(args, "--url").unwrap())
        .unwrap()
        .key_env(KEY)
        .ready_within(support::DEADLINE);
    let options = StartOptions::new("unused");
    let runtime = support::runtime();
    match runtime.block_on(Server::start(&deployment, &options)) {
        Ok(server) => {
            runtime.block_on(server.check()).unwrap();
            println!("reached {}", server.model().unwrap());
        }
        Err(error) => println!("{error}"),
    }
}

pub fn detect() {
    match Runner::detect() {
        Some(r) => println!(
            "{}:{} {}",
            r.pid,
            r.start_time,
            if r.is_alive() { "alive" } else { "gone" }
        ),
        None => println!("none"),
    }
}

/// Starts and stops until it is killed, and says on which ports.
fn churn(runtime: &tokio::runtime::Runtime, deployment: &Deployment, options: &StartOptions) -> ! {
    loop {
        let server = runtime
            .block_on(Server::start(deployment, options))
            .unwrap();
        println!("{}", server.port());
        runtime.block_on(server.stop()).unwrap();
    }
}

/// Uses a shared server as one process per test would: says what it got in one line, then obeys its input: `stop` and `retire` are done
/// and answered, the end of the input is the end, without a stop.
pub fn sharer(args: &[String]) {
    let runtime = support::runtime();
    let folder = option(args, "--folder").unwrap();
    let mode = option(args, "--mode").unwrap();
    let linger = option(args, "--linger").unwrap().parse().unwrap();
    let mut share = Share::new(format!("{folder}/share"), option(args, "--key").unwrap())
        .linger(std::time::Duration::from_millis(linger));
    if let Some(runner) = option(args, "--runner") {
        let (pid, start_time) = runner.split_once(':').unwrap();
        share = share.runner(Runner {
            pid: pid.parse().unwrap(),
            start_time: start_time.parse().unwrap(),
        });
    }
    let mut options = StartOptions::new(format!("{folder}/evidence")).share(share);
    if args.iter().any(|a| a == "--own-leases") {
        options = options
            .lease_folder(format!("{folder}/leases"))
            .ports(support::APART);
    }
    let mut deployment = support::fake(&mode, format!("{folder}/alive").as_ref());
    if let Some(memory) = option(args, "--memory") {
        deployment = deployment.args(["--memory", &memory]);
    }
    if let Some(mode) = option(args, "--part") {
        deployment = deployment.part(support::fake_part(
            "side",
            &mode,
            format!("{folder}/alive").as_ref(),
        ));
    }
    let server = match runtime.block_on(Server::start(&deployment, &options)) {
        Ok(server) => server,
        Err(error) => {
            println!("{}", json!({"error": error.to_string()}));
            return;
        }
    };
    println!(
        "{}",
        json!({
            "url": server.base_url(), "pid": server.pid(), "model": server.model(),
            "log": server.log_path(), "notes": server.notes(), "name": server.name(),
            "processes": server.processes().len(), "keeper": server.processes()[0].parent,
            "parts": server.parts().iter().map(|p| json!({"name": p.name, "pid": p.pid, "url": p.url, "log": p.log})).collect::<Vec<_>>(),
        })
    );
    for line in std::io::stdin().lines() {
        let said = match line.unwrap().as_str() {
            "alive" => {
                json!({"alive": server.is_alive(), "exit": server.exit_status().map(|e| e.to_string())})
            }
            word => {
                let server = server.clone();
                let report = runtime.block_on(async {
                    if word == "retire" {
                        server.retire().await
                    } else {
                        server.stop().await
                    }
                });
                match report {
                    Ok(r) => json!({"shared": r.shared, "exit": r.exit.map(|e| e.to_string())}),
                    Err(e) => json!({"error": e.to_string()}),
                }
            }
        };
        println!("{said}");
    }
    std::process::exit(0);
}
