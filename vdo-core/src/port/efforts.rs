//! The levels of reasoning that a model takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::message::Effort;

/// Levels of reasoning. The default is every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Vec<Effort>", into = "Vec<Effort>")]
#[schemars(with = "Vec<Effort>")]
pub struct Efforts(u8);

/// Every level, least first.
const ALL: [Effort; 7] =
    [Effort::None, Effort::Minimal, Effort::Low, Effort::Medium, Effort::High, Effort::Xhigh, Effort::Max];

impl Efforts {
    /// Returns whether a level is one of them.
    #[must_use]
    pub fn contains(self, effort: Effort) -> bool {
        self.0 & bit(effort) != 0
    }

    /// Returns the level, or the one nearest to it that is taken: the next lower one, else the next higher. Not to reason at all is
    /// near to nothing else.
    #[must_use]
    pub fn nearest(self, effort: Effort) -> Option<Effort> {
        if self.contains(effort) || effort == Effort::None {
            return Some(effort).filter(|effort| self.contains(*effort));
        }
        let taken = ALL.into_iter().filter(|other| *other != Effort::None && self.contains(*other));
        let (lower, higher): (Vec<_>, Vec<_>) = taken.partition(|other| *other < effort);
        lower.last().or(higher.first()).copied()
    }
}

fn bit(effort: Effort) -> u8 {
    1 << (effort as u8)
}

impl Default for Efforts {
    fn default() -> Self {
        ALL.to_vec().into()
    }
}

impl From<Vec<Effort>> for Efforts {
    fn from(efforts: Vec<Effort>) -> Self {
        Self(efforts.into_iter().map(bit).fold(0, |all, one| all | one))
    }
}

impl From<Efforts> for Vec<Effort> {
    fn from(efforts: Efforts) -> Self {
        ALL.into_iter().filter(|effort| efforts.contains(*effort)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_level_is_the_next_lower_one() {
        let some = Efforts::from(vec![Effort::Medium, Effort::High, Effort::Max]);
        let nearest = ALL.map(|effort| some.nearest(effort));
        let (medium, high, max) = (Some(Effort::Medium), Some(Effort::High), Some(Effort::Max));
        assert_eq!(nearest, [None, medium, medium, medium, high, high, max]);
        assert_eq!(ALL.map(|effort| Efforts::default().nearest(effort)), ALL.map(Some));
        assert_eq!(Efforts::from(Vec::new()).nearest(Effort::Low), None);
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"["medium","high","max"]"#);
        assert_eq!(serde_json::from_str::<Efforts>(r#"["max","high","medium"]"#).unwrap(), some);
    }
}
