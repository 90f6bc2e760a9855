//! What is told, in JSON and in the table.

use serde_json::{Value, json};

use crate::{connection, deployment, namespaces, policy, reach, shop};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_pair_is_told_with_its_ports_and_reasons() {
    let ran = reach(&shop(), &["-o", "json"]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    let report = ran.json();
    assert_eq!(report["apiVersion"], "reach.plimsoll.dev/v1");
    let open = connection(&report, "shop/web", "shop/db");
    assert_eq!(keys(open), ["from", "to", "allowed", "because"]);
    assert_eq!(
        open["from"],
        json!({"namespace": "shop", "kind": "Deployment", "name": "web"})
    );
    assert_eq!(
        open["allowed"],
        json!([{"protocol": "TCP", "port": 5432, "endPort": 5432}])
    );
    assert_eq!(
        open["because"],
        json!([
            "NetworkPolicy shop/web opens all (egress[0])",
            "NetworkPolicy shop/web may open TCP/443, UDP/443-445 (egress[1])",
            "NetworkPolicy shop/db opens TCP/5432 (ingress[0])"
        ])
    );
    let closed = connection(&report, "office/desk", "shop/db");
    assert_eq!(closed["allowed"], json!([]));
    assert_eq!(
        closed["because"],
        json!([
            "no policy applies to egress",
            "NetworkPolicy shop/db isolates ingress, and none of its rules matches"
        ])
    );
    let absence = connection(&report, "office/desk", "shop/web");
    assert_eq!(
        absence["because"],
        json!(["no policy applies to egress", "no policy applies to ingress"])
    );
    assert_eq!(
        absence["allowed"][1],
        json!({"protocol": "UDP", "port": 1, "endPort": 65535})
    );
    // Three workloads with each other, and each with the world outside; a workload and itself are no pair.
    let blocks = report["connections"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["to"]["name"] == "203.0.113.0/24");
    assert_eq!(blocks.count(), 1);
    assert_eq!(report["connections"].as_array().unwrap().len(), 3 * 2 + 2 * 3 + 1);
}

#[test]
fn the_world_outside_is_blocks_of_addresses() {
    let report = reach(&shop(), &["-o", "json"]).json();
    let anywhere = connection(&report, "office/desk", "0.0.0.0/0");
    assert_eq!(
        anywhere["to"],
        json!({"namespace": null, "kind": "IPBlock", "name": "0.0.0.0/0"})
    );
    assert_eq!(anywhere["allowed"].as_array().unwrap().len(), 3);
    let web = connection(&report, "shop/web", "0.0.0.0/0");
    assert_eq!(web["allowed"], json!([]), "not to every address");
    assert_eq!(web["possible"][0]["port"], 443, "but to some");
    let supplier = connection(&report, "shop/web", "203.0.113.0/24");
    assert_eq!(
        supplier["allowed"],
        json!([{"protocol": "TCP", "port": 443, "endPort": 443}, {"protocol": "UDP", "port": 443, "endPort": 445}])
    );
    let ran = reach(
        &shop(),
        &["-o", "json", "--from", "shop/web", "--to", "203.0.113.7"],
    );
    let one = connection(&ran.json(), "shop/web", "203.0.113.7")["allowed"].clone();
    assert_eq!(one, supplier["allowed"]);
    let into = reach(&shop(), &["-o", "json", "--from", "198.51.100.0/24"]).json();
    assert_eq!(
        connection(&into, "198.51.100.0/24", "shop/db")["allowed"],
        json!([])
    );
    assert_eq!(into["connections"].as_array().unwrap().len(), 3);
}

#[test]
fn ends_and_ports_narrow_the_question() {
    let of = |args: &[&str]| {
        let all: Vec<&str> = args.iter().chain(&["-o", "json"]).copied().collect();
        reach(&shop(), &all).json()
    };
    let one = of(&["--from", "shop/web", "--to", "shop/db"]);
    assert_eq!(one["connections"].as_array().unwrap().len(), 1);
    let shop_only = of(&["--from", "shop/*", "--to", "shop/*"]);
    assert_eq!(shop_only["connections"].as_array().unwrap().len(), 2);
    let itself = of(&["--from", "office/desk", "--to", "office/desk"]);
    assert_eq!(
        itself["connections"].as_array().unwrap().len(),
        1,
        "its pods among each other"
    );
    let port = of(&["--from", "shop/web", "--to", "shop/db", "--port", "TCP/5432"]);
    assert_eq!(port["connections"][0]["allowed"][0]["port"], 5432);
    let port = of(&["--from", "shop/web", "--to", "shop/db", "--port", "80"]);
    assert_eq!(port["connections"][0]["allowed"], json!([]));
    let port = of(&["--from", "shop/web", "--to", "203.0.113.1", "--port", "udp/444"]);
    assert_eq!(
        port["connections"][0]["allowed"],
        json!([{"protocol": "UDP", "port": 444, "endPort": 444}])
    );
}

#[test]
fn the_table_tells_what_is_open_and_of_one_pair_also_what_closes_it() {
    let table = reach(&shop(), &[]).out;
    assert!(
        table.contains("Deployment shop/web") && table.contains("TCP/5432"),
        "{table}"
    );
    assert!(!table.contains("isolates"), "{table}");
    assert!(
        table.contains("12 pairs: ") || table.contains("13 pairs: "),
        "{table}"
    );
    let pair = reach(&shop(), &["--from", "office/desk", "--to", "shop/db"]).out;
    assert!(pair.contains("none"), "{pair}");
    assert!(pair.contains("isolates ingress"), "{pair}");
    assert!(pair.contains("1 pairs: 0 open, 1 closed, 0 unknown"), "{pair}");
}

#[test]
fn what_is_not_modelled_is_unknown_and_not_closed() {
    let cilium = "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: l7, namespace: office}\nspec: {endpointSelector: {}}\n";
    let report = reach(&(shop() + cilium), &["-o", "json"]).json();
    let unknown = connection(&report, "shop/web", "office/desk");
    assert_eq!(unknown["allowed"], json!([]));
    assert!(
        unknown["unknown"]
            .as_str()
            .unwrap()
            .contains("CiliumNetworkPolicy office/l7"),
        "{unknown}"
    );
    assert!(
        connection(&report, "shop/web", "shop/db")
            .get("unknown")
            .is_none()
    );
    let table = reach(&(shop() + cilium), &[]).out;
    assert!(
        table.contains("unknown") && table.contains("CiliumNetworkPolicy office/l7"),
        "{table}"
    );
}

#[test]
fn blocks_that_may_hold_pods_are_possible_until_somebody_says() {
    let manifests = [
        namespaces(&["a", "b"]),
        deployment("a", "web"),
        deployment("b", "web"),
        policy(
            "b",
            "block",
            "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
        ),
    ]
    .concat();
    let of = |args: &[&str]| {
        let all: Vec<&str> = ["-o", "json", "--from", "a/web", "--to", "b/web"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let report = reach(&manifests, &all).json();
        let pair = &report["connections"][0];
        (
            pair["allowed"].as_array().unwrap().len(),
            pair["possible"].as_array().map_or(0, Vec::len),
        )
    };
    assert_eq!(of(&[]), (0, 3));
    assert_eq!(
        of(&["--pod-cidr", "10.244.0.0/16", "--ip-blocks-match-pods", "always"]),
        (3, 0)
    );
    assert_eq!(of(&["--pod-cidr", "192.168.0.0/16"]), (0, 0));
    assert_eq!(of(&["--ip-blocks-match-pods", "never"]), (0, 0));
}

#[test]
fn hostile_names_reach_nobody_unescaped() {
    let name = "a\\e[31m\\n\\u202Egpj\\u200B";
    let manifests = format!(
        "{}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: \"{name}\", namespace: x}}\nspec: {{podSelector: {{}}, ingress: [{{}}]}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: \"{name}\", namespace: x}}\nspec: {{containers: [{{name: c}}]}}\n{}",
        namespaces(&["x"]),
        deployment("x", "web")
    );
    for output in ["table", "json"] {
        let ran = reach(&manifests, &["-o", output]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let hostile = |c: &char| *c != '\n' && (c.is_control() || ['\u{202e}', '\u{200b}'].contains(c));
        assert_eq!(
            (ran.out.clone() + &ran.err).chars().find(hostile),
            None,
            "{output}: {}",
            ran.out
        );
        assert!(ran.out.contains("202e"), "{output}: {}", ran.out);
    }
}
