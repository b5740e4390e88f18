//! What the arguments of a hardware marker ask of each platform.

use crate::check::{Inner, Problem, ProblemAt, head};
use crate::document::list;
use crate::marker::{MarkerId, Role};
use crate::nearest::nearest;
use crate::platform::Platform;
use crate::value::{Arg, Value};
use crate::vocabulary::Vocabulary;

/// The argument that holds the count.
pub(crate) const COUNT: &str = "num_cards";

/// What is asked of one platform.
pub(super) struct Request<'v> {
    pub platform: &'v Platform,
    pub devices: Vec<MarkerId>,
    pub count: u32,
}

pub(super) fn platforms(vocabulary: &Vocabulary) -> String {
    list(vocabulary.platforms.iter().map(|platform| &*platform.name))
}

/// What is asked of each platform, in the order of the source; what is wrong is reported and left out.
pub(super) fn read<'v>(
    vocabulary: &'v Vocabulary,
    name: &str,
    args: &[Arg],
    problems: &mut Vec<Problem>,
) -> Vec<Request<'v>> {
    let mut requests: Vec<Request<'v>> = Vec::new();
    for (index, arg) in args.iter().enumerate() {
        if arg.key == COUNT {
            continue;
        }
        let Some(platform) = vocabulary
            .platforms
            .iter()
            .find(|platform| platform.name == arg.key)
        else {
            problems.push(unknown_key(vocabulary, name, args, index));
            continue;
        };
        if requests
            .iter()
            .any(|request| request.platform.id == platform.id)
        {
            let help = format!("list its devices: `{} = [\"…\", \"…\"]`", arg.key);
            problems.push(Problem::new(
                head(args, index),
                format!("platform `{}` is named twice", arg.key),
                Some(help),
            ));
            continue;
        }
        let devices = read_devices(vocabulary, platform, &arg.value, index, problems);
        requests.push(Request {
            platform,
            devices,
            count: 1,
        });
    }
    let mut counts = args.iter().enumerate().filter(|(_, arg)| arg.key == COUNT);
    if let Some((index, arg)) = counts.next() {
        read_counts(vocabulary, &arg.value, index, &mut requests, problems);
    }
    for (index, _) in counts {
        problems.push(Problem::new(
            head(args, index),
            format!("`{COUNT}` is given twice"),
            None,
        ));
    }
    // Where nothing is said of the count it is 1, and that must be declared as well.
    for request in &requests {
        let said = args
            .iter()
            .any(|arg| arg.key == COUNT && counts_for(&arg.value, &request.platform.name));
        if !said && !request.platform.cards.contains(&1) {
            let at = args
                .iter()
                .position(|arg| arg.key == request.platform.name)
                .map_or(ProblemAt::Name, |index| head(args, index));
            let message = format!(
                "`{}` has no count of 1, which is meant where `{COUNT}` says nothing",
                request.platform.name
            );
            problems.push(Problem::new(
                at,
                message,
                Some(known_counts(request.platform)),
            ));
        }
    }
    requests
}

/// Whether a value of `num_cards` says something of a platform.
fn counts_for(value: &Value, platform: &str) -> bool {
    match value {
        Value::Map(entries) => entries.iter().any(|(key, _)| key == platform),
        _ => true,
    }
}

fn unknown_key(vocabulary: &Vocabulary, name: &str, args: &[Arg], index: usize) -> Problem {
    let key = &*args[index].key;
    let names = || {
        vocabulary
            .platforms
            .iter()
            .map(|platform| &*platform.name)
            .chain([COUNT])
    };
    let (message, help) = match (key, vocabulary.marker(key).map(|marker| marker.role)) {
        ("", _) => {
            let device = args[index]
                .value
                .as_str()
                .and_then(|text| vocabulary.device(text));
            let help = match device {
                Some((platform, device)) => {
                    format!("write `{} = \"{}\"`", platform.name, device.name)
                }
                None => format!("name the platform: {}", platforms(vocabulary)),
            };
            (format!("every argument of `{name}` has a keyword"), help)
        }
        (_, Some(Role::Device(platform))) => {
            let platform = vocabulary
                .platforms
                .get(platform)
                .map_or("", |platform| &platform.name);
            (
                format!("`{key}` is a device, not a platform"),
                format!("write `{platform} = \"{key}\"`"),
            )
        }
        (_, Some(_)) => {
            let help = format!(
                "the platforms are {}; `{key}` is a marker of its own: `#[{key}]`",
                platforms(vocabulary)
            );
            (format!("`{key}` is no platform"), help)
        }
        _ => {
            let help = match nearest(key, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "its arguments are the platforms {}, and `{COUNT}`",
                    platforms(vocabulary)
                ),
            };
            (format!("`{name}` has no argument `{key}`"), help)
        }
    };
    Problem::new(head(args, index), message, Some(help))
}

