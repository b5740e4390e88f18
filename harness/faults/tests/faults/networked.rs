//! Rules of the proxy as faults: in force, struck, removed.

use std::sync::Arc;

use libtest_mimic::Trial;
use tribunal_faults::{Between, FaultErrorKind, Outcome, Proxy};
use tribunal_serving::{Part, Readiness, Server};

use crate::fake::{self, ask};
use crate::support::{DEADLINE, fault, in_place, trial, until};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("networked::a_rule_strikes_and_is_removed", rule),
        trial(
            "networked::a_proxy_stands_between_a_router_and_its_worker",
            between,
        ),
    ]
}

fn rule() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let refuse = fault("toxic status 503");
        let error = refuse.inject(&scene).await.unwrap_err();
        assert!(error.is_gate(), "{error}");
        let proxy = Proxy::open(([127, 0, 0, 1], scene.server.port()).into(), 1).unwrap();
        let proxy = Arc::new(proxy);
        let scene = scene.proxy(Arc::clone(&proxy));
        let port = proxy.address().port();
        assert_eq!(ask(port, "/health").unwrap(), "well");
        let injected = refuse.inject(&scene).await.unwrap();
        assert_ne!(ask(port, "/health").unwrap(), "well");
        // Only through the proxy.
        assert_eq!(ask(scene.server.port(), "/health").unwrap(), "well");
        let undone = injected.undo().await.unwrap();
        assert!(undone.what.contains("struck 1 times"), "{undone:?}");
        assert_eq!(ask(port, "/health").unwrap(), "well");

        let injected = refuse.inject(&scene).await.unwrap();
        let error = injected.undo().await.unwrap_err();
        assert_eq!(error.kind(), FaultErrorKind::Unproven);
        drop(refuse.inject(&scene).await.unwrap());
        assert_eq!(ask(port, "/health").unwrap(), "well");
    });
}

fn between() {
    in_place(|place| async move {
        let program = std::env::current_exe().unwrap();
        let worker = |name: &str| {
            let ready = Readiness {
                within: DEADLINE,
                ..Readiness::listening()
            };
            Part::command(name, &program)
                .args([fake::SERVER, "{port}", "0"])
                .ready(ready)
        };
        let router = tribunal_serving::Deployment::command(&program)
            .args([fake::ROUTER, "{port}", "{worker-0.port}", "{worker-1.port}"])
            .name("router")
            .part(worker("worker-0"))
            .part(worker("worker-1"))
            .ready(Readiness {
                within: DEADLINE,
                ..Readiness::listening()
            });
        let between = Between::new(["worker-*"]).seed(1);
        let options = place.options().part_address(between.part_address());
        let server = Server::start(&router, &options).await.unwrap();
        let names: Vec<String> = between
            .proxies()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["worker-0", "worker-1"]);
        let first = between.proxy("worker-0").unwrap();
        let real = server.part("worker-0").unwrap().url.clone().unwrap();
        assert_eq!(
            real,
            format!("http://{}", first.server()),
            "it is where it was told to be"
        );
        let of = |n: u8| ask(server.port(), &format!("/{n}/health"));
        assert_eq!(
            (of(0).unwrap().as_str(), of(1).unwrap().as_str()),
            ("well", "well")
        );
        first.add(
            "close after 30 bytes"
                .parse::<tribunal_faults::ToxicRule>()
                .unwrap(),
        );
        // The one worker is cut off from the router, and from nobody else.
        assert!(of(0).is_err());
        assert_eq!(of(1).unwrap(), "well");
        assert_eq!(ask(first.server().port(), "/health").unwrap(), "well");
        let outcomes = || -> Vec<Outcome> {
            let connections = first.stats().connections;
            connections
                .iter()
                .flat_map(|c| &c.requests)
                .map(|r| r.outcome)
                .collect()
        };
        until("it is written down", || {
            outcomes() == [Outcome::Answered, Outcome::Broken]
        });
        server.stop().await.unwrap();
    });
}
