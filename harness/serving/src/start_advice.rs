//! What to do about a start that failed, where it is not clear from what happened.

use crate::start_error_kind::{ReadyStep, StartErrorKind};

impl StartErrorKind {
    /// What to do next, where it is not clear from what happened.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        use StartErrorKind as K;
        Some(match self {
            K::ProgramNotFound { .. } => {
                "install it, put its folder on PATH, or give its path in the deployment"
            }
            K::NoRuntime { .. } => {
                "install podman or docker, or name the runtime's path in the deployment's container"
            }
            K::Key { .. } => {
                "set the variable to the key, or leave `key_env` out if the server needs none"
            }
            K::NotReady {
                status: Some(401 | 403),
                ..
            } => {
                "the server wants a key: name the variable that holds it with `key_env`, and see that it is the right one"
            }
            K::Keeper { .. } => {
                "the program's `main` must call `tribunal_serving::verb` before anything else (`tribunal::main!()` does)"
            }
            K::PortsExhausted { .. } => {
                "end the servers that hold the ports, or allow a wider range"
            }
            K::PortTaken { .. } => {
                "end that process, or let a free port be leased by not fixing one"
            }
            K::ForeignListener { .. } => {
                "end that process; without a fixed port, another one is leased next time"
            }
            K::NotReady {
                step: ReadyStep::Listening,
                ..
            } => {
                "does the command use {host} and {port}? if it only needs longer, raise `ready_within`"
            }
            K::NotReady {
                step: ReadyStep::Health,
                status: Some(404),
                ..
            } => {
                "if the server has another health route, name it with `health`, or use `no_health`"
            }
            K::NotReady {
                step: ReadyStep::Models,
                status: Some(404),
                ..
            } => {
                "if the server has another route for its models, name it with `models_route`, or use `no_models_route`"
            }
            K::NotReady {
                step: ReadyStep::OneToken,
                ..
            } => {
                "if the server cannot answer chat or completion requests, switch this check off with `one_token(false)`"
            }
            K::NotReady { .. } => "if the server only needs longer, raise `ready_within`",
            K::ModelMissing { .. } => {
                "give the deployment the name that the server lists, or the server that name"
            }
            K::Background { .. } => {
                "start it in the foreground: leave out the option that makes it a daemon (`--daemon`, `&`, `nohup`)"
            }
            K::Sharing { .. } => {
                "give the share a folder on this machine that belongs to this user"
            }
            _ => return None,
        })
    }
}
