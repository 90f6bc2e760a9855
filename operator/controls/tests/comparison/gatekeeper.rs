//! Gatekeeper's library: replicas, budgets, HTTPS only, Services that open ports, Pod Security Policies.

use crate::table::{NoCounterpart, Rule, Table, alike, but, check, none};

#[test]
fn every_case_is_judged_as_the_table_says() {
    check(&Table {
        corpus: "gatekeeper",
        rules: RULES,
        no_counterpart: NO_COUNTERPART,
    });
}

const HOST_PORTS: &str = "their constraint allows these ports of the node; the level baseline allows none";
/// By what runs, not by the label of the namespace: the cases have none.
const POD_SECURITY: Rule = Rule {
    params: r#"{"acceptEquivalent": true}"#,
    ..Rule::new("", "isolation/pod-security", alike(0, 0, 0))
};

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
    Rule::new(
        "general/block-loadbalancer-services",
        "encryption/no-plaintext-exposure",
        alike(0, 1, 1),
    ),
    Rule::new(
        "general/block-nodeport-services",
        "encryption/no-plaintext-exposure",
        alike(0, 1, 0),
    ),
    Rule {
        disagreements: &[but(
            "allowed-ip:example-allowed",
            "Fail(PlaintextPort)",
            "the address is one that their constraint allows; what is published there is plain HTTP",
        )],
        ..Rule::new(
            "general/externalip",
            "encryption/no-plaintext-exposure",
            alike(0, 1, 0),
        )
    },
    Rule {
        check: "pod-security-policy/host-filesystem",
        agreement: alike(1, 3, 1),
        disagreements: &[but(
            "host-filesystem:example-allowed",
            "Fail(NotEnforced)",
            "their constraint allows this path of the node; the level baseline allows none",
        )],
        ..POD_SECURITY
    },
    Rule {
        check: "pod-security-policy/host-namespaces",
        agreement: alike(1, 1, 1),
        disagreements: &[],
        ..POD_SECURITY
    },
    Rule {
        check: "pod-security-policy/host-network-ports",
        agreement: alike(1, 6, 2),
        disagreements: &[
            but(
                "port-range-with-host-network-allowed:example-allowed",
                "Fail(NotEnforced)",
                HOST_PORTS,
            ),
            but(
                "port-range-with-host-network-allowed:no-ports-specified",
                "Fail(NotEnforced)",
                "their constraint allows the network of the node; the level baseline does not",
            ),
            but(
                "port-range-with-host-network-allowed:port-violation-exempted",
                "Fail(NotEnforced)",
                "their constraint exempts the image; the level baseline knows no exemption by image",
            ),
            but(
                "port-range-with-host-network-forbidden:in-range-host-network-false",
                "Fail(NotEnforced)",
                HOST_PORTS,
            ),
        ],
        ..POD_SECURITY
    },
    Rule {
        check: "pod-security-policy/volumes",
        agreement: alike(1, 1, 1),
        disagreements: &[],
        ..POD_SECURITY
    },
    Rule {
        params: r#"{"allow": ["cluster-role-1"]}"#,
        disagreements: &[but(
            "disallow-anonymous:example-disallowed",
            "Fail(Anonymous)",
            "a binding to system:anonymous, of which their suite expects no violation",
        )],
        ..Rule::new(
            "general/disallowanonymous",
            "access/no-anonymous-access",
            alike(0, 1, 1),
        )
    },
];

const NO_COUNTERPART: &[NoCounterpart] = &[
    none(
        "general/block-endpoint-edit-default-role",
        "forbids one rule in one default role, whoever holds it",
    ),
    none(
        "general/block-wildcard-ingress",
        "the second tier's isolation/ingress-host-ownership",
    ),
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
];
