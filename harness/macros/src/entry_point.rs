//! `tribunal::main!()`: the entry point of a harness target, with the vocabulary built in.
//!
//! Promise: compile time and run time see the same vocabulary, and an edit of markers.toml rebuilds the target (`include_str!`
//! makes the file an input of the compilation).
//! Rejected: reading the file at run time (an archived binary would lose its vocabulary, or find another).

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::known::Answer;

/// The expansion of `tribunal::main!()`.
pub(crate) fn expand(input: TokenStream, answer: &Answer) -> TokenStream {
    let (path, mistake) = match answer {
        Ok(known) => match known.path().map(|path| path.to_str().ok_or(path)) {
            None => (None, None),
            Some(Ok(path)) => (Some(path), None),
            Some(Err(path)) => {
                let message = format!(
                    "the path of {} is not UTF-8, so it cannot be built in\nhelp: move it",
                    path.display()
                );
                (None, Some(message))
            }
        },
        Err(broken) => (None, Some(broken.message().to_owned())),
    };
    let mistake =
        mistake.map(|message| syn::Error::new(Span::call_site(), message).to_compile_error());
    let surplus = (!input.is_empty()).then(|| {
        syn::Error::new_spanned(input, "`tribunal::main!()` takes no arguments").to_compile_error()
    });
    // The target keeps its entry point in any case: "`main` function not found" would only hide the cause.
    let main = render(path);
    quote!(#surplus #mistake #main)
}

fn render(path: Option<&str>) -> TokenStream {
    let vocabulary = match path {
        Some(path) => quote!(::core::option::Option::Some((#path, ::core::include_str!(#path)))),
        None => quote!(::core::option::Option::None),
    };
    quote! {
        fn main() -> ::std::process::ExitCode {
            ::tribunal::__private::main(::tribunal::__private::Built {
                vocabulary: #vocabulary,
                manifest_dir: ::core::env!("CARGO_MANIFEST_DIR"),
                package: ::core::env!("CARGO_PKG_NAME"),
                crate_name: ::core::env!("CARGO_CRATE_NAME"),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: TokenStream, folder: &tempfile::TempDir) -> String {
        expand(input, &crate::known::of_folder(folder.path()))
            .to_string()
            .replace(char::is_whitespace, "")
    }

    /// A package of its own, so that nothing above it counts.
    fn package() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["Cargo.toml", "Cargo.lock"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        folder
    }

    #[test]
    fn the_file_of_the_package_is_built_in_by_its_whole_path() {
        let folder = package();
        assert!(
            text(TokenStream::new(), &folder).contains("vocabulary:::core::option::Option::None")
        );
        let file = folder.path().join("markers.toml");
        std::fs::write(
            &file,
            "[categories.other.markers]\nmine = \"of this package\"\n",
        )
        .expect("written");
        let path = file.display();
        let expected = format!("Some((\"{path}\",::core::include_str!(\"{path}\")))");
        assert!(text(TokenStream::new(), &folder).contains(&expected));
    }

    #[test]
    fn with_mistakes_there_is_an_error_and_still_an_entry_point() {
        let folder = package();
        std::fs::write(folder.path().join("markers.toml"), "levels = 3\n").expect("written");
        for (input, expected) in [
            (TokenStream::new(), "markers.toml:1:"),
            (quote!(suites), "takesnoarguments"),
        ] {
            let tokens = text(input, &folder);
            assert!(
                tokens.contains("compile_error!") && tokens.contains(expected),
                "{tokens}"
            );
            assert!(tokens.contains("fnmain()"), "{tokens}");
        }
    }
}
