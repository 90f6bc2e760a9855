//! Operators, with what they bring along.

use super::{Product, debatable, right};

pub(super) const ARGO_CD: Product = Product {
    folder: "argoproj__argo-cd",
    implied: &["default"],
    given: &["argocd"],
    findings: &[
        right(
            "access/cluster-admin-bindings",
            "ServiceAccountIsAdmin",
            "the account may do everything, and runs without a person",
            &["ClusterRoleBinding argocd-application-controller"],
        ),
        right(
            "access/least-privilege",
            "Wildcard",
            "the role says `*`, and is bound to an account that runs",
            &[
                "ClusterRole argocd-application-controller",
                "ClusterRole argocd-server",
            ],
        ),
        right(
            "availability/disruption-budget",
            "NoBudget",
            "several replicas and no budget: a drain may take all",
            &[
                "Deployment argocd/argocd-redis-ha-haproxy",
                "Deployment default/argocd-redis-ha-haproxy",
                "StatefulSet argocd/argocd-redis-ha-server",
                "StatefulSet default/argocd-redis-ha-server",
            ],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "a controller that works alone, with a leader: it is back in seconds, and nobody waits for it",
            &[
                "Deployment default/argocd-application-controller",
                "Deployment default/argocd-applicationset-controller",
                "Deployment default/argocd-notifications-controller",
                "StatefulSet default/argocd-application-controller",
            ],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "keeps its data by itself and cannot simply be two: an exception's case; never repaired without asking",
            &["Deployment default/argocd-redis"],
        ),
        right(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "one replica serves, and nothing says that it may not be two",
            &[
                "Deployment default/argocd-commit-server",
                "Deployment default/argocd-dex-server",
                "Deployment default/argocd-repo-server",
                "Deployment default/argocd-server",
                "Deployment default/argocd-ui",
            ],
        ),
        debatable(
            "environments/rbac-segregation",
            "ClusterWide",
            "true, and what such a controller is for: its namespace belongs into `spec.platform`",
            &[
                "ClusterRoleBinding argocd-application-controller",
                "ClusterRoleBinding argocd-applicationset-controller",
                "ClusterRoleBinding argocd-server",
            ],
        ),
        debatable(
            "isolation/cross-tenant-traffic",
            "LetIn",
            "metrics for every namespace, by design of the product: `allowedPairs` from monitoring is narrower",
            &[
                "NetworkPolicy default/argocd-application-controller-network-policy",
                "NetworkPolicy default/argocd-applicationset-controller-network-policy",
                "NetworkPolicy default/argocd-commit-server-network-policy",
                "NetworkPolicy default/argocd-dex-server-network-policy",
                "NetworkPolicy default/argocd-notifications-controller-network-policy",
                "NetworkPolicy default/argocd-redis-ha-proxy-network-policy",
                "NetworkPolicy default/argocd-repo-server-network-policy",
            ],
        ),
        right(
            "isolation/cross-tenant-traffic",
            "LetIn",
            "the rule names every namespace, or no peer at all",
            &["NetworkPolicy default/argocd-server-network-policy"],
        ),
        right(
            "isolation/cross-tenant-traffic",
            "NotIsolated",
            "no policy selects these pods",
            &["Namespace argocd", "Namespace default"],
        ),
        right(
            "isolation/default-deny",
            "EgressNotDenied",
            "no policy is about all pods and egress",
            &["Namespace argocd", "Namespace default"],
        ),
        debatable(
            "isolation/default-deny",
            "EgressOpen",
            "port 53 to everybody, hence medium: name kube-dns",
            &["NetworkPolicy default/argocd-redis-ha-server-network-policy"],
        ),
        right(
            "isolation/default-deny",
            "IngressNotDenied",
            "no policy is about all pods and ingress",
            &["Namespace argocd", "Namespace default"],
        ),
        right(
            "isolation/default-deny",
            "IngressOpen",
            "a rule that names no peer",
            &["NetworkPolicy default/argocd-server-network-policy"],
        ),
        right(
            "isolation/pod-security",
            "NotEnforced",
            "the Namespace bears no such label",
            &["Namespace argocd", "Namespace default"],
        ),
        right(
            "isolation/tenant-namespace",
            "Unlabelled",
            "the Namespace bears no such label",
            &["Namespace argocd"],
        ),
    ],
};

