//! Files with mistakes: each is told with its line and with what to do.

use std::fs;

use tribunal_conformance::{Known, Route, added, known_of, load};

const HEAD: &str = "doc = \"a route\"\npath = \"/x\"\nsource = \"a book\"\n[base]\nmodel = \"{model}\"\nlist = [{ a = 1 }]\n";

fn mistake(rows: &str) -> String {
    match Route::parse("x", &format!("{HEAD}{rows}"), "x.toml") {
        Ok(route) => panic!("it was read: {route:?}"),
        Err(mistakes) => mistakes.to_string(),
    }
}

fn row(rest: &str) -> String {
    format!("[[row]]\nid = \"one\"\nrule = \"type\"\nfield = \"a\"\nwhy = \"so\"\n{rest}\n")
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (text, parts) in [
        (
            row("set.a = 1\nstatsu = [400]"),
            &[
                "row has no key `statsu`",
                "did you mean `status`?",
                "x.toml:13:1",
            ][..],
        ),
        (
            row("set.a = 1\nstatus = [99]"),
            &["a status of HTTP", "x.toml:13:11"],
        ),
        (row("set.a = 1\nstatus = []"), &["allows no status"]),
        (row(""), &["sends the valid request", "x.toml:7:"]),
        (row("set.a = 1\njson = {}"), &["a row has one of"]),
        (
            row("remove = [\"nothing\"]"),
            &["the valid request has no `nothing`"],
        ),
        (row("set.\"list/7/a\" = 1"), &["no place for `list/7/a`"]),
        (row("hex = \"abc\""), &["even number of hexadecimal digits"]),
        (
            row("set.a = { \"$repat\" = \"a\" }"),
            &["`$repat` cannot stand", "$repeat"],
        ),
        (
            row("set.a = { \"$repeat\" = \"a\", times = 99999999 }"),
            &["at most 8 MiB"],
        ),
        (
            row("text = \"abcdefgh\"\ntimes = 99999999"),
            &["above 8 MiB"],
        ),
        (
            row("set.a = 99999999999999999999"),
            &["does not fit into 64 bits"],
        ),
        (row("set.a = 2024-01-01"), &["JSON has no dates"]),
        (
            row("set.a = 1\nlimit = \"soon\""),
            &["`soon` is no duration"],
        ),
        (row("set.a = 1\nlimit = \"2h\""), &["above 600 s"]),
        (
            row("set.a = 1\nmethod = \"BREW\""),
            &["GET, POST or DELETE"],
        ),
        (
            format!("{}{}", row("set.a = 1"), row("set.a = 2")),
            &[
                "`one` is there twice, first in line 7",
                "rule `type` for `a` is there twice",
            ],
        ),
        (
            "[[row]]\nid = \"One two\"\n".into(),
            &[
                "`One two` is no name",
                "row `One two` has no `rule`",
                "has no `why`",
            ],
        ),
        ("frames = 7".into(), &["`frames` is a list"]),
        ("[[row]\n".into(), &["x.toml:7:", "1 mistake in x.toml"]),
    ] {
        let told = mistake(&text);
        for part in parts {
            assert!(
                told.contains(part),
                "{text}\n--- told:\n{told}\n--- wanted: {part}"
            );
        }
    }
}

#[test]
fn a_row_is_read_as_it_is_written() {
    let text = format!(
        "{HEAD}{}",
        row(
            "set.a = \"hot\"\nremove = [\"list/0/a\"]\nlimit = \"3s\"\nneeds = \"logprobs\"\nmust_with = \"strict_validation\""
        )
    );
    let route = Route::parse("x", &text, "x.toml").expect("a good file");
    let row = &route.rows[0];
    assert_eq!(row.sent, "a: \"hot\", without list/0/a");
    assert_eq!(row.expected.text(), "400 or 422 naming a");
    assert_eq!((row.line, row.limit.as_secs()), (7, 3));
    assert!(
        row.gate(&Default::default())
            .is_some_and(|why| why.contains("does not offer logprobs"))
    );
}

#[test]
fn mistakes_in_known_deviations_are_told() {
    for (text, part) in [
        (
            "[[known]]\nroute = \"chat\"\n",
            "a known deviation has no `row`",
        ),
        (
            "[[known]]\nroute = \"c\"\nrow = \"r\"\nfound = \"bad\"\ndoes = \"d\"\nlink = \"l\"\n",
            "`bad` cannot be found",
        ),
        (
            "[[known]]\nroute = \"c\"\nrow = \"r\"\nfound = \"broken\"\ndoes = \"d\"\nlink = \"l\"\n",
            "`broken` cannot be found",
        ),
        ("extends = \"nobody\"\n", "nothing is known of `nobody`"),
        (
            "gone = [\"chat/x\"]\n",
            "`chat/x` is not among what it extends",
        ),
        ("knwon = 1\n", "did you mean `known`?"),
    ] {
        let told = Known::parse(text, "known.toml", |_| None)
            .expect_err("a mistake")
            .to_string();
        assert!(told.contains(part), "{text}\n{told}");
    }
}

#[test]
fn a_folder_of_ones_own_goes_before_what_is_built_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let folders = [folder.path()];
    assert_eq!(added(&folders), Vec::<String>::new());
    assert!(
        load("chta", &folders)
            .expect_err("none")
            .to_string()
            .contains("did you mean `chat`?")
    );
    let own = format!("{HEAD}{}", row("set.a = 1"));
    fs::write(folder.path().join("mine.toml"), &own).expect("written");
    fs::write(folder.path().join("chat.toml"), &own).expect("written");
    assert_eq!(added(&folders), ["mine"]);
    assert_eq!(load("chat", &folders).expect("read").rows.len(), 1);
    fs::create_dir(folder.path().join("known")).expect("made");
    let known = "extends = \"llama-cpp\"\n[[known]]\nroute = \"mine\"\nrow = \"one\"\nfound = \"200\"\ndoes = \"so\"\nlink = \"l\"\n";
    fs::write(folder.path().join("known/my-server.toml"), known).expect("written");
    let shipped = known_of("llama-cpp", &folders).expect("read").list.len();
    assert_eq!(
        known_of("my-server", &folders).expect("read").list.len(),
        shipped + 1
    );
    assert_eq!(known_of("nobody", &folders).expect("nothing").list, []);
    // Two that extend each other come to an end.
    fs::write(folder.path().join("known/a.toml"), "extends = \"b\"\n").expect("written");
    fs::write(folder.path().join("known/b.toml"), "extends = \"a\"\n").expect("written");
    assert!(known_of("a", &folders).is_err());
}
