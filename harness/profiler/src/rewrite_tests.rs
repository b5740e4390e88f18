//! Markers in sources of all sorts of layout.

use proptest::prelude::*;

use super::*;

fn measured() -> Vec<Marker> {
    vec![
        Marker::Gpus(1),
        Marker::MaxVramGib(21),
        Marker::Timeout(124),
    ]
}

fn at(line: usize) -> Place<'static> {
    Place { line, name: "t" }
}

fn text(source: &str, line: usize) -> String {
    rewrite(source, at(line), &measured()).unwrap().text
}

#[test]
fn what_is_there_is_replaced_and_what_is_not_is_added() {
    let source = "\
mod inner {
    /// What it checks.
    #[tribunal::test] // first
    #[gpu_2] // two are needed?
    #[max_vram_gib(
        9.5, // measured once
    )]
    async fn t(server: &Server) -> TestResult {
        let s = \"#[max_vram_gib(1)]\";
        Ok(())
    }
    #[tribunal::test]
    #[gpu_2]
    fn other() {}
}
";
    let expected = source.replacen("#[gpu_2]", "#[gpu_1]", 1).replace(
        "#[max_vram_gib(\n        9.5, // measured once\n    )]",
        "#[max_vram_gib(21)]\n    #[timeout(\"124s\")]",
    );
    let rewritten = rewrite(source, at(8), &measured()).unwrap();
    assert_eq!(rewritten.text, expected);
    let change = |was: Option<&str>, now: &str| Change {
        was: was.map(Into::into),
        now: Some(now.into()),
    };
    assert_eq!(rewritten.changes[0], change(Some("#[gpu_2]"), "#[gpu_1]"));
    assert_eq!(rewritten.changes[2], change(None, "#[timeout(\"124s\")]"));
    assert_eq!(rewrite(&expected, at(6), &measured()).unwrap().changes, []);
}

#[test]
fn of_a_timeout_only_the_body_changes() {
    let source = "#[tribunal::test]\n#[timeout(Duration::from_secs(5), setup = \"20m\")]\n#[profiled_vram_gib(3)]\n#[cpu]\n#[cards_1]\nfn t() {}\n";
    assert_eq!(
        text(source, 6),
        "#[tribunal::test]\n#[timeout(\"124s\", setup = \"20m\")]\n#[max_vram_gib(21)]\n#[gpu_1]\nfn t() {}\n"
    );
}

#[test]
fn layouts() {
    for (source, expected) in [
        (
            "#[tribunal::test] fn t() {}",
            "#[tribunal::test] #[gpu_1] #[max_vram_gib(21)] #[timeout(\"124s\")] fn t() {}",
        ),
        (
            "#[tribunal::test]\n  pub(crate) async fn t() {}",
            "#[tribunal::test]\n  #[gpu_1]\n  #[max_vram_gib(21)]\n  #[timeout(\"124s\")]\n  pub(crate) async fn t() {}",
        ),
        (
            "#[tribunal::test]\r\nfn t() {}\r\n",
            "#[tribunal::test]\r\n#[gpu_1]\r\n#[max_vram_gib(21)]\r\n#[timeout(\"124s\")]\r\nfn t() {}\r\n",
        ),
        (
            "\u{feff}#[tribunal::test] // ü\nfn t() {}\n",
            "\u{feff}#[tribunal::test] // ü\n#[gpu_1]\n#[max_vram_gib(21)]\n#[timeout(\"124s\")]\nfn t() {}\n",
        ),
    ] {
        assert_eq!(text(source, 1), expected);
    }
}

#[test]
fn the_line_decides_between_functions_of_one_name() {
    let source =
        "mod a {\n#[tribunal::test]\nfn t() {}\n}\nmod b {\n#[tribunal::test]\nfn t() {}\n}\n";
    assert_eq!(
        text(source, 7),
        source.replacen(
            "fn t() {}\n}\nmod b {\n#[tribunal::test]",
            "fn t() {}\n}\nmod b {\n#[tribunal::test]\n#[gpu_1]\n#[max_vram_gib(21)]\n#[timeout(\"124s\")]",
            1
        )
    );
    let mistake = rewrite(source, at(1), &measured()).unwrap_err();
    assert!(
        mistake.to_string().contains("there is one at line 3"),
        "{mistake}"
    );
}

