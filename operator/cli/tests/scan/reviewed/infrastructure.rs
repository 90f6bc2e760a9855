//! What a cluster stands on: ingress and storage.

use super::{Product, debatable, right};

pub(super) const INGRESS_NGINX: Product = Product {
    folder: "kubernetes__ingress-nginx",
    implied: &["default", "privileged"],
    given: &["docker-registry", "ingress-nginx"],
    findings: &[
        right(
            "access/least-privilege",
            "WritesWebhooks",
            "without `resourceNames` every webhook of the cluster may be changed",
            &["ClusterRole ingress-nginx-admission"],
        ),
        right(
            "availability/disruption-budget",
            "NoBudget",
            "several replicas and no budget: a drain may take all",
            &["Deployment default/nginx-deployment"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "keeps its data by itself and cannot simply be two: an exception's case; never repaired without asking",
            &["Deployment docker-registry/docker-registry"],
        ),
        right(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "one replica serves, and nothing says that it may not be two",
            &[
                "Deployment default/demo-auth-service",
                "Deployment default/demo-echo-service",
                "Deployment default/http-svc",
                "Deployment default/ingress-nginx-controller",
                "Deployment default/nginx-errors",
                "Deployment ingress-nginx/ingress-nginx-controller",
            ],
        ),
        right(
            "encryption/ingress-tls",
            "NoTls",
            "a host and no certificate: examples of ingress-nginx show one thing each, and that is not TLS",
            &[
                "Ingress default/cookie-samesite-none",
                "Ingress default/cookie-samesite-strict",
                "Ingress default/external-auth",
                "Ingress default/nginx-configuration-snippet",
                "Ingress default/nginxhello-ingress",
                "Ingress default/public-demo-echo-service",
                "Ingress default/secure-demo-echo-service",
                "Ingress default/simple",
                "Ingress docker-registry/docker-registry",
                "Ingress privileged/simple",
            ],
        ),
        debatable(
            "environments/rbac-segregation",
            "ClusterWide",
            "true, and what such a controller is for: its namespace belongs into `spec.platform`",
            &["ClusterRoleBinding ingress-nginx"],
        ),
        right(
            "isolation/default-deny",
            "EgressNotDenied",
            "no policy is about all pods and egress",
            &[
                "Namespace default",
                "Namespace docker-registry",
                "Namespace ingress-nginx",
                "Namespace privileged",
            ],
        ),
        right(
            "isolation/default-deny",
            "IngressNotDenied",
            "no policy is about all pods and ingress",
            &[
                "Namespace default",
                "Namespace docker-registry",
                "Namespace ingress-nginx",
                "Namespace privileged",
            ],
        ),
        right(
            "isolation/pod-security",
            "NotAnnounced",
            "pods that the level would reject, and neither label that would tell",
            &["Namespace default"],
        ),
        right(
            "isolation/pod-security",
            "NotEnforced",
            "the Namespace bears no such label",
            &[
                "Namespace default",
                "Namespace docker-registry",
                "Namespace ingress-nginx",
                "Namespace privileged",
            ],
        ),
        right(
            "isolation/tenant-namespace",
            "Unlabelled",
            "the Namespace bears no such label",
            &["Namespace docker-registry", "Namespace ingress-nginx"],
        ),
    ],
};

pub(super) const LONGHORN: Product = Product {
    folder: "longhorn__longhorn",
    implied: &["default"],
    given: &["longhorn-system"],
    findings: &[
        right(
            "access/cluster-admin-bindings",
            "ServiceAccountIsAdmin",
            "the account may do everything, and runs without a person",
            &["ClusterRoleBinding longhorn-support-bundle"],
        ),
        right(
            "access/least-privilege",
            "Wildcard",
            "the role says `*`, and is bound to an account that runs",
            &["ClusterRole longhorn-role", "Role longhorn-system/longhorn"],
        ),
        debatable(
            "access/least-privilege",
            "WildcardInOwnGroup",
            "an operator owns its group, hence the lower severity; a verb added later is granted unseen",
            &["ClusterRole longhorn-role"],
        ),
        right(
            "access/least-privilege",
            "WritesWebhooks",
            "without `resourceNames` every webhook of the cluster may be changed",
            &["ClusterRole longhorn-role"],
        ),
        right(
            "access/no-plaintext-credentials",
            "PlaintextCredential",
            "a password that a database takes, in plain text",
            &["Deployment default/mysql"],
        ),
        right(
            "availability/disruption-budget",
            "NoBudget",
            "several replicas and no budget: a drain may take all",
            &[
                "Deployment default/rwx-test",
                "Deployment longhorn-system/longhorn-ui",
                "StatefulSet default/web",
            ],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "installs the driver and then waits: nobody depends on it",
            &["Deployment longhorn-system/longhorn-driver-deployer"],
        ),
        debatable(
            "availability/replica-redundancy",
            "TooFewReplicas",
            "keeps its data by itself and cannot simply be two: an exception's case; never repaired without asking",
            &[
                "Deployment default/longhorn-test-azblob",
                "Deployment default/longhorn-test-cifs",
                "Deployment default/longhorn-test-minio",
                "Deployment default/longhorn-test-nfs",
                "Deployment default/mysql",
                "Deployment default/volume-test",
            ],
        ),
        right(
            "availability/self-healing",
            "BarePod",
            "an example of a Pod by itself, which nobody starts again",
            &[
                "Pod default/block-volume-test",
                "Pod default/longhorn-simple-pod",
                "Pod default/longhorn-v2-replicated-test",
                "Pod default/longhorn-v2-sharded-test",
                "Pod default/volume-pv-test",
                "Pod default/volume-test",
            ],
        ),
        right(
            "backup/database-scheduled",
            "NoBackup",
            "MySQL on a claim, and no backup of it among the manifests",
            &["Deployment default/mysql"],
        ),
        right(
            "backup/recent-success",
            "NoSource",
            "MySQL on a claim, and no backup of it among the manifests",
            &["Deployment default/mysql"],
        ),
        right(
            "encryption/no-plaintext-exposure",
            "PlaintextPort",
            "plain HTTP for whoever reaches a node or the load balancer",
            &["Service default/nginx"],
        ),
        debatable(
            "encryption/volumes-at-rest",
            "NodeDisk",
            "writes to the node's disk, whose encryption cannot be seen: `trustedNodeEncryption` says so",
            &[
                "DaemonSet longhorn-system/longhorn-gke-cos-node-agent",
                "DaemonSet longhorn-system/longhorn-manager",
            ],
        ),
        right(
            "encryption/volumes-at-rest",
            "NotEncrypted",
            "the class asks Longhorn for no encryption",
            &[
                "PersistentVolumeClaim default/longhorn-v2-replicated-pvc",
                "PersistentVolumeClaim default/longhorn-v2-sharded-pvc",
            ],
        ),
        debatable(
            "environments/rbac-segregation",
            "ClusterWide",
            "true, and what such a controller is for: its namespace belongs into `spec.platform`",
            &[
                "ClusterRoleBinding longhorn-bind",
                "ClusterRoleBinding longhorn-support-bundle",
            ],
        ),
        debatable(
            "isolation/cross-tenant-traffic",
            "HostNetwork",
            "true, and what a node agent needs: its namespace belongs into `spec.platform`",
            &["Namespace longhorn-system"],
        ),
        right(
            "isolation/cross-tenant-traffic",
            "NotIsolated",
            "no policy selects these pods",
            &["Namespace default", "Namespace longhorn-system"],
        ),
        right(
            "isolation/default-deny",
            "EgressNotDenied",
            "no policy is about all pods and egress",
            &["Namespace default", "Namespace longhorn-system"],
        ),
        right(
            "isolation/default-deny",
            "IngressNotDenied",
            "no policy is about all pods and ingress",
            &["Namespace default", "Namespace longhorn-system"],
        ),
        debatable(
            "isolation/default-deny",
            "IngressOpen",
            "webhooks are called by API servers, whose addresses no peer can name: `publicIngressNamespaces` excuses rules of given ports",
            &[
                "NetworkPolicy longhorn-system/longhorn-admission-webhook",
                "NetworkPolicy longhorn-system/longhorn-recovery-backend",
                "NetworkPolicy longhorn-system/longhorn-webhook",
            ],
        ),
        right(
            "isolation/pod-security",
            "NotAnnounced",
            "pods that the level would reject, and neither label that would tell",
            &["Namespace default", "Namespace longhorn-system"],
        ),
        right(
            "isolation/pod-security",
            "NotEnforced",
            "the Namespace bears no such label",
            &["Namespace default", "Namespace longhorn-system"],
        ),
        right(
            "isolation/tenant-namespace",
            "Unlabelled",
            "the Namespace bears no such label",
            &["Namespace longhorn-system"],
        ),
    ],
};
