//! When rules hold, and how it is known that they have struck.

use std::net::TcpStream;
use std::time::Duration;

use tribunal_faults::{Proxy, ToxicRule};

use crate::fake::{Client, DEADLINE, Fake, until};
use crate::toxics::{both, rule};

#[test]
fn a_window_opens_and_closes() {
    let (_fake, proxy, id) = both("refuse window 0s..300ms");
    let error = TcpStream::connect(proxy.address());
    until("it is over", || TcpStream::connect(proxy.address()).is_ok());
    // On a machine that was busy for so long, the window was over before the first look.
    assert!(error.is_err() || proxy.started().elapsed() > Duration::from_millis(300));
    assert!(proxy.stats().struck(id) <= Some(1));
}

#[test]
fn a_rule_without_sense_never_strikes() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    let id = proxy.add(ToxicRule::new(tribunal_faults::Toxic::Refuse).share(2.0));
    let mut client = Client::connect(proxy.address());
    client.get("/plain");
    client.hello();
    let stats = proxy.stats();
    assert_eq!((stats.struck(id), stats.toxics[0].there), (Some(0), false));
}

#[test]
fn a_strike_can_be_waited_for() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let fake = Fake::start();
        let proxy = Proxy::start(fake.address).await.unwrap();
        let id = proxy.add(rule("stall after 0 bytes"));
        assert_eq!(proxy.until_struck(id, Duration::from_millis(1)).await, None);
        let mut client = Client::connect(proxy.address());
        client.get("/plain");
        assert!(proxy.until_struck(id, DEADLINE).await.is_some());
    });
}
