//! Faults as people type them: `kill worker 0`, `stop any-worker for 30s`, `hog devices 0.95 strict`.
//!
//! Promise: what is printed reads back as the same fault, and a mistake is told with the word, what was expected and the nearest that there is.
//! Rejected: one flag per field: nobody remembers them at a console.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tribunal_vocabulary::nearest;

use crate::fault::{Fault, HostMemory, Signal};
use crate::proxy::ToxicError;
use crate::size;
use crate::victim::Victim;

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultTextError(String);

impl fmt::Display for FaultTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultTextError {}

/// Every form, for people.
pub const FAULT_FORMS: &str = "\
kill|terminate|interrupt VICTIM
stop VICTIM [for TIME]
hog devices RATIO [strict] [on N,N]
hog host take|leave SIZE
busy cpus leave SHARE
descriptors VICTIM leave N
fill disk PATH
fill shm
clock +TIME|-TIME
toxic RULE, as in `toxic latency 100ms jitter 20ms`
VICTIM: root, tree, any-worker, worker N, part NAME";

const VERBS: [&str; 10] = [
    "kill",
    "terminate",
    "interrupt",
    "stop",
    "hog",
    "busy",
    "descriptors",
    "fill",
    "clock",
    "toxic",
];
const VICTIMS: [&str; 5] = ["root", "tree", "any-worker", "worker", "part"];
/// No text is longer: it comes from a console.
const LONGEST: usize = 4096;

/// The words of one text, one after the other.
struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.rest.split_ascii_whitespace().next()
    }

    fn next(&mut self, expected: &str) -> Result<&'a str, String> {
        let rest = self.rest.trim_ascii_start();
        let end = rest.find(|c: char| c.is_ascii_whitespace());
        let (word, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = rest;
        match word {
            "" => Err(format!("expected {expected} at the end")),
            word => Ok(word),
        }
    }

    /// One of these words.
    fn one_of(&mut self, words: &[&'static str]) -> Result<&'static str, String> {
        let word = self.next(&format!("`{}`", words.join("`, `")))?;
        words
            .iter()
            .find(|w| **w == word)
            .copied()
            .ok_or_else(|| unknown(word, words))
    }

    fn number<T: FromStr>(&mut self, what: &str) -> Result<T, String> {
        let word = self.next(what)?;
        word.parse().map_err(|_| format!("`{word}` is not {what}"))
    }

    /// Everything that is left, as it stands.
    fn all(&mut self, expected: &str) -> Result<&'a str, String> {
        match std::mem::take(&mut self.rest).trim_ascii() {
            "" => Err(format!("expected {expected} at the end")),
            rest => Ok(rest),
        }
    }
}

fn unknown(word: &str, words: &[&str]) -> String {
    let shown: String = word.chars().take(40).collect();
    match nearest(word, words.iter().copied()) {
        Some(near) => format!("`{shown}` is not known here; did you mean `{near}`?"),
        None => format!(
            "`{shown}` is not known here; expected `{}`",
            words.join("`, `")
        ),
    }
}

fn victim(words: &mut Words<'_>) -> Result<Victim, String> {
    Ok(match words.one_of(&VICTIMS)? {
        "root" => Victim::Root,
        "tree" => Victim::Tree,
        "any-worker" => Victim::AnyWorker,
        "worker" => Victim::Worker(words.number("the number of a worker")?),
        _ => Victim::Part(words.next("the name of a part")?.to_owned()),
    })
}

impl FromStr for Fault {
    type Err = FaultTextError;

    fn from_str(text: &str) -> Result<Fault, FaultTextError> {
        if text.len() > LONGEST {
            let why = format!("a fault has at most {LONGEST} bytes of text");
            return Err(FaultTextError(why));
        }
        let mut words = Words { rest: text };
        let fault = parse(&mut words).and_then(|fault| match words.peek() {
            None => Ok(fault),
            Some(word) => Err(format!("`{word}` is one word too many")),
        });
        fault.map_err(|why| FaultTextError(format!("`{}`: {why}", text.trim_ascii())))
    }
}

