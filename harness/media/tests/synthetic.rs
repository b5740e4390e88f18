//! What is made by recipe: the same bytes everywhere, whole files however many write them, and words where a program speaks.

#![cfg(all(feature = "images", feature = "pitch"))]

use sha2::{Digest as _, Sha256};
use tribunal_media::synthetic::{
    Colour, Encoded, Film, Scene, Shape, Sound, Speech, SpeechProgram, Wave,
};
use tribunal_media::{MediaErrorKind, Pitch, PitchOptions, decode_wav};

fn digest(media: &Encoded) -> String {
    let digest = Sha256::digest(media.bytes());
    digest.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

fn media() -> Vec<(&'static str, Encoded)> {
    let sound = Sound::new(24_000, 7)
        .part(Wave::Silence, 0.1)
        .part(
            Wave::Chirp {
                from_hz: 200.0,
                to_hz: 900.0,
            },
            0.3,
        )
        .part(Wave::Noise, 0.1)
        .part(
            Wave::Voice {
                hz: 120.0,
                harmonicity: Some(20.0),
            },
            0.5,
        );
    let scene = Scene::new(256, 192, 7)
        .with(3, Colour::Red, Shape::Circle)
        .with(1, Colour::Blue, Shape::Cross);
    vec![
        ("sound", sound.wav().expect("a sound")),
        ("drawn", Scene::new(128, 128, 11).png().expect("a picture")),
        ("png", scene.png().expect("a picture")),
        ("jpeg", scene.jpeg(85).expect("a picture")),
        ("film", Film::new(96, 64, 10, 24, 5).mp4().expect("a film")),
    ]
}

#[test]
fn the_same_recipe_gives_the_same_bytes_everywhere() {
    let found: Vec<(&str, String)> = media().iter().map(|(n, m)| (*n, digest(m))).collect();
    let expected = [
        ("sound", "47c780b3cafe63d2"),
        ("drawn", "b667f5f9f2ac9f6b"),
        ("png", "010576990af939ca"),
        ("jpeg", "4c1675c88ea143e0"),
        ("film", "29ecd3633564278c"),
    ];
    let expected: Vec<(&str, String)> = expected
        .iter()
        .map(|(n, d)| (*n, (*d).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn many_writers_of_one_file_leave_one_whole_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let wav = Sound::new(48_000, 3)
        .part(Wave::Noise, 2.0)
        .wav()
        .expect("a sound");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let path = wav.file(folder.path()).expect("written");
                    // Whole whenever it is there: nobody ever reads half of it.
                    assert!(std::fs::read(path).expect("there") == wav.bytes());
                }
            });
        }
    });
    assert_eq!(std::fs::read_dir(folder.path()).expect("there").count(), 1);
}

#[test]
fn words_are_spoken_where_a_program_is_and_asked_for_where_none_is() {
    for program in [SpeechProgram::Flite, SpeechProgram::EspeakNg] {
        let Some(speech) = Speech::of(program) else {
            println!("not made: {} is not installed", program.name());
            continue;
        };
        // A text that looks like an option is said like any other.
        let said = speech
            .say("-w hello there, how are you", None)
            .expect("speech");
        let audio = decode_wav(said.bytes()).expect("WAV").audio;
        assert!(
            (0.5..20.0).contains(&audio.seconds()),
            "{}",
            audio.seconds()
        );
        let pitch = Pitch::of(&audio, &PitchOptions::default()).expect("a pitch");
        assert!(pitch.voice().is_some_and(|hz| (70.0..300.0).contains(&hz)));

        let refused = |text: &str, voice| speech.say(text, voice).expect_err("refused");
        assert_eq!(refused(" ", None).kind(), MediaErrorKind::Argument);
        assert_eq!(
            refused("hello", Some("-x")).kind(),
            MediaErrorKind::Argument
        );
        assert_eq!(
            refused("hello", Some("/tmp/voice")).kind(),
            MediaErrorKind::Argument
        );
        let error = refused("hello", Some("nobody")).to_string();
        assert!(error.contains("voice"), "{error}");
    }
    if let Err(error) = Speech::installed() {
        assert_eq!(error.kind(), MediaErrorKind::Unsupported);
        assert!(error.to_string().contains("install"), "{error}");
    }
}
