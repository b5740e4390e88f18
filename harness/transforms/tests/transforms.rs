//! The transforms undo each other, and channels stay apart.

use tribunal_transforms::{double, single};

#[test]
fn a_transform_and_back_is_the_signal_times_its_length() {
    let (forward, inverse) = double(12);
    let mut signal: Vec<f64> = (0..12).map(|i| f64::from(i * i % 7)).collect();
    let kept = signal.clone();
    let mut spectrum = forward.make_output_vec();
    assert!(forward.process(&mut signal, &mut spectrum).is_ok());
    assert!((spectrum[0].re - kept.iter().sum::<f64>()).abs() < 1e-12);
    assert!(inverse.process(&mut spectrum, &mut signal).is_ok());
    for (a, b) in signal.iter().zip(&kept) {
        assert!((a / 12.0 - b).abs() < 1e-12);
    }
    assert_eq!(single(30).0.len(), 30);
}

#[test]
fn a_plan_is_made_once_and_any_number_of_lengths_may_be_asked_for() {
    assert!(std::sync::Arc::ptr_eq(&single(60).0, &single(60).0));
    for length in (2..200).step_by(2) {
        assert_eq!(double(length).1.len(), length);
    }
}

#[cfg(feature = "resample")]
#[test]
fn channels_stay_apart() {
    let constant: Vec<f32> = (0..4800).flat_map(|_| [0.5, -0.25]).collect();
    let out = tribunal_transforms::resample(&constant, 2, 48_000, 16_000).expect("usual rates");
    assert!((1599..=1601).contains(&(out.len() / 2)), "{}", out.len());
    for frame in out.chunks_exact(2).skip(400).take(400) {
        assert!(
            (frame[0] - 0.5).abs() < 1e-3 && (frame[1] + 0.25).abs() < 1e-3,
            "{frame:?}"
        );
    }
    assert!(tribunal_transforms::resample(&[0.0], 1, 0, 16_000).is_err());
}
