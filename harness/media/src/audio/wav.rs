//! WAV as servers really send it: lengths that were not known when the header was written, several files in a row (one
//! per streamed chunk), cut off, with chunks nobody asked for. What is odd becomes a [`Finding`]; what cannot be read
//! is an error with its place.
//!
//! Rejected: a strict reader. The crates for WAV refuse, or read as empty, what half of the speech servers send.

use crate::audio::encoding::Encoding;
use crate::audio::finding::Finding;
use crate::audio::sound::{Audio, check_shape};
use crate::{MediaError, MediaErrorKind};

const WHAT: &str = "WAV";
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xFFFE;

/// A WAV file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Wav {
    /// The samples of all files in the bytes, in order.
    pub audio: Audio,
    /// How the samples of the first file are written.
    pub encoding: Encoding,
    /// The frame at which each file after the first begins: the seams of a stream.
    pub seams: Vec<usize>,
    /// What is odd about it.
    pub findings: Vec<Finding>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    rate: u32,
    channels: u16,
    encoding: Encoding,
    bytes_per_second: u32,
}

/// Whether the bytes begin like a WAV file.
pub fn is_wav(bytes: &[u8]) -> bool {
    starts_file(bytes)
}

/// Reads one WAV file or several in a row.
///
/// # Errors
/// When the bytes are no WAV file, have no format or no data, or hold samples in a form that is not read.
pub fn decode_wav(bytes: &[u8]) -> Result<Wav, MediaError> {
    if bytes.is_empty() {
        return Err(MediaError::new(MediaErrorKind::Empty, WHAT, "no bytes"));
    }
    if !starts_file(bytes) {
        return Err(not_wav(bytes));
    }
    let mut findings = Vec::new();
    let mut samples = Vec::new();
    let mut seams = Vec::new();
    let mut first: Option<Format> = None;
    let mut files = 0;
    let mut at = 0;
    while at < bytes.len() && starts_file(&bytes[at..]) {
        let (format, data, next) = read_file(bytes, at, &mut findings)?;
        if let Some(first) = first
            && (first.rate, first.channels) != (format.rate, format.channels)
        {
            return Err(MediaError::malformed(
                WHAT,
                at,
                format!(
                    "file {} has {} Hz and {} channels, the first has {} Hz and {}; they cannot be put together",
                    files + 1,
                    format.rate,
                    format.channels,
                    first.rate,
                    first.channels
                ),
            ));
        }
        if files > 0 {
            seams.push(samples.len() / usize::from(format.channels));
        }
        for part in data {
            let frame = format.encoding.bytes() * usize::from(format.channels);
            let left = part.len() % frame;
            if left != 0 {
                findings.push(Finding::PartialFrame { bytes: left });
            }
            format
                .encoding
                .decode(&part[..part.len() - left], &mut samples);
        }
        first = first.or(Some(format));
        files += 1;
        at = next;
    }
    if files > 1 {
        findings.push(Finding::SeveralFiles { files });
    }
    if at < bytes.len() {
        findings.push(Finding::TrailingBytes {
            bytes: bytes.len() - at,
        });
    }
    let Some(format) = first else {
        return Err(not_wav(bytes));
    };
    Ok(Wav {
        audio: Audio::new(format.rate, format.channels, samples)?,
        encoding: format.encoding,
        seams,
        findings,
    })
}

/// Audio as a WAV file with a complete and true header.
///
/// # Errors
/// When the samples would need more than the four gigabytes that a WAV file can hold.
pub fn encode_wav(audio: &Audio, encoding: Encoding) -> Result<Vec<u8>, MediaError> {
    let length = audio.samples().len() as u64 * encoding.bytes() as u64;
    let Ok(data) = u32::try_from(length).and_then(|n| u32::try_from(u64::from(n) + 37).map(|_| n))
    else {
        return Err(MediaError::new(
            MediaErrorKind::TooLarge,
            WHAT,
            format!("{length} bytes of samples; a WAV file holds less than 4 GiB"),
        ));
    };
    let block = (encoding.bytes() * usize::from(audio.channels())) as u16;
    let pad = data % 2;
    let mut out = Vec::with_capacity(44 + data as usize + 1);
    out.extend(b"RIFF");
    out.extend((36 + data + pad).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16_u32.to_le_bytes());
    out.extend(if encoding.is_float() { FLOAT } else { PCM }.to_le_bytes());
    out.extend(audio.channels().to_le_bytes());
    out.extend(audio.rate().to_le_bytes());
    out.extend(audio.rate().saturating_mul(u32::from(block)).to_le_bytes());
    out.extend(block.to_le_bytes());
    out.extend((8 * encoding.bytes() as u16).to_le_bytes());
    out.extend(b"data");
    out.extend(data.to_le_bytes());
    encoding.encode(audio.samples(), &mut out);
    out.extend(std::iter::repeat_n(0, pad as usize));
    Ok(out)
}

