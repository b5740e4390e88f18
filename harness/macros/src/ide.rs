//! Whether this expansion is for an editor.
//!
//! Promise: one question in one place; everything else takes the answer as an argument, so that tests see both.
//! Rejected: `#[cfg_attr(rust_analyzer, …)]` in the expansion (an `unexpected_cfgs` warning in every crate that uses it).

use std::path::Path;

/// Whether rust-analyzer is expanding. It sets the variable for its macro server itself; the name of the server's program is
/// the second sign, should the variable go away.
pub(crate) fn expanding_for_ide() -> bool {
    std::env::var_os("RUST_ANALYZER_INTERNALS_DO_NOT_USE").is_some()
        || std::env::current_exe().is_ok_and(|program| is_macro_server(&program))
}

fn is_macro_server(program: &Path) -> bool {
    program
        .file_stem()
        .is_some_and(|stem| stem.to_string_lossy().starts_with("rust-analyzer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_of_rust_analyzer_are_macro_servers() {
        for (program, expected) in [
            ("/x/rust-analyzer", true),
            ("/x/rust-analyzer-proc-macro-srv", true),
            ("/x/rust-analyzer.exe", true),
            ("/x/rustc", false),
            ("/rust-analyzer/rustc", false),
        ] {
            assert_eq!(is_macro_server(Path::new(program)), expected, "{program}");
        }
    }
}
