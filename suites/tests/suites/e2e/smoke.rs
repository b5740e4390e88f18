//! The fewest requests that tell whether a server is worth testing at all.

use tribunal::prelude::*;

tribunal::markers!(core_model, parallel);

/// It lists the model that it serves.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = "model_names")]
async fn lists_its_model(chat: ChatClient) -> TestResult {
    let models = chat.client().models().await?;
    assert!(
        models.ids().any(|id| id == chat.model()),
        "{:?}",
        models.ids().collect::<Vec<_>>()
    );
    Ok(())
}

/// It answers one token.
#[tribunal::test]
#[timeout("30s")]
async fn one_token(chat: ChatClient) -> TestResult {
    chat.user("Hello.").max_tokens(1).send().await?;
    Ok(())
}

/// It refuses what is no request, and lives on.
#[tribunal::test]
#[timeout("30s")]
async fn refuses_nonsense(chat: ChatClient) -> TestResult {
    let request = chat.request().extra("messages", "nonsense");
    request.expect_status(400..=499).send().await?;
    Ok(())
}
