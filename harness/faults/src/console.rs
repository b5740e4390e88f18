//! A console at a server that is held open: whoever may use its socket types faults, and sees what becomes of them.
//!
//! Promise: the socket is for its owner alone and gone with the console; every command and everything that came of it goes to one log
//! (`console.jsonl`), as it happens; nothing that is sent ends the console but `quit`. When the console goes, also by being dropped, everything in
//! force is taken back. Rejected: a port on loopback: every user of the host could type at it.

mod client;
mod command;
mod look;
mod place;
mod save;
mod script;
mod session;

pub use script::{Played, Script};

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tribunal_client::ModelClient;

use self::command::Command;
use self::place::Place;
use self::session::Session;
use crate::scene::Scene;

/// The log of a session, in the evidence.
const LOG: &str = "console.jsonl";
/// How many clients are served at once.
const MOST_CLIENTS: usize = 16;

/// A console that is open.
#[must_use = "nobody is served before `until_quit`"]
pub struct Console {
    place: Place,
    listener: UnixListener,
    desk: Arc<Desk>,
    url: String,
    proxy: Option<String>,
    log: PathBuf,
    server_log: Option<PathBuf>,
}

/// What all clients stand at.
struct Desk {
    /// One command after the other: two that change the server at once could not be told apart.
    session: Mutex<State>,
    evidence: PathBuf,
    quit: Notify,
}

struct State {
    session: Session,
    log: File,
    /// Entries of the timeline that are in the log.
    logged: usize,
    dumps: u32,
    over: bool,
}

/// What comes back for a line: one line.
#[derive(Debug, Serialize)]
struct Answer {
    ok: bool,
    /// Seconds since the console was opened.
    at: f64,
    /// In words; of a mistake, what is wrong and what would be right.
    says: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    data: Value,
}

impl Console {
    /// Opens a console at the server of the scene. Its socket and `held.json`, by which it is found, lie below `run` (or, where that path is too long for
    /// a socket, in the folder for things of running programs), its log and its dumps in `evidence`. The load asks `model`.
    ///
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// The socket or the log cannot be made.
    pub fn open(
        scene: Scene,
        model: ModelClient,
        run: &Path,
        evidence: &Path,
    ) -> io::Result<Console> {
        std::fs::create_dir_all(evidence)?;
        let log = evidence.join(LOG);
        let file = File::options().create(true).append(true).open(&log)?;
        let url = scene.server.base_url().to_owned();
        let proxy = scene.proxy.as_ref().map(|proxy| proxy.url());
        let server_log = scene.server.log_path().map(Path::to_path_buf);
        let place = Place::below(run)?;
        let listener = place.listen()?;
        place.tell(&json!({
            "schema": 1,
            "socket": place.socket(),
            "pid": std::process::id(),
            "server": scene.server.name(),
            "url": url,
            "proxy": proxy,
            "log": server_log,
        }))?;
        let state = State {
            session: Session::new(scene, model),
            log: file,
            logged: 0,
            dumps: 0,
            over: false,
        };
        Ok(Console {
            place,
            listener,
            desk: Arc::new(Desk {
                session: Mutex::new(state),
                evidence: evidence.to_path_buf(),
                quit: Notify::new(),
            }),
            url,
            proxy,
            log,
            server_log,
        })
    }

    /// Where to connect.
    pub fn socket(&self) -> &Path {
        self.place.socket()
    }

    /// What whoever holds a server open wants to read: where it is, and what to type.
    pub fn banner(&self) -> String {
        let mut text = format!("held open: {}\n", self.url);
        let mut line = |what: &str, value: &dyn std::fmt::Display| {
            // What a String cannot fail to take.
            let _ = writeln!(text, "  {what:<9}{value}");
        };
        if let Some(proxy) = &self.proxy {
            line("proxy", &format!("{proxy} (rules of `toxic` strike here)"));
        }
        if let Some(log) = &self.server_log {
            line("log", &log.display());
        }
        line("session", &self.log.display());
        line("socket", &self.socket().display());
        line(
            "type",
            &format!("cargo tribunal faults --attach {}", self.socket().display()),
        );
        line("end", &"`quit` there, or Ctrl-C here");
        text
    }

    /// Serves clients until one of them says `quit`, then takes everything back.
    ///
    /// # Errors
    /// What could not be taken back, in words.
    pub async fn until_quit(self) -> Result<(), String> {
        let mut clients = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = self.desk.quit.notified() => break,
                Some(_) = clients.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let desk = (clients.len() < MOST_CLIENTS).then(|| Arc::clone(&self.desk));
                    clients.spawn(client::serve(stream, desk));
                }
                // No descriptors: somebody may close one.
                Err(_) => tokio::time::sleep(client::PAUSE).await,
            }
        }
        // Who has asked has its answer; the others are cut off.
        clients.shutdown().await;
        let mut state = self.desk.session.lock().await;
        let said = state.session.end().await;
        state.log_timeline();
        said
    }
}

impl Desk {
    /// One line in, one answer out.
    async fn answer(&self, line: &str) -> Answer {
        let mut state = self.session.lock().await;
        let text = client::command(line);
        let answered = match &text {
            Ok(_) if state.over => Err("the console is closing".to_owned()),
            Ok(text) => match Command::parse(text) {
                Ok(command) => self.obey(&mut state, command).await,
                Err(why) => Err(why),
            },
            Err(why) => Err(why.clone()),
        };
        let timeline = &state.session.scene.timeline;
        let at = timeline.since_start().as_secs_f64();
        let (ok, (says, data)) = match answered {
            Ok(said) => (true, said),
            Err(why) => (false, (why, Value::Null)),
        };
        state.log_timeline();
        // A line that cannot be read is told as it came, but not all of it.
        let typed = text.unwrap_or_else(|_| line.chars().take(200).collect());
        state.log(&json!({ "at": at, "command": typed, "ok": ok, "says": says }));
        Answer { ok, at, says, data }
    }

    async fn obey(&self, state: &mut State, command: Command) -> Result<(String, Value), String> {
        let plain = |says: String| Ok((says, Value::Null));
        match command {
            Command::Help => plain(command::help()),
            Command::Status => Ok(look::status(&mut state.session)),
            Command::Toxics => Ok(look::toxics(&mut state.session)),
            Command::Dump => {
                let (says, data) = look::dump(&mut state.session).await;
                state.dumps += 1;
                let path = self.evidence.join(format!("dump-{}.txt", state.dumps));
                let kept = match std::fs::write(&path, &says) {
                    Ok(()) => format!("kept in {}", path.display()),
                    Err(error) => format!("not kept: {}: {error}", path.display()),
                };
                Ok((format!("{says}{kept}"), data))
            }
            Command::Save(file) => {
                let name = state.session.scene.server.name().to_owned();
                let path = save::write(&file, &name, &state.session.history)?;
                plain(format!("saved as a test: {}", path.display()))
            }
            Command::Quit => {
                state.over = true;
                plain("everything is taken back, and the server stops".into())
            }
            Command::Act(action) => plain(state.session.act(&action).await?),
        }
    }
}

impl State {
    fn log(&mut self, line: &Value) {
        // A disk that is full, which may be the fault, must not end the session.
        let _ = writeln!(self.log, "{line}");
    }

    fn log_timeline(&mut self) {
        let entries = self.session.scene.timeline.entries();
        for entry in entries.iter().skip(self.logged) {
            let at = entry.at.as_secs_f64();
            self.log(&json!({ "at": at, "step": entry.step, "what": entry.what }));
        }
        self.logged = entries.len();
    }
}
