//! The files of an attempt's evidence, as its end in the log lists them.
//!
//! Promise: bounded, whatever a test has left there; a link is not followed. Rejected: looking into files for their kind (a page that shows one does).

use std::fs;
use std::path::Path;

use tribunal_events::Attachment;

/// The most files that are listed.
const MOST: usize = 1000;
/// How deep folders are entered.
const DEEPEST: usize = 8;

pub(super) fn of(folder: &Path) -> Vec<Attachment> {
    let mut out = vec![];
    gather(folder, folder, 0, &mut out);
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

fn gather(root: &Path, folder: &Path, depth: usize, out: &mut Vec<Attachment>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if out.len() >= MOST {
            return;
        }
        let path = entry.path();
        // Of the entry itself, not of what a link points to.
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && depth < DEEPEST {
            gather(root, &path, depth + 1, out);
        }
        let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str) else {
            continue;
        };
        if kind.is_file() {
            out.push(Attachment {
                path: name.to_owned(),
                media_type: media_type(name).to_owned(),
                bytes: entry.metadata().map_or(0, |m| m.len()),
            });
        }
    }
}

/// By its name; what is not known is just bytes.
fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending.to_ascii_lowercase().as_str() {
        "txt" | "log" => "text/plain",
        "sh" => "application/x-sh",
        "md" => "text/markdown",
        "json" => "application/json",
        "jsonl" => "application/jsonl",
        "csv" => "text/csv",
        "html" => "text/html",
        "gz" => "application/gzip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "wav" => "audio/wav",
        "mp3" => "audio/mpeg",
        "flac" => "audio/flac",
        "ogg" | "opus" => "audio/ogg",
        "aac" => "audio/aac",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_with_what_they_are_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/voice.WAV"), "12345").unwrap();
        fs::write(root.join("a.txt"), "x").unwrap();
        std::os::unix::fs::symlink("/", root.join("everything")).unwrap();
        let list = of(root);
        let list: Vec<(&str, &str, u64)> = list
            .iter()
            .map(|a| (&*a.path, &*a.media_type, a.bytes))
            .collect();
        assert_eq!(
            list,
            [
                ("a.txt", "text/plain", 1),
                ("sub/voice.WAV", "audio/wav", 5)
            ]
        );
        assert!(of(&root.join("none")).is_empty());
    }

    #[test]
    fn the_list_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..MOST + 20 {
            fs::write(folder.path().join(format!("{n}.txt")), "").unwrap();
        }
        assert_eq!(of(folder.path()).len(), MOST);
    }
}
