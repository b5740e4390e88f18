//! The figures of vLLM-Omni, with the values that its definitions give.

use tribunal_media::vllm_omni;

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
fn the_compatible_harmonicity_and_pitch_have_the_values_of_that_system() {
    let quantised = |hz: f64, rate: u32| -> Vec<i16> {
        let n = (0.5 * f64::from(rate)) as usize;
        let at = |i: usize| 0.35 * (std::f64::consts::TAU * hz * i as f64 / f64::from(rate)).sin();
        (0..n).map(|i| (at(i) * 32767.0).round() as i16).collect()
    };
    for (hz, expected) in [(100.0, 3.0103), (220.0, 7.4690)] {
        let value = vllm_omni::harmonicity(&quantised(hz, 24_000), 24_000).expect("loud enough");
        assert!(
            close(value, expected, 1e-4),
            "{hz} Hz: {value} instead of {expected}"
        );
    }
    assert_eq!(vllm_omni::harmonicity(&[0; 24_000], 24_000), None);
    assert_eq!(vllm_omni::harmonicity(&[1000; 10], 24_000), None);
    for (hz, expected) in [(110.0, 111.888), (220.0, 222.222)] {
        let value = vllm_omni::pitch(&tone(hz, 16_000, 0.35, 0.5)).expect("a pitch");
        assert!(
            close(value, expected, 1e-3),
            "{hz} Hz: {value} instead of {expected}"
        );
    }
    let saw: Vec<f32> = (0..8000)
        .map(|i| {
            let harmonic = |k: u32| {
                (std::f64::consts::TAU * 150.0 * f64::from(k) * f64::from(i) / 16_000.0).sin()
            };
            (1..=7)
                .map(|k| 0.2 * harmonic(k) / f64::from(k))
                .sum::<f64>() as f32
        })
        .collect();
    assert!(close(
        vllm_omni::pitch(&saw).expect("a pitch"),
        150.943,
        1e-3
    ));
    assert_eq!(vllm_omni::pitch(&tone(110.0, 16_000, 0.35, 0.1)), None);
    assert_eq!(vllm_omni::resample(&[0.0, 1.0, 2.0, 3.0], 4, 8).len(), 8);
}

#[test]
fn the_compatible_similarity_has_the_values_of_that_system() {
    let cases = [
        ("Hello, world!", "hello world", 1.0),
        ("I have two cats.", "I have 2 cats", 1.0),
        ("今天 天气 很好。", "今天天气很好", 1.0),
        ("ab", "ab", 0.0),
        ("", "anything", 0.0),
        ("London", "London, Teotia.", 0.380_856_435_256_122_5),
        (
            "The weather is nice today, perfect for a walk in the park.",
            "Perfect for a walk in the park.",
            0.519_086_378_471_752_2,
        ),
    ];
    for (a, b, expected) in cases {
        let value = vllm_omni::similarity(a, b);
        assert!(
            close(value, expected, 1e-12),
            "{a} | {b}: {value} instead of {expected}"
        );
        assert!(close(vllm_omni::similarity(b, a), expected, 1e-12));
    }
    assert_eq!(
        vllm_omni::preprocess("Twenty-One  at 8 Kilohertz, TEN!"),
        "twenty1 at 8 khz 10"
    );
    assert_eq!(
        vllm_omni::preprocess_with("漢 字", |t| t.replace('漢', "汉")),
        "汉字"
    );
}
