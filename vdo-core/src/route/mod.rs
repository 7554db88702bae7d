//! Choosing who is asked: candidates per phase, who of them can be asked now, and what to do when one fails.
//!
//! Pure, over data that stores keep ([`crate::health`], [`crate::budget`]). The choice is recorded with the call; a step that
//! has an answer is never routed again.

mod choose;
mod retry;
mod translate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::candidate::{Candidate, Decision, ParseCandidateError, Rejected, Rejection, Strategy};
use crate::id::Phase;
pub use choose::{Choice, Known, Question, choose};
pub use retry::{Next, RetryPolicy, next};
pub use translate::translate;

/// Who is asked in which phase: ordered candidates, and a default for phases that name none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// By phase.
    pub phases: BTreeMap<Phase, Vec<Candidate>>,
    /// For the other phases.
    pub default: Vec<Candidate>,
    /// How one of several is chosen, by phase; in their order where nothing is said.
    #[serde(default)]
    pub strategies: BTreeMap<Phase, Strategy>,
    /// How one of several is chosen in the other phases.
    #[serde(default)]
    pub strategy: Strategy,
}

impl Routes {
    /// Returns routes that ask one candidate for everything.
    #[must_use]
    pub fn all(candidate: Candidate) -> Self {
        Self { default: vec![candidate], ..Self::default() }
    }

    /// Returns the candidates of a phase, in order. Repair without an entry of its own goes where building goes.
    #[must_use]
    pub fn of(&self, phase: Phase) -> &[Candidate] {
        let own = |phase: &Phase| self.phases.get(phase).filter(|list| !list.is_empty());
        let inherited = if phase == Phase::Repair { own(&Phase::Build) } else { None };
        own(&phase).or(inherited).unwrap_or(&self.default)
    }

    /// Returns how one of the candidates of a phase is chosen.
    #[must_use]
    pub fn strategy_of(&self, phase: Phase) -> Strategy {
        self.strategies.get(&phase).copied().unwrap_or(self.strategy)
    }

    /// Returns every candidate that is named, each once.
    pub fn all_candidates(&self) -> impl Iterator<Item = &Candidate> {
        let mut seen = std::collections::BTreeSet::new();
        self.phases.values().flatten().chain(&self.default).filter(move |candidate| seen.insert(*candidate))
    }

    /// Returns the candidates for a review, those first that did not write the change: another provider, else another model.
    #[must_use]
    pub fn reviewers(&self, authors: &[Candidate]) -> Vec<Candidate> {
        let mut ordered: Vec<Candidate> = self.of(Phase::Critique).to_vec();
        if !self.phases.contains_key(&Phase::Critique) {
            for other in self.phases.values().flatten().chain(&self.default) {
                if !ordered.contains(other) {
                    ordered.push(other.clone());
                }
            }
        }
        ordered.sort_by_key(|candidate| {
            let same_provider = authors.iter().any(|author| author.provider == candidate.provider);
            (authors.contains(candidate), same_provider)
        });
        ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reviewers_who_did_not_write_the_change_come_first() {
        let parse = |text: &str| text.parse::<Candidate>().unwrap();
        let (a1, a2, b) = (parse("a:one"), parse("a:two"), parse("b:one"));
        let routes = Routes {
            phases: BTreeMap::from([(Phase::Plan, vec![b.clone()])]),
            default: vec![a1.clone(), a2.clone()],
            ..Routes::default()
        };
        assert_eq!(routes.reviewers(std::slice::from_ref(&a1)), [b, a2, a1]);
    }
}
