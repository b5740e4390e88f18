//! What a run takes from earlier ones: those that failed last, and shards by recorded time.

use std::path::Path;

use crate::call::{Call, folder};
use crate::row::rows;
use crate::scaffold::binary;

rows![
    what_failed_last_runs_again_until_it_passes,
    shards_by_time_say_so_and_are_complete,
    a_history_that_cannot_be_written_is_a_note,
];

fn rooms(args: &[&str], root: &Path) -> Call {
    binary("rooms", args.iter().copied()).env("TRIBUNAL_EVIDENCE_DIR", root)
}

fn what_failed_last_runs_again_until_it_passes() {
    let root = folder();
    // Nothing failed yet: an empty run that is no failure.
    rooms(&["evidence::", "--last-failed"], root.path())
        .run()
        .exits(0)
        .says(["0 passed; 0 failed"]);
    let names = ["evidence::fails_unless_told", "evidence::passes", "--exact"];
    rooms(&names, root.path()).run().exits(101);
    let said = rooms(&["evidence::", "--last-failed"], root.path())
        .run()
        .exits(101);
    assert_eq!(said.names(), ["evidence::fails_unless_told"]);
    let listed = rooms(&["evidence::", "--last-failed", "--list"], root.path()).run();
    listed.exits(0).says(["evidence::fails_unless_told: test"]);
}

fn shards_by_time_say_so_and_are_complete() {
    let root = folder();
    rooms(&["evidence::passes"], root.path()).run().exits(0);
    let history = root.path().join("history");
    let history = history.to_str().expect("Unicode");
    let mut all = vec![];
    for shard in ["1/2", "2/2"] {
        let args = [
            "evidence::passes",
            "--shard",
            shard,
            "--shard-history",
            history,
        ];
        let said = rooms(&args, root.path()).run().exits(0);
        let said = said.says(["--shard parts by recorded time, 2 cases in 2 parts"]);
        all.extend(said.names());
    }
    all.sort();
    assert_eq!(all, ["evidence::passes", "evidence::passes_silently"]);
    rooms(
        &["--shard", "1/2", "--shard-history", "no/such/file"],
        root.path(),
    )
    .run()
    .exits(2);
}

fn a_history_that_cannot_be_written_is_a_note() {
    let root = folder();
    let blocked = root.path().join("a file");
    std::fs::write(&blocked, "no folder").expect("a file");
    rooms(&["evidence::passes"], root.path())
        .env("TRIBUNAL_HISTORY_DIR", blocked.join("below"))
        .run()
        .exits(0)
        .says(["the next runs will not know how long cases took"]);
}
