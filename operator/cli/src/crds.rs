//! `plimsoll crds`: the CustomResourceDefinitions, for `kubectl apply -f -`.

use std::io::Write;

use anyhow::Result;

/// Print the CustomResourceDefinitions as YAML
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn main(_args: &Args) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for crd in plimsoll_api::crds(&plimsoll_controls::registry())? {
        writeln!(out, "---")?;
        write!(out, "{}", serde_yaml::to_string(&crd)?)?;
    }
    Ok(())
}