pub(super) const STRIMZI: Product = Product {
    folder: "strimzi__strimzi-kafka-operator",
    implied: &["default", "myproject"],
    given: &["strimzi-access-operator", "strimzi-drain-cleaner"],
    findings: &[
        right(
            "access/least-privilege",
            "ReachesNodes",
            "`nodes/proxy` is a way into every pod, and scraping needs only `nodes/metrics`",
            &["ClusterRole prometheus-server"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "a controller that works alone, with a leader: it is back in seconds, and nobody waits for it",
            &[
                "Deployment default/strimzi-cluster-operator",
                "Deployment default/strimzi-topic-operator",
                "Deployment default/strimzi-user-operator",
                "Deployment strimzi-access-operator/strimzi-access-operator",
                "Deployment strimzi-drain-cleaner/strimzi-drain-cleaner",
            ],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "monitoring may miss a minute; whether it may is for an exception to say",
            &[
                "Deployment default/grafana",
                "Deployment default/strimzi-kube-state-metrics",
            ],
        ),
        debatable(
            "environments/rbac-segregation",
            "ClusterWide",
            "true, and what such a controller is for: its namespace belongs into `spec.platform`",
            &[
                "ClusterRoleBinding prometheus-server",
                "ClusterRoleBinding strimzi-access-operator",
                "ClusterRoleBinding strimzi-drain-cleaner",
            ],
        ),
        right(
            "isolation/cross-tenant-traffic",
            "NotIsolated",
            "no policy selects these pods",
            &[
                "Namespace default",
                "Namespace strimzi-access-operator",
                "Namespace strimzi-drain-cleaner",
            ],
        ),
        right(
            "isolation/default-deny",
            "EgressNotDenied",
            "no policy is about all pods and egress",
            &[
                "Namespace default",
                "Namespace myproject",
                "Namespace strimzi-access-operator",
                "Namespace strimzi-drain-cleaner",
            ],
        ),
        right(
            "isolation/default-deny",
            "IngressNotDenied",
            "no policy is about all pods and ingress",
            &[
                "Namespace default",
                "Namespace myproject",
                "Namespace strimzi-access-operator",
                "Namespace strimzi-drain-cleaner",
            ],
        ),
        right(
            "isolation/pod-security",
            "NotEnforced",
            "the Namespace bears no such label",
            &[
                "Namespace default",
                "Namespace myproject",
                "Namespace strimzi-access-operator",
                "Namespace strimzi-drain-cleaner",
            ],
        ),
        right(
            "isolation/tenant-namespace",
            "Unlabelled",
            "the Namespace bears no such label",
            &[
                "Namespace strimzi-access-operator",
                "Namespace strimzi-drain-cleaner",
            ],
        ),
        debatable(
            "isolation/tenant-rbac",
            "ClusterWide",
            "true, and what an operator or an exporter of the whole cluster is for: `allowedSubjects`, or `spec.platform`",
            &[
                "ClusterRoleBinding prometheus-server",
                "ClusterRoleBinding strimzi-kube-state-metrics",
            ],
        ),
        debatable(
            "isolation/tenant-rbac",
            "ForeignSubject",
            "the manifests name `myproject` for people to replace; as they stand, the account is of another namespace",
            &[
                "RoleBinding default/strimzi-cluster-operator",
                "RoleBinding default/strimzi-cluster-operator-entity-operator-delegation",
                "RoleBinding default/strimzi-cluster-operator-leader-election",
                "RoleBinding default/strimzi-cluster-operator-watched",
            ],
        ),
    ],
};

pub(super) const MONITORING: Product = Product {
    folder: "prometheus-operator__kube-prometheus",
    implied: &["default"],
    given: &["monitoring"],
    findings: &[
        right(
            "access/least-privilege",
            "Wildcard",
            "the role says `*`, and is bound to an account that runs",
            &["ClusterRole prometheus-operator"],
        ),
        debatable(
            "access/least-privilege",
            "WildcardInOwnGroup",
            "an operator owns its group, hence the lower severity; a verb added later is granted unseen",
            &["ClusterRole prometheus-operator"],
        ),
        right(
            "availability/disruption-budget",
            "NoBudget",
            "several replicas and no budget: a drain may take all",
            &["Deployment default/example-app"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "a controller that works alone, with a leader: it is back in seconds, and nobody waits for it",
            &["Deployment monitoring/prometheus-operator"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "monitoring may miss a minute; whether it may is for an exception to say",
            &[
                "Deployment monitoring/blackbox-exporter",
                "Deployment monitoring/grafana",
                "Deployment monitoring/kube-state-metrics",
            ],
        ),
        right(
            "encryption/no-plaintext-exposure",
            "PlaintextPort",
            "plain HTTP for whoever reaches a node or the load balancer",
            &["Service default/prometheus-frontend"],
        ),
        debatable(
            "environments/rbac-segregation",
            "ClusterWide",
            "true, and what such a controller is for: its namespace belongs into `spec.platform`",
            &[
                "ClusterRoleBinding kube-state-metrics",
                "ClusterRoleBinding prometheus-operator",
            ],
        ),
        debatable(
            "isolation/cross-tenant-traffic",
            "HostNetwork",
            "true, and what a node agent needs: its namespace belongs into `spec.platform`",
            &["Namespace monitoring"],
        ),
        right(
            "isolation/cross-tenant-traffic",
            "LetIn",
            "the rule names every namespace, or no peer at all",
            &["NetworkPolicy monitoring/prometheus-adapter"],
        ),
        right(
            "isolation/cross-tenant-traffic",
            "NotIsolated",
            "no policy selects these pods",
            &["Namespace default"],
        ),
        right(
            "isolation/default-deny",
            "EgressNotDenied",
            "no policy is about all pods and egress",
            &["Namespace default", "Namespace monitoring"],
        ),
        right(
            "isolation/default-deny",
            "EgressOpen",
            "a policy that isolates egress and then allows all of it",
            &[
                "NetworkPolicy monitoring/alertmanager-main",
                "NetworkPolicy monitoring/blackbox-exporter",
                "NetworkPolicy monitoring/grafana",
                "NetworkPolicy monitoring/kube-state-metrics",
                "NetworkPolicy monitoring/node-exporter",
                "NetworkPolicy monitoring/prometheus-adapter",
                "NetworkPolicy monitoring/prometheus-k8s",
                "NetworkPolicy monitoring/prometheus-operator",
            ],
        ),
        right(
            "isolation/default-deny",
            "IngressNotDenied",
            "no policy is about all pods and ingress",
            &["Namespace default", "Namespace monitoring"],
        ),
        right(
            "isolation/default-deny",
            "IngressOpen",
            "a rule that names no peer",
            &["NetworkPolicy monitoring/prometheus-adapter"],
        ),
        right(
            "isolation/pod-security",
            "NotAnnounced",
            "pods that the level would reject, and neither label that would tell",
            &["Namespace monitoring"],
        ),
        right(
            "isolation/pod-security",
            "NotEnforced",
            "the Namespace bears no such label",
            &["Namespace default", "Namespace monitoring"],
        ),
        right(
            "isolation/tenant-namespace",
            "Unlabelled",
            "the Namespace bears no such label",
            &["Namespace monitoring"],
        ),
    ],
};
