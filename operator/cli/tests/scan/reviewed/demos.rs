//! Applications made to be looked at.

use super::{Product, debatable, right};

pub(super) const BANK: Product = Product {
    folder: "GoogleCloudPlatform__bank-of-anthos",
    implied: &["default"],
    given: &["bank-of-anthos-production", "bank-of-anthos-staging"],
    findings: &[
        right(
            "access/least-privilege",
            "Wildcard",
            "the role says `*`, and is bound to an account that runs",
            &[
                "ClusterRole pgpool-operator-cluster-role",
                "Role default/pgpool-operator-role",
            ],
        ),
        debatable(
            "access/no-plaintext-credentials",
            "PlaintextCredential",
            "the password of a demonstration's own customers, which is meant to be known",
            &["ConfigMap default/demo-data-config"],
        ),
        right(
            "access/no-plaintext-credentials",
            "PlaintextCredential",
            "a password that a database takes, in plain text",
            &[
                "ConfigMap default/accounts-db-config",
                "ConfigMap default/accounts-db-config",
                "ConfigMap default/ledger-db-config",
                "ConfigMap default/ledger-db-config",
            ],
        ),
        right(
            "availability/disruption-budget",
            "NoBudget",
            "several replicas and no budget: a drain may take all",
            &["Deployment default/frontend", "Deployment default/userservice"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "a controller that works alone, with a leader: it is back in seconds, and nobody waits for it",
            &["Deployment default/pgpool-operator"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "a database of one instance: true, but a second replica would be no copy, so nothing is repaired",
            &["StatefulSet default/accounts-db", "StatefulSet default/ledger-db"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "makes load for a demonstration: an exception's case, not a rule's",
            &["Deployment default/loadgenerator"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "monitoring may miss a minute; whether it may is for an exception to say",
            &["Deployment default/blackbox-exporter"],
        ),
        right(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "one replica serves, and nothing says that it may not be two",
            &[
                "Deployment default/balancereader",
                "Deployment default/contacts",
                "Deployment default/ledgerwriter",
                "Deployment default/transactionhistory",
            ],
        ),
        right(
            "encryption/ingress-tls",
            "AnyHost",
            "a rule for every host, and no certificate",
            &["Ingress default/frontend"],
        ),
        right(
            "encryption/ingress-tls",
            "PlainListener",
            "serves plain HTTP, and does not redirect",
            &["Gateway default/frontend-gateway"],
        ),
        debatable(
            "encryption/no-plaintext-exposure",
            "PlaintextPort",
            "meant for Google's load balancer, which ends TLS; the port is open at every node all the same",
            &["Service default/frontend-nodeport"],
        ),
        right(
            "encryption/no-plaintext-exposure",
            "PlaintextPort",
            "plain HTTP for whoever reaches a node or the load balancer",
            &["Service default/frontend"],
        ),
        right(
            "isolation/default-deny",
            "EgressNotDenied",
            "no policy is about all pods and egress",
            &[
                "Namespace bank-of-anthos-production",
                "Namespace bank-of-anthos-staging",
                "Namespace default",
            ],
        ),
        right(
            "isolation/default-deny",
            "IngressNotDenied",
            "no policy is about all pods and ingress",
            &[
                "Namespace bank-of-anthos-production",
                "Namespace bank-of-anthos-staging",
                "Namespace default",
            ],
        ),
        right(
            "isolation/pod-security",
            "NotEnforced",
            "the Namespace bears no such label",
            &[
                "Namespace bank-of-anthos-production",
                "Namespace bank-of-anthos-staging",
                "Namespace default",
            ],
        ),
        right(
            "isolation/tenant-namespace",
            "Unlabelled",
            "the Namespace bears no such label",
            &[
                "Namespace bank-of-anthos-production",
                "Namespace bank-of-anthos-staging",
            ],
        ),
        debatable(
            "isolation/tenant-rbac",
            "ClusterWide",
            "true, and what an operator or an exporter of the whole cluster is for: `allowedSubjects`, or `spec.platform`",
            &["ClusterRoleBinding pgpool-operator-cluster-rolebinding"],
        ),
    ],
};

pub(super) const BOUTIQUE: Product = Product {
    folder: "GoogleCloudPlatform__microservices-demo",
    implied: &["default"],
    given: &[],
    findings: &[
        right(
            "access/no-plaintext-credentials",
            "PlaintextCredential",
            "a placeholder here: what is put in its place stands in the Deployment just as plainly",
            &["Deployment default/shoppingassistantservice"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "keeps its data by itself and cannot simply be two: an exception's case; never repaired without asking",
            &["Deployment default/redis-cart"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "makes load for a demonstration: an exception's case, not a rule's",
            &["Deployment default/loadgenerator"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "monitoring may miss a minute; whether it may is for an exception to say",
            &["Deployment default/opentelemetrycollector"],
        ),
        right(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "one replica serves, and nothing says that it may not be two",
            &[
                "Deployment default/adservice",
                "Deployment default/cartservice",
                "Deployment default/checkoutservice",
                "Deployment default/currencyservice",
                "Deployment default/emailservice",
                "Deployment default/frontend",
                "Deployment default/paymentservice",
                "Deployment default/productcatalogservice",
                "Deployment default/recommendationservice",
                "Deployment default/shippingservice",
                "Deployment default/shoppingassistantservice",
            ],
        ),
        right(
            "encryption/ingress-tls",
            "PlainListener",
            "serves plain HTTP, and does not redirect",
            &[
                "Gateway default/frontend-gateway",
                "HTTPRoute default/frontend-route",
            ],
        ),
        right(
            "encryption/no-plaintext-exposure",
            "PlaintextPort",
            "plain HTTP for whoever reaches a node or the load balancer",
            &["Service default/frontend-external"],
        ),
        right(
            "isolation/default-deny",
            "EgressOpen",
            "a policy that isolates egress and then allows all of it",
            &[
                "NetworkPolicy default/adservice",
                "NetworkPolicy default/cartservice",
                "NetworkPolicy default/checkoutservice",
                "NetworkPolicy default/currencyservice",
                "NetworkPolicy default/emailservice",
                "NetworkPolicy default/frontend",
                "NetworkPolicy default/loadgenerator",
                "NetworkPolicy default/paymentservice",
                "NetworkPolicy default/productcatalogservice",
                "NetworkPolicy default/recommendationservice",
                "NetworkPolicy default/redis-cart",
                "NetworkPolicy default/shippingservice",
            ],
        ),
        right(
            "isolation/default-deny",
            "IngressOpen",
            "a rule that names no peer",
            &["NetworkPolicy default/frontend"],
        ),
        right(
            "isolation/pod-security",
            "NotEnforced",
            "the Namespace bears no such label",
            &["Namespace default"],
        ),
    ],
};

pub(super) const FLUX: Product = Product {
    folder: "fluxcd__flux2-multi-tenancy",
    implied: &[],
    given: &["apps"],
    findings: &[
        right(
            "isolation/default-deny",
            "EgressNotDenied",
            "no policy is about all pods and egress",
            &["Namespace apps"],
        ),
        right(
            "isolation/default-deny",
            "IngressNotDenied",
            "no policy is about all pods and ingress",
            &["Namespace apps"],
        ),
        right(
            "isolation/pod-security",
            "NotEnforced",
            "the Namespace bears no such label",
            &["Namespace apps"],
        ),
        right(
            "isolation/tenant-namespace",
            "Unlabelled",
            "the Namespace bears no such label",
            &["Namespace apps"],
        ),
    ],
};
