//! Who conducts a layout: asks the nodes, starts what the plan says wave by wave, watches, and takes everything down in reverse.
//!
//! Promise: what fails first is the cause, told in one line with its node; whatever happens, nothing that was started stays. Rejected: a restart of what has failed (it hides the failure).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use crate::file::Layout;
use crate::run::Stage;

use super::front;
use super::hub::Crew;
use super::log::TAIL;
use super::message::{Event, Order, Relay, Report, State};
use super::plan::{self, Limits, Plan, Surveyed};

/// How long a node may take to answer what takes it no time.
const ANSWER: Duration = Duration::from_secs(10);
/// How long a stop may take beyond its grace.
const FORCE: Duration = Duration::from_secs(6);
/// How many characters of the last lines stand in the cause.
const QUOTED: usize = 600;

/// What is conducted, and how.
pub(crate) struct Task {
    pub layout: Layout,
    pub stage: Box<dyn Stage>,
    /// The harness binary.
    pub program: String,
    pub limits: Limits,
    /// How long a process may take to end by itself.
    pub grace: Duration,
    /// Where the logs of all nodes go.
    pub evidence: PathBuf,
    /// The nodes write there themselves.
    pub shared: bool,
}

/// What ended a layout that nobody had asked to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fatal {
    /// In one line.
    pub cause: String,
    /// The last lines of whoever is to blame, and his name.
    pub last: Option<(String, Vec<String>)>,
    /// One process is to blame: its node and the meeting are there.
    pub of_process: bool,
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)?;
        let Some((_, lines)) = &self.last else {
            return Ok(());
        };
        let mut quoted = VecDeque::new();
        let mut length = 0;
        for line in lines.iter().rev().filter(|line| !line.trim().is_empty()) {
            length += line.len() + 3;
            if length > QUOTED && !quoted.is_empty() {
                break;
            }
            quoted.push_front(line.trim());
        }
        match quoted.is_empty() {
            true => f.write_str("; it said nothing"),
            false => {
                let quoted: Vec<&str> = quoted.into();
                write!(f, "; last lines: {}", quoted.join(" ⏎ "))
            }
        }
    }
}

impl From<String> for Fatal {
    fn from(cause: String) -> Self {
        Fatal {
            cause,
            last: None,
            of_process: false,
        }
    }
}

/// One that conducts.
pub(crate) struct Conductor {
    task: Task,
    crew: Crew,
    addresses: Vec<String>,
    /// What runs: node and name.
    running: BTreeSet<(usize, String)>,
    last: BTreeMap<(usize, String), VecDeque<String>>,
    waves: Vec<Vec<(usize, String)>>,
    /// The nodes that are gone: then the run is over for all of them.
    left: BTreeSet<usize>,
    say: fn(&str),
}

/// A line for whoever reads the conductor's log.
pub(crate) fn say(line: &str) {
    // A reader that is gone changes nothing.
    let _ = writeln!(std::io::stdout(), "tribunal-nodes: {line}");
}

impl Conductor {
    pub(crate) fn new(task: Task, crew: Crew, addresses: Vec<String>) -> Conductor {
        Conductor {
            task,
            crew,
            addresses,
            running: BTreeSet::new(),
            last: BTreeMap::new(),
            waves: Vec::new(),
            left: BTreeSet::new(),
            say,
        }
    }

    /// Starts the layout and watches it, until something fails.
    pub(crate) async fn run(&mut self, front: tokio::net::TcpListener) -> Fatal {
        let base = match self.start().await {
            Ok(base) => base,
            Err(fatal) => return fatal,
        };
        (self.say)(&format!("ready: requests go to {base}"));
        let front = front::serve(front, base);
        tokio::pin!(front);
        loop {
            tokio::select! {
                event = self.next() => if let Err(fatal) = event {
                    return fatal;
                },
                error = &mut front => return format!("the front of the layout broke: {error}").into(),
            }
        }
    }

    async fn start(&mut self) -> Result<String, Fatal> {
        let count = self.task.layout.nodes.len();
        if self.addresses.len() < count {
            return Err(format!(
                "the layout has {count} nodes, and the run {}",
                self.addresses.len()
            )
            .into());
        }
        let surveyed = self.survey(count).await?;
        let plan = Plan::of(
            &self.task.layout,
            &surveyed,
            &*self.task.stage,
            &self.task.program,
            self.task.limits,
        )?;
        self.write(plan.files).await?;
        for wave in plan.waves {
            self.wave(wave).await?;
        }
        Ok(plan.base)
    }

    async fn order(&self, node: usize, order: Order) {
        // A node that is lost is an event.
        let _ = self.crew.orders.send(Relay { node, order }).await;
    }

