//! kube-score: declared spread, replicas, budgets, a NetworkPolicy for each pod, Services that open ports.

use crate::table::{NoCounterpart, Rule, Table, alike, but, check, none};

#[test]
fn every_case_is_judged_as_the_table_says() {
    check(&Table {
        corpus: "kube-score",
        rules: RULES,
        no_counterpart: NO_COUNTERPART,
    });
}

const SPREAD: Rule = Rule {
    params: r#"{"evidence": "Declared", "topologyKey": "kubernetes.io/hostname"}"#,
    replicas: Some(3),
    ..Rule::new("", "availability/topology-spread", alike(0, 0, 0))
};
const BUDGET: Rule = Rule {
    replicas: Some(3),
    ..Rule::new("", "availability/disruption-budget", alike(0, 0, 0))
};

const REFUSED: &str = "a bare Pod has no replicas to spread, and the API server refuses such a constraint";
const NOT_THE_DEFAULT: &str =
    "the policy selects these pods only: the next pod, with other labels, would be open";

const RULES: &[Rule] = &[
    Rule {
        check: "Deployment has host PodAntiAffinity",
        agreement: alike(3, 2, 0),
        ..SPREAD
    },
    Rule {
        check: "StatefulSet has host PodAntiAffinity",
        agreement: alike(2, 2, 0),
        ..SPREAD
    },
    Rule {
        check: "Pod Topology Spread Constraints",
        agreement: alike(0, 0, 2),
        disagreements: &[
            but(
                "pod-topology-spread-constraints-invalid-maxskew.yaml",
                "Silent",
                REFUSED,
            ),
            but(
                "pod-topology-spread-constraints-invalid-mindomains.yaml",
                "Silent",
                REFUSED,
            ),
            but(
                "pod-topology-spread-constraints-invalid-whenunsatisfiable.yaml",
                "Silent",
                REFUSED,
            ),
            but(
                "pod-topology-spread-constraints-no-labelselector.yaml",
                "Silent",
                "a bare Pod has no replicas to spread; of a workload ours fails it: a constraint without selector spreads nobody",
            ),
            but(
                "pod-topology-spread-constraints-no-topologykey.yaml",
                "Silent",
                REFUSED,
            ),
        ],
        ..SPREAD
    },
    Rule::new(
        "Deployment Replicas",
        "availability/replica-redundancy",
        alike(1, 0, 0),
    ),
    Rule::new(
        "HorizontalPodAutoscaler Replicas",
        "availability/replica-redundancy",
        alike(1, 0, 0),
    ),
    Rule {
        check: "Deployment has PodDisruptionBudget",
        agreement: alike(3, 4, 0),
        ..BUDGET
    },
    Rule {
        check: "StatefulSet has PodDisruptionBudget",
        agreement: alike(2, 2, 0),
        ..BUDGET
    },
    Rule {
        check: "PodDisruptionBudget has policy",
        agreement: alike(0, 2, 0),
        ..BUDGET
    },
    Rule {
        disagreements: &[
            but(
                "networkpolicy-cronjob-matching.yaml",
                "Fail(EgressNotDenied)",
                NOT_THE_DEFAULT,
            ),
            but(
                "networkpolicy-deployment-matching.yaml",
                "Fail(EgressNotDenied)",
                NOT_THE_DEFAULT,
            ),
            but(
                "networkpolicy-matching.yaml",
                "Fail(EgressNotDenied)",
                NOT_THE_DEFAULT,
            ),
            but(
                "networkpolicy-statefulset-matching.yaml",
                "Fail(EgressNotDenied)",
                NOT_THE_DEFAULT,
            ),
            but(
                "networkpolicy-targets-all-pods.yaml",
                "Fail(EgressOpen)",
                "the policy selects every pod and allows everything: present, without effect",
            ),
        ],
        ..Rule::new("Pod NetworkPolicy", "isolation/default-deny", alike(0, 6, 0))
    },
    Rule::new("Service Type", "encryption/no-plaintext-exposure", alike(0, 1, 2)),
];

const NO_COUNTERPART: &[NoCounterpart] = &[
    none(
        "Deployment Strategy",
        "the second tier's availability/rollout-strategy",
    ),
    none(
        "Deployment targeted by HPA does not have replicas configured",
        "about who writes the field; replica-redundancy reads the autoscaler's minimum whatever the field says",
    ),
    none(
        "HorizontalPodAutoscaler has target",
        "an autoscaler without a target endangers nothing",
    ),
    none("Ingress targets Service", "a broken reference exposes nothing"),
    none(
        "NetworkPolicy targets Pod",
        "a policy without pods protects nobody and endangers nobody; default-deny judges what is open",
    ),
    none("Pod Probes", "the second tier's availability/health-probes"),
    none("Service Targets Pod", "a broken reference exposes nothing"),
    none(
        "StatefulSet Pod Selector labels match template metadata labels",
        "the API server refuses such a StatefulSet",
    ),
    none(
        "StatefulSet has ServiceName",
        "about the names of pods, not about how many serve",
    ),
];
