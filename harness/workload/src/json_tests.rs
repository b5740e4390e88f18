use super::*;
use tribunal_deploy::tree;

fn parsed(text: &str) -> Result<String, String> {
    let mut sources = Sources::default();
    let source = sources.add("x.json", text, None);
    let mut found = Vec::new();
    let node = read(&sources, source, &mut found);
    match (node, found.is_empty()) {
        (Some(node), true) => Ok(tree::json(&node)),
        _ => Err(sources
            .problems(found)
            .messages()
            .collect::<Vec<_>>()
            .join("; ")),
    }
}

#[test]
fn what_people_write_by_hand() {
    for (text, want) in [
        ("[1, 2.5, -3e2,]", "[1,2.5,-300.0]"),
        (
            "{ // why\n \"a\": true, /* b */ \"c\": null, }",
            r#"{"a":true,"c":null}"#,
        ),
        (r#""\u00e9\ud83d\ude00\n\/""#, "\"é😀\\n/\""),
        ("\u{feff}{}", "{}"),
        ("[\"a//b\", \"/*\"]", r#"["a//b","/*"]"#),
        ("0", "0"),
        ("-0.5E-1", "-0.05"),
    ] {
        assert_eq!(parsed(text), Ok(want.to_owned()), "{text}");
    }
}

#[test]
fn infinity_in_its_spellings() {
    for text in ["inf", "Infinity", "+inf"] {
        let mut sources = Sources::default();
        let source = sources.add("x.json", text, None);
        let node = read(&sources, source, &mut Vec::new());
        assert_eq!(
            node.map(|node| node.value),
            Some(Value::Float(f64::INFINITY)),
            "{text}"
        );
    }
}

#[test]
fn mistakes_say_what_was_meant() {
    for (text, want) in [
        ("", "a value is missing"),
        ("[1 2]", "a comma is missing between two values of a list"),
        ("{\"a\": 1 \"b\": 2}", "a comma is missing between two keys"),
        ("[,]", "before this comma"),
        ("[1", "this list does not end"),
        ("{\"a\": {", "this table does not end"),
        ("{a: 1}", "a key stands in double quotes"),
        ("{\"a\" 1}", "`:` is missing behind the key `a`"),
        ("'a'", "double quotes"),
        ("True", "Python's"),
        ("nan", "no value of anything"),
        ("abc", "`abc` is no value"),
        ("010", "begins with a nought"),
        (".5", "before the point"),
        ("5.", "behind the point"),
        ("1e", "behind the e"),
        ("+1", "begins with a plus"),
        ("1e999", "too large"),
        ("99999999999999999999", "64 bits"),
        ("\"a", "does not end"),
        ("\"a\nb\"", "does not end on its line"),
        ("\"\\x\"", "no such escape"),
        ("\"\\ud83d\"", "no such escape"),
        ("\"\\u12g4\"", "no such escape"),
        ("/* a", "comment does not end"),
        ("# a\n1", "begins no comment"),
        ("1 2", "ended before this"),
        (
            "{\"a\": 1,\n\"a\": 2}",
            "`a` is there twice: first on line 1",
        ),
        ("\u{1}", "begins no value"),
    ] {
        let message = parsed(text).unwrap_err();
        assert!(message.contains(want), "{text}: {message}");
    }
    assert!(
        parsed(&"[".repeat(70))
            .unwrap_err()
            .contains("deeper than 64")
    );
}
