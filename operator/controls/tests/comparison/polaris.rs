//! Polaris: replicas, budgets, spread, a NetworkPolicy for each pod, TLS of an Ingress, the host's namespaces, bare pods.

use crate::table::{NoCounterpart, Rule, Table, alike, but, check, none};

#[test]
fn every_case_is_judged_as_the_table_says() {
    check(&Table {
        corpus: "polaris",
        rules: RULES,
        no_counterpart: NO_COUNTERPART,
    });
}

const NO_WORKLOAD: &str = "a budget of no API version that ever was, and no workload for it to hold back";

/// By what runs, not by the label of the namespace: the cases have none.
const POD_SECURITY: Rule = Rule {
    params: r#"{"acceptEquivalent": true}"#,
    ..Rule::new("", "isolation/pod-security", alike(1, 1, 0))
};

const RULES: &[Rule] = &[
    Rule {
        disagreements: &[but(
            "failure.yaml",
            "Silent",
            "v1 has no Deployment: the API server refuses it, and so it is nobody's replica",
        )],
        ..Rule::new(
            "deploymentMissingReplicas",
            "availability/replica-redundancy",
            alike(0, 0, 1),
        )
    },
    Rule {
        disagreements: &[but(
            "failure.yaml",
            "Silent",
            "an autoscaler alone runs nothing: ours judges the workload that it scales, which is not given",
        )],
        ..Rule::new(
            "hpaMinAvailability",
            "availability/replica-redundancy",
            alike(0, 0, 2),
        )
    },
    Rule {
        replicas: Some(3),
        ..Rule::new(
            "missingPodDisruptionBudget",
            "availability/disruption-budget",
            alike(2, 7, 0),
        )
    },
    Rule {
        disagreements: &[
            but("failure.either.yaml", "Silent", NO_WORKLOAD),
            but("failure.max.yaml", "Silent", NO_WORKLOAD),
            but("failure.min.yaml", "Silent", NO_WORKLOAD),
        ],
        ..Rule::new(
            "pdbDisruptionsIsZero",
            "availability/disruption-budget",
            alike(0, 0, 4),
        )
    },
    Rule {
        disagreements: &[
            but(
                "success-maxUnavailable.yaml",
                "Fail(IneffectiveBudget)",
                "maxUnavailable 5 of a minimum of 5: every pod may be evicted at once",
            ),
            but(
                "success.equals.yaml",
                "Fail(BlockingBudget)",
                "minAvailable 5 of a minimum of 5: not one pod may be evicted, so that no node can be drained",
            ),
            but(
                "success.no-pdb.yaml",
                "Fail(NoBudget)",
                "five replicas and no budget: another rule of theirs",
            ),
            but(
                "success.pdb-no-match.yaml",
                "Fail(NoBudget)",
                "five replicas and a budget for other pods: another rule of theirs",
            ),
        ],
        ..Rule::new(
            "pdbMinAvailableGreaterThanHPAMinReplicas",
            "availability/disruption-budget",
            alike(3, 2, 5),
        )
    },
    Rule {
        params: r#"{"evidence": "Declared", "topologyKey": "kubernetes.io/hostname"}"#,
        replicas: Some(3),
        disagreements: &[but(
            "success.yaml",
            "Fail(NotDeclared)",
            "the constraint selects app=foo, a label that its own pods do not carry: it spreads nobody",
        )],
        ..Rule::new(
            "topologySpreadConstraint",
            "availability/topology-spread",
            alike(0, 2, 0),
        )
    },
    Rule {
        disagreements: &[but(
            "success.yaml",
            "Fail(EgressNotDenied)",
            "the policy selects these pods only: the next pod, with other labels, would be open",
        )],
        ..Rule::new("missingNetworkPolicy", "isolation/default-deny", alike(0, 5, 0))
    },
    Rule {
        disagreements: &[but(
            "success.yaml",
            "Fail(AnyHost)",
            "the certificate is for example.com, and the rule serves every host there is",
        )],
        ..Rule::new("tlsSettingsMissing", "encryption/ingress-tls", alike(0, 1, 0))
    },
    Rule {
        check: "hostIPCSet",
        ..POD_SECURITY
    },
    Rule {
        check: "hostNetworkSet",
        ..POD_SECURITY
    },
    Rule {
        check: "hostPIDSet",
        ..POD_SECURITY
    },
    Rule {
        check: "hostPathSet",
        ..POD_SECURITY
    },
    Rule {
        check: "hostPortSet",
        ..POD_SECURITY
    },
    Rule {
        disagreements: &[but(
            "success.yaml",
            "Fail(BarePod)",
            "the same pod but for a label, and without a controller all the same",
        )],
        ..Rule::new("nakedPod", "availability/self-healing", alike(0, 1, 0))
    },
];

const REMOTE_SHELL: &str = "the second tier's access/no-remote-shell";
const PROBES: &str = "the second tier's availability/health-probes";

const NO_COUNTERPART: &[NoCounterpart] = &[
    none(
        "automountServiceAccountToken",
        "the second tier's access/dedicated-service-accounts",
    ),
    none("clusterrolePodExecAttach", REMOTE_SHELL),
    none(
        "clusterrolebindingClusterAdmin",
        "access/cluster-admin-bindings is not there yet",
    ),
    none("clusterrolebindingPodExecAttach", REMOTE_SHELL),
    none("hpaMaxAvailability", "the third tier's availability/autoscaling"),
    none("livenessProbeMissing", PROBES),
    none("readinessProbeMissing", PROBES),
    none("rolePodExecAttach", REMOTE_SHELL),
    none(
        "rolebindingClusterAdminClusterRole",
        "access/cluster-admin-bindings is not there yet",
    ),
    none(
        "rolebindingClusterAdminRole",
        "access/cluster-admin-bindings is not there yet",
    ),
    none("rolebindingClusterRolePodExecAttach", REMOTE_SHELL),
    none("rolebindingRolePodExecAttach", REMOTE_SHELL),
];
