//! Which resources are cluster-scoped: what is not is found in every namespace by whoever holds it cluster-wide.

/// The cluster-scoped resources of Kubernetes 1.37 and of Plimsoll, with their groups. A custom resource is taken to be namespaced, as nearly
/// all are: the right to one that is not is reported as wider than it is.
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    (
        "",
        &["componentstatuses", "namespaces", "nodes", "persistentvolumes"],
    ),
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ],
    ),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
    ("apiregistration.k8s.io", &["apiservices"]),
    (
        "authentication.k8s.io",
        &["selfsubjectreviews", "tokenreviews", "uids", "userextras"],
    ),
    (
        "authorization.k8s.io",
        &[
            "selfsubjectaccessreviews",
            "selfsubjectrulesreviews",
            "subjectaccessreviews",
        ],
    ),
    (
        "certificates.k8s.io",
        &["certificatesigningrequests", "clustertrustbundles", "signers"],
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        &["flowschemas", "prioritylevelconfigurations"],
    ),
    ("internal.apiserver.k8s.io", &["storageversions"]),
    (
        "networking.k8s.io",
        &["ingressclasses", "ipaddresses", "servicecidrs"],
    ),
    ("node.k8s.io", &["runtimeclasses"]),
    // Our own, which the operator's ServiceAccount writes.
    (
        "plimsoll.dev",
        &[
            "baselineexceptions",
            "controlattestations",
            "evidencerecords",
            "remediationrequests",
            "securitybaselines",
        ],
    ),
    ("policy", &["podsecuritypolicies"]),
    (
        "rbac.authorization.k8s.io",
        &["clusterrolebindings", "clusterroles"],
    ),
    (
        "resource.k8s.io",
        &["deviceclasses", "devicetaintrules", "resourceslices"],
    ),
    ("scheduling.k8s.io", &["priorityclasses"]),
    (
        "storage.k8s.io",
        &[
            "csidrivers",
            "csinodes",
            "storageclasses",
            "volumeattachments",
            "volumeattributesclasses",
        ],
    ),
    ("storagemigration.k8s.io", &["storageversionmigrations"]),
];

/// Groups of Kubernetes itself beside those that end in `.k8s.io`.
const OWN_GROUPS: &[&str] = &["", "apps", "autoscaling", "batch", "extensions", "policy"];

/// Whether a resource (`pods`, `pods/exec`, `*`) of a group (`*` for all) may be namespaced.
pub(super) fn may_be_namespaced(group: &str, resource: &str) -> bool {
    let resource = resource
        .split_once('/')
        .map_or(resource, |(resource, _)| resource);
    !CLUSTER_SCOPED
        .iter()
        .any(|(of, scoped)| (group == *of || group == super::words::ANY) && scoped.contains(&resource))
}

/// Whether a group is one of Kubernetes' own rather than of some operator.
pub(super) fn is_kubernetes(group: &str) -> bool {
    OWN_GROUPS.contains(&group) || group == "k8s.io" || group.ends_with(".k8s.io")
}

/// The resources taken to be cluster-scoped, each with its group. A test compares them with a real server's.
pub fn cluster_scoped() -> impl Iterator<Item = (&'static str, &'static str)> {
    CLUSTER_SCOPED
        .iter()
        .flat_map(|(group, resources)| resources.iter().map(move |resource| (*group, *resource)))
}
