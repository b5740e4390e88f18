//! Pictures: read, measured and compared as scikit-image compares them (`fixtures/golden/make_media_pictures.py` made the
//! values), and made by recipe.

#![cfg(feature = "images")]

mod distorted;

use proptest::prelude::*;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tribunal_media::synthetic::{Colour, Scene, Shape, png};
use tribunal_media::{
    MediaErrorKind, Picture, PictureKind, PixelDistance, decode_picture, psnr, ssim,
    ssim_brightness,
};

fn flat(width: u32, height: u32, rgb: [u8; 3]) -> Picture {
    Picture::new(width, height, rgb.repeat((width * height) as usize)).expect("a picture")
}

#[test]
fn likeness_is_that_of_scikit_image() {
    let file: Value =
        serde_json::from_str(include_str!("../../../fixtures/golden/media_pictures.json"))
            .expect("golden");
    let golden = file["pairs"].as_array().expect("pairs");
    let pairs = distorted::pairs();
    assert_eq!(golden.len(), pairs.len());
    for (entry, (name, a, b)) in golden.iter().zip(pairs) {
        let mut digest = Sha256::new();
        digest.update(a.rgb());
        digest.update(b.rgb());
        let digest: String = digest
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(
            entry["sha256"], digest,
            "{name}: other pictures than those that were measured"
        );
        let close = |what: &str, ours: f64, tolerance: f64| {
            let theirs = entry[what].as_f64().expect(what);
            assert!(
                (ours - theirs).abs() <= tolerance,
                "{name}: {what} is {ours}, scikit-image has {theirs}"
            );
        };
        close("ssim", ssim(&a, &b).expect("comparable"), 1e-4);
        close(
            "ssim_brightness",
            ssim_brightness(&a, &b).expect("comparable"),
            1e-4,
        );
        let ours = psnr(&a, &b).expect("comparable");
        if entry["psnr"].is_null() {
            assert_eq!(ours, f64::INFINITY, "{name}");
        } else {
            close("psnr", ours, 0.01);
        }
        let distance = PixelDistance::between(&a, &b).expect("comparable");
        close("mean", distance.mean, 1e-9);
        close("largest", f64::from(distance.largest), 0.0);
        close("different", distance.different, 1e-9);
        close("deviation", a.contrast().deviation, 1e-6);
    }
}

#[test]
fn pictures_of_other_sizes_are_not_compared() {
    let (a, b) = (flat(20, 20, [0; 3]), flat(20, 21, [0; 3]));
    assert!(
        ssim(&a, &b)
            .expect_err("sizes")
            .to_string()
            .contains("20 by 20 pixels, the other 20 by 21")
    );
    assert!(psnr(&a, &b).is_err());
    let small = flat(10, 20, [0; 3]);
    assert!(
        ssim(&small, &small)
            .expect_err("small")
            .to_string()
            .contains("needs 11 on each side")
    );
    assert_eq!(psnr(&small, &small), Ok(f64::INFINITY));
    assert!(Picture::new(2, 2, vec![0; 11]).is_err());
    assert!(Picture::new(0, 2, vec![]).is_err());
    assert!(Picture::new(u32::MAX, u32::MAX, vec![]).is_err());
}

#[test]
fn a_blank_picture_is_blank_and_a_scene_is_not() {
    assert!(flat(64, 64, [0; 3]).contrast().is_blank());
    assert!(flat(64, 64, [200, 10, 10]).contrast().is_blank());
    assert_eq!(flat(64, 64, [9; 3]).contrast().entropy, 0.0);
    let scene = Scene::new(64, 64, 5)
        .with(1, Colour::Red, Shape::Circle)
        .picture()
        .expect("a picture");
    assert!(!scene.contrast().is_blank() && scene.contrast().entropy > 0.1);
}

#[test]
fn what_is_written_is_read_and_what_is_damaged_is_refused() {
    let scene = Scene::new(90, 70, 3).with(2, Colour::Blue, Shape::Triangle);
    let bytes = scene.png().expect("a file");
    let read = decode_picture(bytes.bytes()).expect("read");
    assert_eq!((read.kind, read.transparent), (PictureKind::Png, 0.0));
    assert_eq!(read.picture, scene.picture().expect("a picture"));
    let jpeg = scene.jpeg(90).expect("a file");
    let read = decode_picture(jpeg.bytes()).expect("read");
    assert_eq!(
        (read.kind, jpeg.content_type()),
        (PictureKind::Jpeg, PictureKind::Jpeg.content_type())
    );
    assert!(psnr(&read.picture, &scene.picture().expect("a picture")).expect("comparable") > 25.0);
    let error = |bytes: &[u8]| decode_picture(bytes).expect_err("refused");
    assert_eq!(error(b"").kind(), MediaErrorKind::Empty);
    assert!(
        error(b"{\"error\":{}}")
            .to_string()
            .contains("read are PNG, JPEG and WebP")
    );
    assert_eq!(
        error(&bytes.bytes()[..bytes.bytes().len() / 2]).kind(),
        MediaErrorKind::Malformed
    );
    // A header that declares four thousand million pixels, with its checksum.
    let mut huge = bytes.bytes().to_vec();
    huge[16..24].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
    let sum = crc(&huge[12..29]);
    huge[29..33].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(
        error(&huge).kind(),
        MediaErrorKind::TooLarge,
        "{}",
        error(&huge)
    );
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |c, _| {
            if c & 1 == 1 {
                c >> 1 ^ 0xEDB8_8320
            } else {
                c >> 1
            }
        })
    })
}

