//! Processes that are ended, stopped and continued; and those that are left alone.

use std::time::Duration;

use libtest_mimic::Trial;
use tribunal_faults::{FaultErrorKind, Scene, Step};
use tribunal_serving::{Deployment, ProcessSignal, Readiness, Server, Share, StartOptions};

use crate::fake;
use crate::support::{fault, in_place, offers, stat, state, trial, until};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "signalled::one_worker_is_killed_and_nobody_else",
            one_worker,
        ),
        trial("signalled::the_root_is_asked_politely", politely),
        trial("signalled::a_whole_tree_is_killed", whole_tree),
        trial("signalled::a_stop_ends_by_undo_by_drop_and_by_time", stops),
        trial("signalled::a_stop_that_has_no_time_stops_nobody", no_time),
        trial("signalled::a_shared_server_is_not_broken", shared),
        trial("signalled::what_ignores_a_signal_is_not_signalled", deaf),
        trial("signalled::a_missing_victim_is_an_error", nobody),
        trial("signalled::a_foreign_server_is_a_gate", foreign),
        trial("signalled::a_foreign_process_is_not_reached", strangers),
        trial(
            "signalled::a_stopped_worker_does_not_hold_up_a_stop",
            orderly,
        ),
    ]
}

/// Pids of the workers, in the order of their start.
fn workers(scene: &Scene) -> Vec<u32> {
    let root = scene.server.pid().unwrap();
    let mut all = scene.server.processes();
    all.retain(|p| p.pid != root);
    all.sort_by_key(|p| (p.start_time, p.pid));
    all.into_iter().map(|p| p.pid).collect()
}

fn one_worker() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let before = workers(&scene);
        assert_eq!(before.len(), 2);
        let start = stat(before[1]).unwrap().1;
        let injected = fault("kill worker 1").inject(&scene).await.unwrap();
        assert_eq!(injected.proof().victims, [(before[1], start)]);
        assert!(injected.proof().what.contains("is dead (SIGKILL)"));
        assert!(injected.at() <= injected.proof().at);
        assert!(matches!(state(before[1]), 'Z' | '-'));
        assert!(!matches!(state(before[0]), 'Z' | '-'));
        assert!(scene.server.is_alive());
        let steps: Vec<Step> = scene.timeline.entries().iter().map(|e| e.step).collect();
        assert_eq!(steps, [Step::Announced, Step::Injected, Step::Proven]);
        assert_eq!(injected.undo().await.unwrap().what, "nothing to undo");
        // What any worker is, is a matter of the seed, and there is one left.
        let injected = fault("kill any-worker").inject(&scene).await.unwrap();
        assert_eq!(injected.proof().victims[0].0, before[0]);
    });
}

fn politely() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let root = scene.server.pid().unwrap();
        let injected = fault("terminate root").inject(&scene).await.unwrap();
        assert_eq!(injected.proof().victims[0].0, root);
        until("the server has ended", || !scene.server.is_alive());
    });
}

fn whole_tree() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let mut all = workers(&scene);
        all.push(scene.server.pid().unwrap());
        let injected = fault("kill tree").inject(&scene).await.unwrap();
        assert_eq!(
            injected.proof().victims[0].0,
            all[2],
            "the root comes first"
        );
        // Whoever the keeper was faster with is dead as well.
        until("all are dead", || {
            all.iter().all(|pid| matches!(state(*pid), 'Z' | '-'))
        });
    });
}

fn stops() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let root = scene.server.pid().unwrap();
        let injected = fault("stop root").inject(&scene).await.unwrap();
        assert_eq!(state(root), 'T');
        assert!(injected.proof().what.contains("state T"));
        injected.undo().await.unwrap();
        assert_ne!(state(root), 'T');
        scene.server.check().await.unwrap();

        let injected = fault("stop tree for 1h").inject(&scene).await.unwrap();
        let all = injected.proof().victims.clone();
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|(pid, _)| state(*pid) == 'T'));
        drop(injected);
        assert!(all.iter().all(|(pid, _)| state(*pid) != 'T'));
        let last = scene.timeline.entries().pop().unwrap();
        assert_eq!(last.step, Step::Undone);

        // It may be over before it is proven, which is an error and no proof.
        match fault("stop worker 0 for 300ms").inject(&scene).await {
            Ok(injected) => {
                until("it goes on by itself", || {
                    state(injected.proof().victims[0].0) != 'T'
                });
                let said = || scene.timeline.entries().pop().unwrap().what;
                until("it is noted", || said().contains("after 300ms"));
                let undone = injected.undo().await.unwrap();
                assert!(undone.what.starts_with("the time limit had"), "{undone:?}");
            }
            Err(error) => assert_eq!(error.kind(), FaultErrorKind::Unproven),
        }
        let worker = workers(&scene)[0];
        until("nobody stays stopped", || state(worker) != 'T');
    });
}

