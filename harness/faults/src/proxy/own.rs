//! Answers that the proxy gives itself.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;

use super::head::Head;
use super::link::Own;
use super::rules::Live;
use super::toxic::Toxic;

/// The answer of a rule to a request; `None` for a rule that answers nothing.
pub(crate) fn answer(rule: Arc<Live>, head: &Head) -> Option<Own> {
    let Toxic::Status {
        code,
        retry_after,
        body,
    } = &rule.rule.toxic
    else {
        return None;
    };
    let body = body.clone().unwrap_or_else(|| error_object(*code));
    let mut text = format!("HTTP/1.1 {code} {}\r\n", reason(*code));
    if let Some(after) = retry_after {
        let whole = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        let _ = write!(text, "retry-after: {whole}\r\n");
    }
    let none = matches!(code, 204 | 304);
    if !none {
        let _ = write!(
            text,
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
    }
    if head.closes {
        text.push_str("connection: close\r\n");
    }
    text.push_str("\r\n");
    if !none && head.method != "HEAD" {
        text.push_str(&body);
    }
    Some(Own {
        bytes: text.into_bytes(),
        status: *code,
        closes: head.closes,
        rule,
    })
}

/// An error as OpenAI's API tells it.
fn error_object(code: u16) -> String {
    let kind = match code {
        429 => "rate_limit_error",
        400..500 => "invalid_request_error",
        _ => "server_error",
    };
    let message = format!("status {code}, injected between the client and the server");
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
}

fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        408 => "Request Timeout",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Injected",
    }
}
