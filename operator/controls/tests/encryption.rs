//! What encryption costs per change, and the drivers' table against classes found in the wild.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

use std::{collections::BTreeMap, path::PathBuf};

use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::decode_json,
    facts::{Level, Parameters, encryption, may_encrypt_elsewhere},
    intake::Intake,
    kind::Kind,
    object::{Projection, StorageClass},
    report::Delta,
};
use serde_json::{Value, json};

const CLAIMS: usize = 100;

fn engine(control: &str) -> Engine {
    let spec = BaselineSpec {
        controls: BTreeMap::from([(control.to_owned(), serde_json::Map::new())]),
        ..BaselineSpec::default()
    };
    let mut engine = Engine::scan();
    engine.set_baselines(vec![compile(
        "b",
        1,
        &spec,
        &[],
        &plimsoll_controls::registry(),
        None,
    )]);
    engine.see_everything();
    let labels = json!({"plimsoll.dev/environment": "production"});
    put(
        &mut engine,
        Kind::Namespace,
        &json!({"metadata": {"name": "shop", "labels": labels}}),
    );
    engine
}

fn put(engine: &mut Engine, kind: Kind, object: &Value) {
    engine.upsert(decode_json(kind, &object.to_string()).unwrap());
}

fn turn(engine: &mut Engine) -> Delta {
    engine.turn("2026-06-01T12:00:00Z".parse().unwrap())
}

fn class(name: &str, parameters: &Value, mark: &str) -> Value {
    let annotations = json!({"storageclass.kubernetes.io/is-default-class": mark});
    json!({"metadata": {"name": name, "annotations": annotations}, "provisioner": "ebs.csi.aws.com", "parameters": parameters})
}

#[test]
fn a_class_costs_its_own_claims_and_only_when_its_encryption_changes() {
    let mut engine = engine("encryption/volumes-at-rest");
    for name in ["a", "b"] {
        put(&mut engine, Kind::StorageClass, &class(name, &json!({}), "false"));
        for i in 0..CLAIMS {
            let spec = json!({"storageClassName": name});
            let claim =
                json!({"metadata": {"name": format!("{name}-{i}"), "namespace": "shop"}, "spec": spec});
            put(&mut engine, Kind::PersistentVolumeClaim, &claim);
        }
    }
    assert_eq!(turn(&mut engine).evaluated, 2 * CLAIMS + 2);

    // The class itself is a unit too: it comes on top in each case.
    put(
        &mut engine,
        Kind::StorageClass,
        &class("a", &json!({"type": "gp3"}), "false"),
    );
    assert_eq!(
        turn(&mut engine).evaluated,
        1,
        "a parameter that encrypts nothing"
    );
    put(
        &mut engine,
        Kind::StorageClass,
        &class("a", &json!({"type": "gp3"}), "true"),
    );
    assert_eq!(
        turn(&mut engine).evaluated,
        1,
        "being the default is nothing to claims that name their class"
    );
    put(
        &mut engine,
        Kind::StorageClass,
        &class("a", &json!({"encrypted": "true"}), "true"),
    );
    let delta = turn(&mut engine);
    assert_eq!(delta.evaluated, CLAIMS + 1);
    assert_eq!(delta.transitions.len(), CLAIMS + 1);
}

fn ingress(name: &str, class: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"ingressClassName": class, "rules": [{"host": "a"}]}})
}

