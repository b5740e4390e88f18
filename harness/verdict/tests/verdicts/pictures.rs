//! Pictures and videos, made by recipe and broken in one place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tribunal_client::Judged;
use tribunal_media::synthetic::{Colour, Film, Scene, Shape, Sound, Wave};
use tribunal_verdict::{Ending, Expect as _, Expectations, FrameRule, Verdict};

use crate::literal::{Literal, half, json, judge, raw};

fn expect() -> Expectations {
    Expectations::default()
}

fn png(seed: u64) -> Vec<u8> {
    Scene::new(64, 48, seed)
        .with(2, Colour::Red, Shape::Circle)
        .png()
        .expect("a picture")
        .into_bytes()
}

fn white() -> Vec<u8> {
    let picture = tribunal_media::Picture::new(64, 48, vec![255; 64 * 48 * 3]).expect("a picture");
    tribunal_media::synthetic::png(&picture)
        .expect("a file")
        .into_bytes()
}

fn painted(pictures: &[Vec<u8>], request: Value, expect: Expectations) -> Verdict {
    let data: Vec<Value> = pictures
        .iter()
        .map(|bytes| json!({ "b64_json": STANDARD.encode(bytes) }))
        .collect();
    let answer = json(request, json!({ "created": 1, "data": data }), expect)
        .images()
        .expect("pictures");
    judge(Judged::Images(&answer))
}

fn asked() -> Value {
    json!({ "prompt": "p", "size": "64x48", "output_format": "png" })
}

fn film() -> Vec<u8> {
    let sound = Sound::new(8000, 1)
        .part(Wave::Tone { hz: 440.0 }, 1.0)
        .audio()
        .expect("a tone");
    Film::new(96, 72, 9, 9, 7)
        .with(1, Colour::Yellow, Shape::Triangle)
        .sound(sound)
        .mp4()
        .expect("a film")
        .into_bytes()
}

fn silent_film() -> Vec<u8> {
    Film::new(96, 72, 9, 9, 7)
        .with(1, Colour::Yellow, Shape::Triangle)
        .mp4()
        .expect("a film")
        .into_bytes()
}

fn shown(bytes: Vec<u8>, content_type: &str, request: Value, expect: Expectations) -> Verdict {
    let answer = raw(request, content_type, bytes, expect)
        .video()
        .expect("a video");
    judge(Judged::Video(&answer))
}

fn shot(request: Value, expect: Expectations) -> Verdict {
    shown(film(), "video/mp4", request, expect)
}

pub fn literals() -> Vec<Literal> {
    vec![
        (
            "images_present",
            || painted(&[png(1)], asked(), expect()),
            || painted(&[], asked(), expect()),
        ),
        (
            "images_decodable",
            || painted(&[png(1)], asked(), expect()),
            || painted(&[half(png(1))], asked(), expect()),
        ),
        (
            "images_type",
            || painted(&[png(1)], asked(), expect()),
            || painted(&[png(1)], json!({ "output_format": "jpeg" }), expect()),
        ),
        (
            "images_count",
            || painted(&[png(1), png(2)], json!({ "n": 2 }), expect()),
            || painted(&[png(1), png(2)], json!({ "n": 3 }), expect()),
        ),
        (
            "images_count",
            || painted(&[png(1)], asked(), expect()),
            || painted(&[png(1)], asked(), expect().expect_count(2)),
        ),
        (
            "images_size",
            || painted(&[png(1)], asked(), expect()),
            || painted(&[png(1)], json!({ "size": "48x64" }), expect()),
        ),
        (
            "images_size",
            || {
                painted(
                    &[png(1), png(2)],
                    json!({ "n": 2 }),
                    expect().expect_sizes([(64, 48), (64, 48)]),
                )
            },
            || {
                painted(
                    &[png(1), png(2)],
                    json!({ "n": 2 }),
                    expect().expect_sizes([(64, 48), (64, 49)]),
                )
            },
        ),
        (
            "images_blank",
            || painted(&[png(1)], asked(), expect()),
            || painted(&[white()], asked(), expect()),
        ),
        (
            "images_distinct",
            || painted(&[png(1), png(2)], json!({ "n": 2 }), expect()),
            || painted(&[png(1), png(1)], json!({ "n": 2 }), expect()),
        ),
        (
            "images_alike",
            || painted(&[png(1)], asked(), expect().expect_alike(png(1))),
            || painted(&[png(1)], asked(), expect().expect_alike(png(2))),
        ),
        (
            "images_alike",
            || painted(&[png(1)], asked(), expect().expect_alike(png(1))),
            || painted(&[png(1)], asked(), expect().expect_alike(vec![1, 2, 3])),
        ),
        (
            "video_present",
            || shot(json!({}), expect()),
            || shown(half(film()), "video/mp4", json!({}), expect()),
        ),
        (
            "video_type",
            || shot(json!({}), expect()),
            || shown(film(), "video/webm", json!({}), expect()),
        ),
        (
            "video_size",
            || shot(json!({ "size": "96x72" }), expect()),
            || shot(json!({ "width": 96, "height": 96 }), expect()),
        ),
        (
            "video_frames",
            || shot(json!({ "num_frames": 9 }), expect()),
            || shot(json!({ "num_frames": 10 }), expect()),
        ),
        (
            "video_frames",
            || shot(json!({}), expect().expect_frames(11, FrameRule::FourAndOne)),
            || shot(json!({}), expect().expect_frames(12, FrameRule::FourAndOne)),
        ),
        (
            "video_frames",
            || shot(json!({}), expect().expect_frames(8, FrameRule::AtLeast)),
            || shot(json!({}), expect().expect_frames(10, FrameRule::AtLeast)),
        ),
        (
            "video_rate",
            || shot(json!({ "fps": 9.5 }), expect()),
            || shot(json!({ "fps": 10 }), expect()),
        ),
        (
            "video_duration",
            || shot(json!({ "seconds": "1" }), expect()),
            || shot(json!({}), expect().expect_seconds(2.0)),
        ),
        (
            "video_audio",
            || shot(json!({}), expect().expect_audio_track(Some(8000), Some(1))),
            || {
                shown(
                    silent_film(),
                    "video/mp4",
                    json!({}),
                    expect().expect_audio_track(None, None),
                )
            },
        ),
        (
            "video_audio",
            || shot(json!({}), expect().expect_audio_track(None, None)),
            || shot(json!({}), expect().expect_audio_track(Some(44_100), None)),
        ),
    ]
}

#[test]
fn a_picture_that_lies_elsewhere_was_not_looked_at() {
    let answer = json(
        asked(),
        json!({ "data": [{ "url": "http://127.0.0.1:1/a.png" }] }),
        expect(),
    )
    .images()
    .expect("pictures");
    let verdict = judge(Judged::Images(&answer));
    assert_eq!(
        verdict.rule("images_decodable").expect("the rule").ending,
        Ending::NotMade,
        "{verdict}"
    );
}
