//! Devices in words: `2xH100,1xL4`.
//!
//! Promise: a mistake is answered with its place, what was expected and the nearest model; what is asked for is bounded. Rejected: a
//! table of sizes of its own, since the vocabulary declares the models, and projects add theirs.

use std::error::Error;
use std::fmt;

use crate::device::Device;
use crate::host::Host;
use crate::note::{Note, NoteKind};

/// The most devices of one layout.
pub const MOST_DEVICES: usize = 1024;
/// The platform of a device that the vocabulary does not know.
const CUSTOM_PLATFORM: &str = "cuda";
/// The largest memory of one device, in GiB.
const MOST_GIB: f64 = 65_536.0;
const GIB: f64 = 1_073_741_824.0;

/// Looks a model up by a name of it, and gives its platform, its proper name and its memory in GiB.
pub type FindModel<'a> = dyn Fn(&str) -> Option<(String, String, f64)> + 'a;

/// One device of a layout.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LayoutDevice {
    /// The platform's name in the vocabulary: `cuda`.
    pub platform: String,
    /// The model's name in the vocabulary, or the name that was given with a size.
    pub model: String,
    /// Its memory in bytes.
    pub total: u64,
}

/// What is wrong with a layout. `Display` is the whole sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutError {
    /// The item that is wrong, as it was written.
    pub item: String,
    /// Where it stands in the text, counted in characters from 1.
    pub place: usize,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "devices, character {}: `{}`: {}",
            self.place, self.item, self.message
        )
    }
}

impl Error for LayoutError {}

/// The devices of a layout such as `2xH100,1xL4`: items with commas between them, each a model with the number of devices before
/// it (without one: a single device) and, where it is no declared model or not of the declared size, its memory in GiB behind it
/// (`2xCustom:12`).
///
/// `find` looks a model up and gives its platform, its proper name and its memory in GiB; `known` lists the models.
///
/// # Errors
/// The first item that is wrong.
pub fn parse_layout(
    text: &str,
    find: &FindModel<'_>,
    known: &dyn Fn() -> Vec<String>,
) -> Result<Vec<LayoutDevice>, LayoutError> {
    let mut devices: Vec<LayoutDevice> = Vec::new();
    let mut at = 0;
    for raw in text.split(',') {
        let item = raw.trim();
        let before = raw.chars().take_while(|c| c.is_whitespace()).count();
        let wrong = |message: String| LayoutError {
            item: shown(item),
            place: at + before + 1,
            message,
        };
        let (count, model) = counted(item, find).map_err(wrong)?;
        let (name, size) = match model.split_once(':') {
            Some((name, size)) => (name.trim(), Some(gib(size.trim()).map_err(wrong)?)),
            None => (model, None),
        };
        let device = match (find(name), size) {
            (Some((platform, model, declared)), size) => LayoutDevice {
                platform,
                model,
                total: bytes(size.unwrap_or(declared)),
            },
            (None, Some(size)) => {
                check_name(name).map_err(wrong)?;
                LayoutDevice {
                    platform: CUSTOM_PLATFORM.into(),
                    model: name.into(),
                    total: bytes(size),
                }
            }
            (None, None) => return Err(wrong(unknown(name, &known()))),
        };
        if devices.len().saturating_add(count) > MOST_DEVICES {
            return Err(wrong(format!(
                "that makes more than {MOST_DEVICES} devices, which is the most"
            )));
        }
        devices.extend(std::iter::repeat_n(device, count));
        at += raw.chars().count() + 1;
    }
    Ok(devices)
}

/// Splits an item into number and model.
fn counted<'t>(item: &'t str, find: &FindModel<'_>) -> Result<(usize, &'t str), String> {
    if item.is_empty() {
        return Err("there is no device here; say for example `2xH100,1xL4`".into());
    }
    let is_times = |c: char| matches!(c, 'x' | 'X' | '×' | '*');
    let digits = item.len() - item.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = item.split_at(digits);
    let times = rest.trim_start();
    if digits > 0
        && let Some(model) = times.strip_prefix(is_times)
    {
        let model = model.trim_start();
        let count: usize = number.parse().map_err(|_| too_many(number))?;
        return match count {
            0 => Err("no device at all; leave the item out, or give a number from 1".into()),
            _ if count > MOST_DEVICES => Err(too_many(number)),
            _ if model.is_empty() => Err(format!(
                "the model is missing behind the number; say for example `{count}xH100`"
            )),
            _ => Ok((count, model)),
        };
    }
    if let Some(model) = item.strip_prefix(is_times)
        && find(item).is_none()
        && find(model).is_some()
    {
        return Err(format!(
            "the number is missing before the `x`; say for example `2x{}`",
            shown(model)
        ));
    }
    // `H100x2`, `2 H100`: the right parts in the wrong way.
    if let Some((model, number)) = item.rsplit_once(is_times)
        && !number.is_empty()
        && number.trim().bytes().all(|b| b.is_ascii_digit())
        && find(item).is_none()
        && !item.contains(':')
    {
        return Err(format!(
            "the number stands before the model: `{}x{}`",
            shown(number.trim()),
            shown(model.trim())
        ));
    }
    if digits > 0 && rest.starts_with(char::is_whitespace) {
        return Err(format!(
            "an `x` stands between number and model: `{}x{}`",
            shown(number),
            shown(times)
        ));
    }
    if let Some(rest) = item.strip_prefix('-')
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err("a number of devices is at least 1".into());
    }
    Ok((1, item))
}

