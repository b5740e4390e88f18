//! The attribute macros of Tribunal. Users reach them through the crate `tribunal`.
//!
//! Each macro parses what stands in the source, resolves it against the package's vocabulary (markers.toml) with all mistakes
//! collected, and renders plain data. One file is one noun; the functions here only join them to the compiler.
//!
//! Promise: whatever is wrong with a test is a compile error at the word that is wrong, and all of them come at once.
//! Rejected: checking at start-up only (an editor would stay silent, and a misspelt marker would deselect its test).

mod above;
mod attributes;
mod axis;
mod entry_point;
mod fixture;
mod ide;
mod known;
mod marker;
mod matrix;
mod mistakes;
mod module_markers;
mod name;
mod parameter;
mod place;
mod render;
mod rules;
mod test;
mod text;
mod value;

use proc_macro::TokenStream;

/// Registers a function as a test.
///
/// It stands first; below it, every attribute of one word that is not an attribute of the language is a **marker**: it must be
/// declared in markers.toml (or in the shipped vocabulary) and is consumed here. An attribute with a path
/// (`#[tracing::instrument]`) is left alone. The function is sync or `async`, and returns `()` or `Result<(), E>` with `E: Display`.
///
/// ```ignore
/// #[tribunal::test]
/// #[core_model]
/// #[hardware_test(cuda = "H100", num_cards = 2)]
/// #[timeout("5m")]
/// #[cases(plain = "llama-8b", #[slow] #[timeout("1h")] large = "llama-70b")]
/// async fn answers(#[case] model: &str, #[values(true, false)] stream: bool, server: &Server) -> TestResult {
///     Ok(())
/// }
/// ```
///
/// # Parameters
///
/// A parameter without attribute is the **fixture** of its name (leading underscores do not count), looked up where the function
/// stands; its type is `&T`, `Arc<T>`, or `T` where `T: Clone`. A parameter with `#[case]` takes its value from `#[cases(…)]`;
/// with several of them a case is a tuple. A parameter with `#[values(…)]` takes each of these values in turn; several such
/// parameters, and `#[cases(…)]`, are multiplied.
///
/// # Cases
///
/// * `#[cases(a = "x", b = "y")]`: named. `#[cases("llama-8b", -1)]`: literals and paths name themselves, by the rule below.
/// * Markers in front of a case are its own: `#[cases(a = "x", #[slow] #[timeout("1h")] b = "y")]`.
/// * `#[cases(from = function)]`: made at start-up by a function that returns `Vec<Case<T>>` or `Result<Vec<Case<T>>, E>`. The
///   one `#[case]` parameter is `&T` or, where `T: Clone`, `T`; for `&str` the function makes `String`, for `&[T]` it makes `Vec<T>`.
/// * A `hardware_test` with different card counts per platform makes one variant per platform, each with that part of the marker only.
///
/// # Names of cases
///
/// The name of a case is one Rust identifier: the parts for `#[cases]`, for each `#[values]` in the order of the parameters, and for
/// the platform, joined by `__`. A part is the name that was given, or comes from the value:
///
/// 1. Text and characters stand for themselves, numbers for their decimal digits, `-` in front of a number for `minus `, anything else for its
///    source text; a tuple is its values, each a part.
/// 2. Letters become lower-case; every run of characters that cannot stand in an identifier, and of underscores, becomes one `_`; none is left at either end.
///    If nothing is left, the part is `empty`.
/// 3. If the part is a keyword or starts with a digit, the parameter's name and `_` stand in front of it.
///
/// So `"llama-8b"` is `llama_8b`, `-1` is `minus_1`, `None` is `none`, `true` for `stream` is `stream_true`, and `0.5` for `temperature` is
/// `temperature_0_5`. Two values that give one name are an error that shows both.
///
/// # Errors
///
/// All at once, each at its word: markers that are not declared, arguments that the vocabulary does not allow, markers that
/// exclude each other, a `slow` test without `timeout`, cases and parameters that do not fit together, a function that is generic,
/// `unsafe`, `extern` or `const`, or has a `self`.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let for_ide = ide::expanding_for_ide();
    match known::of_this_package(for_ide) {
        Ok(known) => test::expand(args.into(), item.into(), known.vocabulary(), for_ide),
        Err(broken) => test::without_vocabulary(item.into(), broken.message_once()),
    }
    .into()
}

