//! Frames of the channel between nodes: four bytes of length, and after the greeting a seal, then the message.
//!
//! Promise: no length is believed beyond its bound, nothing panics, and after the greeting a frame that was changed, repeated or left out on the way is noticed. Rejected:
//! TLS (somebody would have to hand out certificates to pods that live for an hour; what goes over the channel is no secret, but who says it matters).

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The largest message.
pub(crate) const LARGEST: usize = 1 << 20;
/// The largest one of somebody who has not shown yet who he is.
pub(crate) const LARGEST_STRANGER: usize = 16 << 10;
/// Bytes of the length.
const HEAD: usize = 4;
/// Bytes of a seal.
const TAG: usize = 16;

/// What cannot be a frame of ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FrameError {
    /// It says that it is longer than any.
    TooLong { says: usize, most: usize },
    /// It is too short to have a seal.
    TooShort,
    /// Its seal is not that of its content at this place.
    Seal,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLong { says, most } => write!(
                f,
                "a frame says that it has {says} bytes, and {most} are the most: whoever speaks is no node of ours"
            ),
            FrameError::TooShort => f.write_str("a frame has no seal"),
            FrameError::Seal => f.write_str(
                "the seal of a frame is wrong: it was changed, repeated or left out on the way",
            ),
        }
    }
}

impl std::error::Error for FrameError {}

/// Seals the frames of one direction, or checks their seals.
#[derive(Clone)]
pub(crate) struct Seal {
    key: [u8; 32],
    next: u64,
}

impl Seal {
    pub(crate) fn new(key: [u8; 32]) -> Seal {
        Seal { key, next: 0 }
    }

    fn mac(&self, message: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of any length is one");
        mac.update(&self.next.to_be_bytes());
        mac.update(message);
        mac
    }

    fn tag(&mut self, message: &[u8]) -> [u8; TAG] {
        let whole = self.mac(message).finalize().into_bytes();
        self.next += 1;
        let mut tag = [0; TAG];
        tag.copy_from_slice(&whole[..TAG]);
        tag
    }

    fn check(&mut self, tag: &[u8], message: &[u8]) -> Result<(), FrameError> {
        let verdict = self.mac(message).verify_truncated_left(tag);
        self.next += 1;
        verdict.map_err(|_| FrameError::Seal)
    }
}

/// The frame of a message.
pub(crate) fn encode(message: &[u8], seal: Option<&mut Seal>) -> Result<Vec<u8>, FrameError> {
    if message.len() > LARGEST {
        return Err(FrameError::TooLong {
            says: message.len(),
            most: LARGEST,
        });
    }
    let tag = seal.map(|seal| seal.tag(message));
    let length = message.len() + tag.map_or(0, |_| TAG);
    let mut frame = Vec::with_capacity(HEAD + length);
    frame.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend(tag.iter().flatten());
    frame.extend_from_slice(message);
    Ok(frame)
}

/// Takes the first whole frame out of what has arrived; `None`: more has to arrive.
pub(crate) fn take(
    arrived: &mut Vec<u8>,
    most: usize,
    seal: Option<&mut Seal>,
) -> Result<Option<Vec<u8>>, FrameError> {
    let Some(head) = arrived.first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let says = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
    let most = most + seal.as_ref().map_or(0, |_| TAG);
    if says > most {
        return Err(FrameError::TooLong { says, most });
    }
    let Some(content) = arrived.get(HEAD..HEAD + says) else {
        return Ok(None);
    };
    let message = match seal {
        None => content.to_vec(),
        Some(seal) => {
            let (tag, message) = content.split_at_checked(TAG).ok_or(FrameError::TooShort)?;
            seal.check(tag, message)?;
            message.to_vec()
        }
    };
    arrived.drain(..HEAD + says);
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_anything_is_kept() {
        let mut arrived = vec![0xff, 0xff, 0xff, 0xff, 1, 2, 3];
        let refused = take(&mut arrived, LARGEST, None);
        assert!(matches!(refused, Err(FrameError::TooLong { .. })));
        assert!(encode(&vec![0; LARGEST + 1], None).is_err());
    }

    #[test]
    fn a_frame_that_is_changed_repeated_or_left_out_breaks_the_seal() {
        let mut seal = Seal::new(KEY);
        let one = encode(b"one", Some(&mut seal)).unwrap();
        let two = encode(b"two", Some(&mut seal)).unwrap();
        let read = |frames: &[&[u8]]| {
            let mut arrived: Vec<u8> = frames.concat();
            let mut seal = Seal::new(KEY);
            let mut out = Vec::new();
            while let Some(message) = take(&mut arrived, LARGEST, Some(&mut seal))? {
                out.push(message);
            }
            Ok::<_, FrameError>(out)
        };
        assert_eq!(read(&[&one, &two]).unwrap(), [b"one", b"two"]);
        assert_eq!(read(&[&one, &one]), Err(FrameError::Seal));
        assert_eq!(read(&[&two]), Err(FrameError::Seal));
        let mut changed = one.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(read(&[&changed]), Err(FrameError::Seal));
        let mut other = encode(b"one", Some(&mut Seal::new([8; 32]))).unwrap();
        assert_eq!(read(&[&other]), Err(FrameError::Seal));
        other.truncate(10);
        assert_eq!(read(&[&other]), Ok(vec![]));
        assert_eq!(read(&[&[0, 0, 0, 3, 1, 2, 3]]), Err(FrameError::TooShort));
    }

    proptest! {
        #[test]
        fn messages_survive_any_cutting(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6),
            cut in 1usize..40,
            sealed: bool,
        ) {
            let mut out = sealed.then(|| Seal::new(KEY));
            let mut back = sealed.then(|| Seal::new(KEY));
            let bytes: Vec<u8> = messages.iter().flat_map(|m| encode(m, out.as_mut()).unwrap()).collect();
            let mut arrived = Vec::new();
            let mut read = Vec::new();
            for piece in bytes.chunks(cut) {
                arrived.extend_from_slice(piece);
                while let Some(message) = take(&mut arrived, LARGEST, back.as_mut()).unwrap() {
                    read.push(message);
                }
            }
            prop_assert_eq!(read, messages);
            prop_assert!(arrived.is_empty());
        }

        #[test]
        fn nonsense_neither_panics_nor_gets_through(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut arrived = bytes;
            let mut seal = Seal::new(KEY);
            let sealed = take(&mut arrived, LARGEST, Some(&mut seal));
            prop_assert!(!matches!(sealed, Ok(Some(_))));
            while let Ok(Some(message)) = take(&mut arrived, LARGEST_STRANGER, None) {
                prop_assert!(message.len() <= 400);
            }
        }
    }
}
