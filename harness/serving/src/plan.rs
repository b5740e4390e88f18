//! A start before anything runs: every process of a deployment with its program, ports, arguments and log.
//!
//! All of it is looked up for all processes before the first one starts, so that whatever can be refused is refused at once, and so that
//! every process can be told the ports of every other.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::container::{self, Run};
use crate::deployment::Deployment;
use crate::launch::{Launch, Part, Readiness, StartOrder};
use crate::options::StartOptions;
use crate::placeholder::{self, Address, PlaceholderError, Values};
use crate::port::{self, PortError, PortLease};
use crate::process::Stat;
use crate::program;
use crate::protocol::Order;
use crate::share::Share;
use crate::start_error_kind::StartErrorKind;
use crate::url::Base;
use crate::{log, text};

/// The name under which placeholders and messages speak of the process whose port answers.
pub(crate) const SERVER: &str = "server";
/// Names that would make placeholders ambiguous.
const RESERVED: [&str; 7] = [SERVER, "host", "port", "ports", "url", "model", "evidence"];
/// Longer names make file names and messages unreadable.
const LONGEST_NAME: usize = 40;

/// One process, ready to be started.
pub(crate) struct Planned {
    /// `None`: the process whose port answers.
    pub part: Option<String>,
    pub order: Order,
    pub lease: PortLease,
    pub log_file: File,
    pub log: PathBuf,
    pub ready: Readiness,
    pub base: Base,
    /// For messages, secrets masked.
    pub command: String,
    pub program: PathBuf,
    /// The deployment insists on the port.
    pub fixed: bool,
}

/// Which process cannot be started, and why.
pub(crate) struct Refusal {
    pub part: Option<String>,
    pub kind: StartErrorKind,
}

/// One process as the deployment describes it.
struct Wanted<'a> {
    part: Option<&'a str>,
    launch: &'a Launch,
    ready: &'a Readiness,
}

impl Wanted<'_> {
    fn name(&self) -> &str {
        self.part.unwrap_or(SERVER)
    }

    fn refuse(&self, kind: StartErrorKind) -> Refusal {
        Refusal {
            part: self.part.map(Into::into),
            kind,
        }
    }
}

/// All processes in the order of their start. Ports of `avoid` are not leased.
pub(crate) fn prepare(
    deployment: &Deployment,
    launch: &Launch,
    options: &StartOptions,
    avoid: &[u16],
) -> Result<Vec<Planned>, Refusal> {
    check_names(&deployment.parts)?;
    let wanted = in_order(deployment, launch);
    let mut programs = Vec::new();
    for w in &wanted {
        check(w.launch).map_err(|kind| w.refuse(kind))?;
        programs.push(program::of(w.launch).map_err(|kind| w.refuse(kind))?);
    }
    let mut leases = Vec::new();
    for w in &wanted {
        leases.push(lease_ports(w.launch, options, avoid).map_err(|kind| w.refuse(kind))?);
    }
    let evidence = std::path::absolute(&options.evidence).map_err(|e| Refusal {
        part: None,
        kind: StartErrorKind::Evidence {
            path: options.evidence.clone(),
            reason: e.to_string(),
        },
    })?;
    let mut processes: Vec<(String, Address)> = Vec::new();
    for (w, lease) in wanted.iter().zip(&leases) {
        let mut address = outer(lease);
        let told = options.detour.told(w.name(), lease.port);
        address.told = told.map_err(|reason| w.refuse(StartErrorKind::NotPrepared { reason }))?;
        processes.push((w.name().to_string(), address));
    }
    let mut filled = Vec::new();
    for (w, (name, own)) in wanted.iter().zip(&processes) {
        let values = Values {
            name,
            own,
            model: deployment.model.as_deref(),
            evidence: evidence.as_os_str(),
            processes: &processes,
        };
        filled.push(fill(w.launch, &values).map_err(|e| {
            w.refuse(StartErrorKind::Placeholder {
                reason: e.to_string(),
            })
        })?);
    }
    let several = wanted.len() > 1;
    let mut planned = Vec::new();
    for (((w, program), mut lease), filled) in wanted.iter().zip(programs).zip(leases).zip(filled) {
        // With one process there is nothing to wait for between the lease and the server's own bind.
        if several && w.launch.port.is_none() {
            lease.hold();
        }
        let (log_path, log_file) = log::create(&evidence, w.name()).map_err(|(path, e)| {
            w.refuse(StartErrorKind::Evidence {
                path,
                reason: e.to_string(),
            })
        })?;
        let order = order(deployment, w, &program, &lease, filled, &log_path, options);
        planned.push(Planned {
            part: w.part.map(Into::into),
            base: Base::local(lease.port),
            command: text::command_line(program.as_os_str(), &order.args),
            order,
            lease,
            log_file,
            log: log_path,
            ready: w.ready.clone(),
            program,
            fixed: w.launch.port.is_some(),
        });
    }
    Ok(planned)
}

