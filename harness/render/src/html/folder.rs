//! A folder of evidence that is read for a page.
//!
//! Promise: nothing outside the run's folder is read, whatever the log or a link in it says; every read is bounded; a link of the page leads to a file
//! beside it, never to a scheme, and never to something that a browser would run. Rejected: trusting the paths of the log (evidence comes from other
//! machines, too).

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// A folder below that of a run.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    beside: Option<PathBuf>,
}

/// What was read of a file.
pub(crate) struct Taken {
    /// The bytes, no more than asked for.
    pub bytes: Vec<u8>,
    /// How long the file is.
    pub whole: u64,
}

impl Taken {
    /// Whether these are all.
    pub(crate) fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.whole
    }
}

impl Folder {
    /// `relative` below `run`, where that is a folder and lies in it; links will start at `beside`.
    pub(crate) fn open(run: &Path, relative: &str, beside: Option<&Path>) -> Option<Folder> {
        let root = run.canonicalize().ok()?;
        let path = inside(&root, relative)?;
        path.is_dir().then(|| Folder {
            path,
            beside: beside.and_then(|folder| folder.canonicalize().ok()),
        })
    }

    fn file(&self, relative: &str) -> Option<(File, u64)> {
        let path = inside(&self.path, relative)?;
        let about = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((File::open(path).ok()?, about.len()))
    }

    /// The first `most` bytes of a file.
    pub(crate) fn read(&self, relative: &str, most: usize) -> Option<Taken> {
        let (file, whole) = self.file(relative)?;
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes).ok()?;
        Some(Taken { bytes, whole })
    }

    /// Its last `most` bytes.
    pub(crate) fn tail(&self, relative: &str, most: usize) -> Option<Taken> {
        let (mut file, whole) = self.file(relative)?;
        let from = whole.saturating_sub(most as u64);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        file.take(most as u64).read_to_end(&mut bytes).ok()?;
        Some(Taken { bytes, whole })
    }

    /// Where the page finds a file, `""` for the folder itself; none where it is not there, the page lies nowhere, or a browser would run it.
    pub(crate) fn link(&self, relative: &str) -> Option<String> {
        let beside = self.beside.as_ref()?;
        let path = match relative {
            "" => self.path.clone(),
            _ => inside(&self.path, relative)?,
        };
        if runs(&path) && path.is_file() {
            return None;
        }
        let mut from = beside.components().peekable();
        let mut to = path.components().peekable();
        while from.peek().is_some() && from.peek() == to.peek() {
            from.next();
            to.next();
        }
        // The dot keeps a name with a colon from being a scheme.
        let mut link = ".".to_owned();
        for _ in from {
            link += "/..";
        }
        for part in to {
            link.push('/');
            percent(&mut link, part.as_os_str().as_encoded_bytes());
        }
        Some(link)
    }

    /// Files of the folder, three levels deep and `most` of them, in order of their names.
    pub(crate) fn list(&self, most: usize) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        let mut folders = vec![(self.path.clone(), String::new(), 0)];
        while let Some((folder, prefix, depth)) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                // That of the entry itself: links are not followed.
                let Ok(about) = entry.metadata() else {
                    continue;
                };
                if about.is_dir() && depth < 3 {
                    folders.push((entry.path(), format!("{prefix}{name}/"), depth + 1));
                } else if about.is_file() && found.len() < most {
                    found.push((format!("{prefix}{name}"), about.len()));
                }
            }
        }
        found.sort();
        found
    }
}

/// The path of something below a folder, links resolved; none where it is not there or lies elsewhere.
fn inside(root: &Path, relative: &str) -> Option<PathBuf> {
    let relative = Path::new(relative);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !relative.components().all(plain) {
        return None;
    }
    let path = root.join(relative).canonicalize().ok()?;
    path.starts_with(root).then_some(path)
}

/// Whether a browser that opens the file runs what it says.
fn runs(path: &Path) -> bool {
    let end = path.extension().and_then(|end| end.to_str());
    let end = end.unwrap_or_default().to_ascii_lowercase();
    const RUN: [&str; 11] = [
        "htm", "html", "shtml", "xht", "xhtml", "svg", "svgz", "xml", "xsl", "mhtml", "mht",
    ];
    RUN.contains(&end.as_str()) || end == "pdf"
}

fn percent(to: &mut String, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                to.push(char::from(*byte));
            }
            byte => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                to.push('%');
                to.push(char::from(DIGITS[usize::from(byte >> 4)]));
                to.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_read_or_linked() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        std::fs::create_dir_all(run.join("case/1")).unwrap();
        std::fs::write(root.path().join("secret"), "s").unwrap();
        std::fs::write(run.join("case/1/own"), "own").unwrap();
        std::fs::write(run.join("case/1/a.html"), "h").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), run.join("case/1/out")).unwrap();
        let open = |path| Folder::open(&run, path, Some(root.path()));
        assert!(open("../run/case").is_none());
        assert!(open("/etc").is_none());
        assert!(open("case/1/own").is_none(), "no folder");
        let folder = open("case/1").unwrap();
        assert!(folder.read("out", 10).is_none());
        assert!(folder.read("../../../secret", 10).is_none());
        assert!(folder.link("out").is_none());
        assert_eq!(folder.read("own", 2).unwrap().bytes, b"ow");
        assert_eq!(folder.tail("own", 2).unwrap().bytes, b"wn");
        assert!(!folder.tail("own", 2).unwrap().is_whole());
        assert_eq!(folder.link("own").unwrap(), "./run/case/1/own");
        assert!(folder.link("a.html").is_none(), "a browser would run it");
        let names: Vec<String> = folder.list(9).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.html", "own"], "links are not followed");
    }

    #[test]
    fn a_link_is_never_a_scheme() {
        let root = tempfile::tempdir().unwrap();
        let run = root.path().join("run");
        std::fs::create_dir_all(run.join("case")).unwrap();
        std::fs::create_dir_all(root.path().join("page/deep")).unwrap();
        std::fs::write(run.join("case/javascript:alert(1) \"é"), "").unwrap();
        let beside = root.path().join("page/deep");
        let folder = Folder::open(&run, "case", Some(&beside)).unwrap();
        let link = folder.link("javascript:alert(1) \"é").unwrap();
        assert_eq!(
            link,
            "./../../run/case/javascript%3Aalert%281%29%20%22%C3%A9"
        );
    }
}
