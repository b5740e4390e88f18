//! What can be told of base64 without decoding it all.

/// How many bytes a text in base64 stands for. Blanks in it are not looked for: those who send media for a machine send none.
pub(crate) fn decoded_len(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let padding = bytes
        .iter()
        .rev()
        .take(2)
        .take_while(|byte| **byte == b'=')
        .count();
    ((bytes.len() - padding) as u64 * 3) / 4
}

/// The first bytes that the text stands for: at most `most`, and none beyond what is no base64.
pub(crate) fn head(text: &str, most: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(most.min(text.len() * 3 / 4));
    let mut bits: u32 = 0;
    let mut have = 0;
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = (bits << 6) | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
            if out.len() == most {
                break;
            }
        }
    }
    out
}

/// The base64 of an address of the form `data:TYPE;base64,…`, with its type.
pub(crate) fn of_data_url(url: &str) -> Option<(&str, &str)> {
    let (kind, data) = url.strip_prefix("data:")?.split_once(',')?;
    Some((kind.strip_suffix(";base64")?, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_heads() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("TQ==", b"M"),
            ("TWE=", b"Ma"),
            ("TWFu", b"Man"),
            ("TQ", b"M"),
            ("TWFuTQ==", b"ManM"),
        ] {
            assert_eq!(decoded_len(text), bytes.len() as u64, "{text}");
            assert_eq!(head(text, 100), bytes, "{text}");
            assert_eq!(head(text, 2), &bytes[..bytes.len().min(2)], "{text}");
        }
        assert_eq!(head("TW!u", 9), b"M");
    }

    #[test]
    fn addresses_with_data() {
        assert_eq!(
            of_data_url("data:image/png;base64,TQ=="),
            Some(("image/png", "TQ=="))
        );
        assert_eq!(of_data_url("https://x/y.png"), None);
        assert_eq!(of_data_url("data:text/plain,hi"), None);
    }
}