fn in_order<'a>(deployment: &'a Deployment, launch: &'a Launch) -> Vec<Wanted<'a>> {
    let parts = |order| {
        let these = move |p: &&Part| p.order == order;
        deployment.parts.iter().filter(these).map(|p| Wanted {
            part: Some(&p.name),
            launch: &p.launch,
            ready: &p.ready,
        })
    };
    let server = Wanted {
        part: None,
        launch,
        ready: &deployment.ready,
    };
    parts(StartOrder::Before)
        .chain([server])
        .chain(parts(StartOrder::After))
        .collect()
}

fn check_names(parts: &[Part]) -> Result<(), Refusal> {
    for (i, part) in parts.iter().enumerate() {
        let name = part.name.as_str();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let reason = if name.is_empty() {
            "it is empty".into()
        } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
            "a name begins with a letter and has only letters, digits, `-` and `_`".into()
        } else if name.len() > LONGEST_NAME {
            format!("it is longer than {LONGEST_NAME} characters")
        } else if RESERVED.contains(&name) {
            format!(
                "placeholders use it already (they are `{}`)",
                RESERVED.join("`, `")
            )
        } else if parts[..i].iter().any(|earlier| earlier.name == part.name) {
            "another part has it already".into()
        } else {
            continue;
        };
        return Err(Refusal {
            part: None,
            kind: StartErrorKind::PartName {
                name: text::excerpt(name.as_bytes(), LONGEST_NAME),
                reason,
            },
        });
    }
    Ok(())
}

/// What can be refused without a look at this machine, and the folder in which it starts.
fn check(launch: &Launch) -> Result<(), StartErrorKind> {
    for fatal in launch.fatal.iter().filter(|f| f.regex) {
        if let Err(error) = fatal.compiled() {
            return Err(StartErrorKind::FatalPattern {
                pattern: text::printable(&fatal.pattern),
                reason: error.to_string(),
            });
        }
    }
    let inner = launch.container.as_ref().and_then(|c| c.port);
    if inner.is_some_and(|p| p == 0 || p.checked_add(launch.ports - 1).is_none()) {
        let reason = format!(
            "a container has no {} ports from {}",
            launch.ports,
            inner.unwrap_or(0)
        );
        return Err(StartErrorKind::NotStarted { reason });
    }
    // That of a container is a folder inside it.
    let missing = |c: &&PathBuf| launch.container.is_none() && !c.is_dir();
    if let Some(cwd) = launch.cwd.as_ref().filter(missing) {
        let reason = format!("its working directory {} does not exist", cwd.display());
        return Err(StartErrorKind::NotStarted { reason });
    }
    Ok(())
}

fn outer(lease: &PortLease) -> Address {
    Address {
        host: "127.0.0.1".into(),
        first: lease.port,
        count: lease.count,
        told: None,
    }
}

