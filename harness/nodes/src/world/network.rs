//! Links, addresses, neighbours and rates of the network that a thread is in, through netlink.
//!
//! Promise: everything happens on the calling thread, with a socket that is closed again, so that a process with one thread still has one afterwards.

use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, OwnedFd};

use rtnetlink::packet_core::{DefaultNla, NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST};
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourState};
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage, TcOption};
use rtnetlink::{Handle, LinkBridge, LinkUnspec, LinkVeth};

/// The interface of a node.
pub(super) const INTERFACE: &str = "eth0";
/// The bridge between the nodes.
pub(super) const BRIDGE: &str = "tribunal0";
/// Nobody has this address.
const NOWHERE: [u8; 6] = [0x02, 0, 0, 0, 0xde, 0xad];
/// The bits that all addresses have in common.
const PREFIX: u8 = 24;

/// A rate of nobody's patience is a mistake: bytes in a second.
pub(super) const SLOWEST: u64 = 1_000;

/// The interface in the bridge that leads to a node.
pub(super) fn port(node: usize) -> String {
    format!("node{node}")
}

/// Runs a conversation with the kernel to its end.
pub(super) fn talk<T, F>(conversation: impl FnOnce(Handle) -> F) -> io::Result<T>
where
    F: Future<Output = Result<T, rtnetlink::Error>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        let driver = tokio::spawn(connection);
        let done = conversation(handle).await;
        driver.abort();
        done.map_err(|e| io::Error::other(e.to_string()))
    })
}

/// Brings the loopback interface up.
pub(super) async fn loopback_up(handle: Handle) -> Result<(), rtnetlink::Error> {
    let message = LinkUnspec::new_with_name("lo").up().build();
    handle.link().set(message).execute().await
}

/// Makes the bridge, with the address of whoever conducts.
pub(super) async fn bridge(handle: Handle, address: Ipv4Addr) -> Result<(), rtnetlink::Error> {
    let message = LinkBridge::new(BRIDGE).up().build();
    handle.link().add(message).execute().await?;
    let index = index(&handle, BRIDGE).await?;
    handle
        .address()
        .add(index, address.into(), PREFIX)
        .execute()
        .await
}

/// Lays a cable from the bridge to a node.
pub(super) async fn cable(
    handle: Handle,
    node: usize,
    network: &OwnedFd,
) -> Result<(), rtnetlink::Error> {
    let port = port(node);
    let links = handle.link();
    let pair = LinkVeth::new(&port, INTERFACE).build();
    links.add(pair).execute().await?;
    let far = LinkUnspec::new_with_name(INTERFACE)
        .setns_by_fd(network.as_raw_fd())
        .build();
    links.set(far).execute().await?;
    let bridge = index(&handle, BRIDGE).await?;
    let near = LinkUnspec::new_with_name(&port)
        .controller(bridge)
        .up()
        .build();
    links.set(near).execute().await
}

/// Gives the interface of a node its address.
pub(super) async fn settle(handle: Handle, address: Ipv4Addr) -> Result<(), rtnetlink::Error> {
    let index = index(&handle, INTERFACE).await?;
    handle
        .address()
        .add(index, address.into(), PREFIX)
        .execute()
        .await?;
    let up = LinkUnspec::new_with_index(index).up().build();
    handle.link().set(up).execute().await
}

/// What is sent to an address from now on is lost, and nobody is told.
pub(super) async fn lose(
    handle: Handle,
    interface: &str,
    to: Ipv4Addr,
) -> Result<(), rtnetlink::Error> {
    let index = index(&handle, interface).await?;
    handle
        .neighbours()
        .add(index, to.into())
        .link_layer_address(&NOWHERE)
        .state(NeighbourState::Permanent)
        .replace()
        .execute()
        .await
}

/// What is sent to an address arrives again.
pub(super) async fn find(
    handle: Handle,
    interface: &str,
    to: Ipv4Addr,
) -> Result<(), rtnetlink::Error> {
    let index = index(&handle, interface).await?;
    let mut message = handle.neighbours().add(index, to.into());
    let message = message.message_mut().clone();
    debug_assert!(message.attributes.iter().any(|attribute| matches!(
        attribute,
        NeighbourAttribute::Destination(NeighbourAddress::Inet(_))
    )));
    absent_is_well(handle.neighbours().del(message).execute().await)
}

