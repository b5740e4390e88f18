//! What a scripted server does: as data.

use serde_json::{Value, json};

/// One step in the life of a pod.
#[derive(Clone, Debug)]
pub enum Step {
    /// It waits: the reason, and what is said about it.
    Waiting(&'static str, &'static str),
    /// It finds no machine.
    Unschedulable(&'static str),
    /// All containers run and are ready.
    Ready,
    /// The harness ends with this status.
    Ended(i32),
    /// It was started again after it had ended with this status.
    Restarted(i32),
    /// The pod as a whole fails.
    Evicted(&'static str),
    /// The pod is deleted by somebody else.
    Vanishes,
}

/// What a call is answered with instead of the truth.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This status; the server may say when to come again, in seconds.
    Status(u16, Option<u32>, &'static str),
    /// Nothing: the connection is closed.
    Cut,
    /// It is done, and the connection is closed before the answer.
    DoneAndCut,
    /// It is done and answered so many milliseconds later.
    Late(u64),
    /// Of a watch: what it was opened at is too old, said in the stream.
    TooOld,
    /// Of a watch: closed at once.
    Close,
    /// Of a stream: so many lines, then the connection breaks.
    Breaks(usize),
    /// Of a stream: so many lines, then silence.
    Silence(usize),
}

/// Which call is answered like that.
#[derive(Clone, Debug)]
pub struct Fault {
    /// As rights name it: `create`, `list`, `watch`, `get`, `delete`.
    pub verb: &'static str,
    /// As rights name it: `pods`, `pods/log`.
    pub resource: &'static str,
    /// From which such call on, counted from 1.
    pub from: usize,
    /// How many of them.
    pub times: usize,
    pub answer: Answer,
}

/// The whole of a conversation.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The life of each pod; the last one is that of all others.
    pub pods: Vec<Vec<Step>>,
    pub faults: Vec<Fault>,
    /// Rights that the account has not: verb and resource.
    pub denied: Vec<(&'static str, &'static str)>,
    pub quotas: Vec<Value>,
    /// Events that appear once the set of pods is there: reason, kind of the object, message.
    pub events: Vec<(&'static str, &'static str, &'static str)>,
    /// The log of the first pod, line by line.
    pub log: Vec<&'static str>,
    /// What the event log in the evidence says of the exit code; none: there is no end in it.
    pub event_log: Option<i32>,
    /// Whether there is evidence at all.
    pub no_evidence: bool,
    /// Whether the kind LeaderWorkerSet is not known.
    pub no_sets: bool,
    /// Whether the set never goes away.
    pub stuck: bool,
    /// At which call somebody interrupts, and how often.
    pub interrupt: Option<(usize, u32)>,
}

impl Script {
    /// A run as it should be: both pods start, the harness runs, and ends with this status.
    pub fn good(code: i32) -> Script {
        Script {
            pods: vec![
                vec![
                    Step::Waiting("ContainerCreating", ""),
                    Step::Ready,
                    Step::Ended(code),
                    Step::Restarted(code),
                ],
                vec![Step::Unschedulable("0/2 nodes are available"), Step::Ready],
            ],
            log: vec!["one", "two", "three"],
            event_log: Some(code),
            ..Script::default()
        }
    }

    pub fn fault(
        mut self,
        verb: &'static str,
        resource: &'static str,
        from: usize,
        answer: Answer,
    ) -> Script {
        self.faults.push(Fault {
            verb,
            resource,
            from,
            times: 1,
            answer,
        });
        self
    }

    pub fn always(mut self, verb: &'static str, resource: &'static str, answer: Answer) -> Script {
        self.faults.push(Fault {
            verb,
            resource,
            from: 1,
            times: usize::MAX,
            answer,
        });
        self
    }
}

/// The status of a pod behind a step.
pub fn status(step: &Step) -> Value {
    let running = json!({ "running": { "startedAt": "2026-01-01T00:00:00Z" } });
    let keeper = json!({ "name": "evidence", "ready": true, "restartCount": 0, "state": running });
    let harness = |state: Value, last: Value, restarts: u32, ready: bool| json!({ "name": "tribunal", "ready": ready, "restartCount": restarts, "state": state, "lastState": last });
    let terminated = |code: i32| json!({ "terminated": { "exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" } } });
    let ready =
        |ready: bool| json!([{ "type": "Ready", "status": if ready { "True" } else { "False" } }]);
    match step {
        Step::Waiting(reason, message) => json!({
            "phase": "Pending",
            "conditions": ready(false),
            "containerStatuses": [harness(json!({ "waiting": { "reason": reason, "message": message } }), json!({}), 0, false)],
        }),
        Step::Unschedulable(message) => json!({
            "phase": "Pending",
            "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message }],
        }),
        Step::Ready => json!({
            "phase": "Running",
            "conditions": ready(true),
            "containerStatuses": [harness(running, json!({}), 0, true), keeper],
        }),
        Step::Ended(code) => json!({
            "phase": "Running",
            "conditions": ready(false),
            "containerStatuses": [harness(terminated(*code), json!({}), 0, false), keeper],
        }),
        Step::Restarted(code) => json!({
            "phase": "Running",
            "conditions": ready(true),
            "containerStatuses": [harness(running, terminated(*code), 1, true), keeper],
        }),
        Step::Evicted(message) => {
            json!({ "phase": "Failed", "reason": "Evicted", "message": message })
        }
        Step::Vanishes => json!({}),
    }
}
