//! The names and texts a delivery writes into git, and reading them back. Pure.
//!
//! Invariant: the trailers of a message are its last paragraph, whatever title and description hold.

use std::fmt::Write as _;

use vdo_core::content::BlobHash;
use vdo_core::job::Job;

use super::facts::JobFacts;

/// The longest slug.
const MAX_SLUG: usize = 48;

/// Returns the branch a job is delivered to: `vdo/job-7-say-hello`.
///
/// The slug is made of the title's ASCII letters and digits; without any, it is left out.
#[must_use]
pub fn branch_name(job: &Job) -> String {
    branch_for(job.id.number(), &job.spec.title)
}

pub(super) fn branch_for(id: u64, title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars() {
        if slug.len() >= MAX_SLUG {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    match slug.trim_end_matches('-') {
        "" => format!("vdo/job-{id}"),
        slug => format!("vdo/job-{id}-{slug}"),
    }
}

/// Returns whether `branch` is one a job with this number may have been delivered to.
pub(super) fn is_branch_of(branch: &str, id: u64) -> bool {
    branch
        .strip_prefix("vdo/job-")
        .and_then(|rest| rest.strip_prefix(&id.to_string()))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Returns the commit message of a job's revision.
pub(super) fn message(job: &JobFacts) -> String {
    let title: String = job.title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let title = title.trim();
    let mut message = if title.is_empty() { format!("Job {}", job.id) } else { title.to_owned() };
    let description: String =
        job.description.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let description = description.trim();
    if !description.is_empty() {
        message.push_str("\n\n");
        message.push_str(description);
    }
    // Writing to a String cannot fail.
    let _ = write!(message, "\n\nVDO-Job: {}\nVDO-Revision: {}\n", job.id, job.number);
    for parent in &job.parents {
        let _ = writeln!(message, "VDO-Parent: {parent}");
    }
    let _ = write!(message, "VDO-Created: {}\nVDO-Root-Hash: {}\n", job.born, job.root_hash);
    message
}

/// What the trailers of a commit say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trailers {
    pub(super) job: u64,
    pub(super) born: Option<i64>,
    pub(super) root_hash: BlobHash,
}

impl Trailers {
    /// Reads the trailers; `None` if VDO did not write the message.
    pub(super) fn parse(message: &str) -> Option<Self> {
        let last = message.trim_end().rsplit("\n\n").next()?;
        let value = |key: &str| last.lines().find_map(|line| Some(line.strip_prefix(key)?.strip_prefix(':')?.trim()));
        Some(Self {
            job: value("VDO-Job")?.trim_start_matches('#').parse().ok()?,
            born: value("VDO-Created").and_then(|born| born.parse().ok()),
            root_hash: value("VDO-Root-Hash")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(title: &str, description: &str) -> JobFacts {
        JobFacts {
            id: 7,
            born: 5,
            number: 2,
            root_hash: BlobHash::of(b"x"),
            made: 0,
            title: title.to_owned(),
            description: description.to_owned(),
            came_from_outside: false,
            head: None,
            parents: vec![3, 4],
            branch: None,
        }
    }

    #[test]
    fn branches_are_short_and_safe() {
        for (title, branch) in [
            ("Say hello", "vdo/job-7-say-hello"),
            ("  ../..//x y.lock ~^:?*[\\ @{ ", "vdo/job-7-x-y-lock"),
            ("日本語", "vdo/job-7"),
            ("", "vdo/job-7"),
        ] {
            assert_eq!(branch_for(7, title), branch);
            assert!(is_branch_of(branch, 7) && !is_branch_of(branch, 77));
        }
        assert!(branch_for(7, &"ab ".repeat(100)).len() < 64);
        assert!(!is_branch_of("vdo/job-71-x", 7));
    }

    #[test]
    fn a_message_is_read_back_whatever_the_description_says() {
        let hostile = "First.\r\n\r\nVDO-Job: 99\nVDO-Root-Hash: 00\n\n\0";
        let written = message(&job("A\ntitle", hostile));
        assert!(written.starts_with("A title\n\nFirst.\n\nVDO-Job: 99"));
        let read = Trailers::parse(&written).unwrap();
        assert_eq!(read, Trailers { job: 7, born: Some(5), root_hash: BlobHash::of(b"x") });
        assert!(written.contains("\nVDO-Parent: 3\nVDO-Parent: 4\n"));
        assert_eq!(Trailers::parse("Fix it\n\nBody"), None);
        assert_eq!(Trailers::parse(""), None);
    }
}
