//! Every row was printed by sigs.k8s.io/yaml v1.6.0: the value of `a: <input>`, and `<input>` as a key.

use rstest::rstest;
use serde_json::{Value, json as j};

use super::super::Problem;
use super::{json, problem};

#[rstest]
#[case("yes", j!(true), "true")]
#[case("YES", j!(true), "true")]
#[case("on", j!(true), "true")]
#[case("oN", j!("oN"), "oN")]
#[case("Off", j!(false), "false")]
#[case("y", j!(true), "true")]
#[case("N", j!(false), "false")]
#[case("True", j!(true), "true")]
#[case("tRUE", j!("tRUE"), "tRUE")]
#[case("0644", j!(420), "420")]
#[case("0o644", j!(420), "420")]
#[case("0O644", j!(420), "420")]
#[case("08", j!(8), "8")]
#[case("1_000", j!(1000), "1000")]
#[case("1__0", j!(10), "10")]
#[case("_1", j!("_1"), "_1")]
#[case("1_", j!(1), "1")]
#[case("0_7", j!(7), "7")]
#[case("0x1F", j!(31), "31")]
#[case("0x_1", j!(1), "1")]
#[case("0x", j!("0x"), "0x")]
#[case("-0x1F", j!(-31), "-31")]
#[case("0b11", j!(3), "3")]
#[case("-0b11", j!(-3), "-3")]
#[case("0b12", j!("0b12"), "0b12")]
#[case("+0o7", j!(7), "7")]
#[case("-010", j!(-8), "-8")]
#[case("+1", j!(1), "1")]
#[case("+", j!("+"), "+")]
#[case("1.5", j!(1.5), "1.5")]
#[case("1.", j!(1), "1")]
#[case(".5", j!(0.5), "0.5")]
#[case("-.5", j!(-0.5), "-0.5")]
#[case(".5_0", j!(0.5), "0.5")]
#[case("1e3", j!(1000), "1000")]
#[case("1.e+3", j!(1000), "1000")]
#[case("1.5e-3", j!(0.0015), "0.0015")]
#[case("1.0", j!(1), "1")]
#[case("1.5.2", j!("1.5.2"), "1.5.2")]
#[case("0x1p-2", j!("0x1p-2"), "0x1p-2")]
#[case("Infinity", j!("Infinity"), "Infinity")]
#[case("12:30:45", j!("12:30:45"), "12:30:45")]
#[case("2001-01-01", j!("2001-01-01"), "2001-01-01")]
#[case("-9223372036854775808", j!(i64::MIN), "-9223372036854775808")]
#[case("=", j!("="), "=")]
#[case("\"yes\"", j!("yes"), "yes")]
#[case("!!str 1", j!("1"), "1")]
#[case("!!int \"12\"", j!(12), "12")]
#[case("!!bool \"yes\"", j!(true), "true")]
#[case("!!float 1", j!(1), "1")]
#[case("!!binary aGk=", j!("hi"), "hi")]
#[case("!foo 1", j!("1"), "1")]
#[case("! 1", j!("1"), "1")]
fn means_what_kubectl_reads(#[case] input: &str, #[case] value: Value, #[case] key: &str) {
    assert_eq!(json(&format!("a: {input}\n")), j!({"a": value}), "{input}");
    assert_eq!(json(&format!("{input}: v\n")), j!({key: "v"}), "{input} as a key");
}

#[rstest]
#[case("null")]
#[case("Null")]
#[case("~")]
#[case("")]
#[case("!!null \"\"")]
fn null_is_a_value_but_no_key(#[case] input: &str) {
    assert_eq!(json(&format!("a: {input}\n")), j!({"a": null}));
    if !input.is_empty() {
        assert!(matches!(problem(&format!("{input}: v\n")), Problem::Syntax(_)));
    }
}

#[test]
fn integers_beyond_i64_stay_exact_as_long_as_u64_holds_them() {
    assert_eq!(json("a: 18446744073709551615"), j!({"a": u64::MAX}));
    assert_eq!(
        json("a: 18446744073709551616"),
        j!({"a": 18_446_744_073_709_551_616.0})
    );
    assert!(matches!(problem("18446744073709551615: v"), Problem::Syntax(_)));
}

#[rstest]
#[case("!!int abc")]
#[case("!!int 1.5")]
#[case("!!float abc")]
#[case("!!binary \"@\"")]
#[case("!!binary \"/w==\"")]
fn a_tag_that_does_not_fit_is_an_error(#[case] input: &str) {
    assert!(matches!(problem(&format!("a: {input}\n")), Problem::Syntax(_)));
}