fn lease_ports(
    launch: &Launch,
    options: &StartOptions,
    avoid: &[u16],
) -> Result<PortLease, StartErrorKind> {
    let folder = options
        .lease_folder
        .clone()
        .unwrap_or_else(port::default_folder);
    let lease = match launch.port {
        Some(port) => PortLease::take_exactly(&folder, port, launch.ports),
        None => {
            let range = options.ports.clone().unwrap_or_else(port::default_range);
            PortLease::take(&folder, range, launch.ports, avoid)
        }
    };
    lease.map_err(|error| match error {
        PortError::Folder { path, error } => StartErrorKind::PortLeases {
            folder: path,
            reason: error.to_string(),
        },
        PortError::Exhausted {
            range,
            count,
            holders,
        } => StartErrorKind::PortsExhausted {
            first: *range.start(),
            last: *range.end(),
            count,
            holders,
        },
        PortError::Taken { port, holder } => StartErrorKind::PortTaken { port, holder },
    })
}

/// The launch with its placeholders filled in.
struct Filled {
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    /// Options of the container.
    options: Vec<OsString>,
}

fn fill(launch: &Launch, values: &Values<'_>) -> Result<Filled, PlaceholderError> {
    // Inside a container whose port is published the process has other ports, and must listen on all addresses.
    let inner = launch.container.as_ref().and_then(|c| c.port);
    let own = match inner {
        Some(first) => Address {
            host: "0.0.0.0".into(),
            first,
            count: values.own.count,
            told: None,
        },
        None => values.own.clone(),
    };
    let inside = Values {
        own: &own,
        ..*values
    };
    let all = |texts: &mut dyn Iterator<Item = &OsStr>, values: &Values<'_>| {
        texts
            .map(|t| placeholder::fill(t, values))
            .collect::<Result<Vec<_>, _>>()
    };
    let env = launch
        .env
        .iter()
        .map(|(name, value)| {
            let value = value
                .as_ref()
                .map(|v| placeholder::fill(v, &inside))
                .transpose()?;
            Ok((name.clone(), value))
        })
        .collect::<Result<_, _>>()?;
    let options = launch.container.iter().flat_map(|c| &c.options);
    Ok(Filled {
        args: all(&mut launch.args.iter().map(OsString::as_os_str), &inside)?,
        env,
        options: all(&mut options.map(OsStr::new), values)?,
    })
}

fn order(
    deployment: &Deployment,
    wanted: &Wanted<'_>,
    program: &Path,
    lease: &PortLease,
    filled: Filled,
    log: &Path,
    options: &StartOptions,
) -> Order {
    let launch = wanted.launch;
    let grace = launch.grace.unwrap_or(options.grace);
    let (mut args, mut env, mut cwd) = (filled.args, filled.env, launch.cwd.clone());
    let handle = launch.container.as_ref().map(|container| {
        let id_file = log.with_extension("cid");
        // The runtime refuses a file that exists; the log beside it is new, so that this one is of nobody.
        let _ = std::fs::remove_file(&id_file);
        let (name, owner) = container_names(&deployment.display_name(), wanted.name());
        let run = Run {
            container,
            options: filled.options,
            name: &name,
            owner: &owner,
            id_file: &id_file,
            port: lease.port,
            ports: lease.count,
            env: &env,
            folder: cwd.as_deref(),
            program: &launch.program,
            args: std::mem::take(&mut args),
        };
        (args, env) = container::argv(&run);
        cwd = None;
        container::Handle {
            runtime: program.into(),
            id_file: id_file.into(),
            published: container.port.is_some(),
        }
    });
    Order {
        program: program.into(),
        args,
        env,
        cwd: cwd.map(Into::into),
        port: lease.port,
        log: log.into(),
        log_whole: options.log.whole,
        log_head: options.log.head,
        fatal: launch.fatal.clone(),
        grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        container: handle,
        share: options.share.as_ref().map(Share::order),
    }
}

/// The container's name, and whose it is.
fn container_names(deployment: &str, process: &str) -> (String, String) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let pid = std::process::id();
    let unique = format!("{pid}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let started = Stat::of(pid).map_or(0, |s| s.info.start_time);
    (
        container::name_of(deployment, process, &unique),
        format!("{pid}-{started}"),
    )
}