    /// Where a node is, for messages.
    fn place(&self, node: usize) -> String {
        let address = self.addresses.get(node).map_or("", String::as_str);
        format!("node {node} ({address})")
    }

    async fn survey(&mut self, count: usize) -> Result<Vec<Surveyed>, Fatal> {
        for (node, asked) in plan::questions(&self.task.layout).into_iter().enumerate() {
            let order = Order::Survey {
                ports: asked.ports,
                environment: asked.environment,
            };
            self.order(node, order).await;
        }
        let mut surveyed: Vec<Option<Surveyed>> = vec![None; count];
        while surveyed.iter().any(Option::is_none) {
            let (node, report) = self.answer().await?;
            if let (
                Report::Surveyed {
                    ports,
                    interface,
                    environment,
                    pool_folder,
                },
                Some(place),
            ) = (report, surveyed.get_mut(node))
            {
                *place = Some(Surveyed {
                    address: self.addresses[node].clone(),
                    interface,
                    ports,
                    environment,
                    pool_folder,
                });
            }
        }
        Ok(surveyed.into_iter().flatten().collect())
    }

    async fn write(&mut self, files: Vec<Vec<(String, String)>>) -> Result<(), Fatal> {
        let mut waited = 0;
        for (node, files) in files.into_iter().enumerate() {
            if !files.is_empty() {
                waited += 1;
                self.order(node, Order::Write { files }).await;
            }
        }
        while waited > 0 {
            if let (_, Report::Written) = self.answer().await? {
                waited -= 1;
            }
        }
        Ok(())
    }

    async fn wave(&mut self, wave: Vec<plan::Start>) -> Result<(), Fatal> {
        let mut waiting: BTreeSet<(usize, String)> = BTreeSet::new();
        for start in wave {
            let who = (start.node, start.order.name.clone());
            (self.say)(&format!(
                "{}: starting {}: {}",
                self.place(start.node),
                start.order.name,
                tribunal_serving::without_secrets(&start.order.argv.join(" "))
            ));
            self.running.insert(who.clone());
            waiting.insert(who);
            self.order(start.node, Order::Start(start.order)).await;
        }
        self.waves.push(waiting.iter().cloned().collect());
        while !waiting.is_empty() {
            // Nodes have the limits, and say it when one is over.
            let (node, report) = self.next().await?;
            if let Report::Process {
                name,
                state: State::Ready { after_ms },
            } = report
            {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds for people")]
                let seconds = after_ms as f64 / 1000.0;
                let place = self.place(node);
                (self.say)(&format!("{place}: {name} is ready after {seconds:.1} s"));
                waiting.remove(&(node, name));
            }
        }
        Ok(())
    }

    /// What comes next; an error where it is the end of the layout.
    async fn next(&mut self) -> Result<(usize, Report), Fatal> {
        loop {
            let Some(event) = self.crew.events.recv().await else {
                return Err("the meeting of the nodes is gone".to_owned().into());
            };
            match event {
                Event::Here { addresses } => self.addresses = addresses,
                Event::Left { node } => {
                    self.left.insert(node);
                    if self.left.len() >= self.addresses.len() {
                        return Err("all nodes have left".to_owned().into());
                    }
                }
                Event::Lost { node, why, .. } => {
                    let place = self.place(node);
                    self.left.insert(node);
                    return Err(Fatal {
                        cause: format!("{place} is lost: {why}"),
                        last: self.last_of(node),
                        of_process: false,
                    });
                }
                Event::Report { node, report } => match self.judge(node, report)? {
                    None => {}
                    Some(report) => return Ok((node, report)),
                },
            }
        }
    }

    /// The same, of something that takes no time.
    async fn answer(&mut self) -> Result<(usize, Report), Fatal> {
        timeout(ANSWER, self.next()).await.unwrap_or_else(|_| {
            let limit = ANSWER.as_secs();
            Err(format!("not all nodes answered within {limit} s").into())
        })
    }

    /// The last lines of a node that cannot say them any more.
    fn last_of(&self, node: usize) -> Option<(String, Vec<String>)> {
        let mut of_node = self.last.iter().filter(|((other, _), _)| *other == node);
        let ((_, name), lines) = of_node.next()?;
        let lines = lines.iter().cloned().collect();
        Some((format!("node-{node}/{name}"), lines))
    }

