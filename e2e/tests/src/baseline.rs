//! The baseline that most tests measure by.

/// Its name.
pub const BASELINE: &str = "live";

/// The namespaces that a cluster has before a test comes.
const CLUSTERS_OWN: &str = "[kube-system, kube-node-lease, kube-public, default, plimsoll-system]";

/// The [`BASELINE`] for what a test brings: the cluster's own namespaces are out of scope. `controls` is its `spec.controls` in
/// YAML.
pub fn baseline(mode: &str, controls: &str) -> String {
    written(
        mode,
        &format!("scope: {{excludeNamespaces: {CLUSTERS_OWN}}}"),
        controls,
    )
}

/// As [`baseline`], for the whole cluster: its own namespaces are a platform's.
pub fn baseline_with_platform(mode: &str, controls: &str) -> String {
    written(
        mode,
        &format!("platform: {{namespaces: {CLUSTERS_OWN}}}"),
        controls,
    )
}

fn written(mode: &str, about: &str, controls: &str) -> String {
    let controls = controls.trim().replace('\n', "\n    ");
    format!(
        "apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {{name: {BASELINE}}}
spec:
  mode: {mode}
  {about}
  controls:
    {controls}
"
    )
}
