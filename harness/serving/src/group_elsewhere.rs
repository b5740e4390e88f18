//! The processes of a deployment on a system where none can be started: there is no such value.

use std::path::Path;
use std::process::ExitStatus;

use crate::deployment::Deployment;
use crate::launch::Launch;
use crate::options::StartOptions;
use crate::process::{ProcessInfo, ProcessSignal};
use crate::server::RunningPart;
use crate::start_error::StartError;
use crate::start_error_kind::StartErrorKind;
use crate::stop_error::StopError;
use crate::stop_report::StopReport;
use crate::url::Base;

/// Never made.
#[derive(Debug)]
pub(crate) struct Group {
    never: std::convert::Infallible,
}

/// Never made.
pub(crate) struct Ready {
    pub group: Group,
    pub base: Base,
    pub model: Option<String>,
    pub after: std::time::Duration,
    pub notes: Vec<String>,
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

impl Group {
    pub(crate) fn pid(&self) -> Option<u32> {
        match self.never {}
    }

    pub(crate) fn log(&self) -> &Path {
        match self.never {}
    }

    pub(crate) fn processes(&self) -> Vec<ProcessInfo> {
        match self.never {}
    }

    pub(crate) fn signal(&self, _: &ProcessInfo, _: ProcessSignal) -> std::io::Result<bool> {
        match self.never {}
    }

    pub(crate) fn control_groups(&self) -> Vec<std::path::PathBuf> {
        match self.never {}
    }

    pub(crate) fn parts(&self) -> &[RunningPart] {
        match self.never {}
    }

    pub(crate) fn ended(&self) -> Option<(String, Option<ExitStatus>)> {
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
