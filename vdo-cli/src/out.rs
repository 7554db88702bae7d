//! Where output goes: data to standard output, talk to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::fail::Fail;

/// How a command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Out {
    /// JSON instead of text.
    pub(crate) json: bool,
    /// No talk.
    pub(crate) quiet: bool,
}

impl Out {
    /// Prints a line of data. A reader that went away ends the command quietly.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> Result<(), Fail> {
        self.bytes(format!("{}\n", text.as_ref()).as_bytes())
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<(), Fail> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Fail::Code(0)),
            other => Ok(other?),
        }
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn value(&self, value: &impl Serialize) -> Result<(), Fail> {
        self.line(serde_json::to_string(value).map_err(|error| Fail::failed(error.to_string()))?)
    }

    /// Says something to the person in front of the screen.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
        }
    }
}

/// Returns whether standard error is a terminal that takes colours and moving lines.
pub(crate) fn is_lively() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
