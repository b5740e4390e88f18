//! Where a token stands, as the expansion records it.
//!
//! Promise: the line and column that rustc shows; outside a compiler (in tests of this crate) both are 1.
//! Rejected: `line!()` in the expansion (the line of the macro call, not of the token).

use proc_macro2::{Span, TokenStream};
use quote::quote;

/// Line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Position {
    pub(crate) fn of(span: Span) -> Position {
        if !proc_macro::is_available() {
            return Position { line: 1, column: 1 };
        }
        let span = span.unwrap();
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position {
            line: small(span.line()),
            column: small(span.column()),
        }
    }

    /// A `Place` of this file.
    pub(crate) fn render(self) -> TokenStream {
        let Position { line, column } = self;
        quote!(::tribunal::__private::Place { file: ::core::file!(), line: #line, column: #column })
    }
}
