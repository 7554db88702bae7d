//! What is left in a file that nobody meant to be there: conflict markers, and words in the place of code.

use super::{Report, Touched, View, short};
use crate::findings::{Finding, Severity};

pub(super) fn look(view: &View<'_>, findings: &mut Vec<Finding>) {
    for file in &view.files {
        markers(file, findings);
        placeholders(file, findings);
    }
}

/// A file in which all three marks of a conflict are new.
fn markers(file: &Touched<'_>, findings: &mut Vec<Finding>) {
    let marks = |text: &str| {
        let at = |mark: &str| {
            text.lines()
                .position(|line| line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
        };
        Some((at("<<<<<<<")?, at("=======")?, at(">>>>>>>")?))
            .filter(|(ours, middle, theirs)| ours < middle && middle < theirs)
    };
    let Some((first, _, _)) = file.after.and_then(marks) else { return };
    if file.before.and_then(marks).is_some() || matches!(file.path.extension(), Some("rst")) {
        return;
    }
    let line = u32::try_from(first + 1).ok();
    findings.push(Report { by: "merge-marker", severity: Severity::Blocker, file: file.path, line }.says(
        "the marks of an unfinished merge are left in the file".to_owned(),
        "write what the file is to be in their place",
    ));
}

/// Lines such as `# ... existing code ...`.
fn placeholders(file: &Touched<'_>, findings: &mut Vec<Finding>) {
    if matches!(file.path.extension(), Some("md" | "rst" | "txt" | "adoc")) {
        return;
    }
    let found = file.added().into_iter().find(|(_, line)| is_placeholder(line));
    if let Some((line, text)) = found {
        let report = Report { by: "placeholder", severity: Severity::Blocker, file: file.path, line: Some(line) };
        findings.push(
            report
                .says(format!("words stand in the place of code: {}", short(text)), "write out the code that is meant"),
        );
    }
}

/// Returns whether a line is a comment that says that code was left out.
pub(super) fn is_placeholder(line: &str) -> bool {
    let text = line.trim().to_lowercase();
    let comment = ["#", "//", "/*", "<!--", "--", "{/*", "*", "%", ";"].iter().any(|mark| text.starts_with(mark));
    let bare = text.starts_with("...") || text.starts_with('…');
    if !(comment || bare) || !(text.contains("...") || text.contains('…')) {
        return false;
    }
    const WORDS: &[&str] = &[
        "existing code",
        "rest of the code",
        "rest of code",
        "rest of the file",
        "rest of file",
        "rest of the function",
        "rest of the class",
        "rest of the method",
        "rest of the implementation",
        "remaining code",
        "remaining methods",
        "unchanged",
        "same as before",
        "previous code",
        "other methods",
        "other code",
        "existing methods",
        "existing implementation",
        "existing imports",
        "code here",
        "code omitted",
        "keep existing",
        "as before",
    ];
    WORDS.iter().any(|words| text.contains(words))
}
