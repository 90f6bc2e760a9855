//! From the bytes of manifests to objects, with every document accounted for.

use rayon::prelude::*;
use serde_json::Value;

use crate::{
    decode::{NameError, Object, decode},
    kind::Kind,
    manifest::{Document, RawDocument, documents, parse, segments, split},
};

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
    /// First byte of its document in the file.
    offset: usize,
    /// Index among the objects of its document.
    item: usize,
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
}

impl Intake {
    /// Reads files, their documents in parallel. `namespace` is that of namespaced objects that name none.
    pub fn read(files: &[impl AsRef<[u8]> + Sync], namespace: &str) -> Self {
        let raw: Vec<(usize, RawDocument<'_>)> = files
            .iter()
            .enumerate()
            .flat_map(|(i, file)| split(file.as_ref()).map(move |doc| (i, doc)))
            .collect();
        let read: Vec<Intake> = raw
            .par_chunks(64)
            .map(|chunk| {
                let mut part = Intake::default();
                for (file, document) in chunk {
                    let start = files[*file].as_ref().as_ptr() as usize;
                    part.take(
                        *file,
                        document.bytes.as_ptr() as usize - start,
                        document,
                        namespace,
                    );
                }
                part
            })
            .collect();
        let mut whole = Intake::default();
        for part in read {
            whole.append(part);
        }
        whole
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
        let known = self.objects.len() + self.own.len();
        let mut failed = None;
        for (item, object) in documents(document.root()).iter().enumerate() {
            let source = Source {
                file,
                line: object.node.line(),
                offset,
                item,
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
        match decode(kind, Some(namespace), || object.node) {
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

impl Source {
    /// The line of a field path within the object, or of its nearest ancestor that is there. Reads the document again:
    /// only findings pay for their lines.
    pub fn line_of(&self, file: &[u8], field_path: &str) -> usize {
        self.find(file, |document| {
            documents(document.root())
                .get(self.item)
                .map(|object| object.node.nearest_line(&segments(field_path)))
        })
        .unwrap_or(self.line)
    }

    fn find<T>(&self, file: &[u8], look: impl Fn(&Document<'_>) -> Option<T>) -> Option<T> {
        let line = 1 + memchr::memchr_iter(b'\n', file.get(..self.offset)?).count();
        let mut raw = split(file.get(self.offset..)?).next()?;
        raw.line += line - 1;
        look(&parse(&raw).ok()?)
    }
}
