//! What is in video files, as FFmpeg finds it by decoding (`fixtures/golden/make_media_files.py` made files and values), and videos by recipe.

use proptest::prelude::*;
use serde_json::Value;
use tribunal_media::{MediaErrorKind, Movie};

fn golden() -> Vec<(Value, Vec<u8>)> {
    let file: Value =
        serde_json::from_str(include_str!("../../../fixtures/golden/media_files.json"))
            .expect("golden");
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/media");
    let videos = file["videos"].as_array().expect("videos").clone();
    videos
        .into_iter()
        .map(|v| {
            let bytes =
                std::fs::read(folder.join(v["file"].as_str().expect("a name"))).expect("a file");
            (v, bytes)
        })
        .collect()
}

#[test]
fn frames_sizes_and_rates_are_those_that_ffmpeg_finds() {
    for (entry, bytes) in golden() {
        let movie = Movie::read(&bytes).unwrap_or_else(|e| panic!("{}: {e}", entry["file"]));
        let video = movie.video().expect("a video track");
        let name = &entry["file"];
        assert_eq!(
            entry["frames"],
            video.frames.expect("frames"),
            "{name}: {video:?}"
        );
        let (width, height) = video.size.expect("a size");
        assert_eq!(entry["size"], serde_json::json!([width, height]), "{name}");
        let (ours, theirs) = (
            video.rate.expect("a rate"),
            entry["rate"].as_f64().expect("a rate"),
        );
        assert!(
            (ours - theirs).abs() < 0.1,
            "{name}: {ours} frames per second, FFmpeg has {theirs}"
        );
        let seconds = video.seconds.expect("a length");
        let expected = entry["frames"].as_f64().expect("frames") / theirs;
        assert!(
            (seconds - expected).abs() < 0.1,
            "{name}: {seconds} s instead of {expected}"
        );
        assert_eq!(movie.findings, Vec::<String>::new(), "{name}");
        match movie.audio() {
            Some(audio) => {
                let (rate, channels) = (
                    audio.rate.expect("a rate"),
                    audio.channels.expect("channels"),
                );
                assert_eq!(entry["audio"][1], channels, "{name}");
                // Opus is decoded at 48 kHz whatever was encoded; the container says what was.
                if audio.codec != "A_OPUS" {
                    assert_eq!(entry["audio"][0], rate as u64, "{name}");
                }
            }
            None => assert!(entry["audio"].is_null(), "{name}"),
        }
    }
}

#[test]
fn a_file_that_is_cut_off_says_so_or_is_refused() {
    for (entry, bytes) in golden() {
        for share in [2, 3, 5] {
            let cut = &bytes[..bytes.len() - bytes.len() / share];
            match Movie::read(cut) {
                Ok(movie) => assert!(
                    !movie.findings.is_empty()
                        || movie
                            .video()
                            .is_some_and(|v| v.frames < entry["frames"].as_u64()),
                    "{}: nothing is missed of {} bytes",
                    entry["file"],
                    cut.len()
                ),
                Err(e) => assert_eq!(
                    e.kind(),
                    MediaErrorKind::Malformed,
                    "{}: {e}",
                    entry["file"]
                ),
            }
        }
    }
    assert_eq!(
        Movie::read(b"").expect_err("empty").kind(),
        MediaErrorKind::Empty
    );
    assert!(
        Movie::read(b"RIFF1234AVI LIST")
            .expect_err("AVI")
            .to_string()
            .contains("read are MP4 and WebM")
    );
}

#[test]
fn sizes_that_a_file_declares_are_not_believed() {
    // A table of four thousand million samples in twelve bytes.
    for (entry, bytes) in golden()
        .into_iter()
        .filter(|(e, _)| e["file"].as_str().is_some_and(|f| f.ends_with("mp4")))
    {
        let Some(at) = bytes.windows(4).position(|w| w == b"stsz") else {
            panic!("{}", entry["file"])
        };
        let mut bytes = bytes.clone();
        bytes[at + 12..at + 16].copy_from_slice(&u32::MAX.to_be_bytes());
        if let Ok(movie) = Movie::read(&bytes) {
            let samples = movie.video().map_or(0, |v| v.samples);
            assert!(
                samples <= bytes.len() as u64,
                "{}: {samples} samples",
                entry["file"]
            );
        }
    }
}

proptest! {
    #[test]
    fn no_damage_makes_the_reader_panic(
        which in 0_usize..16,
        damage in proptest::collection::vec((0_usize..6000, any::<u8>()), 0..20),
    ) {
        let files = golden();
        let mut bytes = files[which % files.len()].1.clone();
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let _ = Movie::read(&bytes);
        if let Ok(frames) = Movie::jpeg_frames(&bytes) {
            prop_assert!(frames.len() <= bytes.len());
        }
    }
}

#[cfg(feature = "images")]
mod made {
    use super::*;
    use tribunal_media::Container;
    use tribunal_media::synthetic::{Colour, Film, Shape, Sound, Wave};

