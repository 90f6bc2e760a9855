//! The files a control plane reads before its first process starts.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::error::{Error, Result};
use crate::node;
use crate::parts::{Layout, USERS};
use crate::pki::{Pki, write_private};

const AUDIT_POLICY: &str = include_str!("audit-policy.yaml");
const STAGES: [&str; 4] = [
    include_str!("../stages/claim-provision.yaml"),
    include_str!("../stages/volume-delete.yaml"),
    include_str!("../stages/pod-outcome.yaml"),
    include_str!("../stages/job-outcome.yaml"),
];

/// Writes keys, users, kubeconfigs, the audit policy and kwok's stages into the cluster's folder.
pub(crate) fn write(layout: &Layout) -> Result<()> {
    let logs = layout.path("logs");
    fs::create_dir_all(&logs).map_err(Error::io(logs.display().to_string()))?;
    let pki = Pki::create(&layout.dir)?;
    write_private(&layout.path("audit-policy.yaml"), AUDIT_POLICY)?;
    write_private(&layout.path("tokens.csv"), &tokens(&pki))?;
    for (user, _) in USERS {
        let auth = json!({ "token": pki.token(user) });
        write_kubeconfig(
            &layout.kubeconfig_of(user),
            &layout.server(),
            &layout.path("ca.crt"),
            user,
            &auth,
        )?;
    }
    if layout.real_node.is_some() {
        return node::write(layout);
    }
    write_stages(layout)
}

fn tokens(pki: &Pki) -> String {
    let line = |(user, group): &(&str, &str)| format!("{},{user},{user},\"{group}\"", pki.token(user));
    USERS.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn write_stages(layout: &Layout) -> Result<()> {
    let Ok(theirs) = layout.binaries.kwok_stages() else {
        return Ok(()); // kwok itself says so where it is wanted
    };
    let all: Vec<&str> = theirs.iter().map(String::as_str).chain(STAGES).collect();
    write_private(&layout.path("stages.yaml"), &all.join("\n---\n"))
}

/// A kubeconfig (JSON is YAML) with one cluster and one user.
fn write_kubeconfig(
    path: &Path,
    server: &str,
    ca_file: &Path,
    user: &str,
    auth: &serde_json::Value,
) -> Result<()> {
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "kube-test", "cluster": { "server": server, "certificate-authority": ca_file } }],
        "users": [{ "name": user, "user": auth }],
        "contexts": [{ "name": "kube-test", "context": { "cluster": "kube-test", "user": user } }],
        "current-context": "kube-test",
    });
    write_private(path, &format!("{content:#}\n"))
}
