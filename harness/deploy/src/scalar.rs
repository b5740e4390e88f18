//! What a plain scalar of YAML means: one thing to every reader, or nothing at all.

use crate::node::Value;

/// What a plain scalar means to every reader of YAML.
pub(crate) fn plain(text: &str) -> Result<Value, String> {
    let differs = |old: &str, new: &str| {
        Err(format!(
            "`{text}` is {old} to YAML 1.1 and {new} to YAML 1.2"
        ))
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if matches!(&*text.to_ascii_lowercase(), "yes" | "no" | "on" | "off") {
        return differs("a bool", "text");
    }
    if matches!(
        text.trim_start_matches(['+', '-'])
            .to_ascii_lowercase()
            .as_str(),
        ".inf" | ".nan"
    ) {
        return Err(format!("`{text}` is no finite number"));
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(Value::Text(text.to_owned()));
    }
    if let Some(hex) = digits.strip_prefix("0x")
        && !hex.is_empty()
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        let sign = if text.starts_with('-') { -1 } else { 1 };
        return i64::from_str_radix(hex, 16)
            .map(|int| Value::Int(sign * int))
            .map_err(|_| format!("`{text}` does not fit into 64 bits"));
    }
    let all = |inner: fn(&u8) -> bool| digits.bytes().all(|byte| inner(&byte));
    if all(u8::is_ascii_digit) {
        if digits.len() > 1 && digits.starts_with('0') {
            return differs("an octal number", "a decimal one");
        }
        return text
            .parse()
            .map(Value::Int)
            .map_err(|_| format!("`{text}` does not fit into 64 bits"));
    }
    if digits.starts_with("0o")
        && digits[2..].bytes().all(|byte| byte.is_ascii_digit())
        && digits.len() > 2
    {
        return differs("text", "an octal number");
    }
    if digits.contains('_') && all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.')) {
        return differs("a number", "text");
    }
    if digits.contains(':') && all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.')) {
        return differs("a number to the base of 60", "text");
    }
    let parts: Vec<&str> = digits.splitn(3, '-').collect();
    if let [year, month, day] = parts[..]
        && year.len() == 4
        && [year, month]
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
        && month.len() <= 2
        && day.starts_with(|c: char| c.is_ascii_digit())
    {
        return differs("a date", "text");
    }
    let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) else {
        return Ok(Value::Text(text.to_owned()));
    };
    let exponent = digits.find(['e', 'E']);
    if let Some(at) = exponent
        && !(digits[..at].contains('.') && digits[at + 1..].starts_with(['+', '-']))
    {
        return differs("text", "a number");
    }
    Ok(Value::Float(number))
}