    #[test]
    fn a_film_is_what_its_recipe_says() {
        let film = Film::new(96, 64, 25, 20, 3)
            .with(2, Colour::Red, Shape::Circle)
            .with(1, Colour::White, Shape::Square);
        let bytes = film.mp4().expect("a file");
        let movie = Movie::read(bytes.bytes()).expect("read");
        assert_eq!((movie.container, movie.tracks.len()), (Container::Mp4, 1));
        let video = movie.video().expect("a track");
        assert_eq!(
            (video.frames, video.size, video.codec.as_str()),
            (Some(25), Some((96, 64)), "mp4v")
        );
        assert_eq!((video.rate, video.seconds), (Some(20.0), Some(1.25)));
        assert_eq!(film.mp4().expect("a file"), bytes);
        let sound = Sound::new(16_000, 1)
            .part(Wave::Tone { hz: 440.0 }, 1.25)
            .channels(2);
        let with = film
            .sound(sound.audio().expect("a sound"))
            .mp4()
            .expect("a file");
        let movie = Movie::read(with.bytes()).expect("read");
        let audio = movie.audio().expect("a track");
        assert_eq!(
            (audio.rate, audio.channels, audio.seconds),
            (Some(16_000.0), Some(2), Some(1.25))
        );
        // FFmpeg n9 decodes these bytes to 25 frames of mjpeg at 20 per second and 1.25 s of pcm_s16le, stereo, 16 kHz.
        use sha2::{Digest as _, Sha256};
        let digest = Sha256::digest(with.bytes());
        let digest: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        assert_eq!(digest, "11656c3f67ce9d49");
    }

    #[test]
    fn the_frames_of_a_film_can_be_looked_at() {
        let film = Film::new(96, 64, 25, 20, 3).with(2, Colour::Red, Shape::Circle);
        let sound = Sound::new(16_000, 1).part(Wave::Noise, 1.0);
        let bytes = film
            .clone()
            .sound(sound.audio().expect("a sound"))
            .mp4()
            .expect("a file");
        assert_eq!(Movie::jpeg_frames(bytes.bytes()).expect("frames").len(), 25);
        let pictures = Movie::pictures(bytes.bytes(), 3).expect("pictures");
        assert_eq!(pictures.len(), 3);
        for (picture, index) in pictures.iter().zip([0, 12, 24]) {
            let frame = film.frame(index).expect("a frame");
            let off = tribunal_media::PixelDistance::between(picture, &frame).expect("one size");
            assert!(off.mean < 4.0, "frame {index}: {off:?}");
        }
        assert_eq!(Movie::pictures(bytes.bytes(), 0).expect("none").len(), 0);
        assert_eq!(Movie::pictures(bytes.bytes(), 99).expect("all").len(), 25);
        let cut = &bytes.bytes()[..bytes.bytes().len() / 4];
        let error = Movie::jpeg_frames(cut).expect_err("cut off").to_string();
        assert!(error.contains("cut off: frame"), "{error}");
    }

    #[test]
    fn frames_that_are_no_pictures_are_refused_by_their_codec() {
        for (entry, bytes) in golden() {
            let name = entry["file"].as_str().expect("a name");
            let frames = Movie::jpeg_frames(&bytes);
            if name == "mjpeg.mp4" {
                assert_eq!(entry["frames"], frames.expect("FFmpeg's motion JPEG").len());
                let pictures = Movie::pictures(&bytes, 2).expect("pictures");
                assert_eq!((pictures[1].width(), pictures[1].height()), (64, 48));
                continue;
            }
            let error = frames.expect_err(name);
            assert_eq!(error.kind(), MediaErrorKind::Unsupported, "{name}: {error}");
            assert!(
                error.to_string().contains("motion JPEG") || name == "fragments.mp4",
                "{error}"
            );
        }
    }

    #[test]
    fn every_frame_shows_every_shape_and_they_move() {
        let film = Film::new(80, 90, 40, 30, 8).with(3, Colour::Yellow, Shape::Square);
        let frames: Vec<_> = (0..40).map(|i| film.frame(i).expect("a frame")).collect();
        let yellow = |p: &tribunal_media::Picture| {
            p.rgb()
                .chunks(3)
                .filter(|c| *c == Colour::Yellow.rgb())
                .count()
        };
        let whole = yellow(&frames[0]);
        assert_eq!(whole, 3 * 22 * 22);
        assert!(
            frames.iter().all(|f| yellow(f) == whole),
            "a shape leaves the picture"
        );
        assert!(
            frames.windows(2).all(|w| w[0] != w[1]),
            "the picture stands still"
        );
    }

    #[test]
    fn what_cannot_be_filmed_is_refused() {
        let refused = |film: Film| film.mp4().expect_err("refused").to_string();
        assert!(refused(Film::new(64, 64, 0, 24, 1)).contains("0 frames"));
        assert!(refused(Film::new(64, 64, 5, 0, 1)).contains("0 per second"));
        assert!(
            refused(Film::new(64, 20, 5, 24, 1).with(3, Colour::Red, Shape::Circle))
                .contains("do not fit")
        );
        assert!(refused(Film::new(100_000, 64, 5, 24, 1)).contains("do not fit"));
    }
}
