//! The kernel's listening TCP sockets, asked for over netlink (`sock_diag(7)`).
//!
//! The kernel walks only what listens, in some ten microseconds. `/proc/net/tcp` says the same but walks the table of all
//! connections, also where it is empty: five to ten milliseconds a reading on a machine with 24 GB of memory, which is
//! longer than a server's readiness may go unnoticed. It remains for kernels that do not answer here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use crate::socket::Listener;

// From linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h and net/tcp_states.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const TCP_LISTEN: u32 = 1 << 10;

/// All listeners, or those on one port, whatever their address.
pub(crate) fn listeners(port: Option<u16>) -> io::Result<Vec<Listener>> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    let mut found = dump(&socket, AF_INET, port)?;
    match dump(&socket, AF_INET6, port) {
        Ok(more) => found.extend(more),
        // A kernel without IPv6 knows no such family.
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    Ok(found)
}

fn dump(socket: &OwnedFd, family: u8, port: Option<u16>) -> io::Result<Vec<Listener>> {
    send(socket, &request(family, port), SendFlags::empty())?;
    let mut found = Vec::new();
    let mut buffer = vec![0; 32 << 10];
    loop {
        // The kernel answers while it is asked: if nothing is there, nothing will come.
        let (read, _) = recv(socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
        if read_answer(&buffer[..read], port, &mut found)? {
            return Ok(found);
        }
    }
}

fn request(family: u8, port: Option<u16>) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    bytes[..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    bytes[HEADER] = family;
    bytes[HEADER + 1] = IPPROTO_TCP;
    bytes[HEADER + 4..HEADER + 8].copy_from_slice(&TCP_LISTEN.to_ne_bytes());
    // The port of this side; zero stands for all.
    bytes[HEADER + 8..HEADER + 10].copy_from_slice(&port.unwrap_or(0).to_be_bytes());
    bytes
}

/// Reads one datagram of the answer; true if it was the last.
fn read_answer(mut bytes: &[u8], port: Option<u16>, found: &mut Vec<Listener>) -> io::Result<bool> {
    let nonsense = || io::Error::new(io::ErrorKind::InvalidData, "sock_diag answered nonsense");
    loop {
        if bytes.is_empty() {
            return Ok(false);
        }
        let length = word(bytes, 0).and_then(|n| usize::try_from(n).ok());
        let message = length
            .filter(|n| *n >= HEADER)
            .and_then(|n| bytes.get(..n))
            .ok_or_else(nonsense)?;
        let kind_and_flags = word(message, 4).ok_or_else(nonsense)?.to_ne_bytes();
        let kind = u16::from_ne_bytes([kind_and_flags[0], kind_and_flags[1]]);
        let flags = u16::from_ne_bytes([kind_and_flags[2], kind_and_flags[3]]);
        if flags & NLM_F_DUMP_INTR != 0 {
            return Err(io::Error::new(
                io::ErrorKind::Interrupted,
                "the table of sockets changed while it was read",
            ));
        }
        match kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let code = word(message, HEADER).ok_or_else(nonsense)?.cast_signed();
                return Err(io::Error::from_raw_os_error(code.saturating_neg()));
            }
            SOCK_DIAG_BY_FAMILY => {
                let listener = listener(&message[HEADER..]).ok_or_else(nonsense)?;
                if port.is_none_or(|p| p == listener.port) {
                    found.push(listener);
                }
            }
            _ => {}
        }
        // Messages begin at multiples of four.
        bytes = bytes
            .get(message.len().next_multiple_of(4)..)
            .unwrap_or(&[]);
    }
}

/// `struct inet_diag_msg`: family, state, timer, retransmissions (a byte each); ports, addresses, interface and cookie
/// (48 bytes); expiry, two queues, user and inode.
fn listener(message: &[u8]) -> Option<Listener> {
    let port = u16::from_be_bytes([*message.get(4)?, *message.get(5)?]);
    let address = match *message.first()? {
        AF_INET => IpAddr::V4(Ipv4Addr::from(
            <[u8; 4]>::try_from(message.get(8..12)?).ok()?,
        )),
        AF_INET6 => IpAddr::V6(Ipv6Addr::from(
            <[u8; 16]>::try_from(message.get(8..24)?).ok()?,
        )),
        _ => return None,
    };
    Some(Listener {
        address,
        port,
        uid: word(message, 64)?,
        inode: word(message, 68)?.into(),
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes(word.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn both_sources_list_the_same_sockets() {
        let mut ours = vec![TcpListener::bind("127.0.0.1:0").unwrap()];
        ours.push(TcpListener::bind("0.0.0.0:0").unwrap());
        // Not every machine has IPv6.
        ours.extend(TcpListener::bind("[::1]:0"));
        for listener in &ours {
            let port = listener.local_addr().unwrap().port();
            let asked = listeners(Some(port)).unwrap();
            assert_eq!(asked, crate::socket::listeners_in_proc(Some(port)).unwrap());
            assert_eq!(asked.len(), 1);
            assert_eq!(asked[0].address, listener.local_addr().unwrap().ip());
            assert!(listeners(None).unwrap().contains(&asked[0]));
        }
    }

    #[test]
    fn a_connection_is_no_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        let _accepted = listener.accept().unwrap();
        assert_eq!(listeners(Some(address.port())).unwrap().len(), 1);
        drop(listener);
        assert_eq!(listeners(Some(address.port())).unwrap(), []);
    }

    #[test]
    fn nonsense_is_an_error_and_no_panic() {
        let mut answer = request(AF_INET, None).to_vec();
        for cut in 1..answer.len() {
            assert!(read_answer(&answer[..cut], None, &mut Vec::new()).is_err());
        }
        // A length of nothing would never end.
        answer[..4].fill(0);
        assert!(read_answer(&answer, None, &mut Vec::new()).is_err());
        // An error of the kernel, here ENOENT.
        let mut refused = [0; 20];
        refused[..4].copy_from_slice(&20u32.to_ne_bytes());
        refused[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        refused[16..].copy_from_slice(&(-2i32).to_ne_bytes());
        let error = read_answer(&refused, None, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
