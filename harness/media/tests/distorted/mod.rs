//! Pairs of pictures whose likeness is compared with that of another program.

use tribunal_media::Picture;
use tribunal_media::synthetic::{Colour, Scene};

fn noise(state: &mut u64) -> i32 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as i32
}

fn changed(picture: &Picture, mut f: impl FnMut(usize, u8) -> i32) -> Picture {
    let rgb = picture
        .rgb()
        .iter()
        .enumerate()
        .map(|(i, v)| f(i, *v).clamp(0, 255) as u8)
        .collect();
    Picture::new(picture.width(), picture.height(), rgb).expect("the same size")
}

/// Names, and a picture and what became of it.
pub fn pairs() -> Vec<(String, Picture, Picture)> {
    let mut pairs = Vec::new();
    for (seed, (width, height)) in [(1_u64, (96, 80)), (2, (61, 47)), (3, (128, 33))] {
        let plain = Scene::new(width, height, seed)
            .background(Colour::Orange)
            .picture()
            .expect("a picture");
        // Some texture: flat colour is the one case in which structure means nothing.
        let mut state = seed;
        let scene = changed(&plain, |i, v| {
            i32::from(v) + (i / 3 % 17) as i32 + noise(&mut state) % 9
        });
        let row = 3 * width as usize;
        let of = |at: usize| i32::from(scene.rgb()[at % scene.rgb().len()]);
        let mut small = 7 * seed;
        let mut large = 11 * seed;
        let blurred = changed(&scene, |i, v| {
            (i32::from(v) * 2 + of(i + 3) + of(i + row)) / 4
        });
        let shifted = changed(&scene, |i, _| of(i + 3));
        for (name, other) in [
            ("equal", scene.clone()),
            (
                "small noise",
                changed(&scene, |_, v| i32::from(v) + noise(&mut small) % 11 - 5),
            ),
            (
                "large noise",
                changed(&scene, |_, v| i32::from(v) + noise(&mut large) % 101 - 50),
            ),
            ("brighter", changed(&scene, |_, v| i32::from(v) + 20)),
            ("flatter", changed(&scene, |_, v| 64 + i32::from(v) / 2)),
            ("blurred", blurred),
            ("shifted", shifted),
            ("inverted", changed(&scene, |_, v| 255 - i32::from(v))),
        ] {
            pairs.push((format!("{name} {width}x{height}"), scene.clone(), other));
        }
    }
    pairs
}
