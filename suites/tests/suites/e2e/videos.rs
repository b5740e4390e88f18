//! Videos: begun, waited for, fetched, and looked at frame by frame.

use std::time::Duration;

use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, diffusion, parallel);

/// As many frames, as large and as fast as asked for.
#[tribunal::test]
#[timeout("10m")]
#[requires(capability = "videos")]
async fn as_asked_for(api: ModelClient) -> TestResult {
    let request = api
        .videos("two blue squares")
        .size(160, 96)
        .num_frames(12)
        .fps(12);
    let request = request
        .poll_every(Duration::from_millis(100))
        .delete_afterwards();
    let request = request
        .expect_size(160, 96)
        .expect_frames(12, FrameRule::Exact);
    request.expect_fps(12.0).expect_seconds(1.0).send().await?;
    Ok(())
}

/// With sound, where it is asked for.
#[tribunal::test]
#[timeout("10m")]
#[requires(capability = ["videos", "audio_generation"])]
async fn with_sound(api: ModelClient) -> TestResult {
    let request = api
        .videos("a red circle")
        .size(128, 96)
        .num_frames(8)
        .fps(8)
        .extra("audio", true);
    request.expect_audio_track(None, None).send().await?;
    Ok(())
}
