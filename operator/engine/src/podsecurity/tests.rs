#![allow(clippy::needless_pass_by_value, reason = "literals read better by value")]

use rstest::rstest;
use serde_json::{Value, json};

use super::{Check, Checks, Level, offenders};
use crate::{
    decode::decode_json,
    kind::Kind,
    object::{Pod, PodSpec, Projection, Workload},
};

/// A pod that the restricted level allows, with changes merged into its spec.
fn hardened(changes: Value) -> Value {
    let mut spec = json!({
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "app", "securityContext":
            {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
    });
    json_patch_merge(&mut spec, changes);
    spec
}

/// RFC 7386, but that lists are merged item by item.
fn json_patch_merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                json_patch_merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(changes)) => {
            for (i, value) in changes.into_iter().enumerate() {
                if i < into.len() {
                    json_patch_merge(&mut into[i], value);
                } else {
                    into.push(value);
                }
            }
        }
        (into, value) => *into = value,
    }
}

fn container(changes: Value) -> Value {
    hardened(json!({"containers": [changes]}))
}

fn context(changes: Value) -> Value {
    container(json!({"securityContext": changes}))
}

fn checks(spec: &Value) -> Checks {
    checks_with(spec, &json!({}))
}

fn checks_with(spec: &Value, annotations: &Value) -> Checks {
    let pod = json!({"metadata": {"name": "p", "namespace": "n", "annotations": annotations}, "spec": spec});
    let object = decode_json(Kind::Pod, &pod.to_string()).unwrap();
    Pod::of(object.body.as_ref().unwrap()).unwrap().security_checks()
}

fn ids(checks: Checks) -> Vec<&'static str> {
    checks.iter().map(Check::id).collect()
}

#[rstest]
#[case(hardened(json!({})), &[], &[])]
#[case(json!({"containers": [{"name": "a"}]}), &[],
    &["allowPrivilegeEscalation", "capabilities_restricted", "runAsNonRoot", "seccompProfile_restricted"])]
#[case(hardened(json!({"hostNetwork": true})), &["hostNamespaces"], &["hostNamespaces"])]
#[case(hardened(json!({"hostPID": true})), &["hostNamespaces"], &["hostNamespaces"])]
#[case(hardened(json!({"hostIPC": true})), &["hostNamespaces"], &["hostNamespaces"])]
#[case(context(json!({"privileged": true})), &["privileged"], &["privileged"])]
#[case(context(json!({"capabilities": {"add": ["NET_RAW"]}})), &["capabilities_baseline"], &["capabilities_restricted"])]
#[case(context(json!({"capabilities": {"add": ["CHOWN"]}})), &[], &["capabilities_restricted"])]
#[case(context(json!({"capabilities": {"add": ["NET_BIND_SERVICE"]}})), &[], &[])]
#[case(context(json!({"capabilities": {"add": ["CAP_CHOWN"]}})), &["capabilities_baseline"], &["capabilities_restricted"])]
#[case(context(json!({"capabilities": {"drop": ["all"]}})), &[], &["capabilities_restricted"])]
#[case(hardened(json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]})), &["hostPathVolumes"], &["restrictedVolumes"])]
#[case(hardened(json!({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]})), &[], &["restrictedVolumes"])]
#[case(hardened(json!({"volumes": [{"name": "v", "gitRepo": {"repository": "r"}}]})), &[], &["restrictedVolumes"])]
#[case(hardened(json!({"volumes": [{"name": "v"}, {"name": "w", "emptyDir": {}}, {"name": "x", "image": {}}]})), &[], &[])]
#[case(container(json!({"ports": [{"containerPort": 80, "hostPort": 80}]})), &["hostPorts"], &["hostPorts"])]
#[case(container(json!({"ports": [{"containerPort": 80, "hostPort": 0}]})), &[], &[])]
#[case(context(json!({"appArmorProfile": {"type": "Unconfined"}})), &["appArmorProfile"], &["appArmorProfile"])]
#[case(hardened(json!({"securityContext": {"appArmorProfile": {"type": "Localhost"}}})), &[], &[])]
#[case(context(json!({"seLinuxOptions": {"type": "spc_t"}})), &["seLinuxOptions"], &["seLinuxOptions"])]
#[case(context(json!({"seLinuxOptions": {"role": "r"}})), &["seLinuxOptions"], &["seLinuxOptions"])]
#[case(context(json!({"seLinuxOptions": {"type": "container_engine_t", "level": "s0"}})), &[], &[])]
#[case(context(json!({"procMount": "Unmasked"})), &["procMount"], &["procMount_restricted"])]
#[case(hardened(json!({"hostUsers": false, "containers": [{"securityContext": {"procMount": "Unmasked"}}]})), &[], &["procMount_restricted"])]
#[case(context(json!({"seccompProfile": {"type": "Unconfined"}})), &["seccompProfile_baseline"], &["seccompProfile_restricted"])]
#[case(hardened(json!({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem"}, {"name": "kernel.msgmax"}]}})), &["sysctls"], &["sysctls"])]
#[case(hardened(json!({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_notsent_lowat"}]}})), &[], &[])]
#[case(context(json!({"windowsOptions": {"hostProcess": true}})), &["windowsHostProcess"], &["windowsHostProcess"])]
#[case(container(json!({"livenessProbe": {"httpGet": {"host": "10.0.0.1", "port": 1}}})), &["hostProbesAndHostLifecycle"], &["hostProbesAndHostLifecycle"])]
#[case(container(json!({"lifecycle": {"preStop": {"tcpSocket": {"host": "h", "port": 1}}}})), &["hostProbesAndHostLifecycle"], &["hostProbesAndHostLifecycle"])]
#[case(container(json!({"readinessProbe": {"httpGet": {"host": "", "port": 1}}})), &[], &[])]
#[case(context(json!({"allowPrivilegeEscalation": true})), &[], &["allowPrivilegeEscalation"])]
#[case(hardened(json!({"securityContext": {"runAsNonRoot": false}})), &[], &["runAsNonRoot"])]
#[case(context(json!({"runAsNonRoot": false})), &[], &["runAsNonRoot"])]
#[case(hardened(json!({"hostUsers": false, "securityContext": {"runAsNonRoot": false, "runAsUser": 0}})), &[], &[])]
#[case(context(json!({"runAsUser": 0})), &[], &["runAsUser"])]
#[case(json!({"os": {"name": "windows"}, "securityContext": {"runAsNonRoot": true}, "containers": [{"name": "a"}]}), &[], &[])]
#[case(hardened(json!({"initContainers": [{"name": "i", "securityContext": {"privileged": true}}]})),
    &["privileged"], &["privileged", "allowPrivilegeEscalation", "capabilities_restricted"])]
