//! Pictures, sounds and videos of the evidence, as a page may play them.
//!
//! Promise: what is played is what the bytes are, not what a server called it; pictures that can hold scripts (SVG) are never among it. Rejected: the
//! media type of the log (it is the server's word, and often the very thing that is wrong).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::folder::Folder;

/// The longest file that is put into a page.
const LONGEST: u64 = 2 << 20;

/// A file of media.
#[derive(Debug, Serialize)]
pub(crate) struct Media {
    /// `image`, `audio`, `video`.
    kind: &'static str,
    /// Its media type, by its bytes.
    #[serde(rename = "type")]
    of: &'static str,
    /// Its bytes in base 64; absent where it was too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

/// The media in a file, if it is such; its bytes where there is room for them, which they are taken from.
pub(crate) fn media(folder: &Folder, path: &str, room: &mut usize) -> Option<Media> {
    let head = folder.read(path, 64)?;
    let (kind, of) = sniffed(&head.bytes)?;
    // Four characters for three bytes.
    let long = usize::try_from(head.whole.div_ceil(3))
        .ok()?
        .checked_mul(4)?;
    let mut data = None;
    if head.whole <= LONGEST && long <= *room {
        let whole = folder.read(path, LONGEST as usize)?;
        *room -= long.min(*room);
        data = Some(STANDARD.encode(whole.bytes));
    }
    Some(Media { kind, of, data })
}

/// What a file begins as.
fn sniffed(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let at = |from: usize, bytes: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(bytes));
    let brand = |names: &[&[u8]]| at(4, b"ftyp") && names.iter().any(|name| at(8, name));
    Some(match () {
        () if at(0, b"\x89PNG\r\n\x1a\n") => ("image", "image/png"),
        () if at(0, b"\xff\xd8\xff") => ("image", "image/jpeg"),
        () if at(0, b"GIF87a") || at(0, b"GIF89a") => ("image", "image/gif"),
        () if at(0, b"RIFF") && at(8, b"WEBP") => ("image", "image/webp"),
        () if brand(&[b"avif", b"avis"]) => ("image", "image/avif"),
        () if at(0, b"RIFF") && at(8, b"WAVE") => ("audio", "audio/wav"),
        () if at(0, b"fLaC") => ("audio", "audio/flac"),
        () if at(0, b"OggS") => ("audio", "audio/ogg"),
        () if at(0, b"ID3") => ("audio", "audio/mpeg"),
        () if brand(&[b"M4A ", b"M4B "]) => ("audio", "audio/mp4"),
        () if at(4, b"ftyp") => ("video", "video/mp4"),
        () if at(0, b"\x1a\x45\xdf\xa3") => ("video", "video/webm"),
        // The headers of a frame: layer 3 of MPEG, or AAC's.
        () if matches!(head, [0xff, 0xfb | 0xfa | 0xf3 | 0xf2, ..]) => ("audio", "audio/mpeg"),
        () if matches!(head, [0xff, 0xf1 | 0xf9, ..]) => ("audio", "audio/aac"),
        () => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_played_is_what_the_bytes_are() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(root.path().join(name), bytes);
        write("a.wav", b"\x89PNG\r\n\x1a\nrest").unwrap();
        write("b.png", b"<svg onload=alert(1)>").unwrap();
        write("c.png", b"").unwrap();
        let folder = Folder::open(root.path(), "", None).unwrap();
        let mut room = 100;
        let found = media(&folder, "a.wav", &mut room).unwrap();
        assert_eq!((found.kind, found.of), ("image", "image/png"));
        assert_eq!(found.data.unwrap(), "iVBORw0KGgpyZXN0");
        assert_eq!(room, 84);
        assert!(media(&folder, "b.png", &mut room).is_none());
        assert!(media(&folder, "c.png", &mut room).is_none());
        assert!(media(&folder, "none", &mut room).is_none());
        let mut room = 15;
        assert!(media(&folder, "a.wav", &mut room).unwrap().data.is_none());
        assert_eq!(room, 15, "what does not fit takes nothing");
    }
}
