//! What the keeper of a shared server writes down about the end, because nobody may be there to hear it.
//!
//! `server.ending.json` beside `server.log` says how it went. What was left behind stands also in the folder of the share,
//! where the next process that starts or attaches a server takes it away and reports it.

use std::os::fd::AsFd;
use std::path::Path;

use serde_json::json;

use crate::holders::End;
use crate::keeper::Keeper;
use crate::protocol::{Ending, SharedOrder};
use crate::share::LEAKED;
use crate::{exit, shared, stop_error, sys};

/// How often the lock is tried, and how long a try is from the next.
const TRIES: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(5);

/// Writes down how it ended.
pub(crate) fn record(keeper: &Keeper, ending: &Ending) {
    let Some(order) = keeper.holders.shared() else {
        return;
    };
    let exit = keeper
        .status
        .map(std::os::unix::process::ExitStatusExt::from_raw);
    let left = stop_error::residue(
        &ending.left,
        ending.port_held.as_deref(),
        &ending.leftovers,
        keeper.port,
    );
    let why = keeper.end.map_or("it ended by itself", |end| end.why());
    let text = json!({
        "pid": keeper.server.pid,
        "why": why,
        "exit": exit.map(exit::in_words),
        "left": left,
        "ending": ending,
    });
    // Nobody is there to be told that it cannot be written.
    let _ = write(&keeper.log_path.with_extension("ending.json"), &text);
    if !left.is_empty()
        && let Some(folder) = order.socket.parent()
    {
        let said = format!(
            "an earlier server (pid {}, log {}) was not stopped cleanly: {}",
            keeper.server.pid,
            keeper.log_path.display(),
            left.join("; ")
        );
        let me = std::process::id();
        let name = format!("{LEAKED}{me}-{}.json", keeper.server.start_time);
        let _ = write(&folder.join(name), &json!(said));
    }
}

/// Removes the file that tells of this server, unless somebody is writing a new one at this moment. The last act of a
/// keeper, when all that it held is given back: whoever waits for the end of the server waits for this.
///
/// Of several keepers of one server the last one removes it: without it the next server would be started beside what is
/// still there of this one.
///
/// When the runner has ended, nobody will come any more: then everything is removed that has no message for the next run.
pub(crate) fn forget(order: &SharedOrder, end: Option<End>) {
    let _ = std::fs::remove_file(&order.socket);
    let Ok(lock) = std::fs::File::options().write(true).open(&order.lock) else {
        return;
    };
    let mut taken = false;
    for _ in 0..TRIES {
        taken = sys::try_lock_byte(lock.as_fd(), 0).unwrap_or(false);
        if taken {
            break;
        }
        // Another keeper of the same server has it for a moment only; whoever starts a server removes the file without our help.
        std::thread::sleep(PAUSE);
    }
    if !taken {
        return;
    }
    // A newer server has other sockets.
    let doors = shared::doors(&order.state);
    if doors.contains(&order.socket) {
        if doors.iter().any(|door| door.exists()) {
            return;
        }
        let _ = std::fs::remove_file(&order.state);
    }
    if end == Some(End::RunnerGone) {
        for file in [&order.failure, &order.lock] {
            let _ = std::fs::remove_file(file);
        }
        // Other servers, and what was left behind, keep it.
        let _ = order.socket.parent().map(std::fs::remove_dir);
    }
}

fn write(path: &Path, value: &serde_json::Value) -> std::io::Result<()> {
    // A reader never sees half of it.
    let new = path.with_extension("new");
    std::fs::write(&new, value.to_string())?;
    std::fs::rename(new, path)
}
