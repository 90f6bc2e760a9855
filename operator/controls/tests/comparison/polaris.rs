//! Polaris: replicas, budgets, spread, a NetworkPolicy for each pod, TLS of an Ingress, the host's namespaces, bare pods,
//! roles and bindings.

use crate::table::{Disagreement, NoCounterpart, Rule, Table, alike, but, check, none};

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

/// Of bindings and roles.
const EXEMPT_BY_NAME: &str =
    "theirs exempts the binding by its name, which anybody may give; who holds it is no part of Kubernetes";
const SEVEN_VERBS: &str = "seven verbs are not all: escalate, bind and impersonate are missing; least-privilege fails the wildcards";

const CALICO: Disagreement = but(
    "success.gce_calico_binding.yaml",
    "Fail(Wildcard)",
    EXEMPT_BY_NAME,
);
const SYSTEM: Disagreement = but(
    "success.system_prefix_binding.yaml",
    "Fail(Wildcard)",
    EXEMPT_BY_NAME,
);
const NO_ROLE: Disagreement = but(
    "failure.binding_points_to_missing_ref.yaml",
    "Silent",
    "the role that is bound does not exist: it gives nothing until somebody creates it",
);

const fn still_wild(case: &'static str) -> Disagreement {
    let because =
        "theirs asks for wildcards everywhere; one that remains gives what nobody has thought of yet";
    but(case, "Fail(Wildcard)", because)
}

const fn unbound(case: &'static str) -> Disagreement {
    let because =
        "nobody holds the role: ours judges roles that somebody holds, and the bindings are the next rules";
    but(case, "NotApplicable", because)
}

/// Of the rules on bindings that give everything: the cases of both are the same.
const WILDCARDS_THAT_REMAIN: &[Disagreement] = &[
    still_wild("success.explicit_apigroups.yaml"),
    still_wild("success.explicit_resources.yaml"),
    still_wild("success.explicit_verbs.yaml"),
    CALICO,
    SYSTEM,
];

/// Of the rules on roles that enter pods: the cases of both are the same.
const ROLES_ALONE: &[Disagreement] = &[
    unbound("failure.all_wildcards.yaml"),
    unbound("failure.attach_explicit.yaml"),
    unbound("failure.attach_using_verb_wildcard.yaml"),
    unbound("failure.create_attach_and_exec_using_resource_wildcard.yaml"),
    unbound("failure.create_attach_using_apigroup_wildcard.yaml"),
    unbound("failure.create_exec_using_apigroup_wildcard.yaml"),
    unbound("failure.exec_explicit.yaml"),
    unbound("failure.exec_verb_wildcard.yaml"),
    unbound("failure.get_attach_and_exec_using_resource_wildcard.yaml"),
    unbound("failure.get_attach_using_apigroup_wildcard.yaml"),
    unbound("failure.get_exec_using_apigroup_wildcard.yaml"),
];

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
    Rule {
        disagreements: &[
            but("failure.all_verbs.yaml", "Pass", SEVEN_VERBS),
            but("failure.all_verbs_different_order.yaml", "Pass", SEVEN_VERBS),
            but(
                "failure.default_clusteradmin_clusterrole.yaml",
                "Pass",
                "the role is called cluster-admin and gives get on Deployments: what it gives decides, not its name",
            ),
            but(
                "success.gce_calico_binding.yaml",
                "Fail(UnexpectedAdmin)",
                EXEMPT_BY_NAME,
            ),
            but(
                "success.system_prefix_binding.yaml",
                "Fail(UnexpectedAdmin)",
                EXEMPT_BY_NAME,
            ),
        ],
        ..Rule::new(
            "clusterrolebindingClusterAdmin",
            "access/cluster-admin-bindings",
            alike(4, 2, 0),
        )
    },
    Rule {
        disagreements: WILDCARDS_THAT_REMAIN,
        ..Rule::new(
            "rolebindingClusterAdminClusterRole",
            "access/least-privilege",
            alike(3, 5, 0),
        )
    },
    Rule {
        disagreements: WILDCARDS_THAT_REMAIN,
        ..Rule::new(
            "rolebindingClusterAdminRole",
            "access/least-privilege",
            alike(2, 4, 0),
        )
    },
    Rule {
        disagreements: ROLES_ALONE,
        ..Rule::new(
            "clusterrolePodExecAttach",
            "access/least-privilege",
            alike(0, 0, 7),
        )
    },
    Rule {
        disagreements: &[
            NO_ROLE,
            but(
                "success.defaultclusterrolebinding_clusteradmin.yaml",
                "Fail(EntersPods)",
                EXEMPT_BY_NAME,
            ),
            but(
                "success.defaultclusterrolebinding_system-controller-generic-garbage-collector.yaml",
                "Fail(EntersPods)",
                EXEMPT_BY_NAME,
            ),
            CALICO,
            SYSTEM,
        ],
        ..Rule::new(
            "clusterrolebindingPodExecAttach",
            "access/least-privilege",
            alike(3, 12, 0),
        )
    },
    Rule {
        disagreements: ROLES_ALONE,
        ..Rule::new("rolePodExecAttach", "access/least-privilege", alike(0, 0, 5))
    },
    Rule {
        disagreements: &[NO_ROLE, CALICO, SYSTEM],
        ..Rule::new(
            "rolebindingClusterRolePodExecAttach",
            "access/least-privilege",
            alike(5, 12, 0),
        )
    },
    Rule {
        disagreements: &[
            NO_ROLE,
            CALICO,
            SYSTEM,
            but(
                "success.role_binding_cluster_role_binding.yaml",
                "Fail(Wildcard)",
                "the binding names a ClusterRole, which is another rule of theirs",
            ),
        ],
        ..Rule::new(
            "rolebindingRolePodExecAttach",
            "access/least-privilege",
            alike(5, 12, 0),
        )
    },
];

const PROBES: &str = "the second tier's availability/health-probes";

const NO_COUNTERPART: &[NoCounterpart] = &[
    none(
        "automountServiceAccountToken",
        "the second tier's access/dedicated-service-accounts",
    ),
    none("hpaMaxAvailability", "the third tier's availability/autoscaling"),
    none("livenessProbeMissing", PROBES),
    none("readinessProbeMissing", PROBES),
];
