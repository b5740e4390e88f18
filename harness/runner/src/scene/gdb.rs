//! Stacks of every thread, by gdb.
//!
//! gdb stops the process that it looks at, which is mostly the one that asks for it: so a helper (this program run again) keeps gdb's time and ends
//! it. When gdb is killed, the kernel lets its subject run on. Its output goes to a file, since nobody reads a pipe meanwhile.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// The hidden verb of the helper.
pub(crate) const VERB: &str = "__tribunal-stacks";

/// How long gdb may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What is kept of its output.
const MOST: usize = 1 << 20;

/// The stacks, or why there are none.
pub(super) fn stacks(pid: u32, file: &Path) -> Result<String, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !std::env::split_paths(&path).any(|dir| dir.join("gdb").is_file()) {
        return Err("gdb is not on PATH".into());
    }
    let began = Instant::now();
    let output = File::create(file).map_err(|e| e.to_string())?;
    let helper = std::env::current_exe().and_then(|exe| {
        let mut command = Command::new(exe);
        command.arg(VERB).arg(pid.to_string());
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::null());
        command.spawn()
    });
    let mut helper = helper.map_err(|e| e.to_string())?;
    if pid == std::process::id() {
        allow(helper.id());
    }
    let ended = helper.wait();
    if pid == std::process::id() {
        crate::limit::add_pause(began.elapsed());
    }
    let text = fs::read(file).map_err(|e| e.to_string())?;
    let _ = fs::remove_file(file);
    let text = String::from_utf8_lossy(&text[..text.len().min(MOST)]).into_owned();
    match ended {
        Err(e) => Err(e.to_string()),
        Ok(_) if text.contains("Thread ") && text.contains("\n#0 ") => Ok(text),
        Ok(status) if status.code() == Some(TOO_LATE.into()) => Err(format!(
            "it did not end within {}",
            crate::outcome::seconds(LIMIT)
        )),
        Ok(_) => {
            let said = text
                .lines()
                .find(|l| l.contains("ptrace") || l.contains("denied") || l.contains("permitted"));
            Err(format!(
                "it may not attach: {}",
                said.unwrap_or("it says nothing").trim()
            ))
        }
    }
}

/// Where only ancestors may attach (Yama), the helper and its gdb are allowed to.
#[cfg(target_os = "linux")]
fn allow(helper: u32) {
    use rustix::process::{PTracer, Pid, set_ptracer};
    if let Some(pid) = i32::try_from(helper).ok().and_then(Pid::from_raw) {
        // Without Yama there is nothing to allow.
        let _ = set_ptracer(PTracer::ProcessID(pid));
    }
}
#[cfg(not(target_os = "linux"))]
fn allow(_: u32) {}

const TOO_LATE: u8 = 3;

/// The helper: runs gdb on a process and ends it when it takes too long.
pub(crate) fn watch(args: &[OsString]) -> ExitCode {
    let Some(pid) = args.first().and_then(|a| a.to_str()?.parse::<u32>().ok()) else {
        return ExitCode::FAILURE;
    };
    let gdb = Command::new("gdb")
        .args(["-nx", "-batch", "-p", &pid.to_string()])
        .args([
            "-ex",
            "set pagination off",
            "-ex",
            "thread apply all backtrace 64",
        ])
        .env_remove("DEBUGINFOD_URLS")
        .stdin(Stdio::null())
        .stderr(match std::io::stdout().as_fd().try_clone_to_owned() {
            Ok(out) => Stdio::from(out),
            Err(_) => Stdio::null(),
        })
        .spawn();
    let Ok(mut gdb) = gdb else {
        return ExitCode::FAILURE;
    };
    let began = Instant::now();
    loop {
        match gdb.try_wait() {
            Ok(Some(_)) => return ExitCode::SUCCESS,
            Ok(None) if began.elapsed() < LIMIT => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                // It may have ended in this moment.
                let _ = gdb.kill();
                let _ = gdb.wait();
                return ExitCode::from(TOO_LATE);
            }
        }
    }
}
