//! Whatever a file says, it is read or refused: no panic, no endless time, and the same again for the same bytes.

use std::path::Path;

use proptest::prelude::*;
use tribunal_nodes::{NodesFile, Places};
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

fn look(text: &str) -> Option<NodesFile> {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let once = NodesFile::parse(text, Path::new("x.yaml"), &lookups);
    let again = NodesFile::parse(text, Path::new("x.yaml"), &lookups);
    match (once, again) {
        (Ok(once), Ok(again)) => {
            assert_eq!(once, again);
            Some(once)
        }
        (Err(once), Err(again)) => {
            assert_eq!(once.to_string(), again.to_string());
            let lines = text.lines().count().max(1);
            for (_, line, column) in once.places().flatten() {
                assert!((1..=lines + 1).contains(&line) && column >= 1, "{once}");
            }
            None
        }
        _ => panic!("read once, refused once"),
    }
}

/// The shipped files, to be changed.
fn shipped() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nodes");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("it is there")
        .map(|file| file.expect("it can be listed").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read_to_string(file).expect("it is there"))
        .collect()
}

/// Pieces of which real files are made.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "\n",
        "\n  ",
        "\n    - ",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "'",
        "\"",
        "\\",
        "$",
        "${",
        "$(",
        "&a ",
        "*a",
        "<<: *a",
        "|",
        ">",
        "> \n",
        "model",
        "num_nodes",
        "npu_per_node",
        "deployment",
        "server_cmd",
        "env_common",
        "config",
        "templates",
        "routing",
        "test_cases",
        "headless",
        "--headless",
        "--port",
        "$SERVER_PORT",
        "true",
        "0",
        "2",
        "-1",
        "99999999999",
        "1e9",
        "é",
        "\u{1F600}",
        "\t",
        "#",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..50)
        .prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text(text in ".{0,200}") {
        look(&text);
    }

    #[test]
    fn pieces_in_any_order(text in pieces()) {
        look(&text);
    }

    /// A file that is right but for one place: most of the reader is reached.
    #[test]
    fn a_shipped_file_with_a_piece_elsewhere(
        which in 0usize..4, at in any::<prop::sample::Index>(), cut in 0usize..40, piece in pieces(),
    ) {
        let files = shipped();
        let text = &files[which % files.len()];
        let mut start = at.index(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = (start + cut).min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let piece: String = piece.chars().take(12).collect();
        look(&format!("{}{piece}{}", &text[..start], &text[end..]));
    }

    /// Whatever words a command has, quoted as a shell wants it: they come out as they went in.
    #[test]
    fn words_survive_quotes(words in prop::collection::vec("[ -~]{0,12}", 1..6)) {
        let quoted: Vec<String> = words
            .iter()
            // JSON is looked into, and variables are put in within quotes too.
            .map(|word| word.replace(['{', '$', '='], "x"))
            .map(|word| format!("'{}'", word.replace('\'', "'\\''")))
            .collect();
        let line = format!("serve --port 1 {}", quoted.join(" "));
        let yaml = serde_json::Value::from(line).to_string();
        let text = format!("model: m\nnum_nodes: 1\nnpu_per_node: 1\ndeployment: [{{server_cmd: {yaml}}}]\n");
        let file = look(&text);
        prop_assert!(file.is_some(), "{}", text);
        let command = file.unwrap().layouts[0].command(0, 0, &Places::default()).unwrap();
        let want: Vec<String> = words.iter().map(|word| word.replace(['{', '$', '='], "x")).collect();
        prop_assert_eq!(&command[3..], &want[..]);
    }
}

#[test]
fn doubling_variables_end() {
    let mut text =
        "model: m\nnum_nodes: 1\nnpu_per_node: 1\nenv_common:\n  V0: aaaaaaaaaaaaaaaa\n".to_owned();
    for n in 1..64 {
        text.push_str(&format!("  V{n}: $V{}$V{}\n", n - 1, n - 1));
    }
    text.push_str("deployment: [{server_cmd: serve $V63}]\n");
    assert!(look(&text).is_none());
}

#[test]
fn empty_files_and_other_roots_are_refused() {
    for text in [
        "",
        "\n",
        "[]",
        "5",
        "{}",
        "a: 1\n---\nb: 2\n",
        "test_cases: {}\n",
        "config: 1\n",
    ] {
        assert!(look(text).is_none(), "{text}");
    }
}
