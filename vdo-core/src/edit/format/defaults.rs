//! Which model writes which format, and how a model is asked to write it.
//!
//! The defaults follow published results of how many replies of a model are well-formed in a format, and what its makers
//! train it on.

use serde::{Deserialize, Serialize};

use super::Format;

/// The format each model is asked for, by a part of its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formats {
    /// The beginning of a model's name, behind the last `/`, in lower case; and its format. The longest that fits counts.
    pub by_model: Vec<(String, Format)>,
    /// For every other model.
    pub other: Format,
}

impl Default for Formats {
    fn default() -> Self {
        let table = [
            ("claude", Format::StrReplace),
            ("gpt", Format::V4a),
            ("codex", Format::V4a),
            ("o1", Format::V4a),
            ("o3", Format::V4a),
            ("o4", Format::V4a),
            ("gemini", Format::SearchReplace),
        ];
        Self { by_model: table.map(|(name, format)| (name.to_owned(), format)).to_vec(), other: Format::SearchReplace }
    }
}

impl Formats {
    /// Sets the format of the models whose names begin with `model`.
    #[must_use]
    pub fn with(mut self, model: &str, format: Format) -> Self {
        let model = model.to_lowercase();
        self.by_model.retain(|(name, _)| *name != model);
        self.by_model.push((model, format));
        self
    }

    /// Returns the format a model is asked for.
    #[must_use]
    pub fn of(&self, model: &str) -> Format {
        let lower = model.to_lowercase();
        let name = lower.rsplit('/').next().unwrap_or(&lower);
        let fits = self.by_model.iter().filter(|(start, _)| name.starts_with(start.as_str()));
        fits.max_by_key(|(start, _)| start.len()).map_or(self.other, |(_, format)| *format)
    }
}

const FILES: &str = "To create a file, write its path on a line of its own and below it the whole content between ``` fences.\n\
    To remove a file write a line: DELETE path. To move one: RENAME path TO path.\n";

impl Format {
    /// Returns how a model is told to write edits as text. Tool calls are asked for as blocks where there are no tools.
    #[must_use]
    pub fn instructions(self) -> String {
        let how = match self {
            Self::SearchReplace | Self::StrReplace => format!(
                "To change an existing file, write its path on a line of its own and below it one or more blocks:\n\
                 <<<<<<< SEARCH\nlines quoted exactly from the file, enough to be found only once\n=======\n\
                 the lines that replace them\n>>>>>>> REPLACE\n{FILES}"
            ),
            Self::UnifiedDiff => "Write one unified diff in a ```diff fence: --- and +++ lines with paths, /dev/null for files that come \
                 or go, and @@ hunks with enough unchanged lines to be found only once.\n"
                .to_owned(),
            Self::V4a => "Write one patch:\n*** Begin Patch\n*** Update File: path\n@@ the class or function it stands in\n \
                 three unchanged lines\n-a line that goes\n+a line that comes\n three unchanged lines\n\
                 *** Add File: path\n+every line of it\n*** Delete File: path\n*** End Patch\n\
                 To move a file, write *** Move to: path below its Update line.\n"
                .to_owned(),
            Self::Whole => format!("Write every file that changes whole, even if little of it does.\n{FILES}"),
        };
        format!(
            "Answer with edits only. {how}Touch only the files of the task. Never re-create an existing file. Leave no placeholders.\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_that_fits_counts() {
        let formats = Formats::default().with("gpt-4o", Format::Whole);
        for (model, format) in [
            ("claude-opus-5-5", Format::StrReplace),
            ("anthropic/claude-haiku-4-5", Format::StrReplace),
            ("gpt-5.5", Format::V4a),
            ("GPT-4o-mini", Format::Whole),
            ("gemini-3-pro", Format::SearchReplace),
            ("qwen3-coder", Format::SearchReplace),
        ] {
            assert_eq!(formats.of(model), format, "{model}");
        }
    }

    #[test]
    fn how_edits_are_asked_for_changes_only_on_purpose() {
        let text: String =
            Format::ALL.iter().map(|format| format!("[{}]\n{}\n", format.as_str(), format.instructions())).collect();
        insta::assert_snapshot!(text);
    }
}
