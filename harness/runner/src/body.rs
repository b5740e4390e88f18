//! What a body gets, how it ends, and how an async one is driven.
//!
//! Promise: per test, only two generic lines are compiled (`drive(pin!(test(..)))` and the vtable behind it). A body may return `()` or
//! `Result<(), E>` with any `E: Display`; where the error came through `?`, its place is kept.
//!
//! Rejected: a boxed `async move` block per case (compiled 7 times slower, mechanisms measured at 2,000 tests).

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::fixture::{Fixture, Stored, downcast};
use crate::outcome::Measured;

/// What tests return: `Ok(())`, or the reason why not.
pub type TestResult = Result<(), Error>;

/// Why a test failed. Made from any error by `?`, which also keeps the place of the `?`.
pub struct Error {
    message: String,
    causes: Vec<String>,
    place: Option<&'static Location<'static>>,
    pub(crate) skip: Option<Skip>,
    pub(crate) measured: Option<Measured>,
    /// Somebody wrote it in his own words: an assertion, and not what a library says.
    pub(crate) asserted: bool,
}

impl Error {
    /// An error from anything that can be shown. Causes of a [`std::error::Error`] are lost here: use `?` or `From` for those.
    #[track_caller]
    pub fn of<E: fmt::Display + 'static>(error: E) -> Error {
        let mut slot = Some(error);
        if let Some(own) = (&mut slot as &mut dyn Any).downcast_mut::<Option<Error>>() {
            return own.take().unwrap_or_else(|| Error::msg(""));
        }
        let error = slot.expect("only taken above");
        let skip = (&error as &dyn Any).downcast_ref::<Skip>().cloned();
        let measured = (&error as &dyn Any).downcast_ref::<Measured>().cloned();
        let any = &error as &dyn Any;
        Error {
            asserted: any.is::<String>() || any.is::<&'static str>(),
            message: error.to_string(),
            causes: vec![],
            place: None,
            skip,
            measured,
        }
    }

    /// An error that says `message`, with the place of the caller.
    #[track_caller]
    pub fn msg(message: impl Into<String>) -> Error {
        Error {
            message: message.into(),
            causes: vec![],
            place: Some(Location::caller()),
            skip: None,
            measured: None,
            asserted: true,
        }
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where the error was turned into this one (the place of the `?`), if known.
    pub fn place(&self) -> Option<&'static Location<'static>> {
        self.place
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Error {
        let mut causes = vec![];
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        let skip = (&error as &dyn Any).downcast_ref::<Skip>().cloned();
        let measured = (&error as &dyn Any).downcast_ref::<Measured>().cloned();
        Error {
            message: error.to_string(),
            causes,
            place: Some(Location::caller()),
            skip,
            measured,
            asserted: false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut said = self.message.as_str();
        for cause in &self.causes {
            // Many errors already say the text of their cause.
            if !said.contains(cause.lines().next().unwrap_or("")) {
                write!(f, "\n  caused by: {cause}")?;
                said = cause;
            }
        }
        if let Some(place) = self.place {
            write!(f, "\n  at {place}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A test that cannot run here and says why. Made by `skip!("reason")`; never a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip(pub String);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Skip {}

/// Ends the running test as skipped. Unwinds without the panic hook, so that it works in bodies of any return type, in helpers and in fixtures.
pub fn skip(reason: String) -> ! {
    std::panic::resume_unwind(Box::new(Skip(reason)))
}

/// What a body sees: its case, and fixtures that are set up already.
pub struct Cx<'a> {
    pub(crate) at: &'a [u16],
    pub(crate) values: &'a [Stored],
    pub(crate) provided: Option<&'a (dyn Any + Send + Sync)>,
}

impl Cx<'_> {
    /// The position of the case on an axis (`#[cases]` first, then each `#[values]`).
    pub fn at(&self, axis: usize) -> u16 {
        self.at[axis]
    }

    /// The value of the fixture at `index`.
    pub fn value<F: Fixture>(&self, index: usize) -> Arc<F::Value> {
        downcast::<F>(&self.values[index])
    }

    /// The value of a case that was made at start-up by `#[cases(from = …)]`.
    pub fn provided<T: 'static>(&self) -> &T {
        self.provided
            .and_then(|v| v.downcast_ref())
            .unwrap_or_else(|| unreachable!("the provider's values have the type of its signature"))
    }
}

/// What a test function may return.
#[diagnostic::on_unimplemented(
    message = "a test returns `()` or `Result<(), E>` with `E: Display`, not `{Self}`",
    note = "`TestResult` of `tribunal::prelude` takes any error through `?`"
)]
pub trait IntoResult {
    /// As a [`TestResult`].
    fn into_result(self) -> TestResult;
}
impl IntoResult for () {
    fn into_result(self) -> TestResult {
        Ok(())
    }
}
impl<E: fmt::Display + 'static> IntoResult for Result<(), E> {
    fn into_result(self) -> TestResult {
        self.map_err(Error::of)
    }
}

