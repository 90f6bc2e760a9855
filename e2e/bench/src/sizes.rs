//! What must fit: definitions and chart releases into what etcd and Helm take, a status into its bound.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use plimsoll_api::{crds, status_of};
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    decode::decode_json,
    kind::Kind,
};
use serde_json::json;

use crate::figure::Figures;

/// A Secret, in which Helm keeps a release, and the lesser of the API server's limits on one object.
const MEBIBYTE: f64 = 1024.0;

/// Measures what the generated definitions, the charts and the worst status take.
pub(crate) fn run(figures: &mut Figures) -> anyhow::Result<()> {
    for crd in crds(&plimsoll_controls::registry())? {
        let bytes = serde_json::to_vec(&crd)?.len();
        let name = crd.metadata.name.unwrap_or_default();
        figures.add(
            format!("definition of {name} (etcd takes 1536 KiB)"),
            kibibytes(bytes),
            Some(MEBIBYTE),
            "KiB",
        );
    }
    let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts");
    for chart in ["plimsoll-crds", "plimsoll"] {
        let bytes: u64 = files(&charts.join(chart))?
            .into_iter()
            .map(|(_, size)| size)
            .sum();
        // The release holds the files in base64 and the manifests made of them, and is put into the Secret in base64 again.
        // It is compressed in between, which is left out here: it takes no more than this.
        let release = (bytes * 4 / 3 + bytes) * 4 / 3;
        figures.add(
            format!("Helm's Secret of {chart}, before compression"),
            kibibytes(usize::try_from(release)?),
            Some(MEBIBYTE),
            "KiB",
        );
    }
    let (bytes, shown) = worst_status()?;
    figures.add(
        format!("status of the worst baseline, {shown} findings shown"),
        kibibytes(bytes),
        Some(32.0),
        "KiB",
    );
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "sizes for people")]
fn kibibytes(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}

/// The files in a folder and those below it, with their sizes.
fn files(folder: &Path) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            let size = path.metadata()?.len();
            found.push((path, size));
        }
    }
    Ok(found)
}

/// The bytes of the status of a baseline with all controls over a cluster where everything has the longest name there is
/// and nothing is right; also how many findings it shows.
fn worst_status() -> anyhow::Result<(usize, usize)> {
    let registry = plimsoll_controls::registry();
    let controls = registry
        .metas()
        .map(|meta| (meta.id.to_owned(), serde_json::Map::new()));
    let spec = BaselineSpec {
        controls: controls
            .chain([("no/such-control".repeat(20), serde_json::Map::new())])
            .collect(),
        ..BaselineSpec::default()
    };
    let mut engine = Engine::scan();
    engine.set_baselines(vec![compile("worst", i64::MAX, &spec, &[], &registry, None)]);
    engine.see_everything();
    for number in 0..40 {
        let long = |most: usize| format!("{number:0>most$}");
        let (namespace, name) = (long(63), long(253));
        engine.upsert(decode_json(
            Kind::Namespace,
            &json!({"metadata": {"name": namespace}}).to_string(),
        )?);
        let metadata = json!({"name": name, "namespace": namespace});
        let container = json!({"name": long(63), "securityContext": {"privileged": true}, "env": [{"name": "DB_PASSWORD", "value": "hunter2-hunter2"}]});
        let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": {"hostNetwork": true, "containers": [container]}});
        let deployment = json!({"metadata": metadata, "spec": {"replicas": 1, "template": template}});
        engine.upsert(decode_json(Kind::Deployment, &deployment.to_string())?);
        let rules = json!([{"host": "example.com", "http": {"paths": []}}]);
        let ingress = json!({"metadata": metadata, "spec": {"rules": rules}});
        engine.upsert(decode_json(Kind::Ingress, &ingress.to_string())?);
        let subjects = json!([{"kind": "Group", "name": "system:unauthenticated"}]);
        let binding = json!({"metadata": {"name": name}, "subjects": subjects, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}});
        engine.upsert(decode_json(Kind::ClusterRoleBinding, &binding.to_string())?);
    }
    let now = "2026-06-01T12:00:00.123456789Z".parse()?;
    let report = engine.look(now);
    let baseline = report
        .baselines
        .get("worst")
        .context("the report lacks its baseline")?;
    let status = status_of(baseline, now, None);
    let shown = status.worst.len();
    Ok((serde_json::to_vec(&status)?.len(), shown))
}
