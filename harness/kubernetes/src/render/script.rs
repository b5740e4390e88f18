//! The two small programs of a pod.
//!
//! Promise: a run happens once. The pods of a LeaderWorkerSet belong to StatefulSets, whose containers are always restarted: whatever its own policy says, the
//! harness would begin again as soon as it has ended, over the evidence of the run before. So it says that it began, in a folder that outlives the container,
//! and one that finds this there waits to be deleted. How the first one ended is the last state of the container. The second program keeps the folder within
//! reach until somebody has read it, for no longer than it was told.
//!
//! Nothing of a file is put into these texts; arguments and variables bring it. Rejected: a verb of the harness (the image may hold one of another version),
//! and reading results out of a log by a mark in it (whatever prints that mark would decide).

/// Starts what its arguments say, once.
pub const HARNESS: &str = r#"if [ -e "$TRIBUNAL_EVIDENCE/.began" ]; then
  trap 'kill "$pause" 2>/dev/null; exit 143' TERM INT
  echo "tribunal: this run was here before, and is not repeated; waiting to be deleted" >&2
  while :; do
    sleep 60 &
    pause=$!
    wait "$pause"
  done
fi
: > "$TRIBUNAL_EVIDENCE/.began" || exit 125
stop=
child=
trap 'stop=1; kill -TERM "$child" 2>/dev/null' TERM INT
"$@" &
child=$!
if [ -n "$stop" ]; then kill -TERM "$child"; fi
wait "$child"
code=$?
while kill -0 "$child" 2>/dev/null; do
  wait "$child"
  code=$?
done
echo "$code" > "$TRIBUNAL_EVIDENCE/.ended"
exit "$code"
"#;

/// Keeps the evidence within reach: until `.collected` is there, or for `$TRIBUNAL_HOLD` seconds behind the end.
pub const EVIDENCE: &str = r#"trap 'exit 0' TERM INT
held=0
while [ ! -e "$TRIBUNAL_EVIDENCE/.collected" ] && [ "$held" -lt "$TRIBUNAL_HOLD" ]; do
  sleep 1 & wait "$!"
  if [ -e "$TRIBUNAL_EVIDENCE/.ended" ]; then held=$((held + 1)); fi
done
"#;
