//! `vdo merge-file`: merges three files; never a provider, store or network, so that it can be a git merge driver.

use std::path::Path;

use vdo_core::diff::is_binary;
use vdo_core::merge::markers::Labels;
use vdo_core::merge::text::{TextMerge, Texts, merge};
use vdo_core::path::RepoPath;
use vdo_workspace::beside;
use vdo_workspace::syntax::TreeSitterSyntax;

use crate::args;
use crate::fail::Fail;
use crate::out::Out;

/// No merge was made; git takes everything above 128 as an error of the driver.
pub(crate) const NO_MERGE: u8 = 129;
/// The largest file that is merged, in bytes.
const MAX_BYTES: u64 = 100 << 20;
/// The most lines of a file that is merged.
const MAX_LINES: usize = 5_000_000;

/// Merges three files.
pub(crate) fn run(out: &Out, args: &args::MergeFile) -> Result<(), Fail> {
    let merged = match read_and_merge(args) {
        Ok(merged) => merged,
        Err(text) => return no_merge(out, &text),
    };
    let conflicts: Vec<String> = merged.conflicts().map(|conflict| conflict.reason.clone()).collect();
    let shown = |path: &Path| path.display().to_string();
    let defaults = [shown(&args.ours), shown(&args.base), shown(&args.theirs)];
    let label = |number: usize| args.labels.get(number).or(defaults.get(number)).map_or("", String::as_str);
    let labels = Labels { ours: label(0), base: label(1), theirs: label(2) };
    let size = args.marker_size.unwrap_or_else(|| merged.marker_size());
    let text = merged.with_markers(labels, size);
    match &args.output {
        Some(path) => {
            if let Err(error) = beside::write(path, &text) {
                return no_merge(out, &format!("{}: {error}", path.display()));
            }
        }
        None => out.bytes(&text)?,
    }
    if conflicts.is_empty() {
        return Ok(());
    }
    for (number, reason) in conflicts.iter().enumerate() {
        out.say(format!("vdo: conflict {} of {}: {}", number + 1, conflicts.len(), crate::story::plain(reason, 300)));
    }
    Err(Fail::Code(1))
}

fn no_merge(out: &Out, text: &str) -> Result<(), Fail> {
    out.say(format!("vdo: no merge was made: {}", crate::story::plain(text, 1000)));
    Err(Fail::Code(NO_MERGE))
}

fn read_and_merge(args: &args::MergeFile) -> Result<TextMerge, String> {
    let named = match &args.path {
        Some(path) => path.clone(),
        None => args.ours.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let path: RepoPath = named.parse().map_err(|error| format!("--path {named}: {error}"))?;
    let (base, ours, theirs) = (read(&args.base)?, read(&args.ours)?, read(&args.theirs)?);
    let one_side = if ours == theirs || theirs == base {
        Some(&ours)
    } else if ours == base {
        Some(&theirs)
    } else {
        None
    };
    if let Some(bytes) = one_side {
        return Ok(TextMerge::of(bytes.clone()));
    }
    for (bytes, file) in [(&base, &args.base), (&ours, &args.ours), (&theirs, &args.theirs)] {
        if is_binary(bytes) {
            return Err(format!("{} is binary, and both sides changed it; take one side as it is", file.display()));
        }
        if bytes.iter().filter(|byte| **byte == b'\n').count() > MAX_LINES {
            return Err(format!("{} has more than {MAX_LINES} lines", file.display()));
        }
    }
    Ok(merge(Texts { path: &path, base: &base, ours: &ours, theirs: &theirs }, &TreeSitterSyntax))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let meta = std::fs::metadata(path).map_err(told)?;
    if meta.is_dir() {
        return Err(format!("{} is a folder", path.display()));
    }
    if meta.len() > MAX_BYTES {
        return Err(format!("{} has {} bytes; at most {MAX_BYTES} are merged", path.display(), meta.len()));
    }
    std::fs::read(path).map_err(told)
}
