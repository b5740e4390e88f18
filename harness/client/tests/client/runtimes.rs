//! A client across runtimes: nothing of one attempt is left for the next.

use std::time::Duration;

use crate::scripted::{Scripted, Step, chat_answer, chunk, json, stream, stream_head};

/// A server on a thread and runtime of its own, so that the runtimes under test hold the client
/// alone. It lives until the sender is dropped.
fn server(scripts: Vec<Vec<Step>>) -> (Scripted, std::sync::mpsc::Sender<()>) {
    let (give, take) = std::sync::mpsc::channel();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        give.send(runtime.block_on(Scripted::start(scripts)))
            .expect("taken");
        let _ = stopped.recv();
    });
    (take.recv().expect("given"), stop)
}

#[test]
fn one_client_serves_several_runtimes_and_leaves_no_task() {
    let (server, _stop) = server(vec![
        // A server that would keep the connection for a second request.
        vec![json(200, chat_answer("a")), Step::Hold],
        stream("data: {\"choices\":[]}\n\ndata: [DONE]\n\n"),
        vec![stream_head(), chunk("data: x\n\n"), Step::Hold],
        vec![Step::Reset],
        vec![json(200, chat_answer("b"))],
    ]);
    let chat = server.chat();
    for round in 0..5 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let result = runtime.block_on(
            chat.user("hi")
                // Only one of the answers stalls; the others must come in time on a busy machine too.
                .idle_timeout(Duration::from_secs(3))
                .send_raw(),
        );
        assert_eq!(
            result.is_ok(),
            ![2, 3].contains(&round),
            "{round}: {result:?}"
        );
        assert_eq!(
            runtime.metrics().num_alive_tasks(),
            0,
            "round {round} left a task behind"
        );
    }
}
