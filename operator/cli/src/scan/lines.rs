//! The lines that findings point at, looked up only for findings that are shown.

use std::collections::HashMap;

use plimsoll_engine::{
    intake::{Source, lines_of},
    memory::Fingerprint,
    report::Reported,
};
use rayon::prelude::*;

use super::assess::Scan;

/// The field a finding points at that names none: the object's own name.
const OBJECT: &str = "metadata.name";

/// File and line of each finding whose object was read from a file.
pub(crate) fn locate<'s>(
    scan: &'s Scan,
    findings: impl Iterator<Item = &'s Reported>,
) -> HashMap<Fingerprint, usize> {
    let mut by_file: HashMap<usize, Vec<(Fingerprint, Source, &str)>> = HashMap::new();
    for reported in findings {
        if let Some(source) = scan.sources.get(&reported.finding.object) {
            let path = reported.finding.field_path.as_deref().unwrap_or(OBJECT);
            by_file
                .entry(source.file)
                .or_default()
                .push((reported.fingerprint, *source, path));
        }
    }
    by_file
        .into_par_iter()
        .flat_map_iter(|(file, wanted)| {
            let places: Vec<(Source, &str)> =
                wanted.iter().map(|(_, source, path)| (*source, *path)).collect();
            // A file that is gone by now leaves the lines of its objects.
            let bytes = scan
                .files
                .get(file)
                .and_then(|file| file.bytes().ok())
                .unwrap_or_default();
            let lines = lines_of(&bytes, &places);
            wanted
                .into_iter()
                .map(|(fingerprint, ..)| fingerprint)
                .zip(lines)
                .collect::<Vec<_>>()
        })
        .collect()
}
