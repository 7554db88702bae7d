//! Edits written as text: SEARCH/REPLACE blocks below a path, and whole files in fences.
//!
//! ```text
//! src/app.py
//! <<<<<<< SEARCH
//! old lines
//! =======
//! new lines
//! >>>>>>> REPLACE
//! ```
//!
//! A whole file is its path on a line of its own and a fenced block below it. A file is removed by the line
//! `DELETE path`, moved by `RENAME path TO path`. The parser is total and linear.

use super::{Edit, EditError, FileOp, Hunk};
use crate::path::RepoPath;

/// Reads every edit in `reply`, in order. Text around them is ignored; a reply without edits gives an empty list.
///
/// # Errors
/// Every block that cannot be read, with its number and what is wrong.
pub fn parse(reply: &str) -> Result<Vec<Edit>, Vec<EditError>> {
    let mut parser =
        Parser { lines: reply.lines().collect(), at: 0, block: 0, path: None, edits: Vec::new(), faults: Vec::new() };
    parser.run();
    if parser.faults.is_empty() { Ok(parser.edits) } else { Err(parser.faults) }
}

struct Parser<'a> {
    lines: Vec<&'a str>,
    at: usize,
    block: usize,
    /// The last line that could be a path, for the block that follows it.
    path: Option<&'a str>,
    edits: Vec<Edit>,
    faults: Vec<EditError>,
}

fn marker(line: &str, mark: char, word: &str) -> bool {
    let line = line.trim_end();
    let rest = line.trim_start_matches(mark);
    let count = line.len() - rest.len();
    (5..=9).contains(&count) && rest.trim() == word
}

/// Returns the fence that opens on this line: its marks, and the words behind them.
fn fence(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let marks = line.len() - line.trim_start_matches('`').len();
    if marks < 3 {
        return None;
    }
    Some((line.get(..marks)?, line.get(marks..)?.trim()))
}

impl<'a> Parser<'a> {
    fn run(&mut self) {
        while let Some(line) = self.lines.get(self.at).copied() {
            self.at += 1;
            if marker(line, '<', "SEARCH") {
                self.search();
            } else if let Some((marks, info)) = fence(line) {
                self.fenced(marks, info);
            } else if let Some(path) = line.strip_prefix("DELETE ") {
                self.command(path, |path| Some(Edit { path, op: FileOp::Delete }));
            } else if let Some((from, to)) = line.strip_prefix("RENAME ").and_then(|rest| rest.split_once(" TO ")) {
                let to = to.trim().parse::<RepoPath>().ok();
                self.command(from, |path| to.map(|to| Edit { path, op: FileOp::Move(to) }));
            } else if !line.trim().is_empty() {
                self.path = Some(line);
            }
        }
    }

    fn fault(&mut self, reason: impl Into<String>) {
        self.faults.push(EditError::Block { block: self.block, reason: reason.into() });
    }

    fn command(&mut self, path: &str, make: impl FnOnce(RepoPath) -> Option<Edit>) {
        self.block += 1;
        match clean(path).parse::<RepoPath>() {
            Ok(path) => match make(path) {
                Some(edit) => self.edits.push(edit),
                None => self.fault("the new path is not one inside the project"),
            },
            Err(error) => self.fault(error.to_string()),
        }
    }

    /// Reads the path above the block, as models decorate it.
    fn named(&mut self) -> Option<RepoPath> {
        let Some(line) = self.path else {
            self.fault("there is no path on the line above it");
            return None;
        };
        match clean(line).parse() {
            Ok(path) => Some(path),
            Err(error) => {
                self.fault(error.to_string());
                None
            }
        }
    }

    fn until(&mut self, mut end: impl FnMut(&str) -> bool) -> Option<String> {
        let mut text = String::new();
        while let Some(line) = self.lines.get(self.at) {
            self.at += 1;
            if end(line) {
                return Some(text);
            }
            text.push_str(line);
            text.push('\n');
        }
        None
    }

    fn search(&mut self) {
        self.block += 1;
        let path = self.named();
        let Some(find) = self.until(|line| marker(line, '=', "")) else {
            return self.fault("it has no ======= line");
        };
        let Some(replace) = self.until(|line| marker(line, '>', "REPLACE")) else {
            return self.fault("it has no >>>>>>> REPLACE line; the reply may have been cut off");
        };
        if let Some(path) = path {
            self.edits.push(Edit { path, op: FileOp::Replace(vec![Hunk { find, replace, all: false }]) });
        }
    }

