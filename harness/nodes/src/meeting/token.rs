//! The secret that the nodes of a run share: it is never sent and never shown, only proven.
//!
//! Promise: both sides prove that they have it, for numbers that the other one has just drawn, and for everything that was said in the greeting. Rejected: a password on the line.

use std::fmt;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The variable that has it.
pub const TOKEN_VARIABLE: &str = "TRIBUNAL_NODES_TOKEN";
/// The variable that names a file that has it.
pub const TOKEN_FILE_VARIABLE: &str = "TRIBUNAL_NODES_TOKEN_FILE";
/// Fewer bytes could be tried out.
const SHORTEST: usize = 16;
const LONGEST: u64 = 4096;

/// The secret that the nodes of a run share.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Vec<u8>);

impl Token {
    /// That of the variables `TRIBUNAL_NODES_TOKEN` or `TRIBUNAL_NODES_TOKEN_FILE`; `None`: neither is set.
    ///
    /// # Errors
    /// Both are set, the file cannot be read, or it is too short.
    pub fn find(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Token>, String> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let (text, from) = match (set(TOKEN_VARIABLE), set(TOKEN_FILE_VARIABLE)) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(format!(
                    "{TOKEN_VARIABLE} and {TOKEN_FILE_VARIABLE} are both set\nhelp: unset one of them"
                ));
            }
            (Some(text), None) => (text, TOKEN_VARIABLE.to_owned()),
            (None, Some(path)) => {
                let text = read(Path::new(&path)).map_err(|e| {
                    format!("{TOKEN_FILE_VARIABLE} says {path}, which cannot be read: {e}")
                })?;
                (text, format!("{TOKEN_FILE_VARIABLE} ({path})"))
            }
        };
        let text = text.trim();
        if text.len() < SHORTEST {
            return Err(format!(
                "{from} has {} bytes, and a token has at least {SHORTEST}\nhelp: `openssl rand -hex 32` makes one",
                text.len()
            ));
        }
        Ok(Some(Token(text.as_bytes().to_vec())))
    }

    /// A new one, for nodes that are started from here.
    ///
    /// # Errors
    /// The machine gives no random numbers.
    pub fn random() -> Result<Token, String> {
        Ok(Token(nonce()?.into_bytes()))
    }

    /// The secret itself, for the environment of what is started from here.
    pub fn reveal(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    fn mac(&self, label: &str, parts: &[&str]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length is one");
        mac.update(label.as_bytes());
        for part in parts {
            // With their lengths, so that no two lists of parts are the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }

    /// What only somebody with the secret can say of these parts.
    pub(crate) fn proof(&self, label: &str, parts: &[&str]) -> String {
        hex(&self.key(label, parts))
    }

    /// Whether this is the proof, told in the same time whatever it is.
    pub(crate) fn proves(&self, label: &str, parts: &[&str], proof: &str) -> bool {
        unhex(proof).is_some_and(|bytes| self.mac(label, parts).verify_slice(&bytes).is_ok())
    }

    /// A key that only somebody with the secret can make.
    pub(crate) fn key(&self, label: &str, parts: &[&str]) -> [u8; 32] {
        self.mac(label, parts).finalize().into_bytes().into()
    }
}

/// It says nothing.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(LONGEST)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// 32 random bytes, as hexadecimal digits.
pub(crate) fn nonce() -> Result<String, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| format!("no random numbers: {e}"))?;
    Ok(hex(&bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits?;
    (digits.len() == 64).then(|| digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Token {
        Token(text.as_bytes().to_vec())
    }

    #[test]
    fn a_proof_is_of_this_token_this_label_and_these_parts() {
        let ours = token("a secret of sixteen bytes");
        let proof = ours.proof("joiner", &["ab", "c"]);
        assert!(ours.proves("joiner", &["ab", "c"], &proof));
        assert!(!ours.proves("leader", &["ab", "c"], &proof));
        assert!(!ours.proves("joiner", &["a", "bc"], &proof));
        assert!(!token("another secret of bytes").proves("joiner", &["ab", "c"], &proof));
        for nonsense in ["", "zz", &proof[1..], "ä"] {
            assert!(!ours.proves("joiner", &["ab", "c"], nonsense));
        }
    }

    #[test]
    fn it_comes_from_one_variable_and_is_not_shown() {
        let with = |pairs: &[(&str, &str)]| {
            Token::find(|name| {
                let found = pairs.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[]), Ok(None));
        let found = with(&[(TOKEN_VARIABLE, "0123456789abcdef\n")]);
        assert_eq!(found, Ok(Some(token("0123456789abcdef"))));
        assert!(!format!("{found:?}").contains("0123"));
        let short = with(&[(TOKEN_VARIABLE, "short")]).unwrap_err();
        assert!(
            short.contains("at least 16") && !short.contains("short"),
            "{short}"
        );
        let both = with(&[
            (TOKEN_VARIABLE, "0123456789abcdef"),
            (TOKEN_FILE_VARIABLE, "x"),
        ]);
        assert!(both.unwrap_err().contains("both set"));
        let missing = with(&[(TOKEN_FILE_VARIABLE, "/nonexistent/token")]).unwrap_err();
        assert!(missing.contains("/nonexistent/token"), "{missing}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "fedcba9876543210\n").unwrap();
        let read = with(&[(TOKEN_FILE_VARIABLE, path.to_str().unwrap())]);
        assert_eq!(read, Ok(Some(token("fedcba9876543210"))));
    }
}
