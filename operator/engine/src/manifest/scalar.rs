//! What a plain scalar means, exactly as kubectl reads it: sigs.k8s.io/yaml, which resolves as go-yaml v2
//! (YAML 1.1 booleans and octals). The table in the tests comes from running sigs.k8s.io/yaml v1.6.0.

use std::borrow::Cow;

/// A scalar's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// `~`, `null` or nothing.
    Null,
    /// A YAML 1.1 boolean.
    Bool(bool),
    /// An integer; a float without a fraction is one too, since kubectl sends `1.0` as `1`.
    Int(i64),
    /// An integer beyond `i64`.
    UInt(u64),
    /// Any other number.
    Float(f64),
    /// Everything else.
    Str(&'a str),
}

/// Resolves a plain (unquoted, untagged) YAML scalar.
pub(super) fn resolve(text: &str) -> Scalar<'_> {
    let Some(&first) = text.as_bytes().first() else {
        return Scalar::Null;
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            word(text).unwrap_or(Scalar::Str(text))
        }
        b'.' | b'+' | b'-' | b'0'..=b'9' => number(text).unwrap_or(Scalar::Str(text)),
        _ => Scalar::Str(text),
    }
}

/// Resolves a bare JSON token, which is one of JSON's own words or a JSON number.
pub(super) fn resolve_json(text: &str) -> Scalar<'_> {
    match text {
        "null" => Scalar::Null,
        "true" => Scalar::Bool(true),
        "false" => Scalar::Bool(false),
        _ => integer(text, false)
            .or_else(|| text.parse().ok().map(float))
            .unwrap_or(Scalar::Str(text)),
    }
}

/// A mapping key as the string it becomes in JSON; None for a key that JSON cannot have (null, beyond `i64`).
pub(super) fn key(text: &str) -> Option<Cow<'_, str>> {
    Some(match resolve(text) {
        Scalar::Str(text) => Cow::Borrowed(text),
        Scalar::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Scalar::Int(value) => Cow::Owned(value.to_string()),
        Scalar::Float(value) if value.is_nan() => Cow::Borrowed(".nan"),
        Scalar::Float(value) if value.is_infinite() => {
            Cow::Borrowed(if value > 0.0 { ".inf" } else { "-.inf" })
        }
        Scalar::Float(value) => Cow::Owned(value.to_string()),
        Scalar::Null | Scalar::UInt(_) => return None,
    })
}

fn word(text: &str) -> Option<Scalar<'_>> {
    Some(match text {
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        _ => return None,
    })
}

fn number(text: &str) -> Option<Scalar<'_>> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Scalar::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        _ => {}
    }
    let plain = if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    };
    integer(&plain, true).or_else(|| decimal(&plain))
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`, when `prefixes` is set; plain decimals otherwise.
fn integer(text: &str, prefixes: bool) -> Option<Scalar<'static>> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = if prefixes { radix(digits) } else { (10, digits) };
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None; // from_str_radix would take a second sign
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(magnitude).map(Scalar::Int);
    }
    Some(i64::try_from(magnitude).map_or(Scalar::UInt(magnitude), Scalar::Int))
}

fn radix(digits: &str) -> (u32, &str) {
    match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn decimal(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = unsigned
        .split_once(['e', 'E'])
        .map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let good_mantissa = if whole.is_empty() {
        digits(fraction)
    } else {
        digits(whole) && (fraction.is_empty() || digits(fraction))
    };
    let good_exponent = exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)));
    if !good_mantissa || !good_exponent {
        return None;
    }
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .map(float)
}

/// 2^63: floats below it and without a fraction are exact integers.
const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;

fn float(value: f64) -> Scalar<'static> {
    if value.fract() == 0.0 && value.abs() < TWO_POW_63 {
        #[allow(clippy::cast_possible_truncation)] // checked: whole and within i64
        return Scalar::Int(value as i64);
    }
    Scalar::Float(value)
}
