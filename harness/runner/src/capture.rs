//! The standard output and error of this process.
//!
//! Promise: the descriptors 1 and 2 go to a pipe, so that prints of tests, of C libraries and of children cannot tear the report's lines apart. What
//! was written while exactly one case ran is that case's; else it is "one of" those that ran. Only the report writes to the real output.
//!
//! Rejected: `std::io::set_output_capture` (unstable, does not follow threads), and shadowing `println!` in the prelude (ambiguous, does not compile).

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::attempt::lock;
use crate::event::Output;

static PASSES_THROUGH: AtomicBool = AtomicBool::new(false);

/// Whether prints of tests reach the user at once.
pub(crate) fn passes_through() -> bool {
    PASSES_THROUGH.load(Ordering::Relaxed)
}

/// Lets the prints of tests through without taking the output over.
pub(crate) fn pass_through() {
    PASSES_THROUGH.store(true, Ordering::Relaxed);
}

/// The most that is kept of one case's output, and of output that several share; what comes after is counted, and the end says so.
pub(crate) const KEEP: usize = 4 << 20;

/// Takes the output of the process over.
pub struct Capture {
    state: Mutex<State>,
}

struct State {
    pipe: Option<File>,
    running: Vec<(usize, Arc<str>)>,
    own: Vec<(usize, Vec<u8>, usize)>,
    shared: Vec<(Vec<usize>, Vec<String>, Vec<u8>)>,
    shared_bytes: usize,
    buffer: Vec<u8>,
}

impl Capture {
    /// Moves descriptors 1 and 2 to a pipe and returns the real output and error. With `nocapture`, standard output stays where it is, or goes to
    /// standard error when `only_report_on_stdout` (JSON).
    pub fn install(
        nocapture: bool,
        only_report_on_stdout: bool,
    ) -> std::io::Result<(Arc<Capture>, File, File)> {
        let real_out = File::from(rustix::io::fcntl_dupfd_cloexec(std::io::stdout(), 10)?);
        let real_err = File::from(rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), 10)?);
        let mut pipe = None;
        if nocapture {
            PASSES_THROUGH.store(true, Ordering::Relaxed);
            if only_report_on_stdout {
                rustix::stdio::dup2_stdout(&real_err)?;
            }
        } else {
            let (read, write) = std::io::pipe()?;
            // Only our end: the writers below keep blocking semantics, so that a flood of output slows its test instead of being lost.
            rustix::io::ioctl_fionbio(&read, true)?;
            rustix::stdio::dup2_stdout(&write)?;
            rustix::stdio::dup2_stderr(&write)?;
            pipe = Some(File::from(OwnedFd::from(read)));
        }
        let watched = match &pipe {
            Some(p) => Some(p.try_clone()?),
            None => None,
        };
        let capture = Arc::new(Capture {
            state: Mutex::new(State {
                pipe,
                running: vec![],
                own: vec![],
                shared: vec![],
                shared_bytes: 0,
                buffer: vec![0; 1 << 16],
            }),
        });
        if let Some(watched) = watched {
            let capture = capture.clone();
            std::thread::Builder::new()
                .name("tribunal-capture".into())
                .spawn(move || {
                    loop {
                        let mut fds = [rustix::event::PollFd::new(
                            &watched,
                            rustix::event::PollFlags::IN,
                        )];
                        match rustix::event::poll(&mut fds, None) {
                            Ok(_) | Err(rustix::io::Errno::INTR) => {
                                capture.drain(&mut lock(&capture.state))
                            }
                            Err(_) => return,
                        }
                    }
                })?;
        }
        Ok((capture, real_out, real_err))
    }

    /// Takes nothing over; still knows which cases run.
    pub(crate) fn off() -> Arc<Capture> {
        Arc::new(Capture {
            state: Mutex::new(State {
                pipe: None,
                running: vec![],
                own: vec![],
                shared: vec![],
                shared_bytes: 0,
                buffer: vec![],
            }),
        })
    }

    /// Reads what is there and gives it to whom it belongs.
    fn drain(&self, state: &mut MutexGuard<'_, State>) {
        let state = &mut **state;
        let Some(pipe) = &mut state.pipe else { return };
        loop {
            match pipe.read(&mut state.buffer) {
                Ok(0) => return,
                Ok(n) => {
                    let bytes = &state.buffer[..n];
                    match state.running.as_slice() {
                        [(index, _)] => match state.own.iter_mut().find(|(i, ..)| i == index) {
                            Some((_, kept, lost)) => append(kept, lost, bytes),
                            None => state.own.push((*index, bytes.to_vec(), 0)),
                        },
                        many => {
                            let who: Vec<usize> = many.iter().map(|(i, _)| *i).collect();
                            if state.shared_bytes + n > KEEP {
                                continue;
                            }
                            state.shared_bytes += n;
                            match state.shared.last_mut() {
                                Some((last, _, kept)) if *last == who => {
                                    kept.extend_from_slice(bytes)
                                }
                                _ => state.shared.push((
                                    who,
                                    many.iter().map(|(_, n)| n.to_string()).collect(),
                                    bytes.to_vec(),
                                )),
                            }
                        }
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// A case begins; what was written before is not its own.
    pub(crate) fn begin(&self, index: usize, name: &Arc<str>) {
        let mut state = lock(&self.state);
        self.drain(&mut state);
        state.running.push((index, name.clone()));
    }

    /// A case ends; returns what it wrote, and what it may have written beside others if that is `wanted`.
    pub(crate) fn end(&self, index: usize, wanted: bool) -> Output {
        let mut state = lock(&self.state);
        self.drain(&mut state);
        state.running.retain(|(i, _)| *i != index);
        let mut output = Output::default();
        if let Some(at) = state.own.iter().position(|(i, ..)| *i == index) {
            let (_, mut kept, lost) = state.own.swap_remove(at);
            if lost > 0 {
                kept.extend_from_slice(format!("\n[{lost} more bytes were not kept]\n").as_bytes());
            }
            output.own = kept;
        }
        if wanted {
            output.shared = state
                .shared
                .iter()
                .filter(|(who, ..)| who.contains(&index))
                .map(|(_, names, bytes)| (names.clone(), bytes.clone()))
                .collect();
        }
        if state.running.is_empty() {
            state.shared.clear();
            state.shared_bytes = 0;
        }
        output
    }

    /// The names of the cases that run now.
    pub(crate) fn running(&self) -> Vec<(usize, String)> {
        lock(&self.state)
            .running
            .iter()
            .map(|(i, n)| (*i, n.to_string()))
            .collect()
    }
}

pub(crate) fn append(kept: &mut Vec<u8>, lost: &mut usize, bytes: &[u8]) {
    let room = KEEP.saturating_sub(kept.len()).min(bytes.len());
    kept.extend_from_slice(&bytes[..room]);
    *lost += bytes.len() - room;
}