    /// What a report means; `None`: nothing that anybody waits for.
    fn judge(&mut self, node: usize, report: Report) -> Result<Option<Report>, Fatal> {
        let place = self.place(node);
        match report {
            Report::Said { name, lines } => {
                let last = self.last.entry((node, name)).or_default();
                last.extend(lines);
                while last.len() > TAIL {
                    last.pop_front();
                }
                Ok(None)
            }
            Report::Noted { text } => {
                (self.say)(&format!("{place}: {text}"));
                Ok(None)
            }
            Report::Log { file, text } => {
                self.keep(node, &file, &text);
                Ok(None)
            }
            Report::Failed { reason } => Err(format!("{place}: {reason}").into()),
            Report::Process { name, state } => {
                let who = (node, name.clone());
                let blame = |what: String, tail: Vec<String>| Fatal {
                    cause: format!("{place}: {name} {what}"),
                    last: Some((format!("node-{node}/{name}"), tail)),
                    of_process: true,
                };
                match state {
                    State::NotStarted { reason } => {
                        self.running.remove(&who);
                        Err(format!("{place}: {name} was not started: {reason}").into())
                    }
                    State::Exited { how, tail } => {
                        self.running.remove(&who);
                        Err(blame(how.to_string(), tail))
                    }
                    State::NotReady { seen, tail } => {
                        Err(blame(format!("was not ready in time: {seen}"), tail))
                    }
                    State::Unhealthy { seen, tail } => {
                        Err(blame(format!("was ready, and is unhealthy: {seen}"), tail))
                    }
                    State::Stopped { killed, .. } => {
                        if killed {
                            (self.say)(&format!(
                                "{place}: {name} did not end when asked, and was killed"
                            ));
                        }
                        self.running.remove(&who);
                        Ok(Some(Report::Process { name, state }))
                    }
                    State::Started { .. } | State::Ready { .. } => {
                        Ok(Some(Report::Process { name, state }))
                    }
                }
            }
            other => Ok(Some(other)),
        }
    }

    /// Keeps a piece of a log of another machine.
    fn keep(&self, node: usize, file: &str, text: &str) {
        // A name from another machine stays within its folder.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if file.starts_with('.') || !file.chars().all(plain) {
            return;
        }
        let folder = self.task.evidence.join(format!("node-{node}"));
        let kept = std::fs::create_dir_all(&folder).and_then(|()| {
            let path = folder.join(file);
            let mut file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(path)?;
            file.write_all(text.as_bytes())
        });
        if let Err(e) = kept {
            (self.say)(&format!("{} cannot be written: {e}", folder.display()));
        }
    }

    /// Takes everything down, the last wave first. What fails now is said, and keeps nobody from being stopped.
    pub(crate) async fn end(&mut self) {
        let grace_ms = u64::try_from(self.task.grace.as_millis()).unwrap_or(u64::MAX);
        while let Some(wave) = self.waves.pop() {
            let stopping: Vec<_> = wave
                .into_iter()
                .filter(|who| self.running.contains(who))
                .collect();
            for (node, name) in &stopping {
                let name = name.clone();
                self.order(*node, Order::Stop { name, grace_ms }).await;
            }
            let limit = self.task.grace + FORCE;
            let all = async {
                while stopping.iter().any(|who| self.running.contains(who)) {
                    if let Err(fatal) = self.next().await {
                        (self.say)(&format!("while stopping: {fatal}"));
                        if !fatal.of_process {
                            return;
                        }
                    }
                }
            };
            if timeout(limit, all).await.is_err() {
                (self.say)("not everything ended when asked");
            }
        }
        self.collect().await;
    }

    /// Ends everything at once, after a failure, and brings the logs here.
    pub(crate) async fn abandon(&mut self) {
        if self.left.is_empty() {
            for node in 0..self.task.layout.nodes.len() {
                self.order(node, Order::Reset).await;
            }
            return self.collect().await;
        }
        // The run is over: the others end by themselves, and send their logs before they leave.
        let rest = async {
            while self.left.len() < self.addresses.len() {
                if let Err(fatal) = self.next().await
                    && !fatal.of_process
                {
                    return;
                }
            }
        };
        if timeout(ANSWER, rest).await.is_err() {
            (self.say)("not all logs came");
        }
    }

    /// Brings the logs of all nodes here.
    pub(crate) async fn collect(&mut self) {
        if self.task.shared {
            return;
        }
        let count = self.task.layout.nodes.len();
        for node in 0..count {
            self.order(node, Order::Collect).await;
        }
        let all = async {
            let mut waiting = count;
            while waiting > 0 {
                match self.next().await {
                    Ok((_, Report::Collected)) => waiting -= 1,
                    Ok(_) => {}
                    Err(fatal) if fatal.of_process => {}
                    Err(_) => return,
                }
            }
        };
        if timeout(ANSWER, all).await.is_err() {
            (self.say)("not all logs came");
        }
    }
}
