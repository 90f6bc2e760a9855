//! Finding what `make controlplane` built, without needing Go at test time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// What `e2e/controlplane/build.sh` builds: the control plane, and what a real node takes besides (`--node`).
#[derive(Clone, Copy, Debug)]
struct Set {
    /// Its folder in the cache.
    folder: &'static str,
    /// The file that lists it; with the go.mod of the modules it names it makes the cache key.
    list: &'static str,
    /// The command that builds it.
    command: &'static str,
}

const CONTROL_PLANE: Set = Set {
    folder: "controlplane",
    list: "binaries.txt",
    command: "make controlplane",
};
const NODE: Set = Set {
    folder: "node",
    list: "node.txt",
    command: "e2e/controlplane/build.sh --node",
};

/// Where a binary of the control plane is, for a run without a cluster.
pub fn binary(name: &str) -> Result<PathBuf> {
    Binaries::locate()?.path(name)
}

/// The folders of binaries for the versions pinned in this checkout.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    dir: PathBuf,
    node: PathBuf,
}

impl Binaries {
    /// `KUBE_TEST_BIN_DIR`, else the cache of `make controlplane`.
    pub(crate) fn locate() -> Result<Self> {
        let dir = match env::var_os("KUBE_TEST_BIN_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => cached(CONTROL_PLANE)?,
        };
        let node = cached(NODE)?;
        Ok(Self { dir, node })
    }

    /// The path of one binary, or an error that says how to get it.
    pub(crate) fn path(&self, binary: &str) -> Result<PathBuf> {
        let path = self.dir.join(binary);
        if path.is_file() {
            return Ok(path);
        }
        Err(missing(binary, &self.dir, CONTROL_PLANE))
    }

    /// The path of one binary of a real node.
    pub(crate) fn node_path(&self, binary: &str) -> Result<PathBuf> {
        let path = self.node.join(binary);
        if path.is_file() {
            return Ok(path);
        }
        Err(missing(binary, &self.node, NODE))
    }

    /// The folder of the node's binaries, for a `PATH`.
    pub(crate) fn node_dir(&self) -> &Path {
        &self.node
    }

    /// The folder itself, for a `PATH`.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// kwok's own stages, one YAML document each.
    pub(crate) fn kwok_stages(&self) -> Result<Vec<String>> {
        let dir = self.dir.parent().unwrap_or(&self.dir).join("kwok-stages");
        let entries = fs::read_dir(&dir).map_err(|_| missing("kwok-stages", &dir, CONTROL_PLANE))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        files
            .iter()
            .map(|file| fs::read_to_string(file).map_err(Error::io(file.display().to_string())))
            .collect()
    }
}

fn missing(binary: &str, looked_in: &Path, set: Set) -> Error {
    Error::MissingBinary {
        binary: binary.to_owned(),
        looked_in: looked_in.to_owned(),
        build: set.command,
    }
}

/// Any Go version's build of the pinned modules will do; the last one by name where there are several.
fn cached(set: Set) -> Result<PathBuf> {
    let root = cache_root().join(set.folder);
    let key = key(
        set,
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../controlplane"),
    )?;
    let mut found: Vec<PathBuf> = fs::read_dir(&root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(&format!("{key}-"))
        })
        .map(|entry| entry.path().join("bin"))
        .collect();
    found.sort();
    Ok(found
        .pop()
        .unwrap_or_else(|| root.join(format!("{key}-*")).join("bin")))
}

fn cache_root() -> PathBuf {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("PLIMSOLL_CACHE").unwrap_or_else(|| {
        let cache = set("XDG_CACHE_HOME")
            .unwrap_or_else(|| set("HOME").unwrap_or_else(|| PathBuf::from("/")).join(".cache"));
        cache.join("plimsoll")
    })
}

/// Keep in step with `key_hash` of `e2e/controlplane/build.sh`.
fn key(set: Set, controlplane: &Path) -> Result<String> {
    let read = |file: &str| {
        let path = controlplane.join(file);
        fs::read_to_string(&path).map_err(Error::io(path.display().to_string()))
    };
    let list = read(set.list)?;
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let modules: BTreeSet<&str> = lines.filter_map(|line| line.split_whitespace().nth(1)).collect();
    let mut hash = Sha256::new();
    hash.update(&list);
    for module in modules {
        hash.update(read(&format!("{module}/go.mod"))?);
    }
    Ok(hex(&hash.finalize())[..16].to_owned())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
