//! Whether this user may create namespaces: tried by a child, which then ends.
//!
//! Promise: nothing but the child is changed, and no privilege is needed; a user namespace is tried first, since the others
//! need it where the user is not root. Rejected: reading the sysctls (a container's seccomp filter and AppArmor decide as
//! well, and only the call itself tells).

use std::collections::BTreeMap;

/// The namespaces that are tried, in order.
pub(crate) const NAMES: [&str; 3] = ["user", "pid", "network"];

/// Runs in the child: tries each and says in one line what came of it, `user ok` or `pid Operation not permitted`.
#[cfg(target_os = "linux")]
pub(crate) fn probe() -> String {
    use crate::sys::{UnshareFlags, unshare};
    let flags = [
        UnshareFlags::NEWUSER,
        UnshareFlags::NEWPID,
        UnshareFlags::NEWNET,
    ];
    let tried = NAMES
        .iter()
        .zip(flags)
        .map(|(name, flag)| match unshare(flag) {
            Ok(()) => format!("{name} ok\n"),
            Err(error) => format!("{name} {error}\n"),
        });
    tried.collect()
}

/// There are none on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn probe() -> String {
    NAMES
        .iter()
        .map(|name| format!("{name} only Linux has namespaces\n"))
        .collect()
}

/// What the child's text says about each namespace.
///
/// # Errors
/// Where a namespace is missing in the text: the child ended early.
pub(crate) fn read(text: &str) -> Result<BTreeMap<String, Result<(), String>>, String> {
    NAMES
        .iter()
        .map(|name| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            match line {
                Some("ok") => Ok((name.to_string(), Ok(()))),
                Some(error) => Ok((name.to_string(), Err(error.to_string()))),
                None => Err(format!("the child said nothing about the {name} namespace")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_child_is_read_back() {
        let all = read("user ok\npid Operation not permitted (os error 1)\nnetwork ok\n").unwrap();
        assert_eq!(all["user"], Ok(()));
        assert_eq!(
            all["pid"],
            Err("Operation not permitted (os error 1)".into())
        );
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn a_child_that_ended_early_is_no_yes() {
        assert!(read("user ok\n").unwrap_err().contains("pid"));
        assert!(read("").is_err());
        assert!(read("users ok\npid ok\nnetwork ok\n").is_err());
    }
}
