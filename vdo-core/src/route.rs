//! Choosing who is asked: ordered candidates per phase, and what to do when one fails.
//!
//! Pure. The choice is recorded with the call; a step that has an answer is never routed again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use crate::candidate::{Candidate, Decision, ParseCandidateError, Rejected, Rejection, Strategy};
use crate::failure::{Advice, Failure};
use crate::id::Phase;

/// Who is asked in which phase: ordered candidates, and a default for phases that name none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// By phase.
    pub phases: BTreeMap<Phase, Vec<Candidate>>,
    /// For the other phases.
    pub default: Vec<Candidate>,
}

impl Routes {
    /// Returns routes that ask one candidate for everything.
    #[must_use]
    pub fn all(candidate: Candidate) -> Self {
        Self { phases: BTreeMap::new(), default: vec![candidate] }
    }

    /// Returns the candidates of a phase, in order. Repair without an entry of its own goes where building goes.
    #[must_use]
    pub fn of(&self, phase: Phase) -> &[Candidate] {
        let own = |phase: &Phase| self.phases.get(phase).filter(|list| !list.is_empty());
        let inherited = if phase == Phase::Repair { own(&Phase::Build) } else { None };
        own(&phase).or(inherited).unwrap_or(&self.default)
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

/// What to do after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask the same candidate again after a wait.
    Again(Duration),
    /// Ask the next candidate.
    Other,
    /// Give up.
    Stop,
}

/// The longest wait a provider may ask for before another is tried instead.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// Decides what to do after `failure`, the `tries`-th failure of this candidate (from 1), of which `retries` more are allowed.
#[must_use]
pub fn next(failure: &Failure, tries: u32, retries: u32) -> Next {
    match failure.advice {
        Advice::Never => Next::Stop,
        Advice::RetryOther => Next::Other,
        Advice::RetrySame { .. } if tries > retries => Next::Other,
        Advice::RetrySame { after_ms: Some(wait) } if Duration::from_millis(wait) > MAX_WAIT => Next::Other,
        Advice::RetrySame { after_ms: Some(wait) } => Next::Again(Duration::from_millis(wait)),
        Advice::RetrySame { after_ms: None } => {
            Next::Again(Duration::from_millis(500u64.saturating_mul(1 << tries.saturating_sub(1).min(4))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;

    #[test]
    fn reviewers_who_did_not_write_the_change_come_first() {
        let parse = |text: &str| text.parse::<Candidate>().unwrap();
        let (a1, a2, b) = (parse("a:one"), parse("a:two"), parse("b:one"));
        let routes =
            Routes { phases: BTreeMap::from([(Phase::Plan, vec![b.clone()])]), default: vec![a1.clone(), a2.clone()] };
        assert_eq!(routes.reviewers(std::slice::from_ref(&a1)), [b, a2, a1]);
    }

    #[test]
    fn waits_are_kept_bounded_and_then_another_is_asked() {
        let failure = |advice| Failure::new(FailureKind::RateLimited, "").with_advice(advice);
        let asked = failure(Advice::RetrySame { after_ms: Some(50) });
        assert_eq!(next(&asked, 1, 2), Next::Again(Duration::from_millis(50)));
        assert_eq!(next(&asked, 3, 2), Next::Other);
        assert_eq!(next(&failure(Advice::RetrySame { after_ms: Some(3_600_000) }), 1, 2), Next::Other);
        assert_eq!(next(&failure(Advice::RetrySame { after_ms: None }), 2, 2), Next::Again(Duration::from_secs(1)));
        assert_eq!(next(&failure(Advice::Never), 1, 2), Next::Stop);
    }
}
