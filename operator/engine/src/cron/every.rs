//! The duration after `@every`, in Go's notation (`time.ParseDuration`).

use jiff::SignedDuration;

use super::error::{CronError, shorten};

/// Whole seconds, at least one: upstream rounds shorter (and negative) delays up and drops fractions.
pub(super) fn parse_delay(text: &str) -> Result<SignedDuration, CronError> {
    let nanos = parse_nanos(text).map_err(|problem| CronError::Every {
        token: shorten(text),
        problem,
    })?;
    Ok(SignedDuration::from_secs((nanos / NANOS_PER_SECOND).max(1)))
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // U+00B5, micro sign
    ("μs", 1_000), // U+03BC, Greek mu
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3600 * NANOS_PER_SECOND),
];

fn parse_nanos(text: &str) -> Result<i64, &'static str> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err("no number");
    }
    let mut total = 0i64;
    while !rest.is_empty() {
        let (part, tail) = leading_part(rest)?;
        total = total.checked_add(part).ok_or("too long")?;
        rest = tail;
    }
    Ok(if negative { -total } else { total })
}

/// One number with its unit, and what follows.
fn leading_part(text: &str) -> Result<(i64, &str), &'static str> {
    let digits = |s: &str| s.len() - s.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err("no number");
    }
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    if unit.is_empty() {
        return Err("missing unit");
    }
    let (_, scale) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or("unknown unit")?;
    let whole = if whole.is_empty() {
        0
    } else {
        whole.parse::<i64>().map_err(|_| "too long")?
    };
    let nanos = whole
        .checked_mul(*scale)
        .and_then(|n| n.checked_add(fraction_of(fraction, *scale)));
    Ok((nanos.ok_or("too long")?, rest))
}

/// `0.<digits>` of a unit; digits beyond what matters are dropped.
fn fraction_of(digits: &str, scale: i64) -> i64 {
    let (mut sum, mut unit) = (0i128, i128::from(scale) * 1_000_000);
    for digit in digits.bytes().take(24) {
        unit /= 10;
        sum += unit * i128::from(digit - b'0');
    }
    i64::try_from(sum / 1_000_000).unwrap_or(i64::MAX)
}
