//! Where a report is written: whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, StdoutLock, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};

/// Standard output, or a file that appears under its name when it is complete.
pub(crate) enum Target {
    Stdout(BufWriter<StdoutLock<'static>>),
    File {
        part: PathBuf,
        path: PathBuf,
        out: BufWriter<File>,
    },
}

impl Target {
    pub(crate) fn open(file: &str) -> Result<Self> {
        if file == "-" {
            return Ok(Self::Stdout(BufWriter::new(io::stdout().lock())));
        }
        let path = PathBuf::from(file);
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let out = File::create(&part).with_context(|| part.display().to_string())?;
        Ok(Self::File {
            part,
            path,
            out: BufWriter::new(out),
        })
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush()?,
            Self::File { part, path, mut out } => {
                out.flush().with_context(|| part.display().to_string())?;
                drop(out);
                fs::rename(&part, &path).with_context(|| path.display().to_string())?;
            }
        }
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File { out, .. } => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File { out, .. } => out.flush(),
        }
    }
}