fn too_many(number: &str) -> String {
    format!(
        "{} devices are too many; {MOST_DEVICES} is the most",
        shown(number)
    )
}

fn gib(text: &str) -> Result<f64, String> {
    let number = text
        .trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .trim_end();
    let unit = text[number.len()..].trim();
    if !unit.is_empty() && !["gib", "g"].contains(&unit.to_lowercase().as_str()) {
        return Err(format!(
            "`{}` is no size; the memory is given in GiB, as in `1xCustom:12` or `1xCustom:0.5`",
            shown(text)
        ));
    }
    match number.parse::<f64>() {
        Ok(gib) if gib.is_finite() && bytes(gib) > 0 && gib <= MOST_GIB => Ok(gib),
        Ok(_) => Err(format!(
            "a device has more than 0 and at most {MOST_GIB} GiB, not `{}`",
            shown(text)
        )),
        Err(_) => Err(format!(
            "`{}` is no size; the memory is given in GiB, as in `1xCustom:12` or `1xCustom:0.5`",
            shown(text)
        )),
    }
}

/// The bytes of so many GiB; 0 for what is not a positive number.
fn bytes(gib: f64) -> u64 {
    (gib * GIB).round() as u64
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the model is missing before the size; say for example `1xCustom:12`".into());
    }
    let plain = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    if name.chars().count() > 64 || !name.chars().all(plain) {
        return Err(
            "a model has at most 64 letters, digits, blanks, `-`, `_` and `.` in its name".into(),
        );
    }
    Ok(())
}

fn unknown(name: &str, known: &[String]) -> String {
    let name = shown(name);
    let lower = name.to_lowercase();
    let distance = |model: &String| strsim::osa_distance(&lower, &model.to_lowercase());
    let near = known
        .iter()
        .filter(|model| model.len() <= 64)
        .min_by_key(|model| distance(model))
        .filter(|model| distance(model) <= (lower.chars().count() / 3).max(1));
    let say = format!("no device model is called `{name}`");
    match near {
        Some(near) => format!("{say}; did you mean `{near}`?"),
        None => format!(
            "{say}; known are {}; a device of your own has its memory in GiB behind it, as in `{name}:24`",
            known.join(", ")
        ),
    }
}

/// What somebody typed, short enough and harmless in a message.
fn shown(text: &str) -> String {
    const LONGEST: usize = 40;
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    match clean.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &clean[..cut]),
        None => clean,
    }
}

/// A host with these devices and nothing in use, for gates and plans. Their names say that they are simulated.
pub fn host_of(layout: &[LayoutDevice]) -> Host {
    let devices = devices_of(layout, |_| Some(0));
    let note = Note::new(
        "",
        "simulated",
        NoteKind::Simulated,
        "these devices were asked for and are not of this host",
    );
    Host::from_parts(devices, vec![note])
}

/// The devices of a layout as a driver would list them: numbered per platform, with a uuid that counts through all.
pub(crate) fn devices_of(
    layout: &[LayoutDevice],
    used: impl Fn(usize) -> Option<u64>,
) -> Vec<Device> {
    let mut numbers: Vec<(&str, u32)> = Vec::new();
    let mut next = |platform| match numbers.iter_mut().find(|(known, _)| *known == platform) {
        Some((_, number)) => {
            *number += 1;
            *number
        }
        None => {
            numbers.push((platform, 0));
            0
        }
    };
    layout
        .iter()
        .enumerate()
        .map(|(at, device)| {
            Device::new(
                &device.platform,
                next(device.platform.as_str()),
                format!("simulated {}", device.model),
            )
            .with_uuid(format!("SIM-{at}"))
            .with_memory_bytes(Some(device.total), used(at))
        })
        .collect()
}

#[cfg(test)]
mod tests;
