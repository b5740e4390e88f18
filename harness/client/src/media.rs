//! Media that goes into a request or came out of an answer: bytes with a type, or an address.
//!
//! This crate neither makes nor measures media. It wants to know the media type, because servers do.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::form::FormFile;

/// Bytes with their media type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPart {
    /// The media type, such as `image/png`.
    pub mime: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// Something to look at or listen to, for a request: bytes, a file, or an address that the server
/// fetches itself.
///
/// ```
/// use tribunal_client::Media;
///
/// let _bytes: Media = ("image/png", vec![0x89, b'P', b'N', b'G']).into();
/// let _address: Media = "https://example.com/cat.png".into();
/// let _file: Media = std::path::Path::new("cat.png").into();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media(pub(crate) Source);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Bytes {
        part: MediaPart,
        name: Option<String>,
    },
    Url(String),
    Unreadable(String),
}

/// Larger files are refused: no server takes them, and they would fill the memory.
const LARGEST_FILE: u64 = 1 << 30;

impl MediaPart {
    /// Bytes of this type.
    pub fn new(mime: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self {
            mime: mime.into(),
            bytes: bytes.into(),
        }
    }

    /// As a `data:` address.
    pub fn data_url(&self) -> String {
        format!("data:{};base64,{}", self.mime, STANDARD.encode(&self.bytes))
    }

    /// The name of the format, as audio parts of the API want it: `wav`, `mp3` …
    pub(crate) fn format(&self) -> &str {
        let (_, sub) = self.mime.split_once('/').unwrap_or(("", &self.mime));
        match sub {
            "mpeg" => "mp3",
            "x-wav" | "wave" | "vnd.wave" => "wav",
            "x-flac" => "flac",
            other => other,
        }
    }
}

impl Media {
    /// As a file of a form.
    pub(crate) fn into_file(self, field: &str) -> Result<FormFile, String> {
        let (part, name) = match self.0 {
            Source::Bytes { part, name } => (part, name),
            Source::Url(url) if url.starts_with("data:") => (from_data_url(&url)?, None),
            Source::Url(url) => {
                return Err(format!(
                    "`{field}` is sent as a file, and `{}` is an address: give its bytes or a path",
                    url.escape_debug()
                ));
            }
            Source::Unreadable(why) => return Err(why),
        };
        Ok(FormFile {
            field: field.to_owned(),
            file_name: name.unwrap_or_else(|| {
                format!("{}.{}", field.trim_end_matches("[]"), ending_of(&part.mime))
            }),
            mime: part.mime,
            bytes: part.bytes,
        })
    }
}

impl From<MediaPart> for Media {
    fn from(part: MediaPart) -> Self {
        Self(Source::Bytes { part, name: None })
    }
}

impl<M: Into<String>, B: Into<Bytes>> From<(M, B)> for Media {
    fn from((mime, bytes): (M, B)) -> Self {
        MediaPart::new(mime, bytes).into()
    }
}

/// An address: `https:`, `file:` or `data:`.
impl From<&str> for Media {
    fn from(url: &str) -> Self {
        Self(Source::Url(url.to_owned()))
    }
}

/// An address: `https:`, `file:` or `data:`.
impl From<String> for Media {
    fn from(url: String) -> Self {
        Self(Source::Url(url))
    }
}

/// A file, read at once; its type is told by its name's ending. One that cannot be read is an error
/// of the request that it is for.
impl From<&Path> for Media {
    fn from(path: &Path) -> Self {
        let ending = path
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or("")
            .to_ascii_lowercase();
        let mime = mime_of(&ending).unwrap_or("application/octet-stream");
        match read(path) {
            Ok(bytes) => Self(Source::Bytes {
                part: MediaPart::new(mime, bytes),
                name: path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned()),
            }),
            Err(why) => Self(Source::Unreadable(why)),
        }
    }
}

/// A file; see the conversion from `&Path`.
impl From<PathBuf> for Media {
    fn from(path: PathBuf) -> Self {
        path.as_path().into()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let told = |what: String| format!("the media file `{}` {what}", path.display());
    let facts =
        std::fs::metadata(path).map_err(|error| told(format!("cannot be read: {error}")))?;
    if !facts.is_file() {
        return Err(told("is no file".into()));
    }
    if facts.len() > LARGEST_FILE {
        return Err(told(format!(
            "has {} bytes, more than the {LARGEST_FILE} that a request may carry",
            facts.len()
        )));
    }
    std::fs::read(path).map_err(|error| told(format!("cannot be read: {error}")))
}

/// The endings of the media that servers take and make, each with its type.
const TYPES: [(&str, &str); 20] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("bmp", "image/bmp"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mpeg"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/opus"),
    ("aac", "audio/aac"),
    ("m4a", "audio/mp4"),
    ("pcm", "audio/pcm"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("mov", "video/quicktime"),
    ("avi", "video/x-msvideo"),
    ("mkv", "video/x-matroska"),
    ("json", "application/json"),
];

fn mime_of(ending: &str) -> Option<&'static str> {
    TYPES
        .iter()
        .find(|(own, _)| *own == ending)
        .map(|(_, mime)| *mime)
}

/// The usual ending of a file of this media type, `bin` where none is known.
pub(crate) fn ending_of(mime: &str) -> &'static str {
    match mime {
        "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "wav",
        "audio/mp3" => "mp3",
        "audio/x-flac" => "flac",
        "audio/x-pcm" | "audio/L16" => "pcm",
        _ => TYPES
            .iter()
            .find(|(_, own)| *own == mime)
            .map_or("bin", |(ending, _)| *ending),
    }
}

/// The media type that the first bytes tell, for a file's name in the evidence; `None` for all else.
pub(crate) fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    const HEADS: [(&[u8], &str); 9] = [
        (b"RIFF", "audio/wav"),
        (b"\x89PNG", "image/png"),
        (b"\xFF\xD8\xFF", "image/jpeg"),
        (b"fLaC", "audio/flac"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mpeg"),
        (b"\xFF\xFB", "audio/mpeg"),
        (b"\x1A\x45\xDF\xA3", "video/webm"),
        (b"GIF8", "image/gif"),
    ];
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some("video/mp4");
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    HEADS
        .iter()
        .find(|(head, _)| bytes.starts_with(head))
        .map(|(_, mime)| *mime)
}

/// The bytes and type of a `data:` address in base64.
pub(crate) fn from_data_url(url: &str) -> Result<MediaPart, String> {
    let (head, data) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .ok_or("it is no `data:` address")?;
    let mime = head
        .strip_suffix(";base64")
        .ok_or("the `data:` address is not in base64")?;
    let bytes = STANDARD
        .decode(data)
        .map_err(|error| format!("the `data:` address is no base64: {error}"))?;
    Ok(MediaPart::new(mime, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_address_is_read_back_and_nonsense_is_named() {
        let part = MediaPart::new("image/png", vec![1, 2, 255]);
        assert_eq!(part.data_url(), "data:image/png;base64,AQL/");
        assert_eq!(from_data_url(&part.data_url()), Ok(part));
        for (url, want) in [
            ("http://h/", "no `data:`"),
            ("data:image/png,x", "not in base64"),
            ("data:image/png;base64,*", "no base64"),
        ] {
            assert!(from_data_url(url).expect_err(url).contains(want), "{url}");
        }
    }

    #[test]
    fn a_missing_file_is_told_by_name() {
        let Media(Source::Unreadable(why)) = Path::new("no-such-file.png").into() else {
            panic!("it does not exist")
        };
        assert!(why.contains("no-such-file.png"), "{why}");
    }
}
