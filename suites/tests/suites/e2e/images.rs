//! Pictures: made and edited, of the size, number and format asked for.

use tribunal::prelude::*;
use tribunal_media::synthetic::{Colour, Scene, Shape};

tribunal::markers!(core_model, advanced_model, diffusion, parallel);

/// One picture in each format.
#[tribunal::test]
#[timeout("5m")]
#[requires(capability = "images")]
#[cases(png = "png", jpeg = "jpeg", webp = "webp")]
async fn formats(#[case] format: &str, api: ModelClient) -> TestResult {
    let request = api.images("three red circles on black").size(256, 192);
    request
        .output_format(format)
        .expect_size(256, 192)
        .send()
        .await?;
    Ok(())
}

/// Several pictures of one prompt are not the same.
#[tribunal::test]
#[timeout("5m")]
#[requires(capability = "images")]
async fn several(api: ModelClient) -> TestResult {
    let request = api.images("a blue square").size(128, 128).n(3).seed(5);
    request.expect_count(3).send().await?;
    Ok(())
}

/// The same seed paints the same picture.
#[tribunal::test]
#[timeout("5m")]
#[requires(capability = ["images", "seed"])]
async fn seeds_reproduce(api: ModelClient) -> TestResult {
    let ask = || api.images("two green stars").size(128, 128).seed(9);
    let first = ask().send().await?;
    let Some(bytes) = first.images.first().and_then(|image| image.bytes.clone()) else {
        fail!("no picture");
    };
    ask().expect_alike(bytes.to_vec()).send().await?;
    Ok(())
}

/// What is painted is seen again by a server that can look.
#[tribunal::test]
#[timeout("5m")]
#[requires(capability = ["images", "image_input"])]
async fn painted_is_seen(api: ModelClient) -> TestResult {
    let painted = api
        .images("three red circles on black")
        .size(224, 224)
        .send()
        .await?;
    let Some(bytes) = painted.images.first().and_then(|image| image.bytes.clone()) else {
        fail!("no picture");
    };
    let parts = text("What is in the picture?").image(("image/png", bytes));
    let request = api.user(parts).max_tokens(64).temperature(0.0);
    request
        .expect_keywords(Modality::Image, ["circle", "disc", "dot"])
        .send()
        .await?;
    Ok(())
}

/// An edit has the size of what it edits.
#[tribunal::test]
#[timeout("5m")]
#[requires(capability = "image_edits")]
async fn edits(api: ModelClient) -> TestResult {
    let scene = Scene::new(160, 128, 3)
        .with(1, Colour::Red, Shape::Square)
        .png()?;
    let picture: Media = ("image/png", scene.into_bytes()).into();
    let request = api.image_edits("one blue circle", [picture]).size(160, 128);
    request.expect_size(160, 128).send().await?;
    Ok(())
}
