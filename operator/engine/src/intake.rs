//! From the bytes of manifests to objects, with every document accounted for.

mod implied;
mod lines;

use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value;

use crate::{
    decode::{DecodePlan, NameError, Object, decode},
    kind::Kind,
    manifest::{RawDocument, documents, parse, split},
};

pub use lines::lines_of;

/// API group of our own kinds.
const OWN_GROUP: &str = "plimsoll.dev/";

/// What became of the documents read. `decoded + not_relevant + unreadable.len() == total`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Documents {
    /// Documents read; a `List` is one.
    pub total: usize,
    /// Documents that hold at least one object some control reads.
    pub decoded: usize,
    /// Documents of kinds that no control reads, or that are no Kubernetes objects.
    pub not_relevant: usize,
    /// Documents that could not be read, in whole or in part.
    pub unreadable: Vec<Unreadable>,
}

/// A document, or an object of one, that could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    /// Index of the file it came from.
    pub file: usize,
    /// Line in the file, from 1.
    pub line: usize,
    /// What was found and what was expected.
    pub why: String,
}

/// Where an object was read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// Index of the file.
    pub file: usize,
    /// Line of the object in the file, from 1.
    pub line: usize,
    /// Its document.
    document: Extent,
    /// Index among the objects of its document; none for an object that is only implied.
    item: Option<usize>,
}

/// Where a document lies in its file: enough to read it again without reading what surrounds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Extent {
    offset: usize,
    length: usize,
    line: usize,
}

/// One of our own objects (a baseline, an exception), as JSON.
#[derive(Clone, PartialEq, Debug)]
pub struct OwnObject {
    /// The `kind`.
    pub kind: String,
    /// Where it was read from.
    pub source: Source,
    /// The whole object.
    pub value: Value,
}

/// What a set of files holds.
#[derive(Default, Debug)]
pub struct Intake {
    /// Objects some control reads.
    pub objects: Vec<(Object, Source)>,
    /// Baselines, exceptions and the like.
    pub own: Vec<OwnObject>,
    /// What became of the documents.
    pub documents: Documents,
    /// Files taken in so far: the index of the next one.
    files: usize,
    plan: Arc<DecodePlan>,
}

impl Intake {
    /// Reads files, their documents in parallel. `namespace` is that of namespaced objects that name none.
    pub fn read(files: &[impl AsRef<[u8]> + Sync], namespace: &str) -> Self {
        let mut intake = Self::default();
        intake.add(files, namespace);
        intake
    }

    /// Matches the confidential texts of what is read from now on under a plan.
    #[must_use]
    pub fn under(self, plan: Arc<DecodePlan>) -> Self {
        Self { plan, ..self }
    }

    /// Reads more files, so that not all of them need to be held at once. Their indices go on from those read before.
    pub fn add(&mut self, files: &[impl AsRef<[u8]> + Sync], namespace: &str) {
        let first = self.files;
        self.files += files.len();
        let raw: Vec<(usize, RawDocument<'_>)> = files
            .iter()
            .enumerate()
            .flat_map(|(i, file)| split(file.as_ref()).map(move |doc| (i, doc)))
            .collect();
        let read: Vec<Intake> = raw
            .par_chunks(64)
            .map(|chunk| {
                let mut part = Intake::default().under(self.plan.clone());
                for (file, document) in chunk {
                    let start = files[*file].as_ref().as_ptr() as usize;
                    let offset = document.bytes.as_ptr() as usize - start;
                    part.take(first + file, offset, document, namespace);
                }
                part
            })
            .collect();
        for part in read {
            self.append(part);
        }
    }

    /// Counts the documents of a file as not relevant without reading them: patches are no objects of their own.
    pub fn set_aside(&mut self, file: &[u8]) {
        let documents = split(file).count();
        self.documents.total += documents;
        self.documents.not_relevant += documents;
    }

    /// Counts a file that could not even be opened as one unreadable document.
    pub fn add_unreadable(&mut self, file: usize, why: impl Into<String>) {
        self.documents.total += 1;
        self.unreadable(file, 1, why.into());
    }

    fn append(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.own.extend(other.own);
        self.documents.total += other.documents.total;
        self.documents.decoded += other.documents.decoded;
        self.documents.not_relevant += other.documents.not_relevant;
        self.documents.unreadable.extend(other.documents.unreadable);
    }

    fn take(&mut self, file: usize, offset: usize, raw: &RawDocument<'_>, namespace: &str) {
        self.documents.total += 1;
        let document = match parse(raw) {
            Ok(document) => document,
            Err(e) => return self.unreadable(file, e.line, e.to_string()),
        };
        let extent = Extent {
            offset,
            length: raw.bytes.len(),
            line: raw.line,
        };
        let known = self.objects.len() + self.own.len();
        let mut failed = None;
        for (item, object) in documents(document.root()).iter().enumerate() {
            let source = Source {
                file,
                line: object.node.line(),
                document: extent,
                item: Some(item),
            };
            if let Err(why) = self.take_object(object, source, namespace) {
                failed.get_or_insert((source.line, why));
            }
        }
        match failed {
            Some((line, why)) => self.unreadable(file, line, why),
            None if self.objects.len() + self.own.len() > known => self.documents.decoded += 1,
            None => self.documents.not_relevant += 1,
        }
    }

    fn take_object(
        &mut self,
        object: &crate::manifest::Object<'_>,
        source: Source,
        namespace: &str,
    ) -> Result<(), String> {
        let Some(identity) = object.identify() else {
            return Ok(());
        };
        if identity.api_version.starts_with(OWN_GROUP) {
            let value = object.node.to_json();
            self.own.push(OwnObject {
                kind: identity.kind.into(),
                source,
                value,
            });
            return Ok(());
        }
        let Some(kind) = Kind::of_manifest(identity.api_version, identity.kind) else {
            return Ok(());
        };
        match decode(kind, Some(namespace), &self.plan, || object.node) {
            Ok(object) => {
                let why = object
                    .body
                    .as_ref()
                    .err()
                    .map(|unparsed| unparsed.why.to_string());
                self.objects.push((object, source));
                why.map_or(Ok(()), Err)
            }
            // `generateName` objects have no name to be known by.
            Err(NameError::Name(_)) if identity.name.is_none() => {
                Err("metadata.name: expected a name".into())
            }
            Err(e) => Err(e.to_string()),
        }
    }

    fn unreadable(&mut self, file: usize, line: usize, why: String) {
        self.documents.unreadable.push(Unreadable { file, line, why });
    }
}
