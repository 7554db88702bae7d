//! The line that ends a request and says where in a run it was made.

use std::fmt;

use crate::message::{Block, Completion, Role};

/// What the last line of a request's last user message says: `[vdo job=1 phase=build task=t1 attempt=1 turn=2]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestTag {
    /// The job's number.
    pub job: Option<String>,
    /// The phase.
    pub phase: Option<String>,
    /// The task, in phases that work on one.
    pub task: Option<String>,
    /// Which try this is, from 1.
    pub attempt: Option<u32>,
    /// Which exchange within the try, from 1.
    pub turn: Option<u32>,
}

impl RequestTag {
    /// Returns the tag of a request, if it has one.
    #[must_use]
    pub fn of(request: &Completion) -> Option<Self> {
        let last = request.messages.iter().rfind(|message| message.role == Role::User)?;
        last.blocks.iter().rev().find_map(|block| match block {
            Block::Text { text } => Self::parse(text),
            Block::ToolResult { content, .. } => Self::parse(content),
            Block::ToolCall(_) | Block::Reasoning(_) => None,
        })
    }

    /// Returns the tag that ends `text`, if one does. Fields it does not know are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.trim_end().lines().next_back()?.trim();
        let fields = line.strip_prefix("[vdo ")?.strip_suffix(']')?;
        let mut tag = Self::default();
        for (name, value) in fields.split_whitespace().filter_map(|field| field.split_once('=')) {
            let given = || (value != "-").then(|| value.to_owned());
            match name {
                "job" => tag.job = given(),
                "phase" => tag.phase = given(),
                "task" => tag.task = given(),
                "attempt" => tag.attempt = value.parse().ok(),
                "turn" => tag.turn = value.parse().ok(),
                _ => {}
            }
        }
        Some(tag)
    }
}

impl fmt::Display for RequestTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.phase.as_deref().unwrap_or("(none)"))?;
        if let Some(task) = &self.task {
            write!(f, ", task {task}")?;
        }
        if let Some(attempt) = self.attempt {
            write!(f, ", attempt {attempt}")?;
        }
        if let Some(turn) = self.turn {
            write!(f, ", turn {turn}")?;
        }
        Ok(())
    }
}
