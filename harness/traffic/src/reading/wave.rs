//! The header of a WAV file whose end nobody knows yet.
//!
//! Promise: format and place of the first sample, from as many bytes as there are; sizes of the header are believed only where they can be
//! true, because servers that stream write 0, 0x7FFFFFFF or 0xFFFFFFFF for them. Rejected: the decoder of `tribunal-media`, which wants whole files.

/// As much of a file is kept to find its header.
pub(crate) const MOST_HEADER: usize = 4096;

/// How samples stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wave {
    pub(crate) rate: u32,
    pub(crate) frame_bytes: u32,
    /// Before the first sample.
    pub(crate) header_bytes: u32,
    /// Of the samples, as the header says; `None` where it cannot be true.
    pub(crate) data_bytes: Option<u32>,
}

/// What the first bytes of a body are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// No WAV file.
    Other,
    /// More bytes are needed.
    Unfinished,
    /// A WAV file.
    Wave(Wave),
}

/// Reads the header.
pub(crate) fn head(bytes: &[u8]) -> Head {
    let is = |at: usize, what: &[u8; 4]| match bytes.get(at..) {
        Some(rest) => rest[..rest.len().min(4)] == what[..rest.len().min(4)],
        None => true,
    };
    if !is(0, b"RIFF") || !is(8, b"WAVE") {
        return Head::Other;
    }
    let u32_at = |at: usize| {
        let four = bytes.get(at..at + 4)?;
        Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    };
    let mut format = None;
    let mut at = 12usize;
    loop {
        if at > MOST_HEADER {
            return Head::Other;
        }
        let (Some(name), Some(size)) = (bytes.get(at..at + 4), u32_at(at + 4)) else {
            return Head::Unfinished;
        };
        let body = at + 8;
        if name == b"data" {
            let Some((rate, frame_bytes)) = format else {
                return Head::Other;
            };
            let unknown = size == 0 || size >= 0x7700_0000;
            return Head::Wave(Wave {
                rate,
                frame_bytes,
                header_bytes: body as u32,
                data_bytes: (!unknown).then_some(size),
            });
        }
        if name == b"fmt " {
            let (Some(rate), Some(last)) = (u32_at(body + 4), u32_at(body + 12)) else {
                return Head::Unfinished;
            };
            let frame_bytes = last & 0xFFFF;
            if rate == 0 || frame_bytes == 0 {
                return Head::Other;
            }
            format = Some((rate, frame_bytes));
        }
        // Chunks begin at even places.
        let size = size as usize;
        at = match body
            .checked_add(size)
            .and_then(|end| end.checked_add(size & 1))
        {
            Some(next) => next,
            None => return Head::Other,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u32, before_data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
        file.extend_from_slice(&24_000u32.to_le_bytes());
        file.extend_from_slice(&96_000u32.to_le_bytes());
        file.extend_from_slice(&[4, 0, 16, 0]);
        file.extend_from_slice(before_data);
        file.extend_from_slice(b"data");
        file.extend_from_slice(&size.to_le_bytes());
        file
    }

    #[test]
    fn sizes_that_cannot_be_true_are_not_believed() {
        for (size, known) in [
            (0, None),
            (0x7FFF_FFFF, None),
            (0xFFFF_FFFF, None),
            (2_000_000_000, None),
            (96_000, Some(96_000)),
        ] {
            let wave = Wave {
                rate: 24_000,
                frame_bytes: 4,
                header_bytes: 44,
                data_bytes: known,
            };
            assert_eq!(head(&file(size, b"")), Head::Wave(wave), "{size:x}");
        }
    }

    #[test]
    fn the_header_may_come_in_pieces_and_hold_other_chunks() {
        let file = file(8, b"LIST\x03\0\0\0abc\0");
        for cut in 0..file.len() {
            assert_eq!(head(&file[..cut]), Head::Unfinished, "{cut}");
        }
        assert!(matches!(
            head(&file),
            Head::Wave(Wave {
                header_bytes: 56,
                ..
            })
        ));
    }

    #[test]
    fn what_is_no_wave_file_is_said_at_once() {
        for bytes in [
            &b"ID3"[..],
            b"OggS",
            b"RIFFxxxxAVI ",
            b"\0\0",
            b"RIFFxxxxWAVEdata\x01\0\0\0",
        ] {
            assert_eq!(head(bytes), Head::Other, "{bytes:?}");
        }
        let mut endless = b"RIFFxxxxWAVEjunk".to_vec();
        endless.extend_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(head(&endless), Head::Other);
    }
}
