//! From the last lines of a log to the likely cause, in words that say what to do.
//!
//! A guess for people, never a decision: nothing branches on it. The texts are those that the engines and their
//! libraries print.

use std::process::ExitStatus;

/// Text that is looked for without regard to case, and what it means. The first that is found counts, so that the
/// specific stands before the general.
const CAUSES: [(&str, &str); 17] = [
    (
        "address already in use",
        "the port is taken: does the command use {port}, and nothing else a port of its own?",
    ),
    (
        "address in use",
        "the port is taken: does the command use {port}, and nothing else a port of its own?",
    ),
    (
        "cuda out of memory",
        "the device has too little free memory: who uses it, or which setting lowers the need?",
    ),
    (
        "outofmemoryerror",
        "the device has too little free memory: who uses it, or which setting lowers the need?",
    ),
    (
        "no available memory for the cache blocks",
        "the device has too little free memory for the key-value cache: lower the context length or raise the memory fraction",
    ),
    (
        "cannot allocate memory",
        "the machine has too little memory",
    ),
    (
        "driver version is insufficient",
        "the device driver is older than the engine needs",
    ),
    (
        "libcuda.so",
        "the NVIDIA driver is not installed, or not visible here",
    ),
    (
        "no cuda gpus are available",
        "no device is visible: look at CUDA_VISIBLE_DEVICES",
    ),
    (
        "gated repo",
        "the model needs an accepted licence and a hub token (HF_TOKEN)",
    ),
    (
        "repository not found",
        "the hub does not know that model, or it needs a token (HF_TOKEN)",
    ),
    (
        "modulenotfounderror",
        "a Python package is missing: is it the right environment?",
    ),
    (
        "importerror",
        "a Python package cannot be loaded: is it the right environment?",
    ),
    (
        "error while loading shared libraries",
        "a shared library is missing: look at LD_LIBRARY_PATH",
    ),
    (
        "unrecognized arguments",
        "the program does not know one of its arguments: is it the expected version?",
    ),
    (
        "unexpected argument",
        "the program does not know one of its arguments: is it the expected version?",
    ),
    ("no space left on device", "a file system is full"),
];

/// The likely cause, from the end of the log and the way in which the server ended, if it did.
pub(crate) fn likely(log: &str, exit: Option<ExitStatus>) -> Option<&'static str> {
    let log = log.to_lowercase();
    if let Some((_, cause)) = CAUSES.iter().find(|(text, _)| log.contains(text)) {
        return Some(cause);
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        match exit?.signal() {
            Some(9) => {
                return Some(
                    "somebody killed it; if nobody did, the machine ran out of memory (see `dmesg`)",
                );
            }
            Some(4) => return Some("the program was built for another processor"),
            Some(6 | 7 | 8 | 11) => {
                return Some("the program crashed; its own log says where, if it can");
            }
            _ => {}
        }
    }
    match exit?.code() {
        Some(0) => Some(
            "it went on in the background, or did its work and ended: a server must stay in the foreground",
        ),
        Some(127) => Some("a script did not find a program that it calls"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_speaks_first() {
        let cause = likely("x\nOSError: [Errno 98] Address already in use\n", None).unwrap();
        assert!(cause.contains("port is taken"));
        assert!(
            likely("torch.cuda.OutOfMemoryError: CUDA out of memory.", None)
                .unwrap()
                .contains("memory")
        );
        assert_eq!(likely("all is well", None), None);
    }

    #[cfg(unix)]
    #[test]
    fn then_the_way_it_ended() {
        use std::os::unix::process::ExitStatusExt;
        let likely = |raw| likely("", Some(ExitStatus::from_raw(raw)));
        assert!(likely(9).unwrap().contains("out of memory"));
        assert!(likely(11).unwrap().contains("crashed"));
        assert!(likely(0).unwrap().contains("foreground"));
        assert_eq!(likely(3 << 8), None);
    }
}
