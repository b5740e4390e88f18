//! Deployments of several processes: in order, told each other's ports, watched together, stopped in reverse.

use std::sync::{Arc, Mutex};

use libtest_mimic::Trial;
use tribunal_serving::{Deployment, Part, Readiness, Server, StartErrorKind as K, StartOrder};

use crate::sharing::{LONG, gone};
use crate::support::{
    DEADLINE, Folder, Sharer, assert_has, fake_part, get, runtime, signal, trial, until,
    until_async,
};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("parts::all_start_in_order_and_stop_in_reverse", in_order),
        trial("parts::everybody_is_told_every_port", told),
        trial("parts::others_can_be_told_another_address", detour),
        trial("parts::a_part_that_cannot_start_is_named", cannot_start),
        trial("parts::one_that_does_not_get_ready_is_named", not_ready),
        trial("parts::a_death_ends_the_wait_for_another", death),
        trial("parts::one_that_only_lives_must_still_live", only_lives),
        trial("parts::a_death_is_seen_afterwards", dies_later),
        trial("parts::stubborn_ones_are_reported_by_name", stubborn),
        trial("parts::names_that_cannot_be_used", names),
        trial("parts::they_are_shared_as_a_whole", shared),
        trial("parts::a_part_for_a_url_is_refused", for_a_url),
    ]
}

fn in_order() {
    let folder = Folder::new();
    let alive = folder.alive();
    // Each process refuses to start unless the one before it listens.
    let deployment = folder
        .fake("ok")
        .args(["--needs", "{second.port}"])
        .part(fake_part("first", "ok", &alive))
        .part(
            fake_part("stage", "ok", &alive)
                .args(["--needs", "{server.port}"])
                .order(StartOrder::After),
        )
        .part(fake_part("second", "workers", &alive).args(["--needs", "{first.port}"]));
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        let names: Vec<&str> = server.parts().iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["first", "second", "stage"]);
        assert!(server.notes().is_empty(), "{:?}", server.notes());
        let second = server.part("second").unwrap();
        assert_eq!(second.log, folder.path().join("evidence/second.log"));
        assert!(server.part("server").is_none() && server.is_alive());
        let tree = server.processes();
        assert_eq!(tree.len(), 5, "four processes and a worker: {tree:?}");
        for pid in server.parts().iter().map(|p| p.pid).chain(server.pid()) {
            assert!(tree.iter().any(|p| p.pid == pid));
        }
        server.check().await.unwrap();
        let report = server.stop().await.unwrap();
        let stopped: Vec<&str> = report.processes.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(stopped, ["stage", "server", "second", "first"]);
        assert!(
            report
                .processes
                .iter()
                .all(|p| p.exit.is_some() && !p.ended_before)
        );
        assert_eq!(report.exit, report.processes[1].exit);
    });
    folder.assert_nothing_lives();
}

fn told() {
    let folder = Folder::new();
    let deployment = folder
        .fake("ok")
        .ports(3)
        .args(["{ports[2]}", "{worker.url}/v1", "{evidence}/x"])
        .env("HIDDEN", "{worker.ports[1]}")
        .part(
            fake_part("worker", "ok", &folder.alive())
                .ports(2)
                .args(["{server.ports[1]}", "{server.host}"]),
        );
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        let seen: serde_json::Value = serde_json::from_str(&get(&server, "/seen")).unwrap();
        let args = seen["args"].as_array().unwrap();
        let last: Vec<&str> = args[args.len() - 3..]
            .iter()
            .filter_map(|a| a.as_str())
            .collect();
        let worker = server.part("worker").unwrap().url.clone().unwrap();
        let port: u16 = worker.rsplit_once(':').unwrap().1.parse().unwrap();
        let evidence = folder.path().join("evidence/x");
        assert_eq!(
            last,
            [
                &(server.port() + 2).to_string(),
                &format!("{worker}/v1"),
                evidence.to_str().unwrap()
            ]
        );
        assert_eq!(seen["env"]["HIDDEN"], (port + 1).to_string());
        server.stop().await.unwrap();
    });
}