/// One file from `at`: its format, the bytes of its data chunks, and where it ends.
fn read_file<'a>(
    bytes: &'a [u8],
    at: usize,
    findings: &mut Vec<Finding>,
) -> Result<(Format, Vec<&'a [u8]>, usize), MediaError> {
    let mut at = at + 12;
    let mut format = None;
    let mut wide_size = None;
    let mut data = Vec::new();
    // A file ends where no chunk begins: the length in its first header is as unreliable as the others.
    while let Some(id) = chunk_id(bytes, at) {
        let declared = word(bytes, at + 4);
        let body = at + 8;
        let room = bytes.len() - body;
        match id {
            b"fmt " => {
                let found = read_format(bytes, body, (declared as usize).min(room))?;
                format = Some(found);
                let expected = found
                    .rate
                    .saturating_mul(u32::from(found.channels))
                    .saturating_mul(found.encoding.bytes() as u32);
                if found.bytes_per_second != expected {
                    findings.push(Finding::ByteRate {
                        declared: found.bytes_per_second,
                        expected,
                    });
                }
            }
            // The sizes of files beyond four gigabytes.
            b"ds64" if room >= 16 => {
                wide_size = Some(
                    u64::from(word(bytes, body + 8)) | u64::from(word(bytes, body + 12)) << 32,
                );
            }
            b"data" => {
                if format.is_none() {
                    return Err(MediaError::malformed(
                        WHAT,
                        at,
                        "the data come before the format (`fmt `)",
                    ));
                }
                let declared = match wide_size {
                    Some(size) if declared == u32::MAX => size,
                    _ => u64::from(declared),
                };
                let (length, finding) = data_length(bytes, body, declared);
                data.push(&bytes[body..body + length]);
                findings.extend(finding);
                at = after(bytes, body, length);
                continue;
            }
            _ => {}
        }
        if declared as usize > room {
            // The rest is cut off, or the length is nonsense; nothing after it can be found.
            at = bytes.len();
            break;
        }
        at = after(bytes, body, declared as usize);
    }
    match (format, data.is_empty()) {
        (None, _) => Err(MediaError::malformed(
            WHAT,
            at,
            "there is no format chunk (`fmt `) before this",
        )),
        (Some(_), true) => Err(MediaError::malformed(
            WHAT,
            at,
            "there is no data chunk (`data`): the file ends before its samples begin",
        )),
        (Some(format), false) => Ok((format, data, at)),
    }
}

/// How many bytes of samples follow, whatever the header says.
fn data_length(bytes: &[u8], body: usize, declared: u64) -> (usize, Option<Finding>) {
    let rest = &bytes[body..];
    let fits = declared <= rest.len() as u64;
    // An empty chunk is believed only where the file goes on as if it were one.
    let nothing =
        declared == 0 && (rest.is_empty() || chunk_id(bytes, body).is_some() || starts_file(rest));
    if fits && (declared > 0 || nothing) {
        return (declared as usize, None);
    }
    let actual = next_file(rest).unwrap_or(rest.len());
    let finding = if is_placeholder(declared) {
        Finding::StreamedSize {
            declared,
            actual: actual as u64,
        }
    } else {
        Finding::Truncated {
            declared,
            actual: actual as u64,
        }
    };
    (actual, Some(finding))
}

