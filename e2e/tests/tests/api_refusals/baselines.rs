//! Wrong baselines.

use kube_test::Cluster;
use plimsoll_e2e::installed::install;

use crate::refused_both_ways;

/// Wrong specs of a `SecurityBaseline`, and what the refusal must say.
const WRONG_BASELINES: &[(&str, &[&str])] = &[
    // unknown names
    (
        "{controls: {availability/replicas: {}}}",
        &[
            "spec.controls.availability/replicas",
            "availability/replica-redundancy",
        ],
    ),
    (
        "{controls: {replica-redundancy: {}}}",
        &["spec.controls.replica-redundancy"],
    ),
    (
        "{controls: {availability/replica-redundancy: {minReplica: 3}}}",
        &[
            "spec.controls.availability/replica-redundancy.minReplica:",
            "minReplicas",
        ],
    ),
    (
        "{controls: {environments/labelled: {Mode: Enforce}}}",
        &["spec.controls.environments/labelled.Mode", "failAfter"],
    ),
    (
        "{controls: {availability/replica-redundancy: {overrides: [{selector: {}, minReplicas: 3, why: so}]}}}",
        &[
            "spec.controls.availability/replica-redundancy.overrides",
            "minReplicas",
        ],
    ),
    (
        "{controls: {backup/database-scheduled: {backupTemplates: {postgres: {script: dump, when: never}}}}}",
        &[
            "spec.controls.backup/database-scheduled.backupTemplates",
            "schedule",
        ],
    ),
    ("{extends: [essentials], modes: Enforce}", &["spec.modes", "mode"]),
    (
        "{extends: [essentials], scope: {excludeNamespace: [a]}}",
        &["spec.scope.excludeNamespace:", "excludeNamespaces"],
    ),
    (
        "{extends: [essentials], scope: {namespaceSelector: {labels: {a: b}}}}",
        &["spec.scope.namespaceSelector.labels"],
    ),
    (
        "{extends: [essentials], platform: {namespaceSelector: {matchExpressions: [{key: a, op: Exists, operator: Exists}]}}}",
        &["spec.platform.namespaceSelector.matchExpressions", "operator"],
    ),
    (
        "{extends: [essentials], environments: {overrides: [{namespace: a, environment: b, until: c}]}}",
        &["spec.environments.overrides"],
    ),
    (
        "{extends: [essentials], remediation: {maxChanges: 2}}",
        &["spec.remediation.maxChanges:", "maxChangesPerObjectPerHour"],
    ),
    // wrong types
    (
        "{controls: {availability/replica-redundancy: {minReplicas: two}}}",
        &["availability/replica-redundancy.minReplicas"],
    ),
    (
        "{controls: {availability/replica-redundancy: {minReplicas: 2.5}}}",
        &["availability/replica-redundancy.minReplicas"],
    ),
    (
        "{controls: {backup/recent-success: {maxAge: 26}}}",
        &["backup/recent-success.maxAge", "string"],
    ),
    (
        "{controls: {environments/labelled: true}}",
        &["spec.controls.environments/labelled", "object"],
    ),
    (
        "{controls: {environments/labelled: null, backup/recent-success: {}}}",
        &["spec.controls.environments/labelled"],
    ),
    (
        "{controls: [environments/labelled]}",
        &["spec.controls", "object"],
    ),
    ("{extends: essentials}", &["spec.extends"]),
    // durations
    (
        "{controls: {backup/recent-success: {maxAge: 26 hours}}}",
        &["backup/recent-success.maxAge"],
    ),
    (
        "{controls: {backup/recent-success: {maxAge: -1h}}}",
        &["backup/recent-success.maxAge"],
    ),
    (
        "{controls: {environments/labelled: {failAfter: 5min}}}",
        &["environments/labelled.failAfter"],
    ),
    // out of range
    (
        "{controls: {availability/replica-redundancy: {minReplicas: -1}}}",
        &["availability/replica-redundancy.minReplicas"],
    ),
    (
        "{controls: {availability/replica-redundancy: {minReplicas: 0}}}",
        &["availability/replica-redundancy.minReplicas"],
    ),
    (
        "{extends: [essentials], remediation: {maxChangesPerObjectPerHour: 0}}",
        &["spec.remediation.maxChangesPerObjectPerHour"],
    ),
    (
        "{extends: [essentials], tenancy: {labelKey: ''}}",
        &["spec.tenancy.labelKey"],
    ),
    (
        "{extends: [essentials], tenancy: {labelKey: 'no key!'}}",
        &["spec.tenancy.labelKey"],
    ),
    (
        "{extends: [essentials], scope: {excludeNamespaces: [Kube_System]}}",
        &["spec.scope.excludeNamespaces"],
    ),
    // enums
    (
        "{extends: [essentials], mode: Off}",
        &["spec.mode", "Disabled", "Enforce"],
    ),
    (
        "{extends: [essentials], mode: enforce}",
        &["spec.mode", "Enforce"],
    ),
    (
        "{controls: {environments/labelled: {severity: Blocker}}}",
        &["environments/labelled.severity", "Critical"],
    ),
    (
        "{controls: {isolation/default-deny: {directions: [Sideways]}}}",
        &["isolation/default-deny.directions", "Ingress"],
    ),
    (
        "{extends: [essentials], tenancy: {mode: Cluster}}",
        &["spec.tenancy.mode", "Namespace"],
    ),
    (
        "{extends: [essentials], scope: {namespaceSelector: {matchExpressions: [{key: a, operator: Like}]}}}",
        &["operator", "NotIn"],
    ),
    // nothing, or too little
    ("{}", &["spec.extends", "spec.controls"]),
    ("{extends: []}", &["spec.extends"]),
    ("{controls: {}}", &["spec.controls"]),
    ("{extends: ['']}", &["spec.extends"]),
    (
        "{extends: [essentials], environments: {allowed: []}}",
        &["spec.environments.allowed"],
    ),
    (
        "{controls: {isolation/default-deny: {directions: []}}}",
        &["isolation/default-deny.directions"],
    ),
    (
        "{extends: [essentials], scope: {namespaceSelector: {matchExpressions: [{operator: Exists}]}}}",
        &["matchExpressions", "key"],
    ),
    (
        "{extends: [essentials], environments: {overrides: [{namespace: a}]}}",
        &["spec.environments.overrides", "environment"],
    ),
    // contradictions and repetitions
    (
        "{extends: [essentials], environments: {allowed: [a, b], clusterEnvironment: c}}",
        &["spec.environments.clusterEnvironment", "allowed"],
    ),
    (
        "{extends: [essentials], environments: {allowed: [a], overrides: [{namespace: x, environment: b}]}}",
        &["spec.environments.overrides", "allowed"],
    ),
    (
        "{extends: [essentials], environments: {allowed: [a], aliases: {x: b}}}",
        &["spec.environments.aliases", "allowed"],
    ),
    (
        "{extends: [essentials], tenancy: {mode: None, labelKey: team}}",
        &["spec.tenancy", "labelKey"],
    ),
    ("{extends: [essentials, essentials]}", &["spec.extends"]),
    (
        "{extends: [essentials], environments: {overrides: [{namespace: x, environment: a}, {namespace: x, environment: b}]}}",
        &["spec.environments.overrides"],
    ),
];

#[tokio::test]
async fn wrong_baselines_are_refused_by_name_whoever_asks() {
    assert!(WRONG_BASELINES.len() >= 25);
    let cluster = Cluster::shared().await.unwrap();
    install(&cluster).await;
    let client = cluster.admin().unwrap();
    let mut wrong = Vec::new();
    for (text, words) in WRONG_BASELINES {
        let spec = serde_yaml::from_str(text).unwrap();
        wrong.extend(refused_both_ways(&client, "SecurityBaseline", text, &spec, words).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
