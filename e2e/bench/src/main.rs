//! `make bench`: figures against targets, on corpora and events that it generates itself (seeded, so that runs compare).
//!
//! Usage: `plimsoll-bench PATH-OF-PLIMSOLL [quick]`, or `plimsoll-bench memory|reach|change|whole|sizes|scrape [quick]` for one part. CPU time is this process's own, resident memory as the kernel counts it.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod change;
mod corpus;
mod figure;
mod measure;
mod memory;
mod reach;
mod scan;
mod scrape;
mod sizes;
mod whole;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use figure::Figures;

// As the operator itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let binary = PathBuf::from(
        arguments
            .next()
            .context("the path of a release build of plimsoll is missing")?,
    );
    let quick = arguments.next().as_deref() == Some("quick");
    let mut figures = Figures::default();
    match binary.to_str() {
        Some("memory") => memory::run(&mut figures, quick)?,
        Some("reach") => reach::run(&mut figures, quick)?,
        Some("change") => change::run(&mut figures, quick)?,
        Some("whole") => whole::run(&mut figures, quick)?,
        Some("scrape") => scrape::run(&mut figures, quick)?,
        Some("sizes") => sizes::run(&mut figures)?,
        _ => everything(&binary, &mut figures, quick)?,
    }
    println!("{figures}");
    Ok(())
}

fn everything(binary: &Path, figures: &mut Figures, quick: bool) -> anyhow::Result<()> {
    // First, while the allocator holds nothing that was freed.
    memory::run(figures, quick)?;
    reach::run(figures, quick)?;
    scan::run(binary, figures, quick)?;
    change::run(figures, quick)?;
    whole::run(figures, quick)?;
    scrape::run(figures, quick)?;
    sizes::run(figures)
}
