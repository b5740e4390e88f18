//! What goes over a WebSocket session, right and wrong.

use std::time::Duration;

use bytes::Bytes;

/// A message that came, with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// From before the connection was opened to its arrival.
    pub at: Duration,
    /// The message.
    pub message: SocketMessage,
}

/// A message of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// The server closes the session; nothing comes after it.
    Close {
        /// Why, as a number (RFC 6455, section 7.4); `None` where the server gave none.
        code: Option<u16>,
        /// Why, in words.
        reason: String,
    },
}

/// Something that breaks the rules of the protocol, to see what a server does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// A text frame that is not masked, as every frame of a client must be.
    Unmasked,
    /// A text frame with the three reserved bits set, which no extension has defined.
    ReservedBits,
    /// A text frame with bytes that are no UTF-8.
    InvalidUtf8,
    /// A ping of more than 125 bytes.
    LongControl,
    /// A frame of a kind that is not defined.
    UnknownKind,
    /// A frame that announces more bytes than memory could hold, and none of them.
    HugeLength,
    /// Any bytes, past the framing.
    Bytes(Vec<u8>),
}

impl Malformed {
    /// The bytes as they go onto the connection.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        // A mask of zeros leaves the payload as it is.
        let masked = |head: u8, payload: &[u8]| {
            let mut frame = vec![head];
            match payload.len() {
                short @ 0..126 => frame.push(0x80 | short as u8),
                long => {
                    frame.push(0x80 | 126);
                    frame.extend_from_slice(&(long as u16).to_be_bytes());
                }
            }
            frame.extend_from_slice(&[0; 4]);
            frame.extend_from_slice(payload);
            frame
        };
        match self {
            Self::Unmasked => vec![0x81, 2, b'{', b'}'],
            Self::ReservedBits => masked(0xF1, b"{}"),
            Self::InvalidUtf8 => masked(0x81, b"\xFF\xFE"),
            Self::LongControl => masked(0x89, &[b'x'; 126]),
            Self::UnknownKind => masked(0x83, b"{}"),
            Self::HugeLength => {
                let mut frame = vec![0x82, 0x80 | 127];
                frame.extend_from_slice(&(1u64 << 62).to_be_bytes());
                frame.extend_from_slice(&[0; 4]);
                frame
            }
            Self::Bytes(bytes) => bytes.clone(),
        }
    }
}