/// Connected areas of one colour.
fn areas(picture: &Picture, colour: Colour) -> usize {
    let (width, height) = (picture.width() as i64, picture.height() as i64);
    let mut open: Vec<bool> = picture
        .rgb()
        .chunks_exact(3)
        .map(|p| p == colour.rgb())
        .collect();
    let mut count = 0;
    for start in 0..open.len() {
        if !open[start] {
            continue;
        }
        count += 1;
        let mut stack = vec![start as i64];
        while let Some(at) = stack.pop() {
            if !std::mem::take(&mut open[at as usize]) {
                continue;
            }
            let (x, y) = (at % width, at / width);
            for (nx, ny) in [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)] {
                if nx >= 0
                    && ny >= 0
                    && nx < width
                    && ny < height
                    && open[(ny * width + nx) as usize]
                {
                    stack.push(ny * width + nx);
                }
            }
        }
    }
    count
}

#[test]
fn a_scene_has_the_shapes_that_it_says() {
    for seed in 0..60 {
        let scene = Scene::new(160, 120, seed);
        let picture = scene.picture().expect("a picture");
        for group in scene.groups() {
            assert_eq!(
                areas(&picture, group.colour),
                group.count,
                "seed {seed}: {group:?}"
            );
        }
    }
    let asked = Scene::new(300, 40, 1)
        .with(9, Colour::Green, Shape::Cross)
        .with(2, Colour::Red, Shape::Square);
    let picture = asked.picture().expect("a picture");
    assert_eq!(
        (areas(&picture, Colour::Green), areas(&picture, Colour::Red)),
        (9, 2)
    );
    let error = Scene::new(20, 20, 1)
        .with(9, Colour::Green, Shape::Cross)
        .picture()
        .expect_err("too small");
    assert!(
        error
            .to_string()
            .contains("9 shapes of 8 pixels or more do not fit into 20 by 20"),
        "{error}"
    );
    assert!(Scene::new(0, 20, 1).picture().is_err());
    assert!(Scene::new(u32::MAX, u32::MAX, 1).picture().is_err());
}

#[test]
fn a_scene_is_the_same_bytes_for_ever() {
    let digest = |bytes: &[u8]| -> String {
        Sha256::digest(bytes)
            .iter()
            .take(8)
            .map(|b| format!("{b:02x}"))
            .collect()
    };
    let scene = Scene::new(128, 96, 42);
    assert_eq!(
        digest(scene.picture().expect("a picture").rgb()),
        "925ec467d3a99c68"
    );
    assert_eq!(
        digest(scene.png().expect("a file").bytes()),
        "d3e23ca6e878c1ed"
    );
    assert_eq!(
        digest(scene.jpeg(85).expect("a file").bytes()),
        "cb4569858ef808dc"
    );
    assert_ne!(scene.png(), Scene::new(128, 96, 43).png());
    assert_eq!(png(&scene.picture().expect("a picture")), scene.png());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_damage_makes_the_reader_panic(
        jpeg in any::<bool>(),
        damage in proptest::collection::vec((0_usize..4000, any::<u8>()), 0..12),
        cut in 8_usize..4000,
    ) {
        let scene = Scene::new(40, 40, 1).with(1, Colour::Red, Shape::Circle);
        let file = if jpeg { scene.jpeg(50) } else { scene.png() };
        let mut bytes = file.expect("a file").into_bytes();
        bytes.truncate(cut);
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let _ = decode_picture(&bytes);
    }
}

#[test]
fn percentiles_are_the_distances_that_so_many_values_do_not_exceed() {
    let black = Picture::new(1000, 1, vec![0; 3000]).expect("a picture");
    // Of a thousand pixels 500 differ by 0, 400 by 10, 90 by 20, 9 by 30 and one by 200.
    let steps = [(500, 0), (400, 10), (90, 20), (9, 30), (1, 200)];
    let rgb: Vec<u8> = steps
        .iter()
        .flat_map(|(count, value)| std::iter::repeat_n(*value, 3 * count))
        .collect();
    let other = Picture::new(1000, 1, rgb).expect("a picture");
    let distance = PixelDistance::between(&black, &other).expect("comparable");
    assert_eq!(
        (
            distance.median,
            distance.percentile_90,
            distance.percentile_99,
            distance.percentile_999,
            distance.largest
        ),
        (0, 10, 20, 30, 200)
    );
    assert_eq!(distance.different, 0.5);
}
