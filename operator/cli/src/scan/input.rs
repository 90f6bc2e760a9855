//! Which files a scan reads: those named, those in folders that look like manifests, and standard input.

use std::{
    borrow::Cow,
    collections::HashSet,
    fs::Metadata,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use walkdir::{DirEntry, WalkDir};

use super::kustomize;

/// Larger files are refused rather than held in memory: no manifest is that large, and a dump can be split.
const LARGEST: u64 = 1 << 30;

/// A file to be read.
#[derive(Debug)]
pub(crate) struct InputFile {
    /// As the user called it, or would.
    pub(crate) name: String,
    /// Size in bytes when it was found; 0 where it cannot be told.
    pub(crate) size: u64,
    /// What it is read for.
    pub(crate) role: Role,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Read when needed, and again for the lines of findings.
    File(PathBuf),
    /// Standard input and pipes can be read only once.
    Kept(Vec<u8>),
}

/// What a file is read for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Objects.
    Manifest,
    /// A kustomization patches other objects with it: half an object would only raise false alarms.
    Patch,
    /// It cannot be opened.
    Unopened(String),
}

/// What a scan was given.
#[derive(Default, Debug)]
pub(crate) struct Inputs {
    /// The files, in the order of paths and names.
    pub(crate) files: Vec<InputFile>,
    /// How many files in folders are no YAML or JSON by their name.
    pub(crate) skipped: usize,
    /// Kustomizations found: their patches are not applied.
    pub(crate) kustomizations: usize,
    seen: HashSet<Identity>,
}

impl InputFile {
    fn on_disk(path: &Path, size: u64, role: Role) -> Self {
        Self {
            name: path.display().to_string(),
            size,
            role,
            content: Content::File(path.into()),
        }
    }

    fn kept(name: &str, bytes: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            size: bytes.len() as u64,
            role: Role::Manifest,
            content: Content::Kept(bytes),
        }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> std::io::Result<Cow<'_, [u8]>> {
        match &self.content {
            Content::Kept(bytes) => Ok(Cow::Borrowed(bytes)),
            Content::File(path) => std::fs::read(path).map(Cow::Owned),
        }
    }
}

/// Finds the files that paths mean. A path that does not exist is an error: a slip must not look like a clean scan.
pub(crate) fn collect(paths: &[String]) -> Result<Inputs> {
    let mut inputs = Inputs::default();
    for path in paths {
        inputs.add(path)?;
    }
    inputs.mark_patches();
    Ok(inputs)
}

impl Inputs {
    fn add(&mut self, name: &str) -> Result<()> {
        if name == "-" {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .read_to_end(&mut bytes)
                .context("standard input")?;
            self.files.push(InputFile::kept("<stdin>", bytes));
            return Ok(());
        }
        let path = Path::new(name);
        let metadata =
            std::fs::metadata(path).with_context(|| format!("{name}: expected a file or folder"))?;
        if metadata.is_dir() {
            self.walk(path);
        } else if metadata.is_file() {
            if metadata.len() > LARGEST {
                bail!(
                    "{name}: {} bytes, expected at most {LARGEST}: split it",
                    metadata.len()
                );
            }
            self.add_file(path, &metadata);
        } else {
            // A pipe, as in `plimsoll scan <(helm template .)`.
            let bytes = std::fs::read(path).with_context(|| name.to_owned())?;
            self.files.push(InputFile::kept(name, bytes));
        }
        Ok(())
    }

