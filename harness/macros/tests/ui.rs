//! What the macros say about mistakes, word for word, and that the good forms compile and run.
//!
//! `TRYBUILD=overwrite cargo test -p tribunal-macros --test ui` writes the texts anew; read them before keeping them.

/// Texts of ours.
#[test]
fn mistakes() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}

/// Mistakes that only the type checker sees. The place is ours and most of the words are rustc's, so another rustc may word them otherwise.
#[test]
fn mistakes_that_rustc_words() {
    trybuild::TestCases::new().compile_fail("tests/ui_rustc/*.rs");
}

#[test]
fn good_forms() {
    trybuild::TestCases::new().pass("tests/pass/*.rs");
}
