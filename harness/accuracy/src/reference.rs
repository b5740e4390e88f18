//! Pictures and frames compared with those that an earlier run stored.
//!
//! Promise: where there is no reference the comparison fails, and says how to make one; a reference says where it comes from, and one that was changed
//! since is not trusted. References are written only where that was asked for. Rejected: skipping where there is none. A test that has never had a
//! reference would be green for years.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tribunal_media::{Picture, decode_picture};

use crate::baseline::write_whole;
use crate::data_set::hex;
use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::fingerprint::Fingerprint;
use crate::likeness::{Likeness, Limits};
use crate::provenance::Provenance;

/// The largest reference that is read.
const MOST_BYTES: u64 = 256 << 20;
/// How far a number may lie from itself once it was written and read again.
const READ_BACK: f64 = 1e-9;

/// The stored references of one deployment's model.
#[derive(Debug, Clone)]
pub struct References {
    folder: PathBuf,
    update: Option<Provenance>,
}

/// What stands beside a picture.
#[derive(Serialize, Deserialize)]
struct About {
    made: Provenance,
    sha256: String,
}

/// A fingerprint as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    made: Provenance,
    fingerprint: Fingerprint,
}

impl References {
    /// Those in a folder.
    pub fn new(folder: impl AsRef<Path>) -> References {
        References {
            folder: folder.as_ref().to_path_buf(),
            update: None,
        }
    }

    /// Stores what it is given as the new references instead of comparing.
    pub fn update(mut self, made: Provenance) -> References {
        self.update = Some(made);
        self
    }

    /// As [`References::update`], if `TRIBUNAL_UPDATE_REFERENCES` is `1`.
    ///
    /// # Errors
    /// When the variable is neither `1`, `0` nor empty.
    pub fn update_if_asked(self, made: Provenance) -> Result<References, AccuracyError> {
        match std::env::var_os(UPDATE) {
            None => Ok(self),
            Some(value) => match value.to_str() {
                Some("1") => Ok(self.update(made)),
                Some("0" | "") => Ok(self),
                _ => Err(AccuracyError::new(
                    AccuracyErrorKind::Argument,
                    format!("{UPDATE} is {value:?}; expected 1 to write references, or 0"),
                )),
            },
        }
    }

    /// Compares a picture (PNG, JPEG or WebP) with the reference of a name.
    ///
    /// # Errors
    /// When there is no such reference, or it was changed; when the picture cannot be read, has another size, or is less alike than it must be.
    pub fn picture(
        &self,
        name: &str,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Likeness, AccuracyError> {
        let picture = decoded(bytes, "the picture that came")?;
        let (path, about) = (self.path(name, "picture")?, self.path(name, "json")?);
        if let Some(made) = &self.update {
            let text = json(
                &About {
                    made: made.clone(),
                    sha256: hash(bytes),
                },
                &about,
            )?;
            write_whole(&path, bytes)?;
            write_whole(&about, &text)?;
        }
        let stored = self.read(&path)?;
        let made: About = parsed(&self.read(&about)?, &about)?;
        if made.sha256 != hash(&stored) {
            return Err(AccuracyError::new(
                AccuracyErrorKind::Mismatch,
                format!(
                    "the reference {} is not the one that {} tells of: it was changed since\nhelp: {MAKE}",
                    path.display(),
                    about.display()
                ),
            ));
        }
        let reference = decoded(&stored, &path.display().to_string())?;
        let of = || {
            format!(
                "the reference {} ({})",
                path.display(),
                made.made.describe()
            )
        };
        let size = |p: &Picture| (p.width(), p.height());
        if size(&picture) != size(&reference) {
            let (a, b) = (size(&picture), size(&reference));
            return Err(unlike(format!(
                "a picture of {}x{}, {} has {}x{}",
                a.0,
                a.1,
                of(),
                b.0,
                b.1
            )));
        }
        let likeness = Likeness::of(&picture, &reference)?;
        match likeness.breaks(limits) {
            None => Ok(likeness),
            Some(why) => Err(unlike(format!("unlike {}: {why}", of()))),
        }
    }

    /// Compares the frames of a video with the fingerprint of a name: no mean and no deviation may be further away than `most`, of 1 (0.08 is usual).
    ///
    /// # Errors
    /// When there is no such reference; when frames are of other number or size, or further away.
    pub fn frames(&self, name: &str, frames: &[Picture], most: f64) -> Result<f64, AccuracyError> {
        let found = Fingerprint::of(frames)?;
        let path = self.path(name, "frames.json")?;
        if let Some(made) = &self.update {
            let stored = Stored {
                made: made.clone(),
                fingerprint: found.clone(),
            };
            write_whole(&path, &json(&stored, &path)?)?;
        }
        let stored: Stored = parsed(&self.read(&path)?, &path)?;
        let away = found.distance(&stored.fingerprint);
        let of = || {
            format!(
                "the reference {} ({})",
                path.display(),
                stored.made.describe()
            )
        };
        match away {
            Err(why) => Err(unlike(format!("{why} of {}", of()))),
            Ok((at, away)) if away.is_nan() || away > most + READ_BACK => Err(unlike(format!(
                "frame {at} is {away:.4} away from that of {}; expected at most {most}",
                of()
            ))),
            Ok((_, away)) => Ok(away),
        }
    }

    fn path(&self, name: &str, ending: &str) -> Result<PathBuf, AccuracyError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            let text = format!(
                "{name:?} is no name of a reference; expected letters, digits, `_`, `-` and `.`"
            );
            return Err(AccuracyError::new(AccuracyErrorKind::Argument, text));
        }
        Ok(self.folder.join(format!("{name}.{ending}")))
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, AccuracyError> {
        match std::fs::metadata(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(AccuracyError::new(
                AccuracyErrorKind::NoReference,
                format!(
                    "there is no reference {}, so nothing was compared\nhelp: {MAKE}",
                    path.display()
                ),
            )),
            Err(e) => Err(AccuracyError::file(path, "read", &e)),
            Ok(data) if data.len() > MOST_BYTES => Err(AccuracyError::new(
                AccuracyErrorKind::File,
                format!(
                    "the reference {} is larger than {} MiB",
                    path.display(),
                    MOST_BYTES >> 20
                ),
            )),
            Ok(_) => std::fs::read(path).map_err(|e| AccuracyError::file(path, "read", &e)),
        }
    }
}

