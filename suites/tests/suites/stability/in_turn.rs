//! Two servers compared in turn with the same requests.

use tribunal::chosen;
use tribunal::prelude::*;
use tribunal::stability::*;

fn asked() -> InTurn {
    InTurn::new(Route::Chat, DataSet::random(16, 16))
}

/// An engine that takes a fifth longer for everything is found to be slower by so much, and one that is the same is not.
#[tribunal::test]
#[timeout("10m")]
async fn slower_by_a_fifth() -> TestResult {
    let paced = |more: &[&str]| {
        let engine = tribunal::embedded()?.args(["--ttft-ms", "10", "--tpot-ms", "4"]);
        Ok::<_, Error>(engine.args(more))
    };
    let base = paced(&[])?.start().await?;
    for (slowdown, expected) in [("20", Same::Slower), ("0", Same::Same)] {
        let new = paced(&["--slowdown", slowdown])?.start().await?;
        let found = asked().compare(&base, &new).await?;
        new.stop().await?;
        assert_eq!(found.failed, (0, 0), "{found}");
        match expected {
            Same::Slower => assert_eq!(found.verdict, expected, "{found}"),
            // On a machine that is busy otherwise it may not be shown that they are the same, but never that they differ.
            _ => assert!(
                !matches!(found.verdict, Same::Slower | Same::Faster),
                "{found}"
            ),
        }
    }
    base.stop().await?;
    Ok(())
}

/// The second of two chosen deployments is compared with the first: `--deploy before.toml,after.toml`.
#[tribunal::test]
#[timeout("30m")]
async fn chosen_pair(chosen: Vec<Deployment>) -> TestResult {
    let [before, after] = &chosen[..] else {
        skip!("two deployments of one model are compared; type --deploy before.toml,after.toml");
    };
    let before = before.clone().start().await?;
    let after = after.clone().start().await?;
    if before.model() != after.model() {
        let of = |server: &Server| server.model().unwrap_or("none").to_owned();
        let (one, other) = (of(&before), of(&after));
        skip!("the two serve different models, `{one}` and `{other}`");
    }
    let found = asked().compare(&before, &after).await;
    before.stop().await?;
    after.stop().await?;
    conclude_pair(&found?)
}
