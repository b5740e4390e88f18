//! A number by the grammar of JSON.

use tribunal_deploy::tree::Value;

/// A number by the grammar of JSON.
pub(crate) fn number(word: &str) -> Result<Value, &'static str> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    if digits.starts_with('+') {
        return Err("it begins with a plus");
    }
    if whole == 0 {
        return Err("a digit stands before the point");
    }
    if whole > 1 && digits.starts_with('0') {
        return Err("it begins with a nought");
    }
    if whole == digits.len() {
        return match word.parse() {
            Ok(int) => Ok(Value::Int(int)),
            Err(_) => Err("it does not fit into 64 bits"),
        };
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let digital = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((_, fraction)) = mantissa.split_once('.')
        && !digital(fraction)
    {
        return Err("digits stand behind the point");
    }
    if let Some(exponent) = exponent
        && !digital(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
    {
        return Err("digits stand behind the e");
    }
    match word.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(Value::Float(float)),
        Ok(_) => Err("it is too large"),
        Err(_) => Err("it has letters"),
    }
}