/// A test's own future, its output judged through the vtable.
pub trait Erased {
    /// As [`Future::poll`], with the output as a [`TestResult`].
    fn poll_result(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TestResult>;
}
impl<F: Future> Erased for F
where
    F::Output: IntoResult,
{
    fn poll_result(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TestResult> {
        self.poll(cx).map(IntoResult::into_result)
    }
}

/// Runs an async body on the runtime of its slot, until it ends or its limit is over.
pub fn drive(body: Pin<&mut dyn Erased>) -> TestResult {
    crate::attempt::drive(body)
}

/// A case made at start-up, for functions named by `#[cases(from = …)]`.
pub struct Case<T> {
    name: String,
    text: Option<String>,
    markers: Vec<(String, Vec<(String, tribunal_vocabulary::Value)>)>,
    on: Option<String>,
    value: T,
}

impl<T> Case<T> {
    /// A case with its name and value. A name that is no Rust identifier is turned into one; the original stays as its label.
    pub fn new(name: impl Into<String>, value: T) -> Self {
        Case {
            name: name.into(),
            text: None,
            markers: vec![],
            on: None,
            value,
        }
    }

    /// How the value reads in reports and in the sharing keys of fixtures; without it, the name.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The only deployment of the run that it is for, as `--deploy` has it; on the others there is no such case.
    pub fn only_on(mut self, deployment: impl Into<String>) -> Self {
        self.on = Some(deployment.into());
        self
    }

    /// Adds a marker without arguments. An undeclared one is a start-up error that names the test.
    pub fn marker(self, name: impl Into<String>) -> Self {
        self.marker_with(name, [])
    }

    /// Adds a marker with arguments; one without a name has an empty one.
    pub fn marker_with(
        mut self,
        name: impl Into<String>,
        args: impl IntoIterator<Item = (String, tribunal_vocabulary::Value)>,
    ) -> Self {
        self.markers.push((name.into(), args.into_iter().collect()));
        self
    }
}

/// For the macros: what a provider may return.
#[diagnostic::on_unimplemented(
    message = "a provider of cases returns `Vec<Case<T>>` or `Result<Vec<Case<T>>, E>` with `E: Display`, not `{Self}`"
)]
pub trait IntoCases<T> {
    /// Erases the type of the values.
    fn into_cases(self) -> Result<Vec<crate::registry::ProvidedCase>, String>;
}
impl<T: Send + Sync + 'static> IntoCases<T> for Vec<Case<T>> {
    fn into_cases(self) -> Result<Vec<crate::registry::ProvidedCase>, String> {
        Ok(self
            .into_iter()
            .map(|c| crate::registry::ProvidedCase {
                text: c.text.unwrap_or_else(|| c.name.clone()),
                on: c.on,
                name: c.name,
                markers: c.markers,
                value: Arc::new(c.value),
            })
            .collect())
    }
}
impl<T: Send + Sync + 'static, E: fmt::Display> IntoCases<T> for Result<Vec<Case<T>>, E> {
    fn into_cases(self) -> Result<Vec<crate::registry::ProvidedCase>, String> {
        self.map_err(|e| e.to_string())?.into_cases()
    }
}
