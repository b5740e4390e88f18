//! What a test was measured to need: one file per test, written by the profiler and read by whoever plans.
//!
//! Promise: a file that is missing is no measurement, one that cannot be read says so; a figure of simulated devices says that it is one, and is
//! never taken for one of hardware. Rejected: one file for all tests (two profilers at once would lose each other's figures).

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The form of the file; it grows when a key changes its meaning or goes away.
const SCHEMA: u32 = 1;
/// No file is longer.
const MOST: u64 = 1 << 20;

/// What was measured of one test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The form of the file.
    pub schema: u32,
    /// The whole name of the case.
    pub test: String,
    /// Whether the devices were simulated.
    pub simulated: bool,
    /// The devices that were looked at.
    pub devices: Vec<MeasuredDevice>,
    /// How many of them the test used.
    pub used_devices: u32,
    /// The version of the driver, where known.
    pub driver: Option<String>,
    /// When it was measured, in seconds since 1970.
    pub when: u64,
    /// The largest peak of a device, in bytes.
    pub peak_bytes: u64,
    /// Whether `peak_bytes` counts the test's own processes alone; else everybody's on the device.
    pub of_tree: bool,
    /// Seconds of the whole test; the mean of the runs that passed.
    pub wall_s: f64,
    /// Seconds of its body, where it was timed apart.
    pub body_s: Option<f64>,
    /// Seconds of its set-up, where it was timed apart.
    pub set_up_s: Option<f64>,
    /// The least that it passed with, in words, where it was searched for.
    pub least: Option<String>,
}

/// A device that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuredDevice {
    /// Its index.
    pub index: usize,
    /// What it calls itself.
    pub name: String,
    /// Its memory in bytes, where known.
    pub total: Option<u64>,
}

impl Measured {
    /// The form that is written today.
    pub const SCHEMA: u32 = SCHEMA;

    /// The folder of the files below a target folder.
    pub fn folder(target: &Path) -> PathBuf {
        target.join("tribunal").join("vram")
    }

    /// The file of a test. Names of tests are identifiers joined by `::`, which not every file system and archive takes.
    pub fn file(folder: &Path, test: &str) -> PathBuf {
        let plain: String = test
            .replace("::", ".")
            .chars()
            .map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '-' => c,
                _ => '-',
            })
            .take(200)
            .collect();
        folder.join(format!("{plain}.json"))
    }

    /// What was measured of a test; `None` where nothing was.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else: in words, with the file and what to do.
    pub fn load(folder: &Path, test: &str) -> Result<Option<Measured>, String> {
        let path = Self::file(folder, test);
        let wrong = |what: &dyn std::fmt::Display| {
            format!(
                "{}: {what}; measure it again with `cargo tribunal profile-vram {test}`, or remove the file",
                path.display()
            )
        };
        let file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(&error)),
        };
        let mut text = String::new();
        let read = file.take(MOST).read_to_string(&mut text);
        read.map_err(|error| wrong(&error))?;
        let measured: Measured = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        if measured.schema != SCHEMA {
            return Err(wrong(&format_args!(
                "it has form {}, and {SCHEMA} is expected",
                measured.schema
            )));
        }
        if measured.test != test {
            return Err(wrong(&format_args!("it is of `{}`", measured.test)));
        }
        Ok(Some(measured))
    }

    /// Writes its file, whole or not at all; returns where.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn save(&self, folder: &Path) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let path = Self::file(folder, &self.test);
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(&new, text)?;
        std::fs::rename(&new, &path).inspect_err(|_| {
            // The error tells; the rest of the attempt shall not stay.
            let _ = std::fs::remove_file(&new);
        })?;
        Ok(path)
    }

    /// What to give the test of each device: its peak and a tenth more.
    pub fn memory(&self) -> u64 {
        self.peak_bytes.saturating_add(self.peak_bytes / 10)
    }

    /// Whether the figures hold for a device of this name: it is of the same model, and both are simulated or neither is.
    pub fn holds_for(&self, name: &str, simulated: bool) -> bool {
        self.simulated == simulated && self.devices.iter().any(|device| device.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        Measured {
            schema: SCHEMA,
            test: "e2e::chat::answers".into(),
            simulated: false,
            devices: vec![MeasuredDevice {
                index: 0,
                name: "NVIDIA L4".into(),
                total: Some(24 << 30),
            }],
            used_devices: 1,
            driver: Some("580.95".into()),
            when: 1_800_000_000,
            peak_bytes: 18944 << 20,
            of_tree: true,
            wall_s: 41.2,
            body_s: Some(4.1),
            set_up_s: None,
            least: Some("36% (17.2 GiB)".into()),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let below = Measured::folder(folder.path());
        assert_eq!(Measured::load(&below, "e2e::chat::answers"), Ok(None));
        let path = measured().save(&below).unwrap();
        assert_eq!(path.file_name().unwrap(), "e2e.chat.answers.json");
        assert_eq!(
            Measured::load(&below, "e2e::chat::answers"),
            Ok(Some(measured()))
        );
        assert_eq!(std::fs::read_dir(&below).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_something_else_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = measured().save(folder.path()).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        for (text, expected) in [
            ("{", "EOF"),
            ("[]", "invalid"),
            (&*good.replace("\"schema\": 1", "\"schema\": 2"), "form 2"),
            (
                &*good.replace("answers", "other"),
                "it is of `e2e::chat::other`",
            ),
            (&*good.replace("41.2", "null"), "invalid type: null"),
        ] {
            std::fs::write(&path, text).unwrap();
            let wrong = Measured::load(folder.path(), "e2e::chat::answers").unwrap_err();
            assert!(wrong.contains(expected), "{wrong}");
            assert!(wrong.contains("profile-vram e2e::chat::answers"), "{wrong}");
        }
    }

    #[test]
    fn simulated_figures_do_not_hold_for_hardware() {
        let real = measured();
        assert!(real.holds_for("NVIDIA L4", false));
        assert!(!real.holds_for("NVIDIA L4", true));
        assert!(!real.holds_for("NVIDIA H100", false));
        let simulated = Measured {
            simulated: true,
            ..real
        };
        assert!(!simulated.holds_for("NVIDIA L4", false));
    }

    #[test]
    fn no_name_leaves_the_folder() {
        let folder = Path::new("/f");
        assert_eq!(
            Measured::file(folder, "../../x y::z"),
            Path::new("/f/..-..-x-y.z.json")
        );
        assert!(Measured::file(folder, &"x".repeat(9999)).as_os_str().len() < 256);
    }
}