fn parse(words: &mut Words<'_>) -> Result<Fault, String> {
    let signal = |words: &mut Words<'_>, signal| {
        let victim = victim(words)?;
        Ok(Fault::Signal { victim, signal })
    };
    match words.one_of(&VERBS)? {
        "kill" => signal(words, Signal::Kill),
        "terminate" => signal(words, Signal::Terminate),
        "interrupt" => signal(words, Signal::Interrupt),
        "stop" => {
            let victim = victim(words)?;
            let for_ = match words.peek() {
                None => None,
                Some(_) => {
                    words.one_of(&["for"])?;
                    Some(size::span(words.next("a span of time")?)?)
                }
            };
            Ok(Fault::Stop { victim, for_ })
        }
        "hog" => match words.one_of(&["devices", "host"])? {
            "devices" => devices(words),
            _ => {
                let how = words.one_of(&["take", "leave"])?;
                let bytes = size::size(words.next("a size")?)?;
                Ok(Fault::HogHost(match how {
                    "take" => HostMemory::Take(bytes),
                    _ => HostMemory::Leave(bytes),
                }))
            }
        },
        "busy" => {
            words.one_of(&["cpus"])?;
            words.one_of(&["leave"])?;
            let leave = share(words, |s| s > 0.0 && s < 1.0, "a share above 0 and below 1")?;
            Ok(Fault::BusyCpus { leave })
        }
        "descriptors" => {
            let victim = victim(words)?;
            words.one_of(&["leave"])?;
            let leave = words.number("a number of descriptors")?;
            Ok(Fault::Descriptors { victim, leave })
        }
        "fill" => match words.one_of(&["disk", "shm"])? {
            "disk" => Ok(Fault::FullDisk {
                place: PathBuf::from(words.all("a path")?),
            }),
            _ => Ok(Fault::FullShm),
        },
        "clock" => clock(words.next("`+TIME` or `-TIME`")?),
        _ => {
            let rule = std::mem::take(&mut words.rest).trim_ascii().parse();
            rule.map(Fault::Network)
                .map_err(|error: ToxicError| error.to_string())
        }
    }
}

fn share(words: &mut Words<'_>, fits: impl Fn(f64) -> bool, expected: &str) -> Result<f64, String> {
    let word = words.next(expected)?;
    let number = word.parse().ok().filter(|n| fits(*n));
    number.ok_or_else(|| format!("`{word}` is not {expected}"))
}

fn devices(words: &mut Words<'_>) -> Result<Fault, String> {
    let ratio = share(
        words,
        |s| s > 0.0 && s <= 1.0,
        "a share above 0 and up to 1",
    )?;
    let strict = words.peek() == Some("strict");
    if strict {
        words.next("strict")?;
    }
    let mut devices = Vec::new();
    if words.peek().is_some() {
        words.one_of(if strict { &["on"] } else { &["strict", "on"] })?;
        for word in words.next("numbers of devices")?.split(',') {
            let number = word
                .parse()
                .map_err(|_| format!("`{word}` is no number of a device"))?;
            if devices.contains(&number) {
                return Err(format!("device {number} stands there twice"));
            }
            devices.push(number);
        }
    }
    Ok(Fault::HogDevices {
        ratio,
        strict,
        devices,
    })
}

fn clock(word: &str) -> Result<Fault, String> {
    let wrong = || {
        format!(
            "`{word}` is no distance of a clock: expected `+TIME` or `-TIME` in whole seconds, as in `+2h`"
        )
    };
    let (sign, rest) = match word.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return Err(wrong()),
    };
    let span = size::span(rest)?;
    let seconds = i64::try_from(span.as_secs()).map_err(|_| wrong())?;
    if span.subsec_nanos() > 0 {
        return Err(wrong());
    }
    Ok(Fault::Clock {
        by_s: sign * seconds,
    })
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Victim::Root => f.write_str("root"),
            Victim::Tree => f.write_str("tree"),
            Victim::AnyWorker => f.write_str("any-worker"),
            Victim::Worker(number) => write!(f, "worker {number}"),
            Victim::Part(name) => write!(f, "part {name}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Signal { victim, signal } => {
                let verb = match signal {
                    Signal::Kill => "kill",
                    Signal::Terminate => "terminate",
                    Signal::Interrupt => "interrupt",
                };
                write!(f, "{verb} {victim}")
            }
            Fault::Stop { victim, for_ } => {
                write!(f, "stop {victim}")?;
                match for_.and_then(size::span_exactly) {
                    Some(span) => write!(f, " for {span}"),
                    None => Ok(()),
                }
            }
            Fault::HogDevices {
                ratio,
                strict,
                devices,
            } => {
                write!(f, "hog devices {ratio}")?;
                if *strict {
                    f.write_str(" strict")?;
                }
                let all: Vec<String> = devices.iter().map(u32::to_string).collect();
                match all.is_empty() {
                    true => Ok(()),
                    false => write!(f, " on {}", all.join(",")),
                }
            }
            Fault::HogHost(HostMemory::Take(bytes)) => {
                write!(f, "hog host take {}", size::exactly(*bytes))
            }
            Fault::HogHost(HostMemory::Leave(bytes)) => {
                write!(f, "hog host leave {}", size::exactly(*bytes))
            }
            Fault::BusyCpus { leave } => write!(f, "busy cpus leave {leave}"),
            Fault::Descriptors { victim, leave } => write!(f, "descriptors {victim} leave {leave}"),
            Fault::FullDisk { place } => write!(f, "fill disk {}", place.display()),
            Fault::FullShm => f.write_str("fill shm"),
            Fault::Clock { by_s } => {
                let sign = if *by_s < 0 { '-' } else { '+' };
                let span = std::time::Duration::from_secs(by_s.unsigned_abs());
                let span = size::span_exactly(span).unwrap_or_else(|| format!("{by_s}s"));
                write!(f, "clock {sign}{span}")
            }
            Fault::Network(rule) => write!(f, "toxic {rule}"),
        }
    }
}

#[cfg(test)]
#[path = "fault_text_tests.rs"]
mod tests;