const UPDATE: &str = "TRIBUNAL_UPDATE_REFERENCES";
const MAKE: &str = "run the test once against a server that is known to be right, with TRIBUNAL_UPDATE_REFERENCES=1, look at what it wrote, and keep it with the tests";

fn decoded(bytes: &[u8], what: &str) -> Result<Picture, AccuracyError> {
    let decoded = decode_picture(bytes).map_err(|e| unlike(format!("{what}: {e}")))?;
    Ok(decoded.picture)
}

pub(crate) fn unlike(why: impl ToString) -> AccuracyError {
    AccuracyError::new(AccuracyErrorKind::Verdict, why.to_string())
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn json(value: &impl Serialize, path: &Path) -> Result<Vec<u8>, AccuracyError> {
    let cannot = |e: serde_json::Error| AccuracyError::file(path, "written", &e.into());
    serde_json::to_vec_pretty(value).map_err(cannot)
}

fn parsed<T: for<'a> Deserialize<'a>>(bytes: &[u8], path: &Path) -> Result<T, AccuracyError> {
    serde_json::from_slice(bytes).map_err(|e| {
        AccuracyError::new(
            AccuracyErrorKind::File,
            format!("{} is no reference: {e}\nhelp: {MAKE}", path.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tribunal_media::synthetic::{Colour, Scene, Shape};

    fn scene(seed: u64) -> Vec<u8> {
        let scene = Scene::new(64, 48, seed).with(2, Colour::Red, Shape::Circle);
        scene.png().expect("a picture").bytes().to_vec()
    }

    fn frame(value: u8) -> Picture {
        Picture::new(4, 4, vec![value; 48]).expect("a picture")
    }

    const STRICT: Limits = Limits {
        ssim: Some(0.97),
        psnr: Some(30.0),
        mean: Some(0.03),
        percentile_99: Some(0.4),
    };

    #[test]
    fn a_missing_reference_fails_and_says_how_to_make_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let references = References::new(folder.path());
        for error in [
            references
                .picture("red", &scene(1), &STRICT)
                .expect_err("none"),
            references
                .frames("red", &[frame(1)], 0.08)
                .expect_err("none"),
        ] {
            assert_eq!(error.kind(), AccuracyErrorKind::NoReference);
            assert!(
                error.to_string().contains("TRIBUNAL_UPDATE_REFERENCES=1"),
                "{error}"
            );
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("read").count(), 0);
    }

    #[test]
    fn a_picture_is_compared_with_the_one_that_was_stored() {
        let folder = tempfile::tempdir().expect("a folder");
        let references = References::new(folder.path());
        let made = Provenance::of("embedded").note("first");
        let writing = references.clone().update(made);
        writing.picture("red", &scene(1), &STRICT).expect("written");
        let same = references
            .picture("red", &scene(1), &STRICT)
            .expect("the same");
        assert_eq!((same.psnr, same.mean), (f64::INFINITY, 0.0));
        let other = references
            .picture("red", &scene(2), &STRICT)
            .expect_err("another");
        assert!(other.to_string().contains("SSIM"), "{other}");
        assert!(other.to_string().contains("by embedded (first)"), "{other}");
        let small = Scene::new(32, 48, 1).png().expect("a picture");
        let error = references.picture("red", small.bytes(), &Limits::default());
        let error = error.expect_err("another size").to_string();
        assert!(
            error.contains("32x48") && error.contains("64x48"),
            "{error}"
        );
        // Somebody puts another picture in its place.
        std::fs::write(folder.path().join("red.picture"), scene(2)).expect("written");
        let error = references
            .picture("red", &scene(2), &STRICT)
            .expect_err("changed");
        assert_eq!(error.kind(), AccuracyErrorKind::Mismatch, "{error}");
    }

    #[test]
    fn frames_are_compared_by_their_fingerprints() {
        let folder = tempfile::tempdir().expect("a folder");
        let references = References::new(folder.path());
        let frames = [frame(0), frame(100), frame(200)];
        let writing = references.clone().update(Provenance::of("embedded"));
        writing.frames("film", &frames, 0.0).expect("written");
        let away = references.frames("film", &frames, 0.0).expect("the same");
        assert!(away < 1e-12, "{away}");
        let near = [frame(0), frame(110), frame(200)];
        let away = references.frames("film", &near, 0.08).expect("near");
        assert!((away - 10.0 / 255.0).abs() < 1e-12, "{away}");
        let error = references
            .frames("film", &near, 0.03)
            .expect_err("far")
            .to_string();
        assert!(error.contains("frame 1 is 0.0392 away"), "{error}");
        let error = references
            .frames("film", &frames[..2], 0.08)
            .expect_err("fewer");
        assert!(
            error
                .to_string()
                .contains("2 frames of 4x4 instead of the 3"),
            "{error}"
        );
        assert!(references.frames("film", &[], 0.08).is_err());
        assert!(references.frames("../film", &frames, 0.08).is_err());
    }
}
