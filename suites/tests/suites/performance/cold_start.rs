//! How long a server takes from its start to its first answer.

use std::time::Instant;

use tribunal::chosen;
use tribunal::prelude::*;

tribunal::markers!(full_model, performance, e2e, cpu);

/// Starts that are measured.
const STARTS: usize = 3;

/// Each start ends within what its deployment allows (else there is no server), and its first answer comes as fast as later ones within reason: what is
/// made on demand, is made before a server says that it is ready.
#[tribunal::test]
#[requires(capability = "chat")]
#[timeout("30m")]
async fn to_the_first_answer(chosen: Vec<Deployment>) -> TestResult {
    for deployment in chosen {
        let name = deployment.display_name();
        let (mut ready, mut first) = (vec![], vec![]);
        for _ in 0..STARTS {
            let server = deployment.clone().start().await?;
            ready.push(server.ready_after().as_secs_f64());
            let Some(model) = server.model() else {
                tribunal::fail!("{name} lists no model");
            };
            let client = tribunal::client::Client::new(server.base_url())?;
            let begun = Instant::now();
            client
                .model(model)
                .user("Say one word.")
                .max_tokens(1)
                .send()
                .await?;
            first.push(begun.elapsed().as_secs_f64());
            server.stop().await?;
        }
        for times in [&mut ready, &mut first] {
            times.sort_by(f64::total_cmp);
        }
        let (ready, first) = (ready[STARTS / 2], first[STARTS / 2]);
        tribunal::Row::new("cold starts", 0, "median of three starts")
            .cell("deployment", &name)
            .cell("ready after, s", format!("{ready:.3}"))
            .cell("then the first answer, s", format!("{first:.3}"))
            .add();
        if first > 30.0 {
            tribunal::fail!(
                "{name} said that it was ready, and its first answer of one token took {first:.1} s"
            );
        }
    }
    Ok(())
}
