//! Restore tests: what a test says of itself, and the evidence that is kept of it when its objects are long gone.
//!
//! A test is an object marked `plimsoll.dev/role: restore-test` that names what it restores in `plimsoll.dev/restore-of`: a
//! Job (or the CronJob that starts it), a Velero or K8up `Restore`, a CloudNativePG `Cluster` with `bootstrap.recovery`. That
//! it ended well proves that something was restored; that it was looked at, and found to be right, only its result can say
//! ([`RestoreResult`]).

mod evidence;
mod result;

use crate::kind::Kind;

pub use evidence::{Mechanism, Restore};
pub use result::RestoreResult;
pub(crate) use result::{LONGEST as LONGEST_RESULT, short};

pub(crate) use evidence::{insert, is_marked};

/// The annotation in which a test says what it restores: `<namespace>/<Kind>/<name>`, or `<Kind>/<name>` of its own
/// namespace, several by comma; `*` for the name (`<namespace>/*`) means every database there.
pub const RESTORE_OF: &str = "plimsoll.dev/restore-of";
/// The annotation in which a test leaves its result, where its pod's termination message does not.
pub const RESTORE_RESULT: &str = "plimsoll.dev/restore-result";
/// The value of the role label.
pub const RESTORE_TEST: &str = "restore-test";

/// The kinds that tell of restores.
pub const RESTORE_KINDS: &[Kind] = &[
    Kind::Job,
    Kind::CronJob,
    Kind::Pod,
    Kind::VeleroRestore,
    Kind::K8upRestore,
    Kind::CnpgCluster,
];

/// Most targets of one test that are read.
const MOST_TARGETS: usize = 32;
/// Longest namespace, kind or name.
const LONGEST_NAME: usize = 253;

/// What a test restores: a namespace, and `<Kind>/<name>` or `*` in it.
pub fn targets<'a>(list: &'a str, own_namespace: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> + 'a {
    let read = move |target: &'a str| {
        let parts = target.split('/').count();
        match target.split_once('/') {
            None if target == "*" => Some((own_namespace, target)),
            Some((namespace, "*")) => Some((namespace, "*")),
            Some((namespace, rest)) if parts == 3 => Some((namespace, rest)),
            Some(_) if parts == 2 => Some((own_namespace, target)),
            _ => None,
        }
    };
    list.split(',')
        .map(str::trim)
        .take(MOST_TARGETS)
        .filter_map(read)
        .filter(|(namespace, target)| {
            !namespace.is_empty() && namespace.len() <= LONGEST_NAME && target.len() <= 2 * LONGEST_NAME
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_of_the_tests_own_namespace_unless_it_names_another() {
        let of = |list| targets(list, "restore").collect::<Vec<_>>();
        assert_eq!(of("StatefulSet/db"), [("restore", "StatefulSet/db")]);
        assert_eq!(
            of("shop/StatefulSet/db, */x/y/z ,bank/*,*"),
            [("shop", "StatefulSet/db"), ("bank", "*"), ("restore", "*")]
        );
        assert!(of("").is_empty() && of("db").is_empty() && of("/*").is_empty());
        assert_eq!(of(&"a/b/c,".repeat(1000)).len(), MOST_TARGETS);
    }
}
