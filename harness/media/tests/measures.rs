//! Levels, silences, seams, resampling, the spectrum, on sounds whose answer is known.

use tribunal_media::synthetic::{Sound, Wave};
use tribunal_media::{Audio, Levels, Silences, clicks, decode_wav, repeats};

fn tone(hz: f64, rate: u32, amplitude: f64, seconds: f64) -> Vec<f32> {
    let n = (seconds * f64::from(rate)).round() as usize;
    (0..n)
        .map(|i| {
            (amplitude * (std::f64::consts::TAU * hz * i as f64 / f64::from(rate)).sin()) as f32
        })
        .collect()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

#[test]
fn levels_are_those_of_the_textbook() {
    let audio = Audio::mono(
        8000,
        tone(100.0, 8000, 0.5, 1.0)
            .iter()
            .map(|s| s + 0.1)
            .collect(),
    )
    .expect("audio");
    let levels = Levels::of(&audio);
    assert_eq!(
        (levels.seconds, levels.not_finite, levels.clipped),
        (1.0, 0, Some(0.0))
    );
    assert!(close(levels.peak.expect("a peak"), 0.6, 1e-6), "{levels:?}");
    assert!(
        close(levels.dc.expect("an offset"), 0.1, 1e-6),
        "{levels:?}"
    );
    assert!(
        close(
            levels.rms.expect("a level"),
            (0.125_f64 + 0.01).sqrt(),
            1e-6
        ),
        "{levels:?}"
    );
    let loud = Levels::of(&Audio::mono(8000, vec![1.0, -1.0, 0.5, 0.0]).expect("audio"));
    assert_eq!(loud.clipped, Some(0.5));
}

#[test]
fn samples_that_are_no_numbers_are_counted_and_spoil_nothing() {
    let levels =
        Levels::of(&Audio::mono(8000, vec![f32::NAN, 0.5, f32::INFINITY, -0.5]).expect("audio"));
    assert_eq!(
        (levels.not_finite, levels.peak, levels.dc),
        (2, Some(0.5), Some(0.0))
    );
    let nothing = Levels::of(&Audio::mono(8000, vec![f32::NAN]).expect("audio"));
    assert_eq!(
        (nothing.peak, nothing.rms, nothing.rms_dbfs()),
        (None, None, None)
    );
    let silent = Levels::of(&Audio::mono(8000, vec![0.0; 10]).expect("audio"));
    assert_eq!((silent.rms, silent.rms_dbfs()), (Some(0.0), None));
}

#[test]
fn silences_are_found_where_they_are() {
    let tone = Wave::Tone { hz: 300.0 };
    let sound = Sound::new(16_000, 1)
        .part(Wave::Silence, 0.2)
        .part(tone, 0.5)
        .part(Wave::Silence, 0.8)
        .part(tone, 0.5)
        .part(Wave::Silence, 0.3);
    let silences = Silences::of(&sound.audio().expect("a sound"), Silences::THRESHOLD);
    assert!(close(silences.leading(), 0.2, 0.011), "{silences:?}");
    assert!(close(silences.trailing(), 0.3, 0.011), "{silences:?}");
    let inner = silences.longest_inner().expect("a pause");
    assert!(
        close(inner.start, 0.7, 0.011) && close(inner.seconds(), 0.8, 0.021),
        "{silences:?}"
    );
    assert!(close(silences.share().expect("a share"), 1.3 / 2.3, 0.03));
    let nothing = Silences::of(
        &Audio::mono(8000, vec![0.0; 4000]).expect("audio"),
        Silences::THRESHOLD,
    );
    assert_eq!(
        (
            nothing.leading(),
            nothing.trailing(),
            nothing.longest_inner()
        ),
        (0.5, 0.5, None)
    );
    let empty = Silences::of(
        &Audio::mono(8000, vec![]).expect("audio"),
        Silences::THRESHOLD,
    );
    assert_eq!((empty.share(), empty.longest_inner()), (None, None));
}

#[test]
fn a_chunk_that_was_sent_twice_is_found_and_others_are_not() {
    let chirp = Sound::new(24_000, 3)
        .part(
            Wave::Chirp {
                from_hz: 120.0,
                to_hz: 900.0,
            },
            1.0,
        )
        .audio()
        .expect("one");
    let chunk = |i: usize| chirp.samples()[i * 4800..(i + 1) * 4800].to_vec();
    let order = |order: &[usize]| {
        let samples = order.iter().flat_map(|i| chunk(*i)).collect();
        repeats(
            &Audio::mono(24_000, samples).expect("audio"),
            &[4800, 9600, 14_400],
            0.98,
        )
        .expect("seams fit")
    };
    assert_eq!(order(&[0, 1, 2, 3]), []);
    let found = order(&[0, 1, 1, 3]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].chunk == 2 && found[0].exact && found[0].correlation > 0.999,
        "{found:?}"
    );
    let silence = Audio::mono(24_000, vec![0.0; 9600]).expect("audio");
    assert_eq!(repeats(&silence, &[4800], 0.98).expect("seams fit"), []);
    for seams in [&[0][..], &[9600], &[10, 5], &[5, 5]] {
        assert!(repeats(&silence, seams, 0.98).is_err(), "{seams:?}");
    }
}

