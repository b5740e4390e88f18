//! Videos: begun, waited for, fetched, and looked at frame by frame.

use std::time::Duration;

use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, diffusion, parallel);

/// A number that every model can make: those that see four or eight frames as one make one more than a multiple of them.
const FRAMES: u16 = 17;

/// As many frames, as large and as fast as asked for.
#[tribunal::test]
#[timeout("10m")]
#[requires(capability = "videos")]
async fn as_asked_for(api: ModelClient) -> TestResult {
    let request = api
        .videos("two blue squares")
        .size(160, 96)
        .num_frames(FRAMES.into())
        .fps(12);
    let request = request
        .poll_every(Duration::from_millis(100))
        .delete_afterwards();
    let request = request
        .expect_size(160, 96)
        .expect_frames(FRAMES.into(), FrameRule::Exact);
    let seconds = f64::from(FRAMES) / 12.0;
    request
        .expect_fps(12.0)
        .expect_seconds(seconds)
        .send()
        .await?;
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
        .num_frames(9)
        .fps(8)
        .extra("audio", true);
    request.expect_audio_track(None, None).send().await?;
    Ok(())
}
