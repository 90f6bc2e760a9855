//! Finding what `make controlplane` built, without needing Go at test time.

use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// What makes the cache key, in this order. Keep in step with `e2e/controlplane/build.sh`.
const KEY_FILES: [&str; 5] = [
    "binaries.txt",
    "helm/go.mod",
    "kubernetes/go.mod",
    "kwok/go.mod",
    "prometheus/go.mod",
];

/// Where a binary of the control plane is, for a run without a cluster.
pub fn binary(name: &str) -> Result<PathBuf> {
    Binaries::locate()?.path(name)
}

/// The folder of binaries for the versions pinned in this checkout.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    dir: PathBuf,
}

impl Binaries {
    /// `KUBE_TEST_BIN_DIR`, else the cache of `make controlplane`.
    pub(crate) fn locate() -> Result<Self> {
        let dir = match env::var_os("KUBE_TEST_BIN_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => cached()?,
        };
        Ok(Self { dir })
    }

    /// The path of one binary, or an error that says how to get it.
    pub(crate) fn path(&self, binary: &str) -> Result<PathBuf> {
        let path = self.dir.join(binary);
        if path.is_file() {
            return Ok(path);
        }
        Err(Error::MissingBinary {
            binary: binary.to_owned(),
            looked_in: self.dir.clone(),
        })
    }

    /// The folder itself, for a `PATH`.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// kwok's own stages, one YAML document each.
    pub(crate) fn kwok_stages(&self) -> Result<Vec<String>> {
        let dir = self.dir.parent().unwrap_or(&self.dir).join("kwok-stages");
        let missing = || Error::MissingBinary {
            binary: "kwok-stages".to_owned(),
            looked_in: dir.clone(),
        };
        let entries = fs::read_dir(&dir).map_err(|_| missing())?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        files
            .iter()
            .map(|file| fs::read_to_string(file).map_err(Error::io(file.display().to_string())))
            .collect()
    }
}

/// Any Go version's build of the pinned modules will do; the last one by name where there are several.
fn cached() -> Result<PathBuf> {
    let root = cache_root().join("controlplane");
    let key = key(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../controlplane"))?;
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

fn key(controlplane: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for file in KEY_FILES {
        let path = controlplane.join(file);
        hash.update(fs::read(&path).map_err(Error::io(path.display().to_string()))?);
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