/// Lets so many bytes leave through an interface in a second, and no more.
pub(super) async fn slow(
    handle: Handle,
    interface: &str,
    rate: u64,
) -> Result<(), rtnetlink::Error> {
    let mut message = queue(index(&handle, interface).await?);
    message.attributes = vec![
        TcAttribute::Kind("tbf".to_owned()),
        TcAttribute::Options(bucket(rate)),
    ];
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewQueueDiscipline(message));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    ask(handle, request).await
}

/// Lets everything leave through an interface.
pub(super) async fn quick(handle: Handle, interface: &str) -> Result<(), rtnetlink::Error> {
    let message = queue(index(&handle, interface).await?);
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::DelQueueDiscipline(message));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK;
    absent_is_well(ask(handle, request).await)
}

/// The discipline of an interface.
fn queue(index: u32) -> TcMessage {
    let mut message = TcMessage::default();
    message.header.index = index.cast_signed();
    message.header.parent = TcHandle::ROOT;
    message
}

/// The options of a token bucket, as `linux/pkt_sched.h` has them.
fn bucket(rate: u64) -> Vec<TcOption> {
    /// TCA_TBF_PARMS and TCA_TBF_BURST.
    const PARMS: u16 = 1;
    const BURST: u16 = 6;
    let rate = u32::try_from(rate).unwrap_or(u32::MAX);
    // A tenth of a second at once, and a whole packet at least; what would wait longer than a quarter of a second is lost, as in a switch with little memory: a long queue would look like a cut.
    let burst = (rate / 10).max(2048);
    let limit = (rate / 4).max(16 << 10);
    let mut parms = Vec::with_capacity(36);
    // tc_ratespec: log of a cell, link layer (Ethernet), overhead, alignment, least packet, rate.
    parms.extend([0, 1]);
    parms.extend(0u16.to_ne_bytes());
    parms.extend(0i16.to_ne_bytes());
    parms.extend(0u16.to_ne_bytes());
    parms.extend(rate.to_ne_bytes());
    // No peak rate.
    parms.extend([0; 12]);
    parms.extend(limit.to_ne_bytes());
    // The burst follows in bytes; the largest packet is asked of it.
    parms.extend([0; 8]);
    vec![
        TcOption::Other(DefaultNla::new(PARMS, parms)),
        TcOption::Other(DefaultNla::new(BURST, burst.to_ne_bytes().to_vec())),
    ]
}

async fn ask(
    mut handle: Handle,
    request: NetlinkMessage<RouteNetlinkMessage>,
) -> Result<(), rtnetlink::Error> {
    use futures_util::StreamExt as _;
    let mut answers = handle.request(request)?;
    while let Some(answer) = answers.next().await {
        if let NetlinkPayload::Error(error) = answer.payload
            && error.code.is_some()
        {
            return Err(rtnetlink::Error::NetlinkError(error));
        }
    }
    Ok(())
}

/// What is to go and is not there has gone.
fn absent_is_well(done: Result<(), rtnetlink::Error>) -> Result<(), rtnetlink::Error> {
    match done {
        Err(rtnetlink::Error::NetlinkError(error))
            if matches!(
                rustix::io::Errno::from_io_error(&error.to_io()),
                Some(rustix::io::Errno::NOENT | rustix::io::Errno::INVAL)
            ) =>
        {
            Ok(())
        }
        done => done,
    }
}

async fn index(handle: &Handle, name: &str) -> Result<u32, rtnetlink::Error> {
    use futures_util::TryStreamExt as _;
    let mut found = handle.link().get().match_name(name.to_owned()).execute();
    let link = found.try_next().await?;
    link.map(|link| link.header.index)
        .ok_or(rtnetlink::Error::RequestFailed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_the_size_that_the_kernel_reads() {
        let options = bucket(125_000);
        let TcOption::Other(parms) = &options[0] else {
            panic!("{options:?}")
        };
        use rtnetlink::packet_core::Nla as _;
        let mut bytes = vec![0; parms.value_len()];
        parms.emit_value(&mut bytes);
        assert_eq!(bytes.len(), 36);
        assert_eq!(bytes[8..12], 125_000u32.to_ne_bytes());
        assert_eq!(bytes[24..28], 31_250u32.to_ne_bytes());
    }
}