#[test]
fn what_is_no_rust_is_refused_with_its_line() {
    let mistake = rewrite("fn t() {}\nfn (", at(1), &[]).unwrap_err();
    assert!(
        mistake.to_string().starts_with("line 2 is no Rust"),
        "{mistake}"
    );
    for source in ["", "fn other() {}", "mod x; // t"] {
        assert!(rewrite(source, at(1), &[]).is_err(), "{source}");
    }
}

/// Lines that may stand between attributes, with what must not be touched.
const BETWEEN: [&str; 10] = [
    "// #[gpu_4] is history\n",
    "/// `#[timeout(\"1s\")]` is too short: ü\n",
    "#[core_model] /* why */\n",
    "#[slow] /* a long\n  why */\n",
    "\n",
    "   #[cases(a = 1, #[xfail(\"#[gpu_1]\")] b = 2)]\n",
    "#[model(\"a/b\")]\n",
    "#[doc = \"max_vram_gib(3)\"]\n",
    "#[tracing::timeout(3)]\n",
    "#[cfg(feature = \"gpu\")]\n",
];
/// Markers of what is measured, old ones.
const OLD: [&str; 6] = [
    "#[gpu_0]\n",
    "    #[cards_2]\n",
    "#[max_vram_gib(1.5)]\n",
    "#[profiled_vram_gib(7)]\n",
    "#[timeout(30)]\n",
    "#[timeout(\"5m\", teardown = \"2m\")]\n",
];
const AROUND: [&str; 5] = [
    "// before\n",
    "#[tribunal::test]\n#[gpu_8]\n#[timeout(\"9s\")]\nfn other() { let _ = '\"'; }\n",
    "mod m { /* nested { */ }\n",
    "const RAW: &str = r#\"#[gpu_1]\nfn t() {}\"#;\n",
    "\r\n",
];

/// The lines without those that are markers of what is measured.
fn rest(text: &str) -> Vec<&str> {
    text.split_inclusive('\n')
        .filter(|line| {
            ![
                "#[gpu_",
                "#[cards_",
                "#[max_vram_gib",
                "#[profiled_vram_gib",
                "#[timeout",
            ]
            .iter()
            .any(|marker| line.trim_start().starts_with(marker))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_else_stays_byte_for_byte(
        before in proptest::collection::vec(0..AROUND.len(), 0..4),
        lines in proptest::collection::vec((0..2usize, 0..10usize), 0..8),
        after in proptest::collection::vec(0..AROUND.len(), 0..4),
        gpus in 0..5usize, gib in 1..99u64, seconds in 10..999u64,
    ) {
        let around = |which: &[usize]| which.iter().map(|i| AROUND[*i]).collect::<String>();
        let (before, after) = (around(&before), around(&after));
        let mut own = String::from("#[tribunal::test]\n");
        // Each old marker once: twice is no Rust that builds.
        let mut seen = std::collections::BTreeSet::new();
        for (kind, i) in lines {
            match kind {
                0 => own += BETWEEN[i],
                _ if seen.insert((i % OLD.len()) / 2) => own += OLD[i % OLD.len()],
                _ => {}
            }
        }
        own += "fn t() { body(); // #[gpu_1] no more\n}\n";
        let source = format!("{before}{own}{after}");
        let line = before.matches('\n').count() + 1;
        let markers = [Marker::Gpus(gpus), Marker::MaxVramGib(gib), Marker::Timeout(seconds)];

        let once = rewrite(&source, at(line), &markers).unwrap();
        prop_assert!(once.text.starts_with(&before), "{}", once.text);
        prop_assert!(once.text.ends_with(&after), "{}", once.text);
        let now = &once.text[before.len()..once.text.len() - after.len()];
        prop_assert_eq!(rest(now), rest(&own));
        for marker in &markers[..2] {
            let attribute = format!("#[{}]\n", marker.rust());
            prop_assert_eq!(now.matches(&attribute).count(), 1, "{}", now);
        }
        let limit = format!("#[timeout(\"{seconds}s\"");
        prop_assert!(now.contains(&limit), "{}", now);
        let again = rewrite(&once.text, at(line), &markers).unwrap();
        prop_assert_eq!(&again.text, &once.text);
        prop_assert_eq!(again.changes, vec![]);
    }
}
