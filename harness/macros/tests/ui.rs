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

/// A scope that is too narrow is found when constants are evaluated, and rustc shows the line of its own library where the panic is: as source, if the component
/// `rust-src` is there.
#[test]
fn scopes_that_rustc_words() {
    let asked = std::process::Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()
        .expect("rustc compiles this test, and its case");
    let root = String::from_utf8_lossy(&asked.stdout);
    let source = "lib/rustlib/src/rust/library/core/src/panic.rs";
    let there = std::path::Path::new(root.trim()).join(source).exists();
    trybuild::TestCases::new().compile_fail(match there {
        true => "tests/ui_scope/with_rust_src/*.rs",
        false => "tests/ui_scope/without_rust_src/*.rs",
    });
}

#[test]
fn good_forms() {
    trybuild::TestCases::new().pass("tests/pass/*.rs");
}