/// A limit may be over before anybody is stopped, or in between: nobody stays stopped then.
fn no_time() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        for _ in 0..20 {
            if let Ok(injected) = fault("stop tree for 1us").inject(&scene).await {
                injected.undo().await.unwrap();
            }
            for process in scene.server.processes() {
                assert_ne!(state(process.pid), 'T', "{process:?}");
            }
        }
    });
}

/// What is done to a server that others use as well is done to them.
fn shared() {
    in_place(|place| async move {
        let share = Share::new(place.path().join("share"), "one");
        let options = place.options().share(share);
        let server = Server::start(&place.deployment(), &options).await.unwrap();
        assert!(server.is_shared());
        let scene = Scene::new(server, &offers(fake::WORKER));
        for text in ["stop worker 0", "descriptors root leave 2"] {
            let error = fault(text).inject(&scene).await.unwrap_err();
            assert_eq!(error.kind(), FaultErrorKind::Refused);
            assert!(error.to_string().contains("#[server(fresh)]"), "{error}");
        }
        scene.server.retire().await.unwrap();
    });
}

/// A server that is a shell script and listens nowhere.
fn script(text: &str) -> Deployment {
    Deployment::command("sh")
        .args(["-c", text])
        .name("script")
        .ready(Readiness::alive())
}

fn deaf() {
    in_place(|place| async move {
        let deployment = script("trap '' INT TERM; sleep 1000; exit 0");
        let scene = place.scene(deployment).await;
        let root = scene.server.pid().unwrap();
        let ignores = || {
            let text = std::fs::read_to_string(format!("/proc/{root}/status")).unwrap();
            let mask = text.lines().find_map(|l| l.strip_prefix("SigIgn:\t"));
            u64::from_str_radix(mask.unwrap(), 16).unwrap() >> 1 & 1 == 1
        };
        until("the script ignores it", ignores);
        let error = fault("interrupt root").inject(&scene).await.unwrap_err();
        assert_eq!(error.kind(), FaultErrorKind::Refused);
        assert!(error.to_string().contains("ignores SIGINT"), "{error}");
        let _killed = fault("kill root").inject(&scene).await.unwrap();
    });
}

fn nobody() {
    in_place(|place| async move {
        let mut scene = place.scene(place.deployment()).await;
        let error = fault("kill worker 2").inject(&scene).await.unwrap_err();
        assert_eq!(error.kind(), FaultErrorKind::NoVictim);
        assert!(error.to_string().contains("there are 2"), "{error}");
        assert_eq!(scene.timeline.entries().pop().unwrap().step, Step::Failed);
        scene.workers = offers("VLLM::").workers;
        let error = fault("stop any-worker").inject(&scene).await.unwrap_err();
        assert!(error.to_string().contains("`VLLM::`"), "{error}");
        let error = fault("kill part side").inject(&scene).await.unwrap_err();
        assert!(error.to_string().contains("no part `side`"), "{error}");
        assert!(!error.is_gate());
        assert_eq!(workers(&scene).len(), 2);
    });
}

fn foreign() {
    in_place(|place| async move {
        let ours = place.scene(place.deployment()).await;
        let reached = Deployment::url(ours.server.base_url())
            .unwrap()
            .no_models_route()
            .one_token(false);
        let server = Server::start(&reached, &StartOptions::new(place.path())).await;
        let scene = Scene::new(server.unwrap(), &offers("fake"));
        for text in ["kill root", "hog devices 0.5", "fill shm", "clock +1h"] {
            let error = fault(text).inject(&scene).await.unwrap_err();
            assert!(error.is_gate(), "{error}");
        }
        assert!(ours.server.is_alive());
    });
}

fn strangers() {
    in_place(|place| async move {
        let one = place.scene(place.deployment()).await;
        let other = place.scene(place.deployment()).await;
        let theirs = other.server.processes();
        for process in &theirs {
            let sent = one.server.signal(process, ProcessSignal::Kill).unwrap();
            assert!(!sent, "{process:?} is none of its own");
        }
        let mut another = one.server.processes().remove(0);
        another.start_time += 1;
        let sent = one.server.signal(&another, ProcessSignal::Kill).unwrap();
        assert!(!sent && one.server.is_alive() && other.server.is_alive());
        assert_eq!(other.server.processes().len(), theirs.len());
    });
}

/// The server waits for its worker, and the worker hears nothing before it is continued.
fn orderly() {
    in_place(|place| async move {
        let waits =
            "sleep 1000 & w=$!; trap 'kill $w; wait $w; exit 0' TERM; while :; do wait $w; done";
        let options = place.options().grace(Duration::from_secs(120));
        let server = Server::start(&script(waits), &options).await.unwrap();
        let scene = Scene::new(server, &offers("^sleep"));
        until("the worker runs", || {
            scene.server.processes().iter().any(|p| p.name == "sleep")
        });
        let injected = fault("stop worker 0").inject(&scene).await.unwrap();
        let report = scene.server.shut_down().await.unwrap();
        assert!(report.killed.is_empty(), "killed: {:?}", report.killed);
        drop(injected);
    });
}
