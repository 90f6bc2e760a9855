//! The results as the page's script reads them: rows of numbers into one table of texts, compressed. A hundred thousand findings
//! are a few megabytes; without the script the page shows the worst of them all the same.

use std::{
    borrow::Cow,
    cell::RefCell,
    fmt,
    io::{self, Write},
};

use base64::{engine::general_purpose::STANDARD, write::EncoderWriter};
use flate2::{Compression, write::GzEncoder};
use indexmap::IndexSet;
use plimsoll_engine::{finding::Severity, text::escape};
use serde::{Serialize, Serializer, ser::SerializeMap, ser::SerializeSeq};

use crate::{
    Given,
    entry::{ClassWord, Entry, Fix, ObjectName, ResultWord},
    rows::Row,
};

/// Most results that a page holds. More would be slow to open.
pub(super) const MOST: usize = 200_000;

/// What the columns of a row are, in their order.
const FIELDS: [&str; 19] = [
    "baseline",
    "control",
    "result",
    "severity",
    "kind",
    "namespace",
    "name",
    "environment",
    "tenant",
    "path",
    "reason",
    "message",
    "exception",
    "file",
    "line",
    "seen",
    "evidence",
    "notes",
    "fingerprint",
];

/// The results, as text that is written while they are compressed.
pub(super) struct Data<'a, 'r> {
    pub(super) given: Given<'a>,
    pub(super) rows: &'r [Row<'a>],
}

impl fmt::Display for Data<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(Ascii(f)).map_err(|_| fmt::Error)
    }
}

impl Data<'_, '_> {
    fn write(&self, out: impl Write) -> io::Result<()> {
        let base64 = EncoderWriter::new(out, &STANDARD);
        let mut gzip = GzEncoder::new(base64, Compression::fast());
        serde_json::to_writer(&mut gzip, self)?;
        gzip.finish()?.finish().map(drop)
    }
}

/// Base64 is text: bytes on their way to a formatter.
struct Ascii<'f, 'b>(&'f mut fmt::Formatter<'b>);

impl Write for Ascii<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        self.0.write_str(text).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Serialize for Data<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = RefCell::new(Texts::default());
        let mut map = serializer.serialize_map(None)?;
        let mut fields = FIELDS.to_vec();
        fields.push("fix");
        map.serialize_entry("fields", &fields)?;
        map.serialize_entry("now", &self.given.now.as_second())?;
        map.serialize_entry("live", &self.given.live)?;
        map.serialize_entry("baselines", &self.given.verdicts.baselines.len())?;
        let rows = Rows {
            data: self,
            texts: &texts,
        };
        map.serialize_entry("rows", &rows)?;
        // Last, for only now it is known what they are.
        map.serialize_entry("texts", &texts.into_inner().0)?;
        map.end()
    }
}

/// Every text once.
struct Texts<'a>(IndexSet<Cow<'a, str>>);

impl Default for Texts<'_> {
    fn default() -> Self {
        Self(IndexSet::from([Cow::Borrowed("")]))
    }
}

impl<'a> Texts<'a> {
    fn of(&mut self, text: &'a str) -> usize {
        self.0.insert_full(escape(text)).0
    }

    fn owned(&mut self, text: &str) -> usize {
        self.0.insert_full(Cow::Owned(escape(text).into_owned())).0
    }
}

struct Rows<'d, 'a, 'r> {
    data: &'d Data<'a, 'r>,
    texts: &'d RefCell<Texts<'a>>,
}

impl Serialize for Rows<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.data.rows.iter().take(MOST);
        serializer.collect_seq(rows.map(|row| {
            let seen = row.finding.filter(|_| self.data.given.live);
            Columns {
                entry: row.entry(self.data.given.places, self.data.given.live),
                seen: seen.map_or(0, |finding| finding.first_seen.as_second()),
                texts: self.texts,
            }
        }))
    }
}

struct Columns<'d, 'a> {
    entry: Entry<'a>,
    seen: i64,
    texts: &'d RefCell<Texts<'a>>,
}

impl Serialize for Columns<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (entry, object) = (&self.entry, self.entry.object.as_ref());
        let severity = Severity::ALL[entry.severity as usize].word();
        let texts = [
            entry.baseline,
            entry.control,
            word(entry.result),
            severity,
            object.map_or("", |object| object.kind),
            object.and_then(ObjectName::governing).unwrap_or_default(),
            object.and_then(|object| object.name).unwrap_or_default(),
            entry.environment.unwrap_or_default(),
            entry.tenant.unwrap_or_default(),
            entry.field_path.unwrap_or_default(),
            entry.reason.unwrap_or_default(),
            entry.message.unwrap_or_default(),
            entry.exception.unwrap_or_default(),
            entry.file.unwrap_or_default(),
        ];
        let mut row = serializer.serialize_seq(Some(FIELDS.len() + 1))?;
        for text in texts {
            let id = self.texts.borrow_mut().of(text);
            row.serialize_element(&id)?;
        }
        row.serialize_element(&entry.line.unwrap_or_default())?;
        row.serialize_element(&self.seen)?;
        for list in [&entry.evidence, &entry.notes] {
            let ids: Vec<usize> = list.iter().map(|text| self.texts.borrow_mut().of(text)).collect();
            row.serialize_element(&ids)?;
        }
        row.serialize_element(entry.fingerprint.as_deref().unwrap_or_default())?;
        row.serialize_element(&entry.fix.as_ref().map(|fix| self.fix(fix)))?;
        row.end()
    }
}

impl Columns<'_, '_> {
    /// Class, reason, changes, manifests. A manifest is one of its kind: no use in looking for it among the texts.
    fn fix(&self, fix: &Fix) -> (&'static str, usize, Vec<usize>, Vec<String>) {
        let class = match fix.class {
            ClassWord::Safe => "safe",
            ClassWord::NeedsApproval => "needsApproval",
            ClassWord::NeverAutomatic => "neverAutomatic",
        };
        let mut texts = self.texts.borrow_mut();
        let changes = fix.changes.iter().map(|change| texts.owned(change)).collect();
        let manifests = fix.manifests.iter().map(manifest).collect();
        (class, texts.owned(&fix.why), changes, manifests)
    }
}

/// The word for a result.
pub(super) fn word(result: ResultWord) -> &'static str {
    match result {
        ResultWord::Pass => "pass",
        ResultWord::Fail => "fail",
        ResultWord::NotApplicable => "notApplicable",
        ResultWord::Unknown => "unknown",
        ResultWord::Waived => "waived",
        ResultWord::Settling => "settling",
    }
}

/// An object as YAML, each line of it harmless.
pub(crate) fn manifest(object: &serde_json::Value) -> String {
    let yaml = serde_yaml::to_string(object).unwrap_or_else(|_| object.to_string());
    let lines: Vec<Cow<'_, str>> = yaml.lines().map(escape).collect();
    lines.join("\n")
}