fn detour() {
    let folder = Folder::new();
    let alive = folder.alive();
    let deployment = folder
        .fake("ok")
        .args(["{router.url}", "{worker.url}", "{worker.port}"])
        .part(fake_part("worker", "ok", &alive).args(["{worker.url}"]))
        .part(fake_part("router", "ok", &alive).args(["{worker.url}"]));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = {
        let asked = asked.clone();
        Arc::new(move |name: &str, real: std::net::SocketAddr| {
            asked.lock().unwrap().push((name.to_string(), real));
            let between = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
            Ok(if name == "worker" { between } else { real })
        })
    };
    runtime().block_on(async {
        let options = folder.options().part_address(told);
        let server = Server::start(&deployment, &options).await.unwrap();
        let asked = asked.lock().unwrap().clone();
        let names: Vec<&str> = asked.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["worker", "router", "server"]);
        let last = |pid: u32, count: usize| -> Vec<String> {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
            let args: Vec<&str> = line.trim_end_matches('\0').split('\0').collect();
            args[args.len() - count..]
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        let (worker, router) = (
            server.part("worker").unwrap(),
            server.part("router").unwrap(),
        );
        let real = worker.url.clone().unwrap();
        assert_eq!(real, format!("http://{}", asked[0].1));
        assert_eq!(
            last(worker.pid, 1),
            [real],
            "itself is told where it really is"
        );
        assert_eq!(last(router.pid, 1), ["http://127.0.0.1:9"]);
        let router = router.url.clone().unwrap();
        assert_eq!(
            last(server.pid().unwrap(), 3),
            [&router, "http://127.0.0.1:9", "9"]
        );
        server.stop().await.unwrap();
        let refuse = Arc::new(|name: &str, _| Err(format!("nothing can stand before {name}")));
        let options = folder.options().part_address(refuse);
        let error = Server::start(&deployment, &options).await.unwrap_err();
        assert_eq!(error.part(), Some("worker"));
        assert_has(&error.to_string(), &["nothing can stand before worker"]);
    });
    folder.assert_nothing_lives();
}

fn cannot_start() {
    let folder = Folder::new();
    let deployment = folder
        .fake("ok")
        .part(fake_part("first", "ok", &folder.alive()))
        .part(fake_part("second", "ok", &folder.alive()).args(["--needs", "1"]));
    runtime().block_on(async {
        let error = folder.refused(&deployment).await;
        assert_eq!(error.part(), Some("second"));
        assert!(matches!(error.kind(), K::Exited { status, .. } if status.code() == Some(9)));
        let shown = error.to_string();
        assert_has(
            &shown,
            &[
                "server `fake-ok` did not start: its part `second`: it ended with exit code 9",
                "second.log",
                "| nobody at 1",
                "log of `first`: ",
            ],
        );
        let missing = folder.fake("ok").part(Part::command("etcd", "slep"));
        let error = folder.refused(&missing).await;
        assert_has(
            &error.to_string(),
            &["its part `etcd`: there is no program `slep`", "`sleep`"],
        );
    });
}

fn not_ready() {
    let folder = Folder::new();
    let part = fake_part("stage", "never-listens", &folder.alive()).ready(Readiness {
        within: std::time::Duration::from_millis(300),
        ..Readiness::listening()
    });
    let deployment = folder.fake("ok").part(part.order(StartOrder::After));
    let error = runtime().block_on(folder.refused(&deployment));
    assert_eq!(error.part(), Some("stage"));
    assert!(matches!(error.kind(), K::NotReady { .. }), "{error}");
}

fn death() {
    let folder = Folder::new();
    let end = folder.path().join("end");
    let part = fake_part("worker", "ok", &folder.alive())
        .args([std::ffi::OsStr::new("--dies-when"), end.as_os_str()]);
    // It would be waited for until the deadline.
    let deployment = folder.fake("never-listens").part(part);
    runtime().block_on(async {
        let log = folder.path().join("evidence/server.log");
        let options = folder.options();
        let start = Server::start(&deployment, &options);
        let kill = async {
            let text = || std::fs::read_to_string(&log).unwrap_or_default();
            until_async("the server runs", || text().contains("loading")).await;
            std::fs::write(&end, "").unwrap();
        };
        let began = std::time::Instant::now();
        let (result, ()) = tokio::join!(start, kill);
        let error = result.unwrap_err();
        assert!(began.elapsed() < DEADLINE);
        assert_eq!(error.part(), Some("worker"));
        assert!(matches!(error.kind(), K::Lost { status } if status.code() == Some(7)));
        assert_has(
            &error.to_string(),
            &[
                "its part `worker`: it was ready, and ended with exit code 7 while",
                "worker.log",
                "log of `server`",
                "too little free memory",
            ],
        );
    });
    folder.assert_nothing_lives();
}

fn only_lives() {
    let folder = Folder::new();
    let alive = Readiness::alive();
    let lives = Part::command("stage", "sleep")
        .args(["1000"])
        .ready(alive.clone());
    let ends = Part::command("stage", "true").ready(alive);
    let last = ends.clone().order(StartOrder::After);
    runtime().block_on(async {
        let server = Server::start(&folder.fake("ok").part(lives), &folder.options())
            .await
            .unwrap();
        assert_eq!(server.part("stage").unwrap().url, None);
        server.stop().await.unwrap();
        // The server is not let go on before the other has ended for certain.
        let deployment = folder.fake("waits").part(ends);
        let error = folder.refused(&deployment).await;
        assert_eq!(error.part(), Some("stage"));
        assert_has(&error.to_string(), &["exit code 0", "in the background"]);
        // The last one has its moment too. On a busy machine it may not even have begun in that time.
        let deployment = folder.fake("ok").part(last);
        for _ in 0..20 {
            match Server::start(&deployment, &folder.options()).await {
                Ok(server) => server.stop().await.map(drop).unwrap(),
                Err(error) => {
                    assert_eq!(error.part(), Some("stage"));
                    return;
                }
            }
        }
        panic!("a process that ends at once counted as ready every time");
    });
}

