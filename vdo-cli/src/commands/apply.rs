//! `vdo apply`: makes the edits of a model's reply in a folder; never a provider, store or network.

use std::io::Read as _;
use std::path::Path;

use serde::Serialize;
use vdo_core::edit::Whole;
use vdo_workspace::folder::{EditFailure, FolderEdit};

use crate::args;
use crate::fail::{Fail, chain};
use crate::out::Out;

/// The longest reply that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// What was done, for programs.
#[derive(Debug, Serialize)]
struct Done {
    format: &'static str,
    files: Vec<String>,
    blocks: Vec<Landed>,
}

#[derive(Debug, Serialize)]
struct Landed {
    path: String,
    block: usize,
    rung: &'static str,
}

/// Makes edits.
pub(crate) fn run(out: &Out, args: &args::Apply) -> Result<(), Fail> {
    let reply = read(&args.reply)?;
    let whole = if args.complete { Whole::Yes } else { Whole::Unknown };
    if !args.dry_run {
        for path in FolderEdit::recover(&args.root).map_err(|failure| told(&failure))? {
            out.say(format!("vdo: {path} is as it was again: the command that changed it was killed"));
        }
    }
    let edit = FolderEdit::plan(&args.root, &reply, args.format, whole).map_err(|failure| told(&failure))?;
    let blocks = edit.applied().rungs.iter();
    let mut done = Done {
        format: edit.format().as_str(),
        files: Vec::new(),
        blocks: blocks
            .map(|(path, block, rung)| Landed { path: path.to_string(), block: *block, rung: rung.as_str() })
            .collect(),
    };
    if args.dry_run {
        return out.bytes(edit.patch().as_bytes());
    }
    let files = edit.write().map_err(|failure| told(&failure))?;
    done.files = files.iter().map(ToString::to_string).collect();
    if out.json {
        return out.value(&done);
    }
    for landed in done.blocks.iter().filter(|landed| landed.rung != "exact") {
        out.say(format!("vdo: {}: block {} was found but for {}", landed.path, landed.block, landed.rung));
    }
    done.files.iter().try_for_each(|file| out.line(file))
}

fn told(failure: &EditFailure) -> Fail {
    // Lines of files stand in it: what could steer a terminal does not.
    let is_harmless =
        |c: &char| *c == '\n' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    let text: String = chain(failure).chars().map(|c| if c == '\t' { ' ' } else { c }).filter(is_harmless).collect();
    Fail::failed(format!("nothing was changed:\n{}", vdo_core::context::bounded(&text, 20_000)))
}

fn read(path: &Path) -> Result<String, Fail> {
    let mut bytes = Vec::new();
    let took = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    took.map_err(|error| Fail::usage(format!("{}: {error}", path.display())))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(Fail::usage(format!("{} has more than {MAX_BYTES} bytes", path.display())));
    }
    String::from_utf8(bytes).map_err(|_| Fail::usage(format!("{} is not UTF-8 text", path.display())))
}
