use super::*;

fn variant(name: &str, devices: u32) -> Variant {
    Variant {
        name: name.into(),
        devices,
        at_least: 1,
        ..Variant::default()
    }
}

/// The features of the diffusion models that vLLM-Omni's guide lists, on so many devices.
fn diffusion(devices: u32) -> Matrix {
    let feature = |name: &str, together, variants| Feature {
        name: name.into(),
        together,
        variants,
    };
    let without_parallelism = |name: &str| Variant {
        excludes: vec!["parallelism".into()],
        ..variant(name, 1)
    };
    let parallel = ["ulysses2", "tp2", "ring2", "hsdp2", "cfg2"];
    let mut parallel: Vec<Variant> = parallel.iter().map(|name| variant(name, 2)).collect();
    parallel.push(Variant {
        at_least: 2,
        ..variant("vae2", 1)
    });
    let offload = vec![
        without_parallelism("layerwise"),
        Variant {
            instead_of: Some("layerwise".into()),
            ..without_parallelism("cpu")
        },
    ];
    Matrix {
        devices,
        features: vec![
            feature(
                "cache",
                false,
                vec![variant("teacache", 1), variant("cache_dit", 1)],
            ),
            feature("parallelism", true, parallel),
            feature("offload", false, offload),
            feature(
                "quantization",
                false,
                vec![variant("gguf", 1), variant("fp8", 1)],
            ),
        ],
        ..Matrix::default()
    }
}

fn asked() -> Vec<String> {
    ["cache", "parallelism", "offload", "quantization"]
        .map(String::from)
        .into()
}

fn drawn(matrix: &Matrix) -> Drawing {
    draw(matrix, &asked()).expect("few enough")
}

fn segments(drawing: &Drawing) -> Vec<String> {
    drawing.rows.iter().map(MatrixRow::segment).collect()
}

/// The guide lists four cases for four L4 and six for two H100; fewer would not do.
#[test]
fn as_many_cases_as_people_found() {
    let four = drawn(&diffusion(4));
    assert_eq!(
        segments(&four),
        [
            "teacache__layerwise__gguf",
            "teacache__ulysses2__tp2__vae2__gguf",
            "teacache__ulysses2__cfg2__vae2__gguf",
            "cache_dit__ring2__hsdp2__vae2__fp8",
        ]
    );
    let devices: Vec<u32> = four.rows.iter().map(|row| row.devices).collect();
    assert_eq!(devices, [1, 4, 4, 4]);
    assert!(four.fewest);
    assert_eq!(four.rows[0].why, "layerwise");
    let two = drawn(&diffusion(2));
    assert_eq!(two.rows.len(), 6, "{two:?}");
    let one = drawn(&diffusion(1));
    assert_eq!(
        segments(&one),
        ["teacache__layerwise__gguf", "cache_dit__layerwise__fp8"]
    );
    assert!(
        one.notes.contains(
            &"parallelism tp2 is dropped: it needs 2 devices, and a case has 1".to_owned()
        )
    );
}

#[test]
fn what_a_model_lacks_is_replaced_or_dropped() {
    let mut matrix = diffusion(4);
    matrix.features[2].variants[0].lacking = Some("its blocks are not layers".into());
    matrix.features.remove(0);
    matrix.features[1].variants.rotate_left(1);
    let drawing = drawn(&matrix);
    assert_eq!(drawing.rows[0].variants, ["cpu", "gguf"]);
    for note in [
        "feature cache is dropped: the deployment declares no variant of it",
        "offload layerwise is dropped: its blocks are not layers",
        "offload cpu stands in for layerwise, which cannot be had",
    ] {
        assert!(
            drawing.notes.iter().any(|n| n == note),
            "{:?}",
            drawing.notes
        );
    }
    // A test that asks for one feature gets that alone, and one whose features are all lacking gets no case.
    let cache = draw(&diffusion(4), &["cache".into()]).expect("drawn");
    assert_eq!(segments(&cache), ["teacache", "cache_dit"]);
    let none = draw(&matrix, &["cache".into()]).expect("drawn");
    assert!(none.rows.is_empty());
}

#[test]
fn a_case_whose_coverage_others_have_is_not_drawn() {
    let mut matrix = diffusion(4);
    // Without ring and HSDP the case that people had written for them has nothing left of its own.
    matrix.features[1]
        .variants
        .retain(|v| !matches!(&*v.name, "ring2" | "hsdp2"));
    assert_eq!(drawn(&matrix).rows.len(), 3);
}

#[test]
fn normal_priority_has_one_case_or_two() {
    let mut matrix = diffusion(4);
    matrix.priority = Priority::Normal;
    let drawing = drawn(&matrix);
    assert_eq!(drawing.rows.len(), 2);
    let told = drawing.notes.last().expect("a note");
    assert!(
        told.contains("the priority is normal, so not tested: "),
        "{told}"
    );
    matrix.features.retain(|f| f.name == "offload");
    assert_eq!(drawn(&matrix).rows.len(), 1);
}

#[test]
fn pairs_are_covered_where_they_can_stand_together() {
    let mut matrix = diffusion(2);
    matrix.cover = Cover::Pairs;
    matrix.features[1].variants.truncate(1);
    let drawing = drawn(&matrix);
    let with = |a: &str, b: &str| {
        let has = |row: &MatrixRow, name: &str| row.variants.iter().any(|v| v == name);
        drawing.rows.iter().any(|row| has(row, a) && has(row, b))
    };
    for (a, b) in [
        ("teacache", "fp8"),
        ("cache_dit", "layerwise"),
        ("ulysses2", "gguf"),
    ] {
        assert!(with(a, b), "{a}, {b}: {drawing:?}");
    }
    assert!(!with("layerwise", "ulysses2"));
}

