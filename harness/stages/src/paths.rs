//! Whether a declared path is about a file.
//!
//! Promise: one meaning in markers, in `[changes]` and in pipelines; a path that cannot be understood is about every file. Rejected: regular
//! expressions (a dot in a file name would match anything, and nobody would notice).

use glob::{MatchOptions, Pattern};

/// A star stays within its folder; `**` does not. Files that begin with a dot are files.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Whether `declared` (a file, a folder, or a glob where it has `*`, `?` or `[`) is about the file `path`. Both are relative to the repository's
/// root, with `/`.
pub fn touches(declared: &str, path: &str) -> bool {
    let declared = declared.strip_prefix("./").unwrap_or(declared);
    let path = path.strip_prefix("./").unwrap_or(path);
    if declared.contains(['*', '?', '[']) {
        // What is no glob says nothing about any file, so it cannot rule one out.
        return Pattern::new(declared).map_or(true, |glob| glob.matches_with(path, OPTIONS));
    }
    let declared = declared.trim_end_matches('/');
    // The root itself.
    if declared.is_empty() || declared == "." {
        return true;
    }
    match path.strip_prefix(declared) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_about_itself_and_what_is_below_it() {
        for (declared, path, about) in [
            ("src/models/qwen/", "src/models/qwen/mod.rs", true),
            ("src/models/qwen", "src/models/qwen/deep/er.rs", true),
            ("src/models/qwen", "src/models/qwen", true),
            ("src/models/qwen", "src/models/qwen2/mod.rs", false),
            ("src/models/qwen", "src/models/qwen.rs", false),
            ("./src/a.rs", "src/a.rs", true),
            ("src/a.rs", "other/src/a.rs", false),
            (".", "anything", true),
            ("src/*.rs", "src/a.rs", true),
            ("src/*.rs", "src/deep/a.rs", false),
            ("src/**/*.rs", "src/deep/er/a.rs", true),
            ("src/**/*.rs", "src/a.rs", true),
            ("**/*.md", "README.md", true),
            ("**/*.md", "a/b/README.md", true),
            ("**/*.md", "a/b/README.mdx", false),
            ("src/[ab].rs", "src/b.rs", true),
            ("src/[ab].rs", "src/c.rs", false),
            ("src/?.rs", "src/c.rs", true),
            ("*", ".hidden", true),
            // No glob: it cannot rule anything out.
            ("src/[", "src/c.rs", true),
            ("a***b", "x", true),
        ] {
            assert_eq!(touches(declared, path), about, "{declared} {path}");
        }
    }
}
