//! Reading the files of a scan: in parallel, and never all of them in memory at once.

use std::{borrow::Cow, sync::Arc};

use plimsoll_engine::{decode::DecodePlan, intake::Intake};
use rayon::prelude::*;

use super::{
    input::{InputFile, Inputs, Role},
    progress::Progress,
};

/// Bytes read before they are parsed and let go.
const BATCH: u64 = 32 << 20;

/// The namespace of objects that name none, as `kubectl apply` without `-n` has it.
pub(crate) const NAMESPACE: &str = "default";

/// Reads everything there is in the files, matching confidential texts under a plan.
pub(crate) fn read(inputs: &Inputs, plan: Arc<DecodePlan>, progress: &Progress) -> Intake {
    let mut intake = Intake::default().under(plan);
    let bar = progress.bytes("reading", inputs.files.iter().map(|file| file.size).sum());
    let mut first = 0;
    for batch in batches(&inputs.files) {
        let contents: Vec<Result<Cow<'_, [u8]>, String>> = batch.par_iter().map(content).collect();
        let manifests: Vec<&[u8]> = batch
            .iter()
            .zip(&contents)
            .map(|(file, content)| manifest(file, content))
            .collect();
        intake.add(&manifests, NAMESPACE);
        for (i, (file, content)) in batch.iter().zip(&contents).enumerate() {
            match content {
                Err(why) => intake.add_unreadable(first + i, why),
                Ok(bytes) if file.role == Role::Patch => intake.set_aside(bytes),
                Ok(_) => {}
            }
        }
        first += batch.len();
        bar.inc(batch.iter().map(|file| file.size).sum());
    }
    bar.finish_and_clear();
    intake
}

fn content(file: &InputFile) -> Result<Cow<'_, [u8]>, String> {
    match &file.role {
        Role::Unopened(why) => Err(why.clone()),
        Role::Manifest | Role::Patch => file.bytes().map_err(|e| e.to_string()),
    }
}

fn manifest<'a>(file: &InputFile, content: &'a Result<Cow<'_, [u8]>, String>) -> &'a [u8] {
    match content {
        Ok(bytes) if file.role == Role::Manifest => bytes,
        _ => &[],
    }
}

/// Consecutive files that together stay near the size of a batch.
fn batches(files: &[InputFile]) -> impl Iterator<Item = &[InputFile]> {
    let mut rest = files;
    std::iter::from_fn(move || {
        let mut size = 0;
        let full = rest.iter().position(|file| {
            size += file.size;
            size > BATCH
        });
        // The file that overflows a batch begins the next one, unless it is alone.
        let (batch, after) = rest.split_at(full.unwrap_or(rest.len()).max(1).min(rest.len()));
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}
