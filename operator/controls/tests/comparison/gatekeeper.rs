//! Gatekeeper's library: replicas, budgets, HTTPS only.

use crate::table::{NoCounterpart, Rule, Table, alike, but, check, none};

#[test]
fn every_case_is_judged_as_the_table_says() {
    check(&Table {
        corpus: "gatekeeper",
        rules: RULES,
        no_counterpart: NO_COUNTERPART,
    });
}

const RULES: &[Rule] = &[
    Rule {
        params: r#"{"minReplicas": 3}"#,
        disagreements: &[
            but(
                "horizontal-pod-autoscaler:example-disallowed-hpa-replicaspread",
                "Pass",
                "minimum and maximum are equal: nothing to scale, and four replicas are redundant",
            ),
            but(
                "horizontal-pod-autoscaler:example-disallowed-scaletarget",
                "Pass",
                "the autoscaler's target does not exist: it scales nothing, and the Deployment's own three hold",
            ),
        ],
        ..Rule::new(
            "general/horizontalpodautoscaler",
            "availability/replica-redundancy",
            alike(1, 1, 0),
        )
    },
    Rule {
        params: r#"{"minReplicas": 3}"#,
        disagreements: &[but(
            "replica-limit:example-disallowed",
            "Pass",
            "a hundred replicas: theirs has an upper limit, which is a matter of cost",
        )],
        ..Rule::new(
            "general/replicalimits",
            "availability/replica-redundancy",
            alike(1, 0, 0),
        )
    },
    Rule {
        disagreements: &[but(
            "pod-disruption-budget:example-disallowed-pdb",
            "Silent",
            "a budget alone: ours judges the workload that it would hold back, which is not given",
        )],
        ..Rule::new(
            "general/poddisruptionbudget",
            "availability/disruption-budget",
            alike(3, 1, 2),
        )
    },
    Rule {
        disagreements: &[
            but(
                "tls-optional:example-allowed-tls-optional",
                "Fail(NoTls)",
                "no tls at all, and the annotation that closes plain HTTP is one controller's own",
            ),
            but(
                "tls-required:example-allowed",
                "Fail(DefaultCertificate)",
                "the tls entry names neither host nor Secret: the controller serves whatever certificate it has",
            ),
        ],
        ..Rule::new("general/httpsonly", "encryption/ingress-tls", alike(0, 2, 0))
    },
];

const POD_SECURITY: &str = "isolation/pod-security is not there yet";

const NO_COUNTERPART: &[NoCounterpart] = &[
    none(
        "general/block-endpoint-edit-default-role",
        "forbids one rule in one default role, whoever holds it",
    ),
    none(
        "general/block-loadbalancer-services",
        "forbids a type of Service, whatever it serves",
    ),
    none(
        "general/block-nodeport-services",
        "forbids a type of Service, whatever it serves",
    ),
    none(
        "general/block-wildcard-ingress",
        "the second tier's isolation/ingress-host-ownership",
    ),
    none(
        "general/disallowanonymous",
        "access/no-anonymous-access is not there yet",
    ),
    none("general/externalip", "the second tier's isolation/exposed-ports"),
    none("general/requiredlabels", "asks for labels of the user's choice"),
    none(
        "general/requiredprobes",
        "the second tier's availability/health-probes",
    ),
    none(
        "general/storageclass",
        "a list of allowed names; ours decides what the class of any name encrypts",
    ),
    none(
        "general/uniqueingresshost",
        "the second tier's isolation/ingress-host-ownership",
    ),
    none(
        "general/uniqueserviceselector",
        "Services that share pods endanger nothing",
    ),
    none("pod-security-policy/host-filesystem", POD_SECURITY),
    none("pod-security-policy/host-namespaces", POD_SECURITY),
    none("pod-security-policy/host-network-ports", POD_SECURITY),
    none("pod-security-policy/volumes", POD_SECURITY),
];
