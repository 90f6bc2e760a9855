//! Errors that do not quote what they found: a body that cannot be read may hold a password where a number belongs.

/// An error of decoding without the values in it: `invalid type: string "hunter2", expected i32` becomes
/// `invalid type: string, expected i32`. Of an error of unknown form only that it is one remains.
pub(super) fn redact(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    for known in ["missing field `", "duplicate field `"] {
        if message.starts_with(known) {
            return without_position(message).to_owned();
        }
    }
    let found = [
        "invalid type: ",
        "invalid value: ",
        "unknown variant ",
        "invalid length ",
    ]
    .into_iter()
    .find_map(|prefix| Some((prefix, message.strip_prefix(prefix)?)));
    let Some((prefix, rest)) = found else {
        return "the value is not one the API defines".into();
    };
    // What was expected is the decoder's own text, and stands last: a value may itself say `, expected`.
    let Some((value, expected)) = rest.rsplit_once(", expected ") else {
        return prefix.trim_end_matches([':', ' ']).into();
    };
    let kind = if prefix.starts_with("invalid type") || prefix.starts_with("invalid value") {
        type_of(value)
    } else {
        ""
    };
    let expected = without_position(expected);
    format!(
        "{}{kind}, expected {expected}",
        if kind.is_empty() {
            prefix.trim_end()
        } else {
            prefix
        }
    )
}

/// serde's word for the type of a value (`string "x"`, ``integer `5` ``, `map`), if it is one.
fn type_of(value: &str) -> &'static str {
    const TYPES: [&str; 13] = [
        "boolean",
        "integer",
        "floating point",
        "character",
        "string",
        "byte array",
        "unit value",
        "Option value",
        "newtype struct",
        "sequence",
        "map",
        "enum",
        "null",
    ];
    TYPES
        .into_iter()
        .find(|kind| value.starts_with(kind))
        .unwrap_or("value")
}

/// serde_json adds where in the line it stopped.
fn without_position(message: &str) -> &str {
    message
        .split_once(" at line ")
        .map_or(message, |(message, _)| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(
        "invalid type: string \"hunter2\", expected i32",
        "invalid type: string, expected i32"
    )]
    #[case(
        "invalid type: string \"a, expected b\", expected i32 at line 1 column 8",
        "invalid type: string, expected i32"
    )]
    #[case(
        "invalid type: integer `12345`, expected a string",
        "invalid type: integer, expected a string"
    )]
    #[case(
        "invalid type: map, expected a sequence",
        "invalid type: map, expected a sequence"
    )]
    #[case(
        "unknown variant `hunter2`, expected `A` or `B`",
        "unknown variant, expected `A` or `B`"
    )]
    #[case("missing field `claimName`", "missing field `claimName`")]
    #[case(
        "failed to parse \"hunter2\" as a timestamp",
        "the value is not one the API defines"
    )]
    #[case("hunter2", "the value is not one the API defines")]
    fn no_value_is_quoted(#[case] message: &str, #[case] redacted: &str) {
        assert_eq!(redact(message), redacted);
    }

    proptest::proptest! {
        #[test]
        fn no_value_of_a_wrong_type_survives(value in "[a-z,\" `é]{0,20}hunter2[a-z,\" `é]{0,20}") {
            let error = serde_json::from_value::<u32>(serde_json::json!(value)).unwrap_err().to_string();
            proptest::prop_assert!(!redact(&error).contains("hunter2"), "{error}");
        }
    }
}