    fn walk(&mut self, folder: &Path) {
        let entries = WalkDir::new(folder)
            .follow_links(true)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry));
        for entry in entries {
            match entry {
                Ok(entry) => self.add_entry(&entry),
                // A link back to a folder above: what it leads to is read anyway.
                Err(e) if e.loop_ancestor().is_some() => {}
                Err(e) => {
                    let path = e.path().unwrap_or(folder).to_owned();
                    let why = e
                        .into_io_error()
                        .map_or_else(|| "cannot be opened".into(), |e| e.to_string());
                    self.files.push(InputFile::on_disk(&path, 0, Role::Unopened(why)));
                }
            }
        }
    }

    fn add_entry(&mut self, entry: &DirEntry) {
        if entry.file_type().is_dir() {
            return;
        }
        if !is_manifest(entry.path()) {
            self.skipped += 1;
            return;
        }
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() && metadata.len() > LARGEST => {
                let why = format!("{} bytes, expected at most {LARGEST}: split it", metadata.len());
                self.files
                    .push(InputFile::on_disk(entry.path(), 0, Role::Unopened(why)));
            }
            Ok(metadata) if metadata.is_file() => self.add_file(entry.path(), &metadata),
            // Sockets and devices that are called like manifests.
            Ok(_) => self.skipped += 1,
            Err(e) => self
                .files
                .push(InputFile::on_disk(entry.path(), 0, Role::Unopened(e.to_string()))),
        }
    }

    /// Each file once, by whatever names and links it is reached.
    fn add_file(&mut self, path: &Path, metadata: &Metadata) {
        if self.seen.insert(identity(path, metadata)) {
            self.files
                .push(InputFile::on_disk(path, metadata.len(), Role::Manifest));
        }
    }

    fn mark_patches(&mut self) {
        let mut patches = HashSet::new();
        for file in &self.files {
            let Content::File(path) = &file.content else {
                continue;
            };
            if kustomize::is_kustomization(path) {
                self.kustomizations += 1;
                patches.extend(kustomize::patches(path));
            }
        }
        if patches.is_empty() {
            return;
        }
        for file in &mut self.files {
            let Content::File(path) = &file.content else {
                continue;
            };
            if file.role == Role::Manifest && path.canonicalize().is_ok_and(|path| patches.contains(&path)) {
                file.role = Role::Patch;
            }
        }
    }
}

/// `.git`, editors' swap files, the `..data` links of mounted ConfigMaps.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(unix)]
fn identity(_path: &Path, metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(path: &Path, _metadata: &Metadata) -> Identity {
    path.canonicalize().unwrap_or_else(|_| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(inputs: &Inputs, root: &Path) -> Vec<String> {
        let short = |file: &InputFile| {
            Path::new(&file.name)
                .strip_prefix(root)
                .unwrap()
                .display()
                .to_string()
        };
        inputs.files.iter().map(short).collect()
    }

    #[test]
    fn folders_give_manifests_once_and_patches_aside() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("sub/.git")).unwrap();
        for name in [
            "b.yaml",
            "a.YML",
            "sub/c.json",
            "sub/.git/x.yaml",
            ".hidden.yaml",
            "README.md",
            "sub/patch.yaml",
        ] {
            std::fs::write(root.join(name), "a: b").unwrap();
        }
        std::fs::write(
            root.join("sub/kustomization.yaml"),
            "patches: [{path: patch.yaml}]",
        )
        .unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root, root.join("sub/loop")).unwrap();
            std::os::unix::fs::symlink(root.join("b.yaml"), root.join("z.yaml")).unwrap();
        }
        let inputs = collect(&[
            root.display().to_string(),
            root.join("b.yaml").display().to_string(),
        ])
        .unwrap();
        assert_eq!(
            names(&inputs, root),
            [
                "a.YML",
                "b.yaml",
                "sub/c.json",
                "sub/kustomization.yaml",
                "sub/patch.yaml"
            ]
        );
        assert_eq!(inputs.skipped, 1);
        assert_eq!(inputs.kustomizations, 1);
        let patches: Vec<&str> = inputs
            .files
            .iter()
            .filter(|f| f.role == Role::Patch)
            .map(|f| f.name.rsplit('/').next().unwrap())
            .collect();
        assert_eq!(patches, ["patch.yaml"]);
    }

    #[test]
    fn a_path_that_does_not_exist_is_an_error() {
        let error = collect(&["no/such/place".into()]).unwrap_err();
        assert!(
            format!("{error:#}").starts_with("no/such/place: expected a file or folder: "),
            "{error:#}"
        );
    }
}