fn read_devices(
    vocabulary: &Vocabulary,
    platform: &Platform,
    value: &Value,
    index: usize,
    problems: &mut Vec<Problem>,
) -> Vec<MarkerId> {
    let mut devices: Vec<MarkerId> = Vec::new();
    let single;
    let values = match value {
        Value::List(values) => {
            if values.is_empty() {
                let message = format!("`{}` names no device", platform.name);
                problems.push(Problem::new(
                    ProblemAt::Value(index, None),
                    message,
                    Some(known_devices(platform)),
                ));
            }
            &**values
        }
        other => {
            single = [other.clone()];
            &single
        }
    };
    for (item, one) in values.iter().enumerate() {
        let inner = matches!(value, Value::List(_)).then_some(Inner::Item(item));
        let at = ProblemAt::Value(index, inner);
        let Value::Str(text) = one else {
            let message = format!("a device is text, not {}", one.sort());
            problems.push(Problem::new(at, message, Some(known_devices(platform))));
            continue;
        };
        match vocabulary.device(text) {
            Some((owner, device)) if owner.id == platform.id => {
                if devices.contains(&device.id) {
                    problems.push(Problem::new(
                        at,
                        format!("`{}` is named twice", device.name),
                        None,
                    ));
                } else {
                    devices.push(device.id);
                }
            }
            other => {
                let known = list(platform.devices.iter().map(|device| &*device.name));
                let message = format!(
                    "`{text}` is not a {} device (known: {known})",
                    platform.name
                );
                let own = platform.devices.iter().map(|device| &*device.name);
                let aliases = platform
                    .devices
                    .iter()
                    .flat_map(|device| device.aliases.iter().map(|alias| &**alias));
                let help = match other {
                    Some((owner, _)) => Some(format!("it belongs to `{}`", owner.name)),
                    None => nearest(text, own.chain(aliases))
                        .map(|near| format!("did you mean `{near}`?")),
                };
                problems.push(Problem::new(at, message, help));
            }
        }
    }
    devices
}

fn known_devices(platform: &Platform) -> String {
    format!(
        "the devices of `{}` are {}",
        platform.name,
        list(platform.devices.iter().map(|device| &*device.name))
    )
}

fn known_counts(platform: &Platform) -> String {
    let counts: Vec<String> = platform.cards.iter().map(u32::to_string).collect();
    format!(
        "the counts of `{}` are {}",
        platform.name,
        counts.join(", ")
    )
}

fn read_counts(
    vocabulary: &Vocabulary,
    value: &Value,
    index: usize,
    requests: &mut [Request<'_>],
    problems: &mut Vec<Problem>,
) {
    match value {
        Value::Map(entries) => {
            let mut seen: Vec<&str> = Vec::new();
            for (item, (key, value)) in entries.iter().enumerate() {
                let at_key = ProblemAt::Value(index, Some(Inner::Key(item)));
                let at = ProblemAt::Value(index, Some(Inner::Value(item)));
                if seen.contains(&&**key) {
                    problems.push(Problem::new(
                        at_key,
                        format!("`{COUNT}` counts `{key}` twice"),
                        None,
                    ));
                    continue;
                }
                seen.push(key);
                match requests
                    .iter_mut()
                    .find(|request| request.platform.name == *key)
                {
                    Some(request) => read_count(value, at, request, problems),
                    None => {
                        let known = vocabulary
                            .platforms
                            .iter()
                            .any(|platform| platform.name == *key);
                        let message = match known {
                            true => {
                                format!("`{COUNT}` counts `{key}`, for which no device is named")
                            }
                            false => format!("`{key}` is no platform"),
                        };
                        let named = requests.iter().map(|request| &*request.platform.name);
                        let help = match nearest(key, named.clone()) {
                            Some(near) => format!("did you mean `{near}`?"),
                            None if known => format!("add `{key} = \"…\"`, or drop the count"),
                            None => format!("devices are named for {}", list(named)),
                        };
                        problems.push(Problem::new(at_key, message, Some(help)));
                    }
                }
            }
            if entries.is_empty() {
                let help = format!("write `{COUNT} = 2`, or `{COUNT}(cuda = 2, rocm = 8)`");
                problems.push(Problem::new(
                    ProblemAt::Value(index, None),
                    format!("`{COUNT}` counts nothing"),
                    Some(help),
                ));
            }
        }
        value => {
            // One count for all: a count that several platforms lack is one problem.
            let before = problems.len();
            for request in requests {
                if problems.len() == before {
                    read_count(value, ProblemAt::Value(index, None), request, problems);
                } else {
                    read_count(
                        value,
                        ProblemAt::Value(index, None),
                        request,
                        &mut Vec::new(),
                    );
                }
            }
        }
    }
}

fn read_count(
    value: &Value,
    at: ProblemAt,
    request: &mut Request<'_>,
    problems: &mut Vec<Problem>,
) {
    let platform = request.platform;
    match value {
        Value::Int(int) => match u32::try_from(*int)
            .ok()
            .filter(|count| platform.cards.contains(count))
        {
            Some(count) => request.count = count,
            None => {
                let message = format!("{int} is not a count that `{}` declares", platform.name);
                problems.push(Problem::new(at, message, Some(known_counts(platform))));
            }
        },
        other => {
            let message = format!("`{COUNT}` must be an integer, not {}", other.sort());
            problems.push(Problem::new(at, message, Some(known_counts(platform))));
        }
    }
}
