//! The kernel's texts, read without looking at the machine.
//!
//! Promise: pure functions that answer `None` to nonsense. Rejected: a crate for /proc (three lines of it are needed).

use std::path::{Path, PathBuf};

/// The folder of the own cgroup in the unified hierarchy, from /proc/self/mountinfo and /proc/self/cgroup. It is found by the
/// type of the file system and not by a fixed path: on hybrid systems it is mounted at /sys/fs/cgroup/unified.
pub(crate) fn cgroup2_folder(mountinfo: &str, own: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    mountinfo.lines().find_map(|line| {
        let mount = Mount::parse(line)?;
        (mount.kind == "cgroup2").then(|| mount.folder_of(path))?
    })
}

/// The folder of the own cgroup in the version 1 hierarchy of the process limits, where that is in use.
pub(crate) fn cgroup1_pids_folder(mountinfo: &str, own: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        controllers
            .split(',')
            .any(|name| name == "pids")
            .then(|| fields.next())?
    })?;
    mountinfo.lines().find_map(|line| {
        let mount = Mount::parse(line)?;
        let pids =
            mount.kind == "cgroup" && mount.options.split(',').any(|option| option == "pids");
        pids.then(|| mount.folder_of(path))?
    })
}

/// The folder and its parents up to the hierarchy's mount point, nearest first.
pub(crate) fn ancestors(folder: &Path, mountinfo: &str) -> Vec<PathBuf> {
    let mounts: Vec<PathBuf> = mountinfo
        .lines()
        .filter_map(Mount::parse)
        .map(|mount| mount.point)
        .collect();
    let mut folders = Vec::new();
    for folder in folder.ancestors() {
        folders.push(folder.to_path_buf());
        if mounts.iter().any(|point| point == folder) {
            break;
        }
    }
    folders
}

/// One line of mountinfo: `32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu`.
struct Mount<'a> {
    root: PathBuf,
    point: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl Mount<'_> {
    fn parse(line: &str) -> Option<Mount<'_>> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let mut after = after.split(' ');
        let kind = after.next()?;
        Some(Mount {
            root: unescape(before.next()?),
            point: unescape(before.next()?),
            kind,
            options: after.nth(1).unwrap_or(""),
        })
    }

    /// Where a cgroup path stands below this mount, which may show a part of the hierarchy only (containers).
    fn folder_of(&self, path: &str) -> Option<PathBuf> {
        let below = Path::new(path).strip_prefix(&self.root).ok()?;
        // A path of `..` lies outside what this namespace may see.
        let inside = below
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        inside.then(|| self.point.components().chain(below.components()).collect())
    }
}

/// mountinfo writes blanks and backslashes as three octal digits: `\040`.
fn unescape(text: &str) -> PathBuf {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        match after
            .get(..3)
            .and_then(|digits| u8::from_str_radix(digits, 8).ok())
        {
            Some(byte) => {
                out.push(char::from(byte));
                rest = &after[3..];
            }
            None => {
                out.push('\\');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    PathBuf::from(out)
}

/// The two numbers of `ip_local_port_range`.
pub(crate) fn port_range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    let (first, last) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (first <= last).then_some((first, last))
}

/// Whether the effective capabilities of /proc/self/status have CAP_SYS_PTRACE (number 19 in linux/capability.h).
pub(crate) fn may_trace(status: &str) -> Option<bool> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    let mask = u64::from_str_radix(line.trim(), 16).ok()?;
    Some(mask & (1 << 19) != 0)
}

