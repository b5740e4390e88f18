//! Takes memory of a device and keeps it until its standard input is closed: something to measure, to pack and to lose.
//!
//!     cuda_hog --mib 2048 [--device N] [--simulated LEDGER] [--orphan]
//!
//! It obeys `TRIBUNAL_GPU_MEMORY_FRACTION`: what it may take is at most that share of the whole device, and where it wants more it ends as an
//! engine does, with "out of memory". When it has its memory it prints one line of JSON, `{"pid", "taken", "free", "total"}`. With
//! `--orphan` a child takes the memory, and this process ends as soon as the child has it. Whoever started it cannot lose it: the memory is given
//! back when standard input is closed, or after ten minutes.

mod driver;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The variable with which the profiler tells how much of a device may be taken.
const FRACTION: &str = "TRIBUNAL_GPU_MEMORY_FRACTION";
/// The longest that memory is kept.
const LONGEST: Duration = Duration::from_secs(600);
const MIB: u64 = 1 << 20;

#[derive(Debug, Default, PartialEq)]
struct Options {
    device: usize,
    mib: u64,
    simulated: Option<String>,
    orphan: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = options(&words).and_then(|options| {
        if options.orphan {
            orphan(&words)
        } else {
            hold(&options)
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cuda_hog: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(words: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
        let number = |text: &String| {
            text.parse::<u64>()
                .map_err(|_| format!("`{text}` is no whole number"))
        };
        match word.as_str() {
            "--device" => options.device = number(value()?)? as usize,
            "--mib" => options.mib = number(value()?)?,
            "--simulated" => options.simulated = Some(value()?.clone()),
            "--orphan" => options.orphan = true,
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    Ok(options)
}

/// What may be taken of a device of this size; `None`: whatever the device gives.
fn allowed(total: u64, fraction: Option<&str>) -> Result<Option<u64>, String> {
    let Some(text) = fraction else {
        return Ok(None);
    };
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(Some((total as f64 * share) as u64)),
        _ => Err(format!(
            "{FRACTION}={text}: expected a share above 0 and up to 1"
        )),
    }
}

fn hold(options: &Options) -> Result<(), String> {
    let want = options
        .mib
        .checked_mul(MIB)
        .ok_or("that many MiB do not exist")?;
    let fraction = std::env::var(FRACTION).ok();
    let check = |total: u64| match allowed(total, fraction.as_deref())? {
        Some(most) if want > most => Err(format!(
            "CUDA out of memory: tried to allocate {} MiB, and {FRACTION} allows {} of {} MiB",
            want / MIB,
            most / MIB,
            total / MIB
        )),
        _ => Ok(()),
    };
    match &options.simulated {
        None => {
            let card = driver::Card::open(options.device)?;
            check(card.total())?;
            let taken = card.take(want)?;
            let (free, total) = card.free_and_total()?;
            say(taken.bytes(), free, total)?;
            wait();
            taken.give_back()
        }
        Some(ledger) => simulated(ledger, options.device, want, check),
    }
}

#[cfg(target_os = "linux")]
fn simulated(
    ledger: &str,
    device: usize,
    want: u64,
    check: impl Fn(u64) -> Result<(), String>,
) -> Result<(), String> {
    let ledger = tribunal_hardware::Simulated::open(ledger.as_ref()).map_err(|e| e.to_string())?;
    let total = ledger
        .devices()
        .get(device)
        .map_or(0, |device| device.total);
    check(total)?;
    let taken = ledger
        .allocate(device, want, "hog")
        .map_err(|error| format!("CUDA {error}"))?;
    let usage = ledger.usage().map_err(|error| error.to_string())?;
    let used = usage.get(device).map_or(0, |usage| usage.used);
    say(taken.bytes(), total.saturating_sub(used), total)?;
    wait();
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn simulated(
    _: &str,
    _: usize,
    _: u64,
    _: impl Fn(u64) -> Result<(), String>,
) -> Result<(), String> {
    Err("simulated devices need Linux".into())
}

fn say(taken: u64, free: u64, total: u64) -> Result<(), String> {
    let pid = std::process::id();
    let mut out = std::io::stdout();
    writeln!(
        out,
        r#"{{"pid": {pid}, "taken": {taken}, "free": {free}, "total": {total}}}"#
    )
    .and_then(|()| out.flush())
    .map_err(|error| format!("nobody listens: {error}"))
}

/// Until standard input is closed, or the longest time is over.
fn wait() {
    let (send, closed) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(
            &mut std::io::stdin().lock().take(u64::MAX),
            &mut std::io::sink(),
        );
        let _ = send.send(());
    });
    let _ = closed.recv_timeout(LONGEST);
}

/// Leaves a child behind that has the memory. It has this process's standard input and ends with it.
fn orphan(words: &[String]) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(this)
        .args(words.iter().filter(|word| *word != "--orphan"))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    if line.is_empty() {
        return Err("the child took nothing".into());
    }
    print!("{line}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_whole_device_is_what_may_be_taken() {
        assert_eq!(allowed(1000, None), Ok(None));
        assert_eq!(allowed(1000, Some("0.25")), Ok(Some(250)));
        for wrong in ["0", "1.01", "-1", "NaN", "half"] {
            assert!(allowed(1000, Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arguments() {
        let parse = |line: &str| {
            let words: Vec<String> = line.split(' ').map(String::from).collect();
            options(&words)
        };
        assert_eq!(
            parse("--mib 5 --device 2 --orphan"),
            Ok(Options {
                device: 2,
                mib: 5,
                simulated: None,
                orphan: true
            })
        );
        assert!(parse("--mib").unwrap_err().contains("needs a value"));
        assert!(parse("--mib x").unwrap_err().contains("whole number"));
        assert!(parse("--gib 1").unwrap_err().contains("--gib"));
    }
}
