//! Rules of the proxy as faults: in force, struck, removed.

use std::sync::Arc;

use libtest_mimic::Trial;
use tribunal_faults::{FaultErrorKind, Proxy};

use crate::fake::ask;
use crate::support::{fault, in_place, trial};

pub fn trials() -> Vec<Trial> {
    vec![trial("networked::a_rule_strikes_and_is_removed", rule)]
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
