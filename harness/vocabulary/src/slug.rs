//! Names from values: one rule for cases that are known at compile time and for those that are made at start-up.

/// Lower case; every run of characters that cannot stand in a Rust identifier is one `_`; none at either end. May be empty, and may begin with a digit.
///
/// ```
/// assert_eq!(tribunal_vocabulary::slug("Qwen/Qwen3-Omni-30B"), "qwen_qwen3_omni_30b");
/// ```
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        if c != '_' && unicode_ident::is_xid_continue(c) {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('_') {
            slug.push('_');
        }
    }
    slug.truncate(slug.trim_end_matches('_').len());
    slug
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn the_rule_as_a_table() {
        for (text, expected) in [
            ("llama-8b", "llama_8b"),
            ("  a -- b  ", "a_b"),
            ("__a__", "a"),
            ("0.5", "0_5"),
            ("", ""),
            ("!?", ""),
            ("Ünï", "ünï"),
            ("m²", "m"),
        ] {
            assert_eq!(slug(text), expected, "{text:?}");
        }
    }
}
