//! Why a request has no answer: each reason with its own status and `code`.
//!
//! | code | status | what happened |
//! |---|---|---|
//! | `invalid_json`, `missing_parameter`, `unsupported_parameter`, … | 400 | the request, before anything ran |
//! | `model_not_found` | 404 | another model was asked for |
//! | `queue_full` | 503 | more requests wait than the bridge keeps |
//! | `shutting_down` | 503 | the bridge was told to end |
//! | `timed_out` | 504 | the command ran out of time and was ended with everything below it |
//! | `start_failed` | 502 | the command could not be started |
//! | `exit_code` | 502 | it ended with a code other than 0 |
//! | `signal` | 502 | it was ended by a signal |
//! | `output_missing` | 502 | it ended well, but the file of its answer is not there |
//! | `output_incomplete` | 502 | its answer breaks off |
//! | `output_unparsable` | 502 | its answer is not what was declared |
//! | `output_empty` | 502 | its answer is empty |
//! | `lost` | 500 | the supervisor of the run, or its folder, failed |

use serde_json::{Map, Value, json};

/// A request without an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    pub param: Option<String>,
    /// What a reader needs to go on: exit code, signal, the last lines of standard error, the folder.
    pub details: Map<String, Value>,
}

impl Failure {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            param: None,
            details: Map::new(),
        }
    }

    /// 400, blaming a parameter of the request (empty: the request as a whole).
    pub(crate) fn invalid(code: &'static str, param: &str, message: impl Into<String>) -> Self {
        Self {
            param: (!param.is_empty()).then(|| param.to_owned()),
            ..Self::new(400, code, message)
        }
    }

    /// 502: the answer of the command.
    pub(crate) fn output(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(502, code, message)
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The error object.
    pub(crate) fn to_json(&self) -> Value {
        let kind = match self.status {
            400..500 => "invalid_request_error",
            _ => "offline_error",
        };
        let mut error =
            json!({"message": self.message, "type": kind, "param": self.param, "code": self.code});
        if !self.details.is_empty() {
            error["details"] = Value::Object(self.details.clone());
        }
        json!({ "error": error })
    }
}
