//! Saying things to people: on standard error, with hostile text escaped.

use std::{
    fmt::Display,
    io::{ErrorKind, IsTerminal, Write},
};

use plimsoll_engine::text::escape;

/// Whether a stream may bear colours: a terminal, and nobody asked for none (<https://no-color.org>).
pub(crate) fn styled(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// An error that ends the command, with its causes; each line of it escaped on its own.
pub(crate) fn error(error: &anyhow::Error) {
    for (i, line) in format!("{error:#}").lines().enumerate() {
        let head = if i == 0 { "error: " } else { "       " };
        to_stderr(format_args!("{head}{}", escape(line)));
    }
}

/// Something worth knowing that ends nothing.
pub(crate) fn warning(text: impl Display) {
    to_stderr(format_args!("warning: {}", escape(&text.to_string())));
}

fn to_stderr(line: impl Display) {
    // Where standard error is closed there is nobody to tell.
    _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Whether the reader of our output went away (`plimsoll … | head`).
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let direct = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let through_json = cause
            .downcast_ref::<serde_json::Error>()
            .and_then(serde_json::Error::io_error_kind);
        direct.or(through_json) == Some(ErrorKind::BrokenPipe)
    })
}
