//! From the last lines of a log to the likely cause, in words that say what to do.
//!
//! A guess for people. The texts are those that the engines and their libraries print; the line that is nearest to the end
//! of the log counts, because engines report the first trouble last, after the tracebacks of those that suffered from it. One thing does
//! branch on it: a server whose port is taken is started once more on another one.

use std::fmt;
use std::process::ExitStatus;

use crate::cause_texts::{HELPS_ITSELF, PORT, TEXTS};

/// What probably kept a server from becoming ready, or ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The port is in use.
    PortTaken,
    /// A device has too little free memory.
    DeviceMemory,
    /// The key-value cache does not fit.
    CacheMemory,
    /// The machine has too little memory, or its shared memory is too small.
    HostMemory,
    /// The device driver is missing, too old, or does not fit its library.
    Driver,
    /// No device is visible.
    NoDevice,
    /// The devices do not reach each other.
    Collective,
    /// The hub asks for a licence or a token.
    HubAccess,
    /// The hub cannot be reached.
    HubOffline,
    /// The model is not where it was looked for.
    ModelMissing,
    /// The model's files are damaged or incomplete.
    ModelDamaged,
    /// The engine does not know this kind of model.
    ModelUnsupported,
    /// The tokenizer or the chat template is missing or wrong.
    Tokenizer,
    /// A Python package or a module is missing or cannot be loaded.
    Import,
    /// A shared library is missing.
    Library,
    /// The program does not know one of its arguments.
    Argument,
    /// A file system is full.
    DiskFull,
    /// Something may not be opened or done.
    Permission,
    /// Too many files are open.
    Descriptors,
    /// Somebody killed it.
    Killed,
    /// It crashed.
    Crashed,
    /// The program is for another processor.
    Processor,
    /// It went into the background, or ended as if its work were done.
    Ended,
    /// A program that a script calls was not found.
    CommandMissing,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Cause {
    /// What it means and what to look at.
    pub fn words(self) -> &'static str {
        match self {
            Cause::PortTaken => {
                "the port is taken: does the command use {port}, and nothing else a port of its own?"
            }
            Cause::DeviceMemory => {
                "the device has too little free memory: who uses it, or which setting lowers the need?"
            }
            Cause::CacheMemory => {
                "the device has too little free memory for the key-value cache: lower the context length or raise the memory fraction"
            }
            Cause::HostMemory => "the machine has too little memory, or /dev/shm is too small",
            Cause::Driver => {
                "the device driver is missing, not visible here, or older than the engine needs"
            }
            Cause::NoDevice => {
                "no device is visible: look at CUDA_VISIBLE_DEVICES (or its twin of the platform)"
            }
            Cause::Collective => {
                "the processes of the engine cannot reach each other's devices (NCCL or its twin): its own lines above say which"
            }
            Cause::HubAccess => {
                "the hub does not know that model, or it needs an accepted licence and a token (HF_TOKEN)"
            }
            Cause::HubOffline => {
                "the hub cannot be reached and the model is not in its cache: give a local path, or the network"
            }
            Cause::ModelMissing => "the model is not where it was looked for: is the path right?",
            Cause::ModelDamaged => {
                "a file of the model is damaged or only half there: copy or download it again"
            }
            Cause::ModelUnsupported => {
                "this version of the engine does not know that kind of model: is it the expected version?"
            }
            Cause::Tokenizer => {
                "the tokenizer or the chat template of the model is missing or wrong"
            }
            Cause::Import => {
                "a Python package is missing or cannot be loaded: is it the right environment?"
            }
            Cause::Library => "a shared library is missing: look at LD_LIBRARY_PATH",
            Cause::Argument => {
                "the program does not know one of its arguments: is it the expected version?"
            }
            Cause::DiskFull => "a file system is full",
            Cause::Permission => "a file or a device may not be opened: whose is it?",
            Cause::Descriptors => "too many files are open: raise `ulimit -n`",
            Cause::Killed => {
                "somebody killed it; if nobody did, the machine ran out of memory (see `dmesg`)"
            }
            Cause::Crashed => "the program crashed; its own log says where, if it can",
            Cause::Processor => "the program was built for another processor",
            Cause::Ended => {
                "it went on in the background, or did its work and ended: a server must stay in the foreground"
            }
            Cause::CommandMissing => "a script did not find a program that it calls",
        }
    }
}

/// The last line that says that a port is taken and that nothing is done about it.
pub(crate) fn port_line(log: &str) -> Option<&str> {
    log.lines().rev().find(|line| {
        let line = line.to_lowercase();
        let has = |texts: &[&str]| texts.iter().any(|t| line.contains(t));
        has(PORT) && !has(HELPS_ITSELF)
    })
}

/// What one line of a log says, if it is one of trouble.
pub(crate) fn of_line(line: &str) -> Option<Cause> {
    if port_line(line).is_some() {
        return Some(Cause::PortTaken);
    }
    let line = line.to_lowercase();
    TEXTS
        .iter()
        .find(|(_, texts)| texts.iter().any(|t| line.contains(t)))
        .map(|(cause, _)| *cause)
}

/// The likely cause, from the end of the log and the way in which the server ended, if it did.
pub(crate) fn likely(log: &str, exit: Option<ExitStatus>) -> Option<Cause> {
    let told = log.lines().rev().filter_map(of_line);
    // These follow from others more often than they are the trouble itself: a general word yields to a specific one above it.
    let general = |c: &Cause| {
        matches!(
            c,
            Cause::ModelMissing | Cause::Permission | Cause::Collective
        )
    };
    let (mut specific, mut vague) = (None, None);
    for cause in told {
        if general(&cause) {
            vague = vague.or(Some(cause));
        } else {
            specific = Some(cause);
            break;
        }
    }
    if let Some(cause) = specific.or(vague) {
        return Some(cause);
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        match exit?.signal() {
            Some(9) => return Some(Cause::Killed),
            Some(4) => return Some(Cause::Processor),
            Some(6 | 7 | 8 | 11) => return Some(Cause::Crashed),
            _ => {}
        }
    }
    match exit?.code() {
        Some(0) => Some(Cause::Ended),
        Some(127) => Some(Cause::CommandMissing),
        // A shell's way to say "by signal 9".
        Some(137) => Some(Cause::Killed),
        _ => None,
    }
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