    /// Reads a fenced block: SEARCH/REPLACE blocks in it, or a whole file if a path stands above or in its first line.
    fn fenced(&mut self, marks: &str, info: &str) {
        let start = self.at;
        let has_search = self
            .lines
            .iter()
            .skip(start)
            .take_while(|line| line.trim() != marks)
            .take(3)
            .any(|line| marker(line, '<', "SEARCH"));
        if has_search {
            return;
        }
        let body = self.until(|line| line.trim() == marks);
        let inside = info.split_whitespace().rev().find_map(|word| path_like(word.trim_start_matches("path=")));
        let above = self.path.filter(|line| is_path_line(line)).and_then(|line| path_like(&clean(line)));
        let Some(path) = above.or(inside) else {
            return;
        };
        self.block += 1;
        self.path = None;
        match body {
            Some(text) => self.edits.push(Edit { path, op: FileOp::Write(text) }),
            None => self.fault("its fence is not closed; the reply may have been cut off"),
        }
    }
}

/// Takes away what models put around a path: `**`, backticks, `#`, a trailing colon, "File:".
fn clean(line: &str) -> String {
    let line = line.trim().trim_start_matches(['#', '*', '-', '>', ' ']);
    let line = line.strip_prefix("File:").or_else(|| line.strip_prefix("file:")).unwrap_or(line);
    line.trim()
        .trim_matches(['*', '`', '"', '\''])
        .trim_end_matches(':')
        .trim_matches(['*', '`', '"', '\''])
        .trim()
        .to_owned()
}

/// Tells whether a line above a fence is a path rather than a sentence.
fn is_path_line(line: &str) -> bool {
    let name = clean(line);
    !name.is_empty() && !name.contains(char::is_whitespace) && path_like(&name).is_some()
}

fn path_like(text: &str) -> Option<RepoPath> {
    let path: RepoPath = text.parse().ok()?;
    let known = ["Makefile", "Dockerfile", "LICENSE", "README"];
    (path.as_str().contains('/') || path.as_str().contains('.') || known.contains(&path.as_str())).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(path: &str, find: &str, replace: &str) -> Edit {
        let hunk = Hunk { find: find.to_owned(), replace: replace.to_owned(), all: false };
        Edit { path: path.parse().unwrap(), op: FileOp::Replace(vec![hunk]) }
    }

    fn write(path: &str, text: &str) -> Edit {
        Edit { path: path.parse().unwrap(), op: FileOp::Write(text.to_owned()) }
    }

    #[test]
    fn blocks_are_read_bare_and_in_fences_and_keep_their_path() {
        let reply = "Here:\n\n**src/a.py**\n```python\n<<<<<<< SEARCH\nold\n=======\nnew\n>>>>>>> REPLACE\n```\nand\n`b.py`:\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n";
        assert_eq!(parse(reply).unwrap(), [replace("src/a.py", "old\n", "new\n"), replace("b.py", "", "x\n")]);
    }

    #[test]
    fn whole_files_need_a_path_and_examples_without_one_are_ignored() {
        let reply = "src/a.py\n```python\nprint()\n```\nrun it:\n```sh\npython src/a.py\n```\n```js lib/b.js\nlet x\n```\nDELETE old.py\nRENAME c.py TO d.py\n";
        assert_eq!(
            parse(reply).unwrap(),
            [
                write("src/a.py", "print()\n"),
                write("lib/b.js", "let x\n"),
                Edit { path: "old.py".parse().unwrap(), op: FileOp::Delete },
                Edit { path: "c.py".parse().unwrap(), op: FileOp::Move("d.py".parse().unwrap()) },
            ]
        );
    }

    #[test]
    fn blocks_that_are_cut_or_lead_outside_are_faults() {
        for reply in [
            "a.py\n<<<<<<< SEARCH\nx\n",
            "a.py\n<<<<<<< SEARCH\nx\n=======\ny\n",
            "a.py\n```\nx\n",
            "../a.py\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
            "/etc/passwd\n<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
            "<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE\n",
            "DELETE .git/config\n",
        ] {
            assert_eq!(parse(reply).unwrap_err().len(), 1, "{reply}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<{5,7} SEARCH\n|={7}\n|>{7} REPLACE\n|```[a-z]*\n|a\\.py\n|x\n|DELETE |RENAME | TO |\\PC{0,4}){0,30}") {
            let _ = parse(&text);
        }
    }
}