/// Major and minor number in `rustc 1.95.0 (59807616e 2026-04-14)`, `cargo-nextest 0.9.100` or `1.88`.
pub(crate) fn version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor: String = parts
            .next()?
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        Some((major, minor.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const UNIFIED: &str = "30 23 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n";

    #[test]
    fn the_own_cgroup_is_found_wherever_it_is_mounted() {
        let folder = |mounts: &str, own: &str| cgroup2_folder(mounts, own);
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            folder(HYBRID, "8:pids:/a\n0::/\n"),
            path("/sys/fs/cgroup/unified")
        );
        assert_eq!(
            folder(UNIFIED, "0::/user.slice/x.scope\n"),
            path("/sys/fs/cgroup/user.slice/x.scope")
        );
        // A container that sees only its own part of the hierarchy.
        let part = "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(folder(part, "0::/docker/abc/x\n"), path("/sys/fs/cgroup/x"));
        assert_eq!(folder(part, "0::/docker/other\n"), None);
        assert_eq!(folder(UNIFIED, "0::/../../outside\n"), None);
        assert_eq!(
            folder("30 23 0:26 / /with\\040blank rw - cgroup2 c rw\n", "0::/\n"),
            path("/with blank")
        );
        for (mounts, own) in [
            ("", "0::/"),
            (UNIFIED, ""),
            ("nonsense", "0::/"),
            ("a - cgroup2", "0::/"),
            (" - ", "0::/"),
        ] {
            assert_eq!(folder(mounts, own), None, "{mounts:?} {own:?}");
        }
    }

    #[test]
    fn the_version_1_limit_is_found() {
        assert_eq!(
            cgroup1_pids_folder(HYBRID, "8:pids:/a/b\n0::/\n"),
            Some("/sys/fs/cgroup/pids/a/b".into())
        );
        assert_eq!(
            cgroup1_pids_folder(HYBRID, "8:cpu,pids:/\n"),
            Some("/sys/fs/cgroup/pids".into())
        );
        assert_eq!(cgroup1_pids_folder(UNIFIED, "0::/\n"), None);
    }

    #[test]
    fn ancestors_end_at_the_mount_point() {
        let folders = ancestors(Path::new("/sys/fs/cgroup/pids/a/b"), HYBRID);
        assert_eq!(
            folders,
            [
                "/sys/fs/cgroup/pids/a/b",
                "/sys/fs/cgroup/pids/a",
                "/sys/fs/cgroup/pids"
            ]
            .map(PathBuf::from)
        );
    }

    #[test]
    fn escapes_of_mountinfo() {
        for (text, expected) in [
            ("/a\\040b", "/a b"),
            ("\\134", "\\"),
            ("/a\\", "/a\\"),
            ("/a\\9", "/a\\9"),
            ("/\\é1", "/\\é1"),
            ("/\\777", "/\\777"),
        ] {
            assert_eq!(unescape(text), PathBuf::from(expected), "{text}");
        }
    }

    #[test]
    fn numbers_of_the_kernel() {
        assert_eq!(port_range("32768\t60999\n"), Some((32768, 60999)));
        for nonsense in ["", "1", "9 3", "x y", "1 99999"] {
            assert_eq!(port_range(nonsense), None, "{nonsense}");
        }
        assert_eq!(
            may_trace("Name:\tx\nCapEff:\t000001ffffffffff\n"),
            Some(true)
        );
        assert_eq!(may_trace("CapEff:\t0000000000080000\n"), Some(true));
        assert_eq!(may_trace("CapEff:\tfffffffffff7ffff\n"), Some(false));
        assert_eq!(may_trace("CapEff:\t00000000a80425fb\n"), Some(false));
        assert_eq!(may_trace("Name:\tx\n"), None);
    }

    #[test]
    fn versions_of_programs() {
        for (text, expected) in [
            ("rustc 1.95.0 (59807616e 2026-04-14)", Some((1, 95))),
            ("cargo 1.88.0-nightly (x 2025-05-01)", Some((1, 88))),
            (
                "cargo-nextest 0.9.100 (abc 2025-01-01)\nrelease: 0.9.100",
                Some((0, 9)),
            ),
            ("1.88", Some((1, 88))),
            ("rustc", None),
            ("", None),
            ("version 1.x", None),
        ] {
            assert_eq!(version(text), expected, "{text}");
        }
    }
}
