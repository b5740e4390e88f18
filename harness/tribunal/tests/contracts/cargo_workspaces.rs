//! cargo: workspaces with targets of libtest and of ours, exit codes, features, and markers.toml as an input of the build.

use crate::row::rows;
use crate::said::Said;
use crate::scaffold::{Workspace, calm, lab};

rows![
    bare_cargo_test_is_green,
    a_flag_of_ours_stops_at_the_first_target_of_libtest,
    a_flag_of_ours_reaches_a_chosen_target,
    an_alias_reaches_the_harness,
    a_variable_reaches_only_the_harness,
    all_targets,
    quiet_of_cargo,
    exit_code_101_with_and_without_no_fail_fast,
    exit_code_4_with_and_without_no_fail_fast,
    exit_code_2_with_and_without_no_fail_fast,
    several_filters_through_cargo,
    exact_on_a_base_name_through_cargo,
    a_feature_opens_its_gate,
    markers_toml_that_appears_after_the_build,
    an_edit_of_markers_toml_rebuilds,
    a_new_word_is_known_after_an_edit,
    the_project_of_the_readme_works,
];

fn cargo(line: &str) -> crate::call::Call {
    Workspace::shared().cargo_line(line)
}

/// On a laptop, without any flag: green, with the reasons of what did not run.
fn bare_cargo_test_is_green() {
    let said = cargo("test -p mixed").run().exits(0);
    said.says([
        "test m::one",
        "test classic ... ok",
        "1 skipped: needs the program `no-such-program-anywhere` on PATH",
    ]);
}

/// libtest refuses what it does not know; cargo stops there, or lists every one.
fn a_flag_of_ours_stops_at_the_first_target_of_libtest() {
    let said = cargo("test -p mixed -- --run-level core_model")
        .run()
        .exits(101);
    assert!(
        said.err.contains("Unrecognized option: 'run-level'"),
        "{}",
        said.err
    );
    assert!(
        !said.out.contains("run level"),
        "no harness target was reached"
    );
    let said = cargo("test -p mixed --no-fail-fast -- --run-level core_model")
        .run()
        .exits(101);
    // The library's unit tests, `classic`, and the documentation's tests.
    assert_eq!(
        said.err.matches("Unrecognized option: 'run-level'").count(),
        3
    );
    assert!(
        said.out.contains("run level core_model (--run-level)"),
        "the harness ran in between"
    );
}

/// `--test NAME`.
fn a_flag_of_ours_reaches_a_chosen_target() {
    cargo("test -p mixed --test calm -- --run-level core_model")
        .run()
        .exits(0)
        .says(["run level core_model (--run-level)"]);
}

/// `[alias] calm = "test -q -p mixed --test calm --"`.
fn an_alias_reaches_the_harness() {
    let said = cargo("calm --list --format terse").run().exits(0);
    assert_eq!(said.out, calm(["--list", "--format", "terse"]).out);
    cargo("calm --run-level advanced_model m::one")
        .run()
        .exits(0)
        .says(["run level advanced_model (--run-level)"]);
}

/// Targets of libtest do not look at it.
fn a_variable_reaches_only_the_harness() {
    let said = cargo("test -p mixed")
        .env("TRIBUNAL_RUN_LEVEL", "full_model")
        .run()
        .exits(0);
    said.says(["run level full_model (--run-level)", "test classic ... ok"]);
}

/// `--all-targets` builds and calls everything, benches too.
fn all_targets() {
    cargo("test -p mixed --all-targets")
        .run()
        .exits(0)
        .says(["test classic ... ok", "test m::one"]);
}

/// cargo does not forward `-q`, so the harness prints as ever; its variable is honoured.
fn quiet_of_cargo() {
    cargo("test -q -p mixed --test calm m::one")
        .run()
        .exits(0)
        .says(["... ok"]);
    cargo("test -p mixed --test calm m::one")
        .env("CARGO_TERM_QUIET", "true")
        .run()
        .exits(0)
        .says_not(["... ok"]);
}

/// Whether cargo goes on to the next target.
fn both(line: &str) -> (Said, Said) {
    let (targets, rest) = line.split_once(" -- ").unwrap_or((line, ""));
    let run = |fast: &str| cargo(format!("test {targets}{fast} -- {rest}").trim_end()).run();
    (run(""), run(" --no-fail-fast"))
}

/// cargo passes the harness's 101 on and stops; with `--no-fail-fast` it goes on and says 101 as well.
fn exit_code_101_with_and_without_no_fail_fast() {
    let (fast, all) = both("-p lab -p mixed --test lab --test calm -- answers::fails m::one");
    // cargo takes the packages in the order of their names.
    let (fast, all) = (fast.exits(101), all.exits(101));
    assert!(
        fast.out.contains("answers::fails ... FAILED") && !fast.out.contains("m::one"),
        "{}",
        fast.out
    );
    assert!(
        all.out.contains("answers::fails ... FAILED") && all.out.contains("m::one"),
        "{}",
        all.out
    );
}

/// cargo passes 4 on when it stops there, and turns it into 101 when it goes on.
fn exit_code_4_with_and_without_no_fail_fast() {
    let (fast, all) = both("-p lab -p mixed --test lab --test calm -- -m tts");
    assert!(fast.exits(4).out.contains("nothing was executed"));
    assert_eq!(
        all.exits(101).out.matches("nothing was executed").count(),
        2
    );
}

/// The same for a command line that is wrong.
fn exit_code_2_with_and_without_no_fail_fast() {
    let (fast, all) = both("-p lab -p mixed --test lab --test calm -- --run-level deepest");
    assert_eq!(
        fast.exits(2)
            .err
            .matches("no level `deepest` is declared")
            .count(),
        1
    );
    assert_eq!(
        all.exits(101)
            .err
            .matches("no level `deepest` is declared")
            .count(),
        2
    );
}

