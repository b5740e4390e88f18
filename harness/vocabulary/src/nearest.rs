//! Which known name somebody probably meant.
//!
//! Promise: a suggestion is close enough to be believed, or there is none. Rejected: always the closest name (a far-off
//! suggestion is worse than none: it sends the reader the wrong way).

/// The candidate nearest to `word`, if one is near: equal but for case, or few edits away (a third of the length, at least one),
/// or the only one that goes on where `word` stops. Of equally near ones the first.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Beyond this nobody misspelt a marker, and the edit distance is quadratic.
    const LONGEST: usize = 64;
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let lower = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    let mut best: Option<(usize, &'a str)> = None;
    let mut longer: Option<&'a str> = None;
    let mut several_longer = false;
    for candidate in candidates {
        if candidate.len() > LONGEST {
            continue;
        }
        let candidate_lower = candidate.to_lowercase();
        let distance = if candidate_lower == lower {
            0
        } else {
            strsim::osa_distance(&lower, &candidate_lower)
        };
        // A name of two letters is one edit away from too many others.
        let near = distance <= limit && (distance == 0 || word.chars().count() > 2);
        if near && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
        if lower.len() >= 3 && candidate_lower.starts_with(&lower) && longer != Some(candidate) {
            several_longer = longer.is_some();
            longer = longer.or(Some(candidate));
        }
    }
    best.map(|(_, name)| name)
        .or(longer.filter(|_| !several_longer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        let names = [
            "core_model",
            "advanced_model",
            "full_model",
            "H100",
            "H200",
            "pre_merge",
            "post_merge",
        ];
        for (word, want) in [
            ("core_modle", Some("core_model")),
            ("coremodel", Some("core_model")),
            ("CORE_MODEL", Some("core_model")),
            ("h100", Some("H100")),
            ("H1000", Some("H100")),
            ("advanced", Some("advanced_model")),
            ("premerge", Some("pre_merge")),
            ("quantum", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, names), want, "{word}");
        }
    }

    #[test]
    fn several_continuations_are_no_suggestion() {
        assert_eq!(
            nearest(
                "requested",
                ["requested_sglang_kv_tokens", "requested_trtllm_kv_tokens"]
            ),
            None
        );
        assert_eq!(
            nearest("requested", ["requested_sglang_kv_tokens"]),
            Some("requested_sglang_kv_tokens")
        );
    }

    #[test]
    fn the_first_of_equally_near_names() {
        assert_eq!(nearest("H300", ["H100", "H200"]), Some("H100"));
    }
}
