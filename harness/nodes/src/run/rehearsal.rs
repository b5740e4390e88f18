//! What a rehearsal takes instead of machines and engines.
//!
//! Promise: every process of the file is started with the command line that it would have on its node, given to the embedded engine, which acts on what it can
//! and says what it does not act on. Rejected: a command of our own for each role (what the file says would not be read by anybody).

use crate::front::POOL_VERB;
use crate::world;

use super::routes::Routes;
use super::stage::{CommandLine, Stage, Subject};
use super::world::World;

/// The verb of the embedded engine, and the word behind it for the command lines of others. That crate is no dependency of this one: the binary that
/// conducts may be built without it, and says so then.
const SERVE_AS: [&str; 2] = ["__tribunal-engine", "serve-as"];

/// The embedded engine in the place of every program of a layout.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rehearsal {
    /// The harness binary.
    pub program: String,
    /// The model that requests ask for.
    pub model: String,
    /// Options of the engine behind those that follow from the command.
    pub engine: Vec<String>,
}

impl Stage for Rehearsal {
    fn command(&self, subject: Subject<'_>, line: CommandLine, address: &str) -> CommandLine {
        let program = || self.program.clone();
        let argv = match subject {
            Subject::Pool(pool) => [program(), POOL_VERB.to_owned(), address.to_owned()]
                .into_iter()
                .chain(pool.ports.iter().map(u16::to_string))
                .collect(),
            Subject::Process(_) => {
                let [verb, word] = SERVE_AS;
                let mut argv = vec![program()];
                argv.extend(
                    [verb, word, "--bind", address, "--model", &self.model].map(str::to_owned),
                );
                for option in &self.engine {
                    argv.extend(["--engine".to_owned(), option.clone()]);
                }
                argv.push("--".to_owned());
                argv.extend(line.argv);
                argv
            }
            Subject::Proxy { routes, port, .. } => {
                Routes::own_proxy(routes, &self.program, address, port)
            }
        };
        CommandLine {
            argv,
            env: line.env,
        }
    }
}

/// The best world that this machine allows. For a process with one thread; a line for people where it is not the best there is.
pub(crate) fn world(nodes: usize) -> Result<(Box<dyn World>, Option<String>), String> {
    let wanted = std::env::var(world::VARIABLE).ok();
    world::make(nodes, wanted.as_deref()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Port, Proxy, Targets};

    fn stage() -> Rehearsal {
        Rehearsal {
            program: "harness".to_owned(),
            model: "m".to_owned(),
            engine: vec!["--seed=1".to_owned()],
        }
    }

    #[test]
    fn a_proxy_of_the_file_is_that_of_this_project() {
        let routes = Routes::Any(vec!["127.77.0.1:1".to_owned()]);
        let proxy = Proxy {
            node: 0,
            port: Port::Fixed(1999),
            command: None,
            env: Vec::new(),
            targets: Targets::Any(Vec::new()),
        };
        let subject = Subject::Proxy {
            proxy: &proxy,
            routes: &routes,
            port: 1999,
        };
        let line = CommandLine {
            argv: vec!["python3".to_owned(), "proxy.py".to_owned()],
            env: vec![("A".to_owned(), "b".to_owned())],
        };
        let staged = stage().command(subject, line.clone(), "127.77.0.1");
        assert_eq!(staged.argv[..2], ["harness", "__nodes-proxy"]);
        assert_eq!(staged.env, line.env);
    }
}