#[case(hardened(json!({"ephemeralContainers": [{"name": "e", "securityContext": {"privileged": true}}]})),
    &["privileged"], &["privileged", "allowPrivilegeEscalation", "capabilities_restricted"])]
fn checks_violated_at_each_level(
    #[case] spec: Value,
    #[case] baseline: &[&str],
    #[case] restricted: &[&str],
) {
    let checks = checks(&spec);
    assert_eq!(ids(checks.at(Level::Baseline)), baseline);
    assert_eq!(ids(checks.at(Level::Restricted)), restricted);
    assert!(checks.at(Level::Privileged).is_empty());
}

/// The API server gives a port of the node to every declared port of a pod in the node's network.
#[test]
fn ports_of_a_pod_in_the_nodes_network_are_the_nodes() {
    let spec = hardened(json!({"hostNetwork": true, "containers": [{"ports": [{"containerPort": 80}]}]}));
    assert_eq!(ids(checks(&spec)), ["hostNamespaces", "hostPorts"]);
}

#[rstest]
#[case("unconfined", &["appArmorProfile"])]
#[case("runtime/default", &[])]
#[case("localhost/mine", &[])]
#[case("", &[])]
fn the_old_annotation_of_app_armor(#[case] value: &str, #[case] violated: &[&str]) {
    let annotations = json!({"container.apparmor.security.beta.kubernetes.io/app": value});
    assert_eq!(ids(checks_with(&hardened(json!({})), &annotations)), violated);
    let deployment = json!({"metadata": {"name": "d", "namespace": "n"}, "spec": {"template": {
        "metadata": {"annotations": annotations}, "spec": hardened(json!({}))}}});
    let object = decode_json(Kind::Deployment, &deployment.to_string()).unwrap();
    let workload = Workload::of(object.body.as_ref().unwrap()).unwrap();
    assert_eq!(ids(workload.template().unwrap().security_checks()), violated);
}

#[test]
fn null_means_absent_and_other_types_do_not_decode() {
    let nothing = hardened(
        json!({"hostPID": null, "os": null, "securityContext": {"seLinuxOptions": null, "sysctls": null},
        "containers": [{"livenessProbe": null, "readinessProbe": {"httpGet": {"host": null, "port": 1}}, "lifecycle": null, "securityContext": {"privileged": null, "capabilities": {"add": null}}}]}),
    );
    assert!(checks(&nothing).is_empty());
    for wrong in [
        json!({"privileged": "yes"}),
        json!({"capabilities": {"add": "ALL"}}),
        json!({"runAsUser": 0.5}),
    ] {
        let pod = json!({"metadata": {"name": "p", "namespace": "n"}, "spec": {"containers": [{"name": "a", "securityContext": wrong}]}});
        let object = decode_json(Kind::Pod, &pod.to_string()).unwrap();
        assert!(object.body.is_err(), "{wrong}");
    }
}

#[test]
fn offenders_are_containers_and_volumes_by_name() {
    let spec = json!({
        "initContainers": [{"name": "i", "securityContext": {"privileged": true}}],
        "containers": [{"name": "a"}, {"name": "b", "securityContext": {"privileged": true}}],
        "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
    });
    let pod: PodSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(offenders(Check::Privileged, &pod), ["i", "b"]);
    assert_eq!(offenders(Check::RestrictedVolumes, &pod), ["v"]);
    assert_eq!(offenders(Check::HostNamespaces, &pod), [""; 0]);
}

#[test]
fn a_pod_costs_no_more_for_what_it_violates() {
    assert_eq!(size_of::<Checks>(), 4);
    assert_eq!(size_of::<Pod>(), 32);
}

#[test]
fn levels_are_words_of_labels() {
    for level in [Level::Privileged, Level::Baseline, Level::Restricted] {
        assert_eq!(Level::from_label(level.word()), Some(level));
        assert_eq!(serde_json::to_value(level).unwrap(), level.word());
    }
    assert_eq!(Level::from_label("Baseline"), None);
}
