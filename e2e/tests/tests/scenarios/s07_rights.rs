//! Rights across tenants, for everybody, and over everything are found; what every fresh cluster has is not reported.

use plimsoll_e2e::{baseline::baseline_with_platform, operator::refused, scenario::Scenario};

const TENANT: &str = "isolation/tenant-rbac";
const ANONYMOUS: &str = "access/no-anonymous-access";
const ADMINS: &str = "access/cluster-admin-bindings";

const CONTROLS: &str = "
isolation/tenant-rbac: {failAfter: 0s}
access/no-anonymous-access: {failAfter: 0s}
access/cluster-admin-bindings: {failAfter: 0s}
";

/// The binding in kube-public is kubeadm's.
const BINDINGS: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: ci, namespace: globex}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployers, namespace: acme}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: ServiceAccount, name: ci, namespace: globex}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everyone-view}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:authenticated'}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: the-admin}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: admin}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: 'kubeadm:bootstrap-signer-clusterinfo', namespace: kube-public}
rules: [{apiGroups: [''], resources: [configmaps], resourceNames: [cluster-info], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: 'kubeadm:bootstrap-signer-clusterinfo', namespace: kube-public}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: 'kubeadm:bootstrap-signer-clusterinfo'}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: 'system:anonymous'}]
";

#[tokio::test(flavor = "multi_thread")]
async fn rights_over_others_and_for_everybody_are_found_and_defaults_are_not() {
    let scenario =
        Scenario::begin(&[("acme", "production", "acme"), ("globex", "production", "globex")]).await;
    scenario.cluster.apply(BINDINGS).await.unwrap();
    let operator = scenario
        .operator(&baseline_with_platform("Enforce", CONTROLS))
        .await;
    for (control, found) in [
        (
            TENANT,
            &[
                "ClusterRoleBinding everyone-view ClusterWide",
                "RoleBinding acme/deployers ForeignSubject",
            ][..],
        ),
        (ANONYMOUS, &["ClusterRoleBinding everyone-view Everybody"]),
        (ADMINS, &["ClusterRoleBinding the-admin UnexpectedAdmin"]),
    ] {
        scenario.until_found(control, control, found).await;
    }
    let page = operator.page().await;
    let access = [ANONYMOUS, ADMINS].map(|control| {
        let labels = [("control", control), ("result", "fail")];
        page.sum("plimsoll_findings", &labels).to_string()
    });
    assert_eq!(access, ["1", "1"]);
    operator.three_turns().await;
    assert_eq!(scenario.written().await, [""; 0], "rights are never touched");
    assert_eq!(refused(&scenario.cluster).await, [""; 0]);
}
