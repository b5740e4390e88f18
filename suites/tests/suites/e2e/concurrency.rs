//! Many requests at once: all are served, and what is judged of one is judged of all.

use tribunal::prelude::*;

tribunal::markers!(advanced_model, parallel);

/// All that are in flight at once are answered; each passes its verdict.
#[tribunal::test]
#[timeout("5m")]
#[cases(five = 5, a_hundred = 100, more_than_slots = 256)]
async fn in_flight(#[case] requests: usize, chat: ChatClient) -> TestResult {
    let request = chat.user("What does the river bring?").max_tokens(8);
    request.send_gated(requests, requests).await?;
    Ok(())
}

/// Streams beside each other do not mix: each is its own text.
#[tribunal::test]
#[timeout("5m")]
#[requires(capability = ["streaming", "seed"])]
async fn streams_do_not_mix(chat: ChatClient) -> TestResult {
    let ask = |seed| {
        let request = chat.user("Tell me of the sea.").max_tokens(24);
        request.temperature(1.0).seed(seed)
    };
    let mut alone = vec![];
    for seed in 0..8 {
        alone.push(ask(seed).send().await?.text().to_owned());
    }
    let streams = (0..32).map(|number| ask(number % 8).stream().send());
    let together = tribunal::client::send_all(streams).await.all()?;
    for (number, answer) in together.iter().enumerate() {
        assert_eq!(answer.text(), alone[number % 8], "stream {number}");
    }
    Ok(())
}

/// At most so many are in flight, and none is forgotten.
#[tribunal::test]
#[timeout("5m")]
async fn at_most(chat: ChatClient) -> TestResult {
    let request = chat.user("Who is there?").max_tokens(4).at_most(3);
    assert_eq!(request.send_many(20).await.all()?.len(), 20);
    Ok(())
}
