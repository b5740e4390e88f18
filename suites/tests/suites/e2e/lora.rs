//! The life of an adapter: not there, loaded, used, unloaded, not there; the model itself is as it was.

use serde_json::json;
use tribunal::prelude::*;

// Adapters are the server's, so the tests stand one after the other.
tribunal::markers!(core_model, advanced_model, serial("adapters"));

/// An adapter of the embedded engine: a topic and how its answers begin. Another engine wants a folder of weights here.
const ADAPTER: &str = r#"{"opening": "Ahoy! ", "topic": "the lighthouse and the ships"}"#;

/// What the server says with this model.
async fn says(chat: &ChatClient, model: &str) -> Result<String, Error> {
    let request = chat
        .user("Tell me something.")
        .max_tokens(20)
        .temperature(0.0);
    Ok(request.model(model).send().await?.text().to_owned())
}

/// Whether the model is unknown, as it must be where it is not loaded.
async fn unknown(chat: &ChatClient, model: &str) -> TestResult {
    let request = chat.user("Tell me something.").max_tokens(1).model(model);
    request.expect_status(404).send().await?;
    Ok(())
}

/// Load, infer, unload, 404; loaded again it is the same; the base model never changes.
#[tribunal::test]
#[timeout("5m")]
#[requires(capability = "lora_loading")]
async fn life(chat: ChatClient) -> TestResult {
    let path = tribunal::evidence()?.join("adapter.json");
    std::fs::write(&path, ADAPTER)?;
    let load = json!({"lora_name": "sailor", "lora_path": path});
    let unload = json!({"lora_name": "sailor"});
    let client = chat.client();
    let base = says(&chat, chat.model()).await?;
    unknown(&chat, "sailor").await?;
    let mut adapted = vec![];
    for _ in 0..2 {
        client
            .post_json("/v1/load_lora_adapter", &load)
            .await?
            .success()?;
        assert!(client.models().await?.ids().any(|id| id == "sailor"));
        adapted.push(says(&chat, "sailor").await?);
        assert_eq!(
            says(&chat, chat.model()).await?,
            base,
            "the model itself changed"
        );
        client
            .post_json("/v1/unload_lora_adapter", &unload)
            .await?
            .success()?;
        unknown(&chat, "sailor").await?;
    }
    assert_eq!(adapted[0], adapted[1], "loaded again it is another");
    assert_ne!(adapted[0], base, "the adapter changes nothing");
    assert_eq!(says(&chat, chat.model()).await?, base);
    Ok(())
}
