//! Whether a folder or file holds a whole model, as far as can be told without reading the weights.
//!
//! Promise: a download or copy that was cut short is found where the formats allow it: links that lead nowhere, files of
//! a download in progress, shards that an index names and that are missing, safetensors files that are shorter or longer
//! than their header says. What cannot be told is taken as whole.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::scan::{Scan, ScanError, scan};

/// Headers beyond this are not read; real ones have a few megabytes at most.
const LARGEST_HEADER: u64 = 32 << 20;

/// What lies at `root`, if it is whole.
pub(crate) fn complete(root: &Path) -> Result<Scan, ScanError> {
    let found = scan(root)?;
    if found.bytes() == 0 {
        let what = if found.files.is_empty() {
            "there is no file in it"
        } else {
            "its files are all empty"
        };
        return Err(ScanError(what.to_owned()));
    }
    for (path, facts) in &found.files {
        let at = if found.single {
            root.to_path_buf()
        } else {
            root.join(path)
        };
        if path.ends_with(".incomplete") {
            return Err(ScanError(format!(
                "`{path}` belongs to a download that is not finished"
            )));
        }
        if path.ends_with(".safetensors") {
            safetensors(&at, facts.size).map_err(|why| ScanError(format!("`{path}` {why}")))?;
        }
        if !found.single
            && (path.ends_with(".safetensors.index.json") || path.ends_with(".bin.index.json"))
        {
            index(&at, path, &found)?;
        }
    }
    Ok(found)
}

/// Every shard that an index names must be there.
fn index(at: &Path, path: &str, found: &Scan) -> Result<(), ScanError> {
    let refuse = |why: String| Err(ScanError(format!("`{path}` {why}")));
    let text = match read_bounded(at) {
        Ok(text) => text,
        Err(error) => return refuse(format!("cannot be read: {error}")),
    };
    let value: Value = match serde_json::from_slice(&text) {
        Ok(value) => value,
        Err(error) => return refuse(format!("is not whole JSON: {error}")),
    };
    let Some(map) = value.get("weight_map").and_then(Value::as_object) else {
        return refuse("has no `weight_map`".to_owned());
    };
    let folder = path
        .rsplit_once('/')
        .map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut shards: Vec<&str> = map.values().filter_map(Value::as_str).collect();
    shards.sort_unstable();
    shards.dedup();
    let missing: Vec<&str> = shards
        .iter()
        .copied()
        .filter(|shard| !found.files.contains_key(&format!("{folder}{shard}")))
        .collect();
    match missing.first() {
        None => Ok(()),
        Some(first) => refuse(format!(
            "names {} shards, of which {} are missing (the first is `{}`)",
            shards.len(),
            missing.len(),
            crate::name::shown(first)
        )),
    }
}

/// The header of a safetensors file says how long the file is.
fn safetensors(at: &Path, size: u64) -> Result<(), String> {
    let mut file = File::open(at).map_err(|e| format!("cannot be opened: {e}"))?;
    let mut length = [0; 8];
    if file.read_exact(&mut length).is_err() {
        return Err(format!("is cut: {size} bytes are less than its header"));
    }
    let length = u64::from_le_bytes(length);
    if length > size.saturating_sub(8) {
        return Err(format!(
            "is cut: {size} bytes are less than its header, or it is no safetensors file"
        ));
    }
    if length > LARGEST_HEADER {
        return Ok(());
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header)
        .map_err(|e| format!("cannot be read: {e}"))?;
    let header: Value = serde_json::from_slice(&header)
        .map_err(|e| format!("has a header that is no JSON: {e}"))?;
    let Some(header) = header.as_object() else {
        return Err("has a header that is no object".to_owned());
    };
    let ends = header
        .values()
        .filter_map(|tensor| tensor.get("data_offsets")?.get(1)?.as_u64());
    let expected = ends
        .max()
        .unwrap_or(0)
        .saturating_add(8)
        .saturating_add(length);
    if expected == size {
        Ok(())
    } else {
        Err(format!("has {size} bytes, its header says {expected}"))
    }
}

fn read_bounded(at: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(at)?
        .take(LARGEST_HEADER)
        .read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tensor(data: &[u8]) -> Vec<u8> {
        let header = format!(
            r#"{{"__metadata__":{{}},"w":{{"dtype":"U8","shape":[{0}],"data_offsets":[0,{0}]}}}}"#,
            data.len()
        );
        [
            &(header.len() as u64).to_le_bytes(),
            header.as_bytes(),
            data,
        ]
        .concat()
    }

    #[test]
    fn half_copied_models_are_found_and_whole_ones_pass() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let why = || complete(root.path()).map(|_| ()).map_err(|e| e.0);
        assert_eq!(why().unwrap_err(), "there is no file in it");
        fs::write(at("config.json"), "").unwrap();
        assert_eq!(why().unwrap_err(), "its files are all empty");
        fs::write(at("config.json"), "{}").unwrap();
        assert_eq!(why(), Ok(()));

        let whole = tensor(b"0123456789");
        fs::write(at("a.safetensors"), &whole).unwrap();
        assert_eq!(why(), Ok(()));
        for cut in [0, 7, 8, whole.len() - 1] {
            fs::write(at("a.safetensors"), &whole[..cut]).unwrap();
            assert!(why().unwrap_err().contains("`a.safetensors`"), "{cut}");
        }
        fs::write(at("a.safetensors"), [&whole[..], b"x"].concat()).unwrap();
        assert!(why().unwrap_err().contains("its header says"));
        fs::write(at("a.safetensors"), u64::MAX.to_le_bytes()).unwrap();
        assert!(why().unwrap_err().contains("is cut"));
        fs::write(at("a.safetensors"), &whole).unwrap();

        let index = r#"{"weight_map":{"x":"a.safetensors","y":"b.safetensors"}}"#;
        fs::write(at("model.safetensors.index.json"), index).unwrap();
        assert_eq!(
            why().unwrap_err(),
            "`model.safetensors.index.json` names 2 shards, of which 1 are missing (the first is `b.safetensors`)"
        );
        fs::write(at("b.safetensors"), &whole).unwrap();
        assert_eq!(why(), Ok(()));
        fs::write(at("model.safetensors.index.json"), &index[..20]).unwrap();
        assert!(why().unwrap_err().contains("not whole JSON"));
        fs::write(at("model.safetensors.index.json"), index).unwrap();
        fs::write(at("c.bin.incomplete"), "x").unwrap();
        assert!(why().unwrap_err().contains("not finished"));
    }
}
