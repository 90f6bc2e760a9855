//! What a kustomization says of the files around it: which of them are patches.

use std::path::{Path, PathBuf};

use plimsoll_engine::manifest::{Node, parse, split};

/// Whether a file is a kustomization, by the names that kustomize accepts.
pub(crate) fn is_kustomization(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        ["kustomization.yaml", "kustomization.yml", "Kustomization"]
            .iter()
            .any(|known| name == *known)
    })
}

/// The patch files that a kustomization names, as canonical paths. Nothing where it cannot be read: then its files are judged
/// as they are.
pub(crate) fn patches(kustomization: &Path) -> Vec<PathBuf> {
    let Ok(bytes) = std::fs::read(kustomization) else {
        return Vec::new();
    };
    let folder = kustomization.parent().unwrap_or(Path::new("."));
    split(&bytes)
        .filter_map(|raw| parse(&raw).ok().map(|document| named(document.root())))
        .flatten()
        .filter_map(|name| folder.join(name).canonicalize().ok())
        .collect()
}

/// `patches[].path`, `patchesJson6902[].path` and `patchesStrategicMerge[]`, which may also be patches themselves.
fn named(root: Node<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for field in ["patches", "patchesJson6902"] {
        let paths = root.get(field).into_iter().flat_map(|list| list.items());
        names.extend(paths.filter_map(|patch| Some(patch.get("path")?.as_str()?.to_owned())));
    }
    let merged = root
        .get("patchesStrategicMerge")
        .into_iter()
        .flat_map(|list| list.items());
    names.extend(merged.filter_map(|patch| Some(patch.as_str()?.to_owned())));
    names
}