fn dies_later() {
    let folder = Folder::new();
    let deployment = folder
        .fake("ok")
        .part(fake_part("worker", "ok", &folder.alive()));
    runtime().block_on(async {
        let server = Server::start(&deployment, &folder.options()).await.unwrap();
        let pid = server.part("worker").unwrap().pid;
        signal(pid, rustix::process::Signal::KILL);
        until_async("the death is known", || !server.is_alive()).await;
        assert_eq!(server.exit_status(), None, "that of the server itself");
        let sick = server.check().await.unwrap_err().to_string();
        assert_has(&sick, &["`fake-ok`", "`worker` has ended with signal 9"]);
        let report = server.stop().await.unwrap();
        assert!(!report.ended_before);
        assert!(report.processes[1].ended_before && report.processes[1].name == "worker");
    });
    folder.assert_nothing_lives();
}

fn stubborn() {
    let folder = Folder::new();
    let part = fake_part("worker", "stubborn-orphans", &folder.alive());
    let deployment = folder
        .fake("ok")
        .part(part)
        .grace(std::time::Duration::from_secs(30));
    runtime().block_on(async {
        let options = folder
            .options()
            .grace(std::time::Duration::from_millis(300));
        let server = Server::start(&deployment, &options).await.unwrap();
        let report = server.stop().await.unwrap();
        let worker = &report.processes[1];
        assert_eq!((worker.name.as_str(), worker.killed.len()), ("worker", 2));
        assert_eq!(report.killed, worker.killed);
        assert!(report.processes[0].killed.is_empty());
    });
    folder.assert_nothing_lives();
}

fn names() {
    let folder = Folder::new();
    let part = |name: &str| fake_part(name, "ok", &folder.alive());
    runtime().block_on(async {
        for (name, why) in [
            ("", "it is empty"),
            ("1st", "begins with a letter"),
            ("a b", "only letters"),
            ("../x", "begins with a letter"),
            ("server", "use it already"),
            ("ports", "use it already"),
            (&"x".repeat(41), "longer than 40"),
        ] {
            let error = folder.refused(&folder.fake("ok").part(part(name))).await;
            assert!(matches!(error.kind(), K::PartName { .. }));
            assert_has(&error.to_string(), &["the name of a part", why]);
        }
        let twice = folder.fake("ok").part(part("a")).part(part("a"));
        let error = folder.refused(&twice).await;
        assert_has(&error.to_string(), &["`a`", "another part has it"]);
        let unknown = folder.fake("ok").part(part("worker")).arg("{wroker.port}");
        let error = folder.refused(&unknown).await;
        assert_has(
            &error.to_string(),
            &[
                "no process is called `wroker`",
                "did you mean {worker.port}?",
            ],
        );
        let beyond = folder.fake("ok").ports(2).arg("{ports[2]}");
        let error = folder.refused(&beyond).await;
        assert_has(&error.to_string(), &["the block has 2 ports"]);
    });
    assert!(
        !folder.path().join("evidence").exists(),
        "nothing was started"
    );
}

fn for_a_url() {
    let folder = Folder::new();
    let deployment = Deployment::url("http://127.0.0.1:1")
        .unwrap()
        .part(Part::command("x", "true"));
    let error = runtime().block_on(folder.refused(&deployment));
    assert!(matches!(error.kind(), K::Misplaced { .. }), "{error}");
}

fn shared() {
    let folder = Folder::new();
    let with = ["--part", "ok"];
    let mut first = Sharer::run(&folder, "ok", LONG, &with);
    let started = first.hear();
    let mut second = Sharer::run(&folder, "ok", LONG, &with);
    let attached = second.hear();
    for what in ["url", "pid", "parts", "log", "processes"] {
        assert_eq!(started[what], attached[what], "{what}");
    }
    assert_eq!(
        (&started["parts"][0]["name"], &started["processes"]),
        (&"side".into(), &2.into())
    );
    first.leave();
    assert_eq!(second.ask("alive")["alive"], true);
    let worker = attached["parts"][0]["pid"].as_u64().unwrap();
    signal(
        u32::try_from(worker).unwrap(),
        rustix::process::Signal::KILL,
    );
    until("its user hears of it", || {
        second.ask("alive")["alive"] == false
    });
    assert_eq!(second.ask("retire")["shared"], false);
    gone(&folder);
}
