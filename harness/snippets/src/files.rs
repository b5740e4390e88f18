//! What an example made: new files in its folders, and whether pictures, videos and sounds among them are what they claim.
//!
//! A picture that cannot be decoded or is of one colour, a sound of no length or without any level, and a video without a
//! frame are failures. A file of a kind that is not looked into says so.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use tribunal_media::{Levels, Movie, decode_picture, decode_wav};

/// More files are not looked at.
const MOST: usize = 2000;
const DEEPEST: usize = 8;
/// Larger ones are named and not looked into, nor kept.
const LARGEST: u64 = 256 << 20;

/// What lay in a folder at one moment.
pub(crate) type Seen = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// A file that an example made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Its path within the folder.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// What it is, or why that is not known.
    pub about: String,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

/// The files below a folder. Links are not followed.
pub(crate) fn look(folder: &Path) -> Seen {
    let mut seen = Seen::new();
    walk(folder, folder, 0, &mut seen);
    seen
}

fn walk(root: &Path, folder: &Path, depth: usize, seen: &mut Seen) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(facts) = entry.metadata() else {
            continue;
        };
        if seen.len() >= MOST {
            return;
        }
        let path = entry.path();
        if facts.is_dir() && depth < DEEPEST {
            walk(root, &path, depth + 1, seen);
        } else if facts.is_file()
            && let Ok(relative) = path.strip_prefix(root)
        {
            seen.insert(relative.to_path_buf(), (facts.len(), facts.modified().ok()));
        }
    }
}

/// What is new or changed, looked into, and copied to `keep`.
pub(crate) fn made(folder: &Path, before: &Seen, keep: Option<&Path>) -> Vec<Made> {
    let now = look(folder);
    let new = now
        .into_iter()
        .filter(|(path, facts)| before.get(path) != Some(facts));
    new.map(|(path, (bytes, _))| {
        let full = folder.join(&path);
        let (about, wrong) = match bytes {
            bytes if bytes > LARGEST => ("too large to be looked into".to_owned(), None),
            _ => judge(&full),
        };
        if let Some(keep) = keep.filter(|_| bytes <= LARGEST) {
            let to = keep.join(&path);
            // The file itself stays where it is: a copy that fails costs nothing but convenience.
            let _ = to.parent().map(fs::create_dir_all);
            let _ = fs::copy(&full, to);
        }
        Made {
            path,
            bytes,
            about,
            wrong,
        }
    })
    .collect()
}

/// What a file is, and what is wrong with it.
fn judge(path: &Path) -> (String, Option<String>) {
    let kind = path
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default();
    let known = [
        "png", "jpg", "jpeg", "webp", "wav", "mp4", "m4v", "mov", "webm", "mkv",
    ];
    if !known.contains(&kind.as_str()) {
        return ("not looked into".to_owned(), None);
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) => {
            return (
                "not made".to_owned(),
                Some(format!("it cannot be read: {e}")),
            );
        }
    };
    let judged = match kind.as_str() {
        "png" | "jpg" | "jpeg" | "webp" => picture(&bytes),
        "wav" => sound(&bytes),
        _ => video(&bytes),
    };
    match judged {
        Ok(about) => (about, None),
        Err(why) => (format!("called {kind}"), Some(why)),
    }
}

fn picture(bytes: &[u8]) -> Result<String, String> {
    let decoded =
        decode_picture(bytes).map_err(|e| format!("it is no picture that can be decoded: {e}"))?;
    let (width, height) = (decoded.picture.width(), decoded.picture.height());
    if decoded.picture.contrast().is_blank() {
        return Err(format!("the picture of {width}x{height} is blank"));
    }
    Ok(format!("picture of {width}x{height}"))
}

fn sound(bytes: &[u8]) -> Result<String, String> {
    let wav = decode_wav(bytes).map_err(|e| format!("it is no sound that can be decoded: {e}"))?;
    let seconds = wav.audio.seconds();
    match Levels::of(&wav.audio).peak {
        Some(peak) if peak > 0.0 => Ok(format!("sound of {seconds:.2} s")),
        Some(_) => Err(format!("the sound of {seconds:.2} s is silent")),
        None => Err("the sound has no length".to_owned()),
    }
}

fn video(bytes: &[u8]) -> Result<String, String> {
    let movie = Movie::read(bytes).map_err(|e| format!("it is no video that can be read: {e}"))?;
    let Some(track) = movie.video() else {
        return Err("the video has no pictures".to_owned());
    };
    if track.samples == 0 {
        return Err("the video has no frame".to_owned());
    }
    match track.frames {
        Some(0) => Err("the video has no frame".to_owned()),
        Some(frames) => Ok(format!("video of {frames} frames")),
        None => Ok("video; how many frames it has is not known".to_owned()),
    }
}