#[test]
fn a_configuration_costs_the_ingresses_of_its_controller_and_only_when_tls_changes() {
    let mut engine = engine("encryption/tls-min-version");
    for (class, controller) in [
        ("nginx", "k8s.io/ingress-nginx"),
        ("contour", "projectcontour.io/ingress-controller"),
    ] {
        put(
            &mut engine,
            Kind::IngressClass,
            &json!({"metadata": {"name": class}, "spec": {"controller": controller}}),
        );
        for i in 0..CLAIMS {
            put(
                &mut engine,
                Kind::Ingress,
                &ingress(&format!("{class}-{i}"), class),
            );
        }
    }
    turn(&mut engine);
    let map = |data: Value| json!({"metadata": {"name": "ingress-nginx-controller", "namespace": "ingress"}, "data": data});
    put(
        &mut engine,
        Kind::ConfigMap,
        &map(json!({"worker-processes": "4"})),
    );
    assert_eq!(turn(&mut engine).evaluated, 0, "a ConfigMap without TLS settings");
    put(
        &mut engine,
        Kind::ConfigMap,
        &map(json!({"ssl-protocols": "TLSv1"})),
    );
    assert_eq!(turn(&mut engine).transitions.len(), CLAIMS);
    put(
        &mut engine,
        Kind::ConfigMap,
        &map(json!({"ssl-protocols": "TLSv1", "worker-processes": "8"})),
    );
    assert_eq!(turn(&mut engine).evaluated, 0, "the TLS setting stays");
    let labelled = json!({"metadata": {"name": "nginx", "labels": {"a": "b"}}, "spec": {"controller": "k8s.io/ingress-nginx"}});
    put(&mut engine, Kind::IngressClass, &labelled);
    assert_eq!(turn(&mut engine).evaluated, 0, "a label of the class");
    let other = json!({"metadata": {"name": "nginx"}, "spec": {"controller": "projectcontour.io/ingress-controller"}});
    put(&mut engine, Kind::IngressClass, &other);
    assert_eq!(
        turn(&mut engine).evaluated,
        CLAIMS,
        "another controller, for its own Ingresses"
    );
}

#[test]
fn contradicting_parameters_are_refused() {
    let problems = |control: &str, entry: Value| {
        let controls = BTreeMap::from([(control.to_owned(), entry.as_object().unwrap().clone())]);
        let spec = BaselineSpec {
            controls,
            ..BaselineSpec::default()
        };
        compile("b", 1, &spec, &[], &plimsoll_controls::registry(), None)
            .problems
            .len()
    };
    let tls = "encryption/tls-min-version";
    assert_eq!(problems(tls, json!({"minVersion": "1.3"})), 0);
    assert_eq!(
        problems(tls, json!({"minVersion": "1.3", "allowedVersions": ["1.2"]})),
        1
    );
    assert_eq!(problems(tls, json!({"allowedVersions": ["1.1", "1.2"]})), 1);
    assert_eq!(problems(tls, json!({"minVersion": "1.4"})), 1);
    assert_eq!(problems(tls, json!({"minVersion": "Ssl"})), 1);
    assert_eq!(
        problems("encryption/ingress-tls", json!({"internalClasses": ["a"]})),
        1
    );
    assert_eq!(
        problems("encryption/ingress-tls", json!({"certManagerIssuer": ""})),
        1
    );
    assert_eq!(
        problems("encryption/volumes-at-rest", json!({"assumeEncryptd": []})),
        1
    );
}

/// Our level in the corpus's words. There is no disagreement to list.
fn verdict(driver: &str, parameters: &Parameters) -> &'static str {
    match encryption(driver, parameters).level {
        Level::OwnKey => "encrypted",
        Level::Provider if parameters.values().any(|v| &**v == "true") => "encrypted",
        Level::Provider => "provider-default",
        Level::Unknown => "unknown",
        Level::Not if may_encrypt_elsewhere(driver) => "not-encrypted-by-class",
        Level::Not => "not-encrypted",
    }
}

#[test]
fn storage_classes_found_in_the_wild_are_judged_as_assigned() {
    let Some(corpora) = std::env::var_os("PLIMSOLL_CORPORA").map(PathBuf::from) else {
        eprintln!("skipped: PLIMSOLL_CORPORA is not set");
        return;
    };
    let folder = corpora.join("storageclass-encryption");
    let cases = std::fs::read_to_string(folder.join("cases.jsonl")).unwrap();
    let mut wrong = Vec::new();
    let mut judged = 0;
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = std::fs::read(folder.join(case["inputs"][0].as_str().unwrap())).unwrap();
        let intake = Intake::read(&[text], "default");
        let mut classes = intake
            .objects
            .iter()
            .filter(|(object, _)| object.name.kind() == Kind::StorageClass);
        let class = StorageClass::of(classes.next().expect("a class").0.body.as_ref().unwrap()).unwrap();
        let ours = verdict(
            &class.provisioner,
            class.parameters.as_ref().unwrap_or(&Parameters::new()),
        );
        let id = case["id"].as_str().unwrap();
        let theirs = case["verdict"].as_str().unwrap();
        judged += 1;
        if ours != theirs {
            wrong.push(format!("{id} ({}): {ours}, not {theirs}", class.provisioner));
        }
    }
    assert_eq!(judged, 46);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
