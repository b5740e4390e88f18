//! Nodes of a layout that break: one is gone, stands still, is cut off, or is slow.
//!
//! What holds: whatever takes a node away ends the whole layout within seconds, with that node as its cause, and nobody who asks is left waiting; what heals is as it was.

use std::time::{Duration, Instant};

use tribunal::client::{ChatClient, Client};
use tribunal::nodes_of;
use tribunal::prelude::*;

/// How long a layout may go on after a node is gone: three seconds, and what a machine with much to do adds.
const NOTICED: Duration = Duration::from_secs(10);
/// A layout whose proxy is asked how it is: some bad answers in a row.
const UNHEALTHY: Duration = Duration::from_secs(30);
/// How long somebody who asked may wait for the end of it.
const ANSWERED: Duration = Duration::from_secs(20);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(20);

/// A node is gone, or stands still.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "x_nodes")]
#[cases(
    killed = ("kill", true),
    the_first_is_killed = ("kill", false),
    stopped = ("stop", true),
)]
async fn gone(#[case] how: &str, #[case] last: bool, server: &Server) -> TestResult {
    let nodes = nodes_of(server)?;
    let there = nodes.processes()?;
    let victim = if last { there.len() - 1 } else { 0 };
    let (asked, _) = asking(server).await?;
    let began = Instant::now();
    match how {
        "kill" => nodes.kill(victim)?,
        _ => nodes.stop(victim)?,
    }
    let took = ended(server, began, NOTICED).await?;
    blames(server, victim)?;
    answered(asked).await?;
    tribunal::note(format!("node {victim} was missed after {took:?}"));
    Ok(())
}

/// A node and whoever conducts do not hear each other any more.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "x_nodes")]
#[cases(both = "both", there = "there", back = "back")]
async fn cut_off(#[case] which: &str, server: &Server) -> TestResult {
    let nodes = nodes_of(server)?;
    let victim = nodes.processes()?.len() - 1;
    let (asked, _) = asking(server).await?;
    let began = Instant::now();
    injected(match which {
        "there" => nodes.partition(None, Some(victim), false),
        "back" => nodes.partition(Some(victim), None, false),
        _ => nodes.partition(Some(victim), None, true),
    })?;
    ended(server, began, NOTICED).await?;
    blames(server, victim)?;
    answered(asked).await
}

/// Two nodes do not hear each other: who asks is told within the time of a request, and when it heals in time all is as it was.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "x_nodes")]
async fn apart_for_a_moment(server: &Server) -> TestResult {
    let nodes = nodes_of(server)?;
    let last = nodes.processes()?.len() - 1;
    injected(nodes.partition(Some(0), Some(last), true))?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    nodes.heal()?;
    let chat = client(server)?;
    let answer = tokio::time::timeout(ANSWERED, chat.user("Is all well?").max_tokens(8).send());
    let answer = answer.await.map_err(Error::of)??;
    assert!(!answer.text().is_empty());
    assert!(server.is_alive());
    Ok(())
}

/// The first node does not reach a server any more: the proxy says it, and the layout ends with that as its cause.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "x_nodes")]
async fn apart_for_good(server: &Server) -> TestResult {
    let nodes = nodes_of(server)?;
    let there = nodes.processes()?;
    // One that the proxy asks, if there is one.
    let log = server.log_tail(400)?;
    let decoder = there.iter().skip(1).find(|node| {
        let place = format!(" at {}:", node.address);
        log.lines()
            .any(|line| line.contains("node-0/proxy") && line.contains(&place))
    });
    let Some(decoder) = decoder else {
        skip!("no server of another node stands behind a proxy here");
    };
    let began = Instant::now();
    injected(nodes.partition(Some(0), Some(decoder.node), true))?;
    ended(server, began, UNHEALTHY).await?;
    let log = server.log_tail(100)?;
    let fatal = fatal(&log)?;
    assert!(
        fatal.contains("proxy was ready, and is unhealthy"),
        "{fatal}"
    );
    assert!(fatal.contains(&decoder.address), "{fatal}");
    Ok(())
}

/// A slow link makes answers late, and nothing else.
#[tribunal::test]
#[timeout("5m")]
#[server(fresh)]
#[requires(capability = "x_nodes")]
async fn slow(server: &Server) -> TestResult {
    let nodes = nodes_of(server)?;
    let last = nodes.processes()?.len() - 1;
    let chat = client(server)?;
    let ask = || {
        chat.user("Tell me of the river.")
            .seed(5)
            .max_tokens(32)
            .send()
    };
    let before = ask().await?;
    injected(nodes.slow(last, Some(20_000)))?;
    let meanwhile = ask().await?;
    assert_eq!(meanwhile.text(), before.text());
    nodes.slow(last, None)?;
    assert_eq!(ask().await?.text(), before.text());
    assert!(server.is_alive());
    Ok(())
}

fn client(server: &Server) -> Result<ChatClient, Error> {
    let model = server
        .model()
        .ok_or_else(|| Error::msg("no model is listed"))?;
    Ok(Client::new(server.base_url())?.chat(model))
}

type Asked = tokio::task::JoinHandle<Result<(), String>>;

/// Somebody asks for something long, and has begun to hear it.
async fn asking(server: &Server) -> Result<(Asked, ChatClient), Error> {
    let chat = client(server)?;
    let own = chat.clone();
    let asked = tokio::spawn(async move {
        let answer = own.user("Tell me of the river.").max_tokens(2000);
        let sent = answer.stream().send().await;
        sent.map(drop).map_err(|e| e.to_string())
    });
    // Another one is answered meanwhile: the first is under way.
    chat.user("Now?").max_tokens(2).send().await?;
    Ok((asked, chat))
}

/// Who asked is told, one way or the other.
async fn answered(asked: Asked) -> TestResult {
    let ended = tokio::time::timeout(ANSWERED, asked).await;
    match ended {
        Ok(_) => Ok(()),
        Err(_) => fail!(
            "a request that was under way is still waiting {ANSWERED:?} after its layout has ended"
        ),
    }
}

/// How long after `began` the layout ended.
async fn ended(server: &Server, began: Instant, within: Duration) -> Result<Duration, Error> {
    while server.is_alive() {
        if began.elapsed() > within {
            return Err(Error::msg(format!(
                "the layout goes on {within:?} after one of its nodes broke"
            )));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(began.elapsed())
}

/// The line with the cause.
fn fatal(log: &str) -> Result<&str, Error> {
    let found = log.lines().rev().find(|line| line.contains("fatal: "));
    found.ok_or_else(|| Error::msg(format!("the log says no cause:\n{log}")))
}

/// Whether the log names this node as the cause.
fn blames(server: &Server, node: usize) -> TestResult {
    let log = server.log_tail(100)?;
    let fatal = fatal(&log)?;
    assert!(fatal.contains(&format!("node {node} (")), "{fatal}");
    Ok(())
}

/// What cannot be injected here is no verdict.
fn injected(done: std::io::Result<()>) -> TestResult {
    match done {
        Err(e) if e.to_string().starts_with("cannot inject") => skip!("{e}"),
        done => Ok(done?),
    }
}
