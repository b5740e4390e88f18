//! Disks and clocks that a server has for itself.

use libtest_mimic::Trial;
use tribunal_faults::{Confine, FakeClock};
use tribunal_serving::Server;

use crate::fake::ask;
use crate::support::{MIB, fault, in_place, trial};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("places::a_disk_is_full_for_the_server_alone", disk),
        trial("places::shared_memory_is_full", shm),
        trial("places::the_disks_of_the_host_are_not_filled", host),
        trial("places::what_cannot_be_mounted_fails_the_start", no_folder),
        trial("places::the_clock_is_another", clock),
        trial("places::a_clock_that_cannot_be_set_is_a_gate", no_clock),
    ]
}

/// Whether namespaces are allowed; where they are not, that they are a gate is all that can be shown.
fn allowed() -> bool {
    let allowed = Confine::allowed();
    if let Err(error) = &allowed {
        assert!(error.is_gate());
        eprintln!("not checked: {error}");
    }
    allowed.is_ok()
}

fn disk() {
    if !allowed() {
        return;
    }
    in_place(|place| async move {
        let text = fault(&format!("fill disk {}", place.disk().display()));
        let scene = place.scene_for(&text).await;
        let port = scene.server.port();
        let write = format!("/write?{}/x", place.disk().display());
        assert_eq!(ask(port, &write).unwrap(), "written");
        let injected = text.inject(&scene).await.unwrap();
        let what = &injected.proof().what;
        assert!(what.contains("ENOSPC") && what.contains("2 MiB"), "{what}");
        assert_eq!(ask(port, &write).unwrap(), "StorageFull");
        // Other places have room, and outside nothing of it is seen.
        let beside = format!("/write?{}/x", place.path().display());
        assert_eq!(ask(port, &beside).unwrap(), "written");
        assert_eq!(std::fs::read_dir(place.disk()).unwrap().count(), 0);
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(place.disk().to_str().unwrap()));
        injected.undo().await.unwrap();
        assert_eq!(ask(port, &write).unwrap(), "written");
    });
}

fn shm() {
    if !allowed() {
        return;
    }
    in_place(|place| async move {
        let scene = place.scene_for(&fault("fill shm")).await;
        let port = scene.server.port();
        let injected = fault("fill shm").inject(&scene).await.unwrap();
        assert_eq!(ask(port, "/write?/dev/shm/x").unwrap(), "StorageFull");
        drop(injected);
        assert_eq!(ask(port, "/write?/dev/shm/x").unwrap(), "written");
        // The server is the same as without: its name, its user, its workers.
        assert_eq!(scene.server.name(), "fake");
        assert_eq!(scene.server.processes().len(), 3);
        let _killed = fault("kill worker 0").inject(&scene).await.unwrap();
    });
}

fn host() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        for text in ["fill shm", "fill disk /tmp"] {
            let error = fault(text).inject(&scene).await.unwrap_err();
            assert!(error.is_gate(), "{error}");
            assert!(error.to_string().contains("Confine::around"), "{error}");
        }
        let error = fault("fill disk ../x").inject(&scene).await.unwrap_err();
        assert!(error.to_string().contains("no absolute path"), "{error}");
    });
}

fn no_folder() {
    if !allowed() {
        return;
    }
    in_place(|place| async move {
        let confine = Confine::new().disk(place.path().join("none"), MIB);
        let deployment = confine.around(place.deployment());
        let error = Server::start(&deployment, &place.options()).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("none is no folder"), "{error}");
    });
}

fn clock() {
    in_place(|place| async move {
        if let Err(error) = FakeClock::new(place.path()) {
            assert!(error.is_gate());
            eprintln!("not checked: {error}");
            return;
        }
        let text = fault("clock +2h");
        let scene = place.scene_for(&text).await;
        let port = scene.server.port();
        let told = || ask(port, "/time").unwrap().parse::<i64>().unwrap();
        let real = || {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            i64::try_from(now.unwrap().as_secs()).unwrap()
        };
        // The question takes a while on a busy machine; two hours it never takes.
        assert!((told() - real()).abs() < 600);
        let injected = text.inject(&scene).await.unwrap();
        assert!((told() - real() - 7200).abs() < 600);
        injected.undo().await.unwrap();
        assert!((told() - real()).abs() < 600);
    });
}

fn no_clock() {
    in_place(|place| async move {
        let scene = place.scene(place.deployment()).await;
        let error = fault("clock -1d").inject(&scene).await.unwrap_err();
        assert!(error.is_gate(), "{error}");
        assert!(error.to_string().contains("FakeClock::around"), "{error}");
    });
}
