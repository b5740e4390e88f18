//! Values that travel with a request to whoever judges its answer.
//!
//! A judge needs to know what a test expects of one answer (a keyword, a length), and this crate
//! does not know what expectations there are. So a request carries values of any type, told apart by
//! their type, and the answer's [`RawAnswer`](crate::RawAnswer) hands them on. They never reach the
//! server.

use http::Extensions;

/// A request that carries values to the judge of its answer. Every builder of this crate is one, so
/// that a crate above can add methods of its own to all of them.
pub trait Attach: Sized {
    /// The values that it carries so far.
    fn attached(&mut self) -> &mut Extensions;
}
