//! `!!binary`: base64 with the standard alphabet, blanks allowed. Rare enough not to carry a crate for it.

/// The text that `encoded` stands for; None if it is not base64 or not UTF-8.
pub(super) fn decode(encoded: &str) -> Option<String> {
    let digits: Vec<u8> = encoded
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let body = digits
        .strip_suffix(b"==")
        .or_else(|| digits.strip_suffix(b"="))
        .unwrap_or(&digits);
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    for group in body.chunks(4) {
        let bits = group
            .iter()
            .try_fold(0_u32, |bits, &digit| Some(bits << 6 | sextet(digit)?))?;
        let missing = 4 - group.len();
        let [_, all @ ..] = (bits << (6 * missing)).to_be_bytes();
        bytes.extend_from_slice(&all[..3 - missing]);
    }
    String::from_utf8(bytes).ok()
}

fn sextet(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}
