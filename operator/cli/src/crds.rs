//! `plimsoll crds`: the CustomResourceDefinitions, for `kubectl apply -f -`.

use anyhow::{Result, bail};

/// Print the CustomResourceDefinitions as YAML
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn main(_args: &Args) -> Result<()> {
    bail!("not in this build")
}
