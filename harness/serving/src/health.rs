//! Whether a server that was ready still is: a look between two of its users.
//!
//! No token is generated: a server with a full queue is busy and not broken.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::launch::Readiness;
use crate::start_error_kind::StartErrorKind;
use crate::url::Base;
use crate::{exit, probe, readiness, text};

/// How long each route may take.
const LIMIT: Duration = Duration::from_secs(5);
/// How many lines of the log the error shows.
pub(crate) const TAIL: usize = 10;

/// A server that was ready, and is not well now.
#[derive(Clone, PartialEq, Eq)]
pub struct Unhealthy {
    server: String,
    what: String,
    tail: String,
}

impl Unhealthy {
    pub(crate) fn ended(
        server: &str,
        process: &str,
        status: Option<ExitStatus>,
        tail: String,
    ) -> Self {
        let how = status.map_or("in an unknown way".into(), |s| {
            format!("with {}", exit::in_words(s))
        });
        Self {
            server: server.into(),
            what: format!("its process `{process}` has ended {how}"),
            tail,
        }
    }

    pub(crate) fn silent(server: &str, url: &str, why: String, tail: String) -> Self {
        Self {
            server: server.into(),
            what: format!("at {url}: {why}"),
            tail,
        }
    }

    /// The name of the server.
    pub fn server(&self) -> &str {
        &self.server
    }
}

impl fmt::Display for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "server `{}` is not well any more: {}",
            self.server, self.what
        )?;
        self.tail
            .lines()
            .try_for_each(|line| write!(f, "\n    | {line}"))
    }
}

impl fmt::Debug for Unhealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Unhealthy {}

/// The health route and the list of models, each once; the error says in words what is wrong.
pub(crate) async fn ask(
    base: &Base,
    ready: &Readiness,
    model: Option<&str>,
    key: Option<&str>,
) -> Result<(), String> {
    let masked = |text: String| match key {
        Some(key) => text.replace(key, "***"),
        None => text,
    };
    let get = async |route: &str| {
        let answer = probe::exchange(base, route, None, key, LIMIT)
            .await
            .map_err(|why| masked(format!("{route}: {why}")))?;
        if answer.status == 200 {
            return Ok(answer);
        }
        let body = text::excerpt(&answer.body, 200);
        Err(masked(format!("{route} answers {}: {body}", answer.status)))
    };
    if let Some(route) = &ready.health {
        get(route).await?;
    }
    if let (Some(route), Some(model)) = (&ready.models, model) {
        let answer = get(route).await?;
        let served = readiness::models(&answer)
            .ok_or_else(|| format!("{route} answers no list of models"))?;
        if !served.iter().any(|m| m == model) {
            return Err(format!(
                "{route} does not list `{model}` any more, but `{}`",
                served.join("`, `")
            ));
        }
    }
    Ok(())
}

/// The key in the variable of that name.
pub(crate) fn key(variable: Option<&str>) -> Result<Option<String>, StartErrorKind> {
    let Some(variable) = variable else {
        return Ok(None);
    };
    let refuse = |reason| {
        let names: Vec<String> = std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| name != variable)
            .collect();
        let nearest = text::nearest(variable, names.iter().map(String::as_str));
        Err(StartErrorKind::Key {
            variable: text::printable(variable),
            reason,
            nearest: nearest.map(Into::into),
        })
    };
    match std::env::var(variable) {
        Ok(key) if key.is_empty() => refuse("is empty"),
        Ok(key) if key.bytes().all(|b| b.is_ascii_graphic()) => Ok(Some(key)),
        Ok(_) | Err(std::env::VarError::NotUnicode(_)) => refuse(
            "has blanks, control characters or characters beyond ASCII, which no header can carry",
        ),
        Err(std::env::VarError::NotPresent) => refuse("is not set"),
    }
}
