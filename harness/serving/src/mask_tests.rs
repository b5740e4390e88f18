//! What a masked stream must look like, however it is cut.

use super::*;

/// However the text is cut, the result is the same.
#[track_caller]
fn masked(secrets: &[&str], text: &str) -> String {
    let secrets: Vec<Vec<u8>> = secrets.iter().map(|s| s.as_bytes().to_vec()).collect();
    let whole = run(&secrets, &[text.as_bytes()]);
    for size in [1, 2, 3, 5, 7, 16] {
        let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
        assert_eq!(run(&secrets, &pieces), whole, "in pieces of {size}");
    }
    for cut in 0..text.len() {
        let (a, b) = text.as_bytes().split_at(cut);
        assert_eq!(run(&secrets, &[a, b]), whole, "cut at {cut}");
    }
    whole
}

fn run(secrets: &[Vec<u8>], pieces: &[&[u8]]) -> String {
    let mut masker = Masker::new(secrets.to_vec()).unwrap();
    let mut out: Vec<u8> = pieces.iter().flat_map(|p| masker.feed(p)).collect();
    out.extend(masker.finish());
    String::from_utf8(out).unwrap()
}

#[test]
fn known_values_are_masked_wherever_they_stand() {
    assert_eq!(
        masked(&["hunter2!"], "key=hunter2! again:hunter2!hunter2! hunter2"),
        "key=*** again:****** hunter2"
    );
    // The longest one wins, and what only begins like it stays.
    assert_eq!(
        masked(&["secret", "secret-long"], "secret-long secret-lo secret"),
        "*** ***-lo ***"
    );
    assert_eq!(masked(&["aaaaab"], "aaaaaaab aaaaa"), "aa*** aaaaa");
    // One that lies within another does not cut it into pieces.
    assert_eq!(
        masked(&["abcdef-ghijkl", "def-gh"], "abcdef-ghijkl abcdef-ghi"),
        "*** abc***i"
    );
}

#[test]
fn what_looks_like_a_key_is_masked_and_nothing_else() {
    let hub = format!("hf_{}", "aB3".repeat(9));
    let api = format!("sk-proj-{}", "x_Y-".repeat(9));
    for (text, shown) in [
        (format!("token {hub}, done"), "token ***, done".to_string()),
        (format!("\"{api}\""), "\"***\"".into()),
        (format!("x{hub} {hub}"), format!("x{hub} ***")),
        (
            "Authorization: Bearer abc.def=\n".into(),
            "Authorization: Bearer ***\n".into(),
        ),
        ("bearer of bad news".into(), "bearer of bad news".into()),
        (
            "task-0123456789012345678901234".into(),
            "task-0123456789012345678901234".into(),
        ),
        (
            "hf_hub disk-usage sk-learn hf_".into(),
            "hf_hub disk-usage sk-learn hf_".into(),
        ),
        (
            "Bearer Bearer 1234567 x".into(),
            "Bearer *** 1234567 x".into(),
        ),
    ] {
        assert_eq!(masked(&[], &text), shown);
    }
}

#[test]
fn ordinary_text_is_not_held_back() {
    let mut masker = Masker::new(vec![b"zzzzzzzz".to_vec()]).unwrap();
    assert_eq!(masker.feed(b"loading shard 1"), b"loading shard 1");
    assert_eq!(masker.feed(b" zzz"), b" ");
    assert_eq!(masker.feed(b"z\n"), b"zzzz\n");
    assert_eq!(masker.feed(&[0, 255, b'\n']), [0, 255, b'\n']);
}

#[test]
fn an_endless_key_takes_no_memory_and_leaks_nothing() {
    let mut masker = Masker::new(Vec::new()).unwrap();
    let mut out = masker.feed(b"Bearer ");
    for _ in 0..1_000 {
        out.extend(masker.feed(&[b'k'; 1_000]));
        assert!(masker.held.len() <= LONGEST_KEY + 1_000);
    }
    out.extend(masker.feed(b" end\n"));
    assert_eq!(String::from_utf8(out).unwrap(), "Bearer *** end\n");
}

#[test]
fn secrets_are_known_by_the_names_of_variables_and_options() {
    let args = [
        "--api-key",
        "first-key",
        "--hf-token=second-key",
        "--max-tokens",
        "100000000",
        "--token",
        "-x",
    ];
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    let env = [
        ("OPENAI_API_KEY".into(), Some("third-key".into())),
        ("HF_TOKEN".into(), None),
        ("MODE".into(), Some("a-long-value".into())),
    ];
    let inherited = [
        ("HF_TOKEN", "fourth-key"),
        ("MY_SECRET", "tiny"),
        ("HOME", "/home/somebody"),
    ];
    let inherited = inherited.map(|(n, v)| (OsString::from(n), OsString::from(v)));
    let mut found = known_secrets(inherited.into_iter(), &args, &env);
    found.sort();
    assert_eq!(
        found,
        [
            b"first-key".as_slice(),
            b"fourth-key",
            b"second-key",
            b"third-key"
        ]
    );
}

#[test]
fn what_is_told_at_once_is_masked_as_a_stream_is() {
    let secrets = vec![b"open-sesame".to_vec()];
    let told =
        "/at/open-sesame does not exist; --url=http://me:open-sesame@h/ sk-abcdefghijklmnopqrstuv";
    assert_eq!(
        without(secrets, told),
        "/at/*** does not exist; --url=http://me:***@h/ ***"
    );
    assert_eq!(
        without(Vec::new(), "nothing of the kind"),
        "nothing of the kind"
    );
}