/// Lengths that writers put where they do not know one: nothing, or about as much as the field holds. Round numbers
/// of that size are used as well (2,000,000,000), so the line is drawn below them.
fn is_placeholder(declared: u64) -> bool {
    declared == 0 || declared >= 1_900_000_000
}

fn next_file(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(i) = bytes[from..].iter().position(|b| *b == b'R') {
        if starts_file(&bytes[from + i..]) {
            return Some(from + i);
        }
        from += i + 1;
    }
    None
}

/// Chunks are padded to an even length, except by writers that forget it.
fn after(bytes: &[u8], body: usize, length: usize) -> usize {
    let end = body + length;
    let forgotten = || chunk_id(bytes, end).is_some() && chunk_id(bytes, end + 1).is_none();
    let forgotten_file = || bytes.get(end..).is_some_and(starts_file);
    if length % 2 == 1 && end < bytes.len() && !forgotten() && !forgotten_file() {
        end + 1
    } else {
        end
    }
}

fn starts_file(bytes: &[u8]) -> bool {
    bytes.len() >= 12
        && (&bytes[..4] == b"RIFF" || &bytes[..4] == b"RF64")
        && &bytes[8..12] == b"WAVE"
}

/// The name of the chunk that begins here: four printable characters, and room for a length. A new file is no chunk.
fn chunk_id(bytes: &[u8], at: usize) -> Option<&[u8; 4]> {
    let head = bytes.get(at..at.checked_add(8)?)?;
    if starts_file(&bytes[at..]) {
        return None;
    }
    let id: &[u8; 4] = head[..4].try_into().ok()?;
    id.iter().all(|b| (0x20..0x7F).contains(b)).then_some(id)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..at + 4) {
        Some(b) => u32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        None => 0,
    }
}

fn half(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(b) => u16::from_le_bytes([b[0], b[1]]),
        None => 0,
    }
}

fn read_format(bytes: &[u8], at: usize, length: usize) -> Result<Format, MediaError> {
    if length < 16 {
        return Err(MediaError::malformed(
            WHAT,
            at,
            format!("the format chunk has {length} bytes; expected 16 or more"),
        ));
    }
    let (tag, channels, rate) = (half(bytes, at), half(bytes, at + 2), word(bytes, at + 4));
    let (bytes_per_second, bits) = (word(bytes, at + 8), half(bytes, at + 14));
    check_shape(WHAT, rate, channels).map_err(|e| MediaError::malformed(WHAT, at, strip(&e)))?;
    let tag = if tag == EXTENSIBLE && length >= 26 {
        half(bytes, at + 24)
    } else {
        tag
    };
    let encoding = match (tag, bits) {
        (PCM, 8) => Encoding::U8,
        (PCM, 9..=16) => Encoding::I16,
        (PCM, 17..=24) => Encoding::I24,
        (PCM, 25..=32) => Encoding::I32,
        (FLOAT, 32) => Encoding::F32,
        (FLOAT, 64) => Encoding::F64,
        _ => {
            let name = match tag {
                PCM => "PCM",
                FLOAT => "floating point",
                2 | 17 => "ADPCM",
                6 => "A-law",
                7 => "mu-law",
                85 => "MP3",
                _ => "an unknown form",
            };
            return Err(MediaError::new(
                MediaErrorKind::Unsupported,
                WHAT,
                format!(
                    "{bits}-bit samples in {name} (format {tag}); read are PCM of 8 to 32 bits and floating point of 32 or 64"
                ),
            ));
        }
    };
    Ok(Format {
        rate,
        channels,
        encoding,
        bytes_per_second,
    })
}

fn strip(error: &MediaError) -> String {
    error.to_string().trim_start_matches("WAV: ").to_owned()
}

fn not_wav(bytes: &[u8]) -> MediaError {
    let problem = match bytes.get(..4) {
        Some(b"RIFX") => "a file with the high byte first (`RIFX`), which is not read".to_owned(),
        _ => match crate::audio::kind::AudioKind::of(bytes) {
            Some(kind) => format!("this is {kind}"),
            None => format!(
                "it begins with {}, not with `RIFF` … `WAVE`",
                crate::bytes::shown(bytes)
            ),
        },
    };
    MediaError::new(MediaErrorKind::Unrecognised, WHAT, problem)
}