/// Registers a function as a fixture: a value that tests and other fixtures ask for by naming it as a parameter.
///
/// ```ignore
/// #[tribunal::fixture(scope = session, params(deploy), implies(e2e))]
/// async fn server(cx: &SetUp, deployment: &Deployment) -> Result<Server, StartError> {
///     deployment.start(cx.param("deploy")).await
/// }
/// ```
///
/// * `scope = test` (the default), `module` or `session`: how long a value lives. Asking for a fixture that lives shorter is a
///   compile error.
/// * `params(…)`: the case parameters that it reads by `cx.param("deploy")`; their text is part of the key by which tests share a value.
/// * `implies(…)`: markers that a test gets by asking for it, in categories where it has none.
///
/// The function is sync or `async` and returns the value or a `Result` of it. Its parameters are fixtures, and `&SetUp` for its surroundings.
///
/// ```
/// #[tribunal::fixture(scope = session)]
/// fn port() -> u16 {
///     8000
/// }
///
/// #[tribunal::fixture(scope = session)]
/// fn address(port: u16) -> String {
///     format!("127.0.0.1:{port}")
/// }
///
/// #[tribunal::test]
/// fn asks(address: &String) {
///     assert_eq!(address, "127.0.0.1:8000");
/// }
/// ```
///
/// With a `port` that lives for one test only, it does not compile: "session fixture `address` asks for `port`, which does not live as long".
///
/// ```compile_fail,E0080
/// #[tribunal::fixture(scope = test)]
/// fn port() -> u16 {
///     8000
/// }
///
/// #[tribunal::fixture(scope = session)]
/// fn address(port: u16) -> String {
///     format!("127.0.0.1:{port}")
/// }
///
/// #[tribunal::test]
/// fn asks(address: &String) {
///     assert_eq!(address, "127.0.0.1:8000");
/// }
/// ```
#[proc_macro_attribute]
pub fn fixture(args: TokenStream, item: TokenStream) -> TokenStream {
    match known::of_this_package(ide::expanding_for_ide()) {
        Ok(known) => fixture::expand(args.into(), item.into(), known.vocabulary()),
        Err(broken) => {
            // A fixture without its type would make every test that asks for it an error of its own.
            let (args, item) = (args.into(), item.into());
            let fixture = fixture::expand(args, item, tribunal_vocabulary::Vocabulary::shipped());
            mistakes::with_error(broken.message_once(), fixture)
        }
    }
    .into()
}

/// Markers that every test of this module and of the modules below it gets: `tribunal::markers!(e2e, omni, max_vram_gib(20));`.
///
/// They are merged with the markers of the tests at start-up. The errors are those of [`macro@test`].
#[proc_macro]
pub fn markers(input: TokenStream) -> TokenStream {
    match known::of_this_package(ide::expanding_for_ide()) {
        Ok(known) => module_markers::expand(input.into(), known.vocabulary()),
        Err(broken) => mistakes::with_error(broken.message_once(), proc_macro2::TokenStream::new()),
    }
    .into()
}

/// The entry point of a harness target: `tribunal::main!();`, once per target with `harness = false`.
///
/// Builds the package's markers.toml in, so that an edit rebuilds the target. Mistakes in that file are errors here.
#[proc_macro]
pub fn main(input: TokenStream) -> TokenStream {
    entry_point::expand(
        input.into(),
        &known::of_this_package(ide::expanding_for_ide()),
    )
    .into()
}

/// For the prelude of `tribunal`: `pub use` of the attributes below, and of nothing else here.
#[doc(hidden)]
#[proc_macro]
pub fn prelude_attributes(_: TokenStream) -> TokenStream {
    above::prelude().into()
}

macro_rules! attributes {
    ($($name:ident)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "` above `#[tribunal::test]`: moves itself below it, where markers are read.")]
            #[allow(non_snake_case)]
            #[proc_macro_attribute]
            pub fn $name(args: TokenStream, item: TokenStream) -> TokenStream {
                above::moved(stringify!($name), args.into(), item.into()).into()
            }
        )*
    };
}
above::with_attribute_names!(attributes);
