//! Memory, processors and descriptors that are taken away and given back.

use libtest_mimic::Trial;
use tribunal_faults::FaultErrorKind;

use crate::fake::{MOST_OPEN, ask};
use crate::support::{MIB, fault, free, in_place, simulated, state, trial, until};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("pressed::devices_are_hogged_and_given_back", devices),
        trial("pressed::strictly_nothing_is_left", strictly),
        trial("pressed::one_of_two_devices", one_device),
        trial("pressed::a_hog_that_ended_was_no_fault", hog_that_ended),
        trial("pressed::no_devices_is_a_gate", no_devices),
        trial("pressed::host_memory", host),
        trial("pressed::processors", processors),
        trial("pressed::descriptors", descriptors),
    ]
}

fn devices() {
    in_place(|place| async move {
        let text = fault("hog devices 0.9");
        let scene = place.scene_for(&text).await;
        let devices = place.devices();
        let half = devices.allocate(0, 512 * MIB, "the server").unwrap();
        let injected = text.inject(&scene).await.unwrap();
        // The share is of what was free, and the server's numbers are those of its environment.
        assert_eq!(free(&devices, 0), (512 - 460) * MIB);
        assert_eq!(free(&devices, 1), (1024 - 921) * MIB);
        let what = &injected.proof().what;
        assert!(
            what.contains("simulated device 1: 103 MiB of 1.0 GiB left, as the ledger says"),
            "{what}"
        );
        injected.undo().await.unwrap();
        assert_eq!(free(&devices, 0), 512 * MIB);
        assert_eq!(free(&devices, 1), 1024 * MIB);
        drop(half);
    });
}

fn strictly() {
    in_place(|place| async move {
        let text = fault("hog devices 0.5 strict");
        let scene = place.scene_for(&text).await;
        let devices = place.devices();
        let odd = devices.allocate(1, 3 * MIB / 2, "odd").unwrap();
        let injected = text.inject(&scene).await.unwrap();
        assert_eq!((free(&devices, 0), free(&devices, 1)), (0, MIB / 2));
        drop(injected);
        assert_eq!(free(&devices, 0), 1024 * MIB);
        drop(odd);
    });
}

fn one_device() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let devices = place.devices();
        let scene = scene.devices(simulated(&place, &[1]));
        let injected = fault("hog devices 1 on 0").inject(&scene).await.unwrap();
        assert_eq!((free(&devices, 0), free(&devices, 1)), (1024 * MIB, 0));
        let error = fault("hog devices 1 on 1")
            .inject(&scene)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("it has 1, numbered from 0"),
            "{error}"
        );
        // There is nothing left of which a share could be taken.
        let error = fault("hog devices 1").inject(&scene).await.unwrap_err();
        assert_eq!(error.kind(), FaultErrorKind::Refused);
        assert!(error.to_string().contains("only 0 MiB are free"), "{error}");
        injected.undo().await.unwrap();
    });
}

/// A process that an earlier test's harness left would do the same: what was not in force to the end is told.
fn hog_that_ended() {
    in_place(|place| async move {
        let text = fault("hog devices 0.5 on 0");
        let scene = place.scene_for(&text).await;
        let injected = text.inject(&scene).await.unwrap();
        let usage = place.devices().usage().unwrap();
        let pid = usage[1].processes[0].process.pid;
        let raw = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
        // Our own child, which nobody has waited for.
        rustix::process::kill_process(raw, rustix::process::Signal::KILL).unwrap();
        until("it is dead", || matches!(state(pid), 'Z' | '-'));
        let error = injected.undo().await.unwrap_err();
        assert_eq!(error.kind(), FaultErrorKind::NotUndone);
        assert!(error.to_string().contains("had ended before"), "{error}");
    });
}

fn no_devices() {
    in_place(|place| async move {
        // Ledger without numbers: the run has devices, and this server was given none.
        let without = place
            .deployment()
            .env_remove("TRIBUNAL_DEVICES")
            .env("TRIBUNAL_SIMULATED_DEVICES", place.ledger());
        let scene = place.scene(without).await;
        let error = fault("hog devices 0.9").inject(&scene).await.unwrap_err();
        assert!(error.is_gate(), "{error}");
    });
}

fn host() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let injected = fault("hog host take 48MiB").inject(&scene).await.unwrap();
        let what = injected.proof().what.clone();
        let pid: u32 = what.split(' ').nth(1).unwrap().parse().unwrap();
        let score = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
        assert_eq!(score.trim(), "1000", "it is not the first to go");
        injected.undo().await.unwrap();
        assert_eq!(state(pid), '-');
        let error = fault("hog host take 1000000GiB")
            .inject(&scene)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), FaultErrorKind::Refused);
        // Whoever is to leave more than there is takes nothing, whichever way it is done.
        match fault("hog host leave 1000000GiB").inject(&scene).await {
            Ok(injected) => assert!(injected.proof().what.starts_with("memory.max")),
            Err(error) => assert!(
                error.to_string().contains("less than is to be left"),
                "{error}"
            ),
        }
    });
}

fn processors() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let injected = fault("busy cpus leave 0.6").inject(&scene).await.unwrap();
        let what = injected.proof().what.clone();
        if what.starts_with("cpu.max") {
            assert!(injected.undo().await.unwrap().what.contains("what it was"));
            return;
        }
        assert!(what.contains("not by a control group: "), "{what}");
        let pid = what.split("pid ").nth(1).unwrap();
        let pid: u32 = pid.split(' ').next().unwrap().parse().unwrap();
        assert_ne!(state(pid), '-');
        injected.undo().await.unwrap();
        assert_eq!(state(pid), '-');
    });
}

fn descriptors() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let port = scene.server.port();
        assert_eq!(ask(port, "/open").unwrap(), MOST_OPEN.to_string());
        let injected = fault("descriptors root leave 5")
            .inject(&scene)
            .await
            .unwrap();
        let what = &injected.proof().what;
        assert!(what.contains("can open 5 more"), "{what}");
        // One of them is the connection on which it is asked.
        assert_eq!(ask(port, "/open").unwrap(), "4");
        let error = fault("descriptors root leave 50")
            .inject(&scene)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("already"), "{error}");
        injected.undo().await.unwrap();
        assert_eq!(ask(port, "/open").unwrap(), MOST_OPEN.to_string());
    });
}