/// One before the dashes, others behind them.
fn several_filters_through_cargo() {
    let said = cargo("test -p mixed --test calm m::one -- m::two")
        .run()
        .exits(0);
    assert_eq!(said.names(), ["m::one", "m::two"]);
}

/// All cases of the test.
fn exact_on_a_base_name_through_cargo() {
    let said = cargo("test -p lab --test lab cased::named -- --exact")
        .run()
        .exits(0);
    assert_eq!(said.names(), ["cased::named::large", "cased::named::small"]);
}

/// `requires(feature = "deep")` runs with `--features deep`, and says so without.
fn a_feature_opens_its_gate() {
    lab(["gates::feature"])
        .exits(0)
        .says(["run with --features deep"]);
    let said = cargo("test -p lab --test lab --features deep gates::feature")
        .run()
        .exits(0);
    assert_eq!(said.results()["gates::feature"], "ok");
}

const TEST: &str = "tribunal::main!();\n\n#[tribunal::test]\nfn t() {}\n";

/// The binary was built without it: it says so at start, and what to do.
fn markers_toml_that_appears_after_the_build() {
    let mut workspace = Workspace::own("appearing", None, TEST);
    workspace.build(&[]).unwrap_or_else(|e| panic!("{e}"));
    workspace.binary("appearing").run().exits(0);
    crate::scaffold::write(
        &workspace.root().join("package/markers.toml"),
        "[categories.other.markers]\nnew_word = \"new\"\n",
    );
    workspace
        .binary("appearing")
        .run()
        .exits(2)
        .warns(["markers.toml", "help: "]);
    // It disappears again: then the shipped words hold, as they did.
    std::fs::remove_file(workspace.root().join("package/markers.toml")).expect("our own file");
    workspace.binary("appearing").run().exits(0);
}

/// cargo builds anew when the file has changed, and not when it has not.
fn an_edit_of_markers_toml_rebuilds() {
    let markers = "[categories.other.markers]\nown_word = \"before\"\n";
    let workspace = Workspace::own("edited", Some(markers), TEST);
    workspace.cargo_line("test").run().exits(0);
    let again = workspace.cargo_line("test").run().exits(0);
    assert!(!again.err.contains("Compiling"), "{}", again.err);
    std::fs::write(
        workspace.root().join("package/markers.toml"),
        markers.replace("before", "after"),
    )
    .expect("our own file");
    let said = workspace
        .cargo_line("test -- --markers")
        .run()
        .exits(0)
        .warns(["Compiling edited"]);
    said.says(["own_word", "after"]);
}

/// A word that a test uses before it is declared is a compile error with the nearest one; declared, the test builds.
fn a_new_word_is_known_after_an_edit() {
    let test = "tribunal::main!();\n\n#[tribunal::test]\n#[own_word]\nfn t() {}\n";
    let workspace = Workspace::own(
        "learning",
        Some("[categories.other.markers]\nown_wort = \"misspelt\"\n"),
        test,
    );
    workspace
        .cargo_line("test")
        .run()
        .exits(101)
        .warns(["own_word", "own_wort"]);
    std::fs::write(
        workspace.root().join("package/markers.toml"),
        "[categories.other.markers]\nown_word = \"spelt\"\n",
    )
    .expect("our own file");
    workspace
        .cargo_line("test -- -m own_word")
        .run()
        .exits(0)
        .says(["1 passed"]);
}

/// A block of the README that begins with this line.
fn block_of_the_readme(first: &str) -> String {
    let path = crate::scaffold::repository().join("README.md");
    let text = std::fs::read_to_string(&path).expect("the README");
    let at = text
        .find(&format!("\n{first}"))
        .unwrap_or_else(|| panic!("no block of the README begins with {first:?}"))
        + 1;
    let end = text[at..].find("\n```").expect("the block ends");
    text[at..=at + end].to_owned()
}

/// Its three files, taken from the README as they stand there, and its commands.
fn the_project_of_the_readme_works() {
    let manifest = block_of_the_readme("[package]");
    let (before, after) = manifest
        .split_once("path = \"")
        .expect("the README shows a path");
    let after = after.split_once('"').expect("the path ends").1;
    let manifest = format!("{before}path = \"{}\"{after}", env!("CARGO_MANIFEST_DIR"));
    let markers = block_of_the_readme("[markers]");
    let tests = block_of_the_readme("use tribunal::prelude::*;");
    let workspace =
        Workspace::own_with("readme", Some(&markers), &manifest, "tests/e2e.rs", &tests);
    let said = workspace.cargo_line("test").run().exits(0);
    let results = said.results();
    for name in [
        "answers",
        "seeds_reproduce::plain",
        "seeds_reproduce::streamed",
    ] {
        assert_eq!(
            results.get(name).map(String::as_str),
            Some("ok"),
            "{}",
            said.out
        );
    }
    assert!(!results.contains_key("on_a_real_card"), "it is deeper");
    let said = workspace
        .cargo_line("test -- --run-level advanced_model")
        .run()
        .exits(0);
    assert!(
        said.results().contains_key("on_a_real_card"),
        "{}",
        said.out
    );
    let said = workspace
        .cargo(["test", "--", "-m", "core_model and not my_feature"])
        .run()
        .exits(0);
    assert_eq!(said.results().len(), 3, "{}", said.out);
    let said = workspace
        .cargo_line("test -- --explain on_a_real_card")
        .run()
        .exits(0);
    said.says([
        "my_feature",
        "advanced_model",
        "H100",
        "needs: 60 GiB on each device",
        "would run here: ",
    ]);
}
