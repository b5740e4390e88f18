//! The splitter: cut at every place, and beside another implementation of the same standard.

use futures_util::{FutureExt, StreamExt, stream};
use proptest::prelude::*;

use super::*;

type Owned = (Vec<(String, Vec<u8>)>, usize);

fn split(parts: &[&[u8]]) -> (Owned, Owned) {
    let mut splitter = Splitter::new(1 << 20);
    let mut done: Owned = Default::default();
    fn take(done: &mut Owned, piece: Piece<'_>) {
        match piece {
            Piece::Event(name, data) => {
                let name = String::from_utf8_lossy(name).into_owned();
                done.0.push((name, data.to_vec()));
            }
            Piece::Comment => done.1 += 1,
        }
    }
    for part in parts {
        splitter
            .push(part, |piece| take(&mut done, piece))
            .expect("below the limit");
    }
    let mut rest: Owned = Default::default();
    splitter.finish(|piece| take(&mut rest, piece));
    (done, rest)
}

fn data(parts: &[&[u8]]) -> Vec<String> {
    let ((events, _), _) = split(parts);
    events
        .into_iter()
        .map(|(_, data)| String::from_utf8(data).expect("text"))
        .collect()
}

/// Known ways in which load generators read streams wrongly, each with what is right.
#[test]
fn the_known_mistakes_are_not_made() {
    for (text, expected) in [
        ("data: a\n\ndata: b\n\n", &["a", "b"][..]),
        ("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
        ("data: a\r\rdata: b\r\r", &["a", "b"]),
        ("data:a\n\n", &["a"]),
        ("data:  a \n\n", &[" a "]),
        ("\u{FEFF}data: a\n\n", &["a"]),
        ("data: a\n\n\u{FEFF}data: b\n\n", &["a"]),
        (": ping\n\ndata: a\n\n", &["a"]),
        ("data: a\n: ping\ndata: b\n\n", &["a\nb"]),
        ("data: a\ndata:b\ndata\n\n", &["a\nb\n"]),
        (
            "event: x\nid: 1\nretry: 2\nnonsense: 3\ndata: a\n\nevent: y\n\ndata: b\n\n",
            &["a", "b"],
        ),
        ("data\n\n", &[""]),
        ("\n\n\n", &[]),
    ] {
        assert_eq!(data(&[text.as_bytes()]), expected, "{text:?}");
    }
}

#[test]
fn every_place_to_cut_gives_the_same() {
    let text = "\u{FEFF}: hi\r\ndata: 你好\r\n\r\nevent: e\rdata: grüße\r\rdata: {\"a\":1}\ndata: b\n\ndata: [DONE]";
    let bytes = text.as_bytes();
    let whole = split(&[bytes]);
    assert_eq!(whole.0.0.len(), 3);
    assert_eq!(whole.1.0, [(String::new(), b"[DONE]".to_vec())]);
    for first in 0..=bytes.len() {
        assert_eq!(split(&[&bytes[..first], &bytes[first..]]), whole, "{first}");
        for second in first..=bytes.len() {
            let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert_eq!(split(&parts), whole, "{first} {second}");
        }
    }
    let each: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(split(&each), whole);
}

#[test]
fn a_last_block_without_its_blank_line_is_handed_out_at_the_end() {
    for text in [
        "data: a\n\ndata: [DONE]",
        "data: a\n\ndata: [DONE]\n",
        "data: a\n\ndata: [DONE]\r",
    ] {
        let (done, rest) = split(&[text.as_bytes()]);
        assert_eq!((done.0.len(), rest.0.len()), (1, 1), "{text:?}");
    }
    assert_eq!(split(&[b"data: a\n\nid: 3"]).1, Owned::default());
}

#[test]
fn an_event_that_outgrows_the_limit_is_refused_wherever_it_grows() {
    let push = |splitter: &mut Splitter, bytes: &[u8]| splitter.push(bytes, |_| {});
    let mut one_line = Splitter::new(16);
    assert_eq!(push(&mut one_line, b"data: 0123456789"), Ok(()));
    assert_eq!(push(&mut one_line, b"x"), Err(TooLarge { limit: 16 }));
    let mut lines = Splitter::new(16);
    assert_eq!(push(&mut lines, b"data: 01234567\n"), Ok(()));
    assert_eq!(
        push(&mut lines, b"data: 890\ndata: 1\n"),
        Err(TooLarge { limit: 16 })
    );
    assert_eq!(
        push(&mut Splitter::new(16), &b"data: 012\n\n".repeat(100)),
        Ok(())
    );
}

/// What the streams of the property tests are made of.
const PIECES: [&[u8]; 13] = [
    b"data: ",
    b"data",
    b"event: x",
    b"id: 1",
    b"retry: 3",
    b":",
    b"\n",
    b"\r",
    b"\r\n",
    b"\xEF\xBB\xBF",
    "grüße 日本".as_bytes(),
    b" ",
    b"[DONE]",
];

fn stream_text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0..PIECES.len(), 0..60).prop_map(|all| {
        all.into_iter()
            .flat_map(|piece| PIECES[piece])
            .copied()
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_give_the_same(bytes in stream_text(), cuts in proptest::collection::vec(0usize..400, 0..12)) {
        let whole = split(&[&bytes]);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(&whole, &split(&parts));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
        let cut = cut.min(bytes.len());
        prop_assert_eq!(split(&[&bytes]), split(&[&bytes[..cut], &bytes[cut..]]));
    }

    #[test]
    fn another_implementation_agrees(bytes in stream_text()) {
        let input = stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from(bytes.clone()))]);
        let theirs: Vec<(String, Vec<u8>)> = sse_stream::SseByteStream::new(input)
            .map(|event| event.expect("valid UTF-8"))
            .collect::<Vec<_>>()
            .now_or_never()
            .expect("the input is all there")
            .into_iter()
            .filter_map(|event| Some((event.event.unwrap_or_default(), event.data?.into_bytes())))
            .collect();
        prop_assert_eq!(split(&[&bytes]).0.0, theirs);
    }
}