#[test]
fn a_jump_at_a_seam_is_a_click_and_a_clean_seam_is_not() {
    for seed in 0..8 {
        let voice = Wave::Voice {
            hz: 110.0 + 20.0 * seed as f64,
            harmonicity: Some(20.0),
        };
        let clean = Sound::new(24_000, seed)
            .part(voice, 1.0)
            .audio()
            .expect("a sound");
        let seams = [4800, 9600, 14_400];
        assert_eq!(
            clicks(&clean, &seams, 8.0).expect("seams fit"),
            [],
            "seed {seed}"
        );
        let mut broken = clean.samples().to_vec();
        broken[9600..]
            .iter_mut()
            .for_each(|s| *s = (*s + 0.4).min(1.0));
        let broken = Audio::mono(24_000, broken).expect("audio");
        let found = clicks(&broken, &seams, 8.0).expect("seams fit");
        assert_eq!(
            found.iter().map(|c| c.frame).collect::<Vec<_>>(),
            [9600],
            "seed {seed}"
        );
    }
}

#[cfg(feature = "pitch")]
#[test]
fn registers_have_a_band_that_says_nothing() {
    use tribunal_media::Register;
    assert_eq!(Register::of(120.0), Register::Low);
    assert_eq!(Register::of(165.0), Register::Between);
    assert_eq!(Register::of(210.0), Register::High);
    assert!(close(tribunal_media::semitones(220.0, 110.0), 12.0, 1e-12));
}

#[cfg(feature = "resample")]
#[test]
fn resampling_keeps_what_fits_and_drops_what_does_not() {
    use tribunal_media::resample;
    let at = |hz: f64| {
        let audio = Audio::mono(24_000, tone(hz, 24_000, 0.5, 1.0)).expect("audio");
        let out = resample(&audio, 16_000).expect("resampled");
        assert_eq!((out.rate(), out.frames()), (16_000, 16_000), "{hz} Hz");
        // Away from the ends, where the tone begins and stops at once.
        Levels::of(&out.between(0.1, 0.9))
            .rms_dbfs()
            .unwrap_or(-200.0)
            - 20.0 * (0.5_f64 / 2.0_f64.sqrt()).log10()
    };
    assert!(
        at(1000.0).abs() < 0.01 && at(7000.0).abs() < 0.05,
        "{} {}",
        at(1000.0),
        at(7000.0)
    );
    assert!(at(9000.0) < -100.0, "{}", at(9000.0));
    let stereo = Audio::new(
        44_100,
        2,
        tone(500.0, 44_100, 0.3, 0.5)
            .iter()
            .flat_map(|s| [*s, -*s])
            .collect(),
    );
    let out = resample(&stereo.expect("audio"), 48_000).expect("resampled");
    assert_eq!((out.channels(), out.frames()), (2, 24_000));
    assert!(
        out.samples()
            .chunks(2)
            .all(|f| close(f64::from(f[0]), -f64::from(f[1]), 1e-6))
    );
    let bad = Audio::mono(24_000, vec![f32::NAN; 100]).expect("audio");
    assert!(
        resample(&bad, 16_000)
            .expect_err("refused")
            .to_string()
            .contains("sample 0 is NaN")
    );
    assert!(resample(&bad, 0).is_err());
}

#[cfg(feature = "pitch")]
#[test]
fn the_roll_off_tells_a_declared_rate_from_a_real_one() {
    use tribunal_media::roll_off;
    let noise = Sound::new(24_000, 5)
        .part(Wave::Noise, 1.0)
        .audio()
        .expect("a sound");
    assert!(roll_off(&noise, 0.99).expect("finite").expect("energy") > 11_000.0);
    let low = Audio::mono(24_000, tone(1000.0, 24_000, 0.5, 1.0)).expect("audio");
    assert!(close(
        roll_off(&low, 0.99).expect("finite").expect("energy"),
        1000.0,
        40.0
    ));
    let silent = Audio::mono(24_000, vec![0.0; 5000]).expect("audio");
    assert_eq!(roll_off(&silent, 0.99).expect("finite"), None);
}

