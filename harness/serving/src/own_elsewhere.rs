//! A server of our own on a system where none can be started: there is no such value.

use std::path::PathBuf;
use std::process::ExitStatus;

use crate::deployment::Deployment;
use crate::launch::Launch;
use crate::options::StartOptions;
use crate::process::ProcessInfo;
use crate::server::StopReport;
use crate::start_error::{StartError, StartErrorKind};
use crate::stop_error::StopError;
use crate::url::Base;

/// Never made.
#[derive(Debug)]
pub(crate) struct Own {
    pub pid: u32,
    pub log: PathBuf,
    never: std::convert::Infallible,
}

/// Never made.
pub(crate) struct Ready {
    pub own: Own,
    pub base: Base,
    pub model: Option<String>,
    pub after: std::time::Duration,
}

/// Always the error that says so.
pub(crate) async fn start(
    deployment: &Deployment,
    _: &Launch,
    _: &StartOptions,
) -> Result<Ready, StartError> {
    Err(StartError::new(
        deployment.display_name(),
        StartErrorKind::Unsupported,
    ))
}

impl Own {
    pub(crate) fn processes(&self) -> Vec<ProcessInfo> {
        match self.never {}
    }

    pub(crate) fn is_alive(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        match self.never {}
    }

    pub(crate) async fn end(&self) -> Result<StopReport, StopError> {
        match self.never {}
    }

    pub(crate) async fn stop(&self) -> Result<StopReport, StopError> {
        match self.never {}
    }
}
