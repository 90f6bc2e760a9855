//! Bad input: an error that says what was found and what was expected, or a word on standard error.

use crate::{deployment, reach, shop};

#[test]
fn what_makes_no_sense_is_refused_with_what_was_expected() {
    let cases: &[(&[&str], &str)] = &[
        (&["--from", "shop"], "--from shop: expected NAMESPACE/NAME"),
        (
            &["--to", "shop/web/x"],
            "--to shop/web/x: expected NAMESPACE/NAME",
        ),
        (
            &["--from", "shop/nobody"],
            "--from shop/nobody: no such workload; there is: shop/db, shop/web",
        ),
        (
            &["--to", "office/web"],
            "--to office/web: no such workload; there is: shop/web",
        ),
        (&["--to", "nowhere/*"], "--to nowhere/*: no such workload"),
        (&["--port", "TCP"], "--port TCP: expected TCP/80"),
        (&["--port", "ICMP/1"], "--port ICMP/1: expected TCP/80"),
        (&["--port", "TCP/0"], "--port TCP/0: expected TCP/80"),
        (&["--port", "TCP/65536"], "--port TCP/65536: expected TCP/80"),
        (
            &["--from", "0.0.0.0/0", "--to", "10.0.0.1"],
            "--from and --to are both outside",
        ),
        (&["--pod-cidr", "pods"], "--pod-cidr pods: expected ranges"),
        (
            &["--from", "shop/\u{1b}[31m"],
            "--from shop/\\u{1b}[31m: no such workload",
        ),
    ];
    for (args, expected) in cases {
        let ran = reach(&shop(), args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
    let missing =
        crate::program::plimsoll_with_input(std::path::Path::new("."), &["reach", "no/such/place"], "");
    assert_eq!(missing.code, 2);
    assert!(
        missing.err.contains("no/such/place: expected a file or folder"),
        "{}",
        missing.err
    );
}

#[test]
fn documents_that_cannot_be_read_are_told_and_unsettle_the_exit_code() {
    let broken = shop() + "---\nkind: [\n";
    let ran = reach(&broken, &["-o", "json"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("<stdin>:"), "{}", ran.err);
    assert_eq!(ran.json()["unreadable"].as_array().unwrap().len(), 1);
    assert!(!ran.json()["connections"].as_array().unwrap().is_empty());
}

#[test]
fn a_policy_that_cannot_be_read_makes_its_pods_unknown() {
    let unreadable = shop()
        + "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: odd, namespace: office}\nspec: {podSelector: [1]}\n";
    let ran = reach(
        &unreadable,
        &["-o", "json", "--from", "office/desk", "--to", "shop/web"],
    );
    let report = ran.json();
    assert!(
        report["connections"][0]["unknown"]
            .as_str()
            .unwrap()
            .contains("NetworkPolicy office/odd"),
        "{report}"
    );
}

#[test]
fn namespaces_that_are_not_given_are_told() {
    let ran = reach(&deployment("lonely", "web"), &["-o", "json"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains("namespaces without a Namespace object") && ran.err.contains("lonely"),
        "{}",
        ran.err
    );
}

#[test]
fn nothing_at_all_is_no_pair() {
    let ran = reach("", &[]);
    assert_eq!(
        (ran.code, ran.out.trim()),
        (0, "0 pairs: 0 open, 0 closed, 0 unknown")
    );
    assert_eq!(
        reach("", &["-o", "json"]).json()["connections"],
        serde_json::json!([])
    );
}

#[test]
fn too_many_pairs_ask_for_an_end() {
    let manifests: String = (0..1_001)
        .map(|i| deployment("many", &format!("web-{i}")))
        .collect();
    let ran = reach(&manifests, &["-o", "json"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err
            .contains("1004004 pairs, of which at most 1000000 are told at once: give --from or --to"),
        "{}",
        ran.err
    );
    let one = reach(&manifests, &["-o", "json", "--from", "many/web-7"]);
    assert_eq!(one.code, 0, "{}", one.err);
    assert_eq!(one.json()["connections"].as_array().unwrap().len(), 1_000 + 1);
    let table = reach(
        &manifests,
        &["--from", "many/*", "--to", "many/web-1", "--port", "80"],
    );
    assert_eq!(table.code, 0, "{}", table.err);
}