#[cfg(feature = "pitch")]
#[test]
fn too_little_audio_and_nonsense_are_errors_and_silence_is_unknown() {
    use tribunal_media::{Harmonicity, HarmonicityOptions, Pitch, PitchOptions};
    let of = |samples: Vec<f32>| {
        Pitch::of(
            &Audio::mono(16_000, samples).expect("audio"),
            &PitchOptions::default(),
        )
    };
    assert!(
        of(vec![0.1; 100])
            .expect_err("short")
            .to_string()
            .contains("needs 0.040 s")
    );
    assert!(of(vec![]).is_err());
    assert!(
        of(vec![f32::NAN; 16_000])
            .expect_err("NaN")
            .to_string()
            .contains("must be finite")
    );
    let silence = of(vec![0.0; 16_000]).expect("measured");
    assert_eq!(
        (silence.voiced(), silence.quantile(0.5), silence.voice()),
        (0.0, None, None)
    );
    let still = Audio::mono(16_000, vec![0.25; 16_000]).expect("audio");
    assert_eq!(
        Harmonicity::of(&still, &HarmonicityOptions::default())
            .expect("measured")
            .mean(),
        None
    );
    let odd = PitchOptions {
        floor: 0.0,
        ..PitchOptions::default()
    };
    assert!(Pitch::of(&still, &odd).is_err());
    let odd = PitchOptions {
        step: Some(f64::NAN),
        ..PitchOptions::default()
    };
    assert!(Pitch::of(&still, &odd).is_err());
}

#[test]
fn a_sound_is_what_its_recipe_says_or_an_error_that_says_why() {
    let stereo = Sound::new(8000, 1)
        .channels(2)
        .part(Wave::Tone { hz: 500.0 }, 0.25);
    let audio = stereo.audio().expect("a sound");
    assert_eq!((audio.channels(), audio.frames()), (2, 2000));
    assert_eq!(audio.channel(0), audio.channel(1));
    assert!(close(Levels::of(&audio).peak.expect("a peak"), 0.35, 0.001));
    let decoded = decode_wav(stereo.wav().expect("a file").bytes())
        .expect("read")
        .audio;
    let worst = decoded
        .samples()
        .iter()
        .zip(audio.samples())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst <= 0.5 / 32768.0 + 1e-7, "{worst}");
    let error = |sound: Sound| sound.audio().expect_err("refused").to_string();
    assert!(
        error(Sound::new(8000, 1).part(Wave::Tone { hz: 5000.0 }, 1.0))
            .contains("between 0 and 4000")
    );
    assert!(error(Sound::new(8000, 1).part(Wave::Noise, f64::INFINITY)).contains("inf seconds"));
    assert!(error(Sound::new(8000, 1).part(Wave::Noise, 1e9)).contains("more than"));
    assert!(error(Sound::new(0, 1)).contains("0 Hz"));
}

#[test]
fn files_are_whole_used_again_and_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let wav = Sound::new(8000, 9)
        .part(Wave::Noise, 0.1)
        .wav()
        .expect("a file");
    let path = wav.file(&folder.path().join("deeper")).expect("written");
    assert_eq!(std::fs::read(&path).expect("there"), wav.bytes());
    let before = std::fs::metadata(&path)
        .expect("there")
        .modified()
        .expect("a time");
    assert_eq!(
        wav.file(&folder.path().join("deeper")).expect("there"),
        path
    );
    assert_eq!(
        std::fs::metadata(&path)
            .expect("there")
            .modified()
            .expect("a time"),
        before
    );
    std::fs::write(&path, b"half a fi").expect("damaged");
    wav.file(&folder.path().join("deeper")).expect("mended");
    assert_eq!(std::fs::read(&path).expect("there"), wav.bytes());
    assert_eq!(
        std::fs::read_dir(path.parent().expect("one"))
            .expect("there")
            .count(),
        1,
        "nothing is left aside"
    );
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, b"").expect("a file");
    assert!(
        wav.file(&blocked)
            .expect_err("no folder")
            .to_string()
            .contains("could not be made")
    );
    assert!(wav.data_url().starts_with("data:audio/wav;base64,UklGR"));
}