#[test]
fn too_many_variants_are_refused() {
    let mut matrix = diffusion(4);
    let more = (0..6).map(|n| variant(&format!("more{n}"), 1));
    matrix.features[0].variants.extend(more);
    let error = draw(&matrix, &asked()).expect_err("too many");
    assert!(error.contains("17 variants"), "{error}");
}

mod laws {
    use super::*;
    use proptest::prelude::*;

    /// A feature as it was rolled: its number, whether its variants stand together, and of each its devices, their least number, and what it excludes.
    type Rolled = (usize, (bool, Vec<(u32, u32, u32)>));

    /// A matrix of up to three features, few enough variants to try everything.
    fn matrices() -> impl Strategy<Value = Matrix> {
        let variant = (1_u32..=2, 1_u32..=2, 0_u32..8);
        let feature = (any::<bool>(), prop::collection::vec(variant, 0..=3));
        let features = prop::collection::vec(feature, 1..=3);
        (features, 1_u32..=4, any::<bool>()).prop_map(|(features, devices, pairs)| {
            let feature = |(at, (together, variants)): Rolled| Feature {
                name: format!("f{at}"),
                together,
                variants: variants
                    .into_iter()
                    .enumerate()
                    .map(|(n, (devices, at_least, excludes))| Variant {
                        name: format!("v{at}{n}"),
                        devices,
                        at_least,
                        excludes: match excludes {
                            0..3 => vec![format!("f{excludes}")],
                            3..6 => vec![format!("v{}0", excludes - 3)],
                            _ => vec![],
                        },
                        ..Variant::default()
                    })
                    .collect(),
            };
            Matrix {
                devices,
                cover: if pairs { Cover::Pairs } else { Cover::Each },
                features: features.into_iter().enumerate().map(feature).collect(),
                ..Matrix::default()
            }
        })
    }

    /// Whether some variants can stand in one case, said anew and plainly.
    fn stands(matrix: &Matrix, names: &[&String]) -> bool {
        let all = || {
            let features = matrix.features.iter();
            features.flat_map(|f| f.variants.iter().map(move |v| (f, v)))
        };
        let some: Vec<(&Feature, &Variant)> =
            all().filter(|(_, v)| names.contains(&&v.name)).collect();
        let product: u32 = some.iter().map(|(_, v)| v.devices).product();
        let least = some.iter().map(|(_, v)| v.at_least).max().unwrap_or(1);
        let apart = |(f, v): &(&Feature, &Variant), (g, w): &(&Feature, &Variant)| {
            v.name == w.name
                || ((f.name != g.name || f.together)
                    && !v.excludes.contains(&w.name)
                    && !v.excludes.contains(&g.name))
        };
        product.max(least) <= matrix.devices
            && some.iter().all(|a| some.iter().all(|b| apart(a, b)))
    }

    /// What a case covers: one variant, or two that stand together.
    fn things(matrix: &Matrix, row: &[&String]) -> Vec<Vec<String>> {
        let mut out: Vec<Vec<String>> = row.iter().map(|v| vec![(*v).clone()]).collect();
        if matrix.cover == Cover::Pairs {
            for (at, a) in row.iter().enumerate() {
                out.extend(row[..at].iter().map(|b| vec![(*b).clone(), (*a).clone()]));
            }
        }
        out.sort();
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn all_is_covered_by_the_fewest_and_always_the_same(matrix in matrices()) {
            let asked: Vec<String> = matrix.features.iter().map(|f| f.name.clone()).collect();
            let drawing = draw(&matrix, &asked).expect("few enough");
            prop_assert_eq!(&drawing, &draw(&matrix, &asked).expect("few enough"));
            prop_assert!(drawing.fewest);
            // Every combination that can stand, by trying all.
            let names: Vec<&String> = matrix.features.iter().flat_map(|f| &f.variants).map(|v| &v.name).collect();
            let subset = |bits: u32| -> Vec<&String> {
                names.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, n)| *n).collect()
            };
            let every: Vec<Vec<&String>> = (1..1_u32 << names.len()).map(subset).filter(|row| stands(&matrix, row)).collect();
            let covers = |rows: &[&Vec<&String>]| {
                let mut all: Vec<Vec<String>> = rows.iter().flat_map(|row| things(&matrix, row)).collect();
                all.sort();
                all.dedup();
                all.len()
            };
            let possible = covers(&every.iter().collect::<Vec<_>>());
            let rows: Vec<Vec<&String>> = drawing.rows.iter().map(|row| row.variants.iter().collect()).collect();
            for row in &rows {
                prop_assert!(stands(&matrix, row), "{:?}", row);
            }
            prop_assert_eq!(covers(&rows.iter().collect::<Vec<_>>()), possible);
            // With two cases fewer to choose from there is nothing to try; up to four, all choices of one less are tried.
            let less = rows.len().saturating_sub(1);
            if (1..=2).contains(&less) {
                let mut choices: Vec<Vec<&Vec<&String>>> = vec![vec![]];
                for _ in 0..less {
                    choices = choices.iter().flat_map(|some| every.iter().map(|row| [some.as_slice(), &[row]].concat())).collect();
                }
                prop_assert!(choices.iter().all(|some| covers(some) < possible));
            }
        }
    }
}
