//! `make bench`: figures against targets, on corpora and events that it generates itself (seeded, so that runs compare).
//!
//! Usage: `plimsoll-bench PATH-OF-PLIMSOLL [quick]`, or `plimsoll-bench reach|memory|scrape [quick]` for one of these alone. CPU time is this process's own, resident memory as the kernel counts it.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod change;
mod corpus;
mod figure;
mod measure;
mod memory;
mod reach;
mod scan;
mod scrape;

use std::path::PathBuf;

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
    if let Some(alone @ ("reach" | "memory" | "scrape")) = binary.to_str() {
        match alone {
            "reach" => reach::run(&mut figures, quick)?,
            "scrape" => scrape::run(&mut figures, quick)?,
            _ => memory::run(&mut figures, quick)?,
        }
        println!("{figures}");
        return Ok(());
    }
    // First, while the allocator holds nothing that was freed.
    memory::run(&mut figures, quick)?;
    reach::run(&mut figures, quick)?;
    scan::run(&binary, &mut figures, quick)?;
    change::run(&mut figures, quick)?;
    scrape::run(&mut figures, quick)?;
    println!("{figures}");
    Ok(())
}
