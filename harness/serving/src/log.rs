//! A server's log: a file of its own, and its last lines, safe to print.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;

/// No more of the end of a file than this is read for a tail.
const WINDOW: u64 = 256 << 10;
/// Longer lines are cut in a tail; the file has them whole.
const LINE: usize = 2_000;

/// `server.log` in the evidence folder, or `server-2.log` and so on where earlier servers have theirs.
#[cfg(target_os = "linux")]
pub(crate) fn create(folder: &Path, name: &str) -> Result<(PathBuf, File), (PathBuf, io::Error)> {
    std::fs::create_dir_all(folder).map_err(|e| (folder.to_path_buf(), e))?;
    let mut number = 1_u32;
    loop {
        let path = match number {
            1 => folder.join(format!("{name}.log")),
            n => folder.join(format!("{name}-{n}.log")),
        };
        match File::options().append(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err((path, e)),
        }
    }
}

/// The last `lines` lines of a log, without escape sequences and control characters, joined by newlines.
pub(crate) fn tail(path: &Path, lines: usize) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(WINDOW);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes)?;
    Ok(last_lines(&bytes, lines, from > 0))
}

/// `cut`: the text begins in the middle of a line, which is then no line.
fn last_lines(bytes: &[u8], lines: usize, cut: bool) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut all: Vec<&str> = text.lines().collect();
    if cut && all.len() > 1 {
        all.remove(0);
    }
    let shown = all
        .iter()
        .skip(all.len().saturating_sub(lines))
        .map(|line| {
            // Progress bars overwrite their line: only what stood there last is of interest.
            let line = line
                .rsplit('\r')
                .find(|part| !part.is_empty())
                .unwrap_or("");
            let line = crate::text::printable(line);
            match line.char_indices().nth(LINE) {
                Some((at, _)) => format!("{} …", &line[..at]),
                None => line,
            }
        });
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_come_in_order() {
        assert_eq!(last_lines(b"a\nb\nc\n", 2, false), "b\nc");
        assert_eq!(last_lines(b"a\nb", 5, false), "a\nb");
        assert_eq!(last_lines(b"", 5, false), "");
        assert_eq!(last_lines(b"half\nb\n", 5, true), "b");
        assert_eq!(last_lines(b"only", 5, true), "only");
        assert_eq!(last_lines(b"1%\r2%\r3%\rdone\r\n", 5, false), "done");
        assert_eq!(
            last_lines(b"\x1b[31mred\x1b[0m\xff\n", 5, false),
            "red\u{fffd}"
        );
    }

    #[test]
    fn only_the_end_of_a_large_file_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let line = "x".repeat(99) + "\n";
        std::fs::write(&path, line.repeat(10_000) + "end\n").unwrap();
        let shown = tail(&path, 1_000_000).unwrap();
        assert!(shown.len() as u64 <= WINDOW);
        assert!(shown.lines().next().unwrap().len() == 99 && shown.ends_with("\nend"));
    }
}
