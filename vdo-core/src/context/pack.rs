//! Choosing how much of each file is shown, within a budget of tokens.
//!
//! A file is shown whole, as an outline, or by name; never cut. Each step up is worth a share of what the file is worth and costs
//! what it adds, and the steps are taken in the order of worth per token as long as they fit: the greedy answer to a
//! knapsack with choices, which misses the best one by less than the worth of one file. Files that a plan names go first.
//! Pure and deterministic; equal steps go by path.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::path::RepoPath;

/// How sharply worth falls with the score: that of the fit of the ranking's weights.
const SHARPNESS: f64 = 6.0;
/// What of a file's worth its outline has, and its name.
const OUTLINE: f64 = 0.4;
const NAME: f64 = 0.05;

/// How a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Its path.
    Name,
    /// The signatures of what it defines, with the first line of what is said of each.
    Outline,
    /// All of it.
    Whole,
}

/// A file that may be shown, and what that would cost in tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The path.
    pub path: RepoPath,
    /// How well it fits, as the ranking has it.
    pub score: f64,
    /// The tokens of its name.
    pub name: u64,
    /// The tokens of its outline with its name; none if it has none.
    pub outline: Option<u64>,
    /// The tokens of all of it with its name.
    pub whole: u64,
}

impl Choice {
    fn cost(&self, view: View) -> Option<u64> {
        match view {
            View::Name => Some(self.name),
            View::Outline => self.outline.filter(|outline| *outline < self.whole),
            View::Whole => Some(self.whole),
        }
    }
}

/// A file that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Packed {
    /// The path.
    pub path: RepoPath,
    /// How.
    pub view: View,
    /// What that costs, as an estimate.
    pub tokens: u64,
}

/// What is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pack {
    /// The files, in path order: a prompt made of them changes as little as can be.
    pub files: Vec<Packed>,
    /// What they cost together, as an estimate.
    pub tokens: u64,
    /// What they might have cost.
    pub budget: u64,
    /// Whether tokens are estimates rather than a provider's count.
    pub is_estimate: bool,
}

impl Pack {
    /// Returns the paths that are shown in one way, in path order.
    pub fn shown(&self, view: View) -> impl Iterator<Item = &RepoPath> {
        self.files.iter().filter(move |file| file.view == view).map(|file| &file.path)
    }
}

/// A step up, ordered by worth per token.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    worth: f64,
    file: usize,
    to: View,
}

impl Eq for Step {}

impl Ord for Step {
    fn cmp(&self, other: &Self) -> Ordering {
        let worth = self.worth.total_cmp(&other.worth);
        worth.then_with(|| other.file.cmp(&self.file)).then_with(|| other.to.cmp(&self.to))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Chooses how each file is shown. `targets` are shown whole as far as they fit, before anything else.
#[must_use]
pub fn pack(mut choices: Vec<Choice>, targets: &BTreeSet<RepoPath>, budget: u64) -> Pack {
    choices.sort_by(|one, other| one.path.cmp(&other.path));
    choices.dedup_by(|one, other| one.path == other.path);
    let best = choices.iter().map(|choice| choice.score).fold(f64::NEG_INFINITY, f64::max);
    let mut packing = Packing { views: vec![None; choices.len()], tokens: 0, budget, best, choices: &choices };
    let by_score = |one: &usize, other: &usize| packing.score(*other).total_cmp(&packing.score(*one));
    let mut wanted: Vec<usize> = (0..choices.len()).collect();
    wanted.retain(|file| choices.get(*file).is_some_and(|choice| targets.contains(&choice.path)));
    wanted.sort_by(by_score);
    for file in wanted {
        // One that does not fit whole is shown as far as it does.
        let _ = [View::Whole, View::Outline, View::Name].iter().any(|view| packing.take(file, *view));
    }
    let mut steps: BinaryHeap<Step> = (0..choices.len()).flat_map(|file| packing.steps(file)).collect();
    while let Some(step) = steps.pop() {
        if packing.views.get(step.file).is_some_and(|view| *view < Some(step.to)) && packing.take(step.file, step.to) {
            steps.extend(packing.steps(step.file));
        }
    }
    let (views, tokens) = (packing.views, packing.tokens);
    let files = choices.iter().zip(views).filter_map(|(choice, view)| {
        Some(Packed { path: choice.path.clone(), view: view?, tokens: choice.cost(view?)? })
    });
    Pack { files: files.collect(), tokens, budget, is_estimate: true }
}

struct Packing<'c> {
    choices: &'c [Choice],
    views: Vec<Option<View>>,
    tokens: u64,
    budget: u64,
    best: f64,
}

impl Packing<'_> {
    fn score(&self, file: usize) -> f64 {
        self.choices.get(file).map_or(0.0, |choice| choice.score)
    }

    /// Shows a file so, if there is such a view of it and it fits; returns whether it does.
    fn take(&mut self, file: usize, view: View) -> bool {
        let Some(cost) = self.choices.get(file).and_then(|choice| choice.cost(view)) else { return false };
        let spent = self.spent(file);
        if self.tokens - spent + cost > self.budget {
            return false;
        }
        self.tokens = self.tokens - spent + cost;
        if let Some(now) = self.views.get_mut(file) {
            *now = Some(view);
        }
        true
    }

    fn spent(&self, file: usize) -> u64 {
        let view = self.views.get(file).copied().flatten();
        view.and_then(|view| self.choices.get(file)?.cost(view)).unwrap_or_default()
    }

    /// Returns the steps up from where a file is, by what each is worth for a token.
    fn steps(&self, file: usize) -> Vec<Step> {
        let share = |view: Option<View>| match view {
            None => 0.0,
            Some(View::Name) => NAME,
            Some(View::Outline) => OUTLINE,
            Some(View::Whole) => 1.0,
        };
        let now = self.views.get(file).copied().flatten();
        let worth = (SHARPNESS * (self.score(file) - self.best)).exp();
        let step = |to: View| {
            let cost = self.choices.get(file)?.cost(to)?.checked_sub(self.spent(file))?.max(1);
            let gain = worth * (share(Some(to)) - share(now));
            #[expect(clippy::cast_precision_loss, reason = "costs are far below 2^52")]
            let each = gain / cost as f64;
            Some(Step { worth: each, file, to })
        };
        [View::Name, View::Outline, View::Whole].into_iter().filter(|view| Some(*view) > now).filter_map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn choice(path: &str, score: f64, whole: u64) -> Choice {
        Choice { path: path.parse().unwrap(), score, name: 5, outline: Some(5 + whole / 8), whole: whole + 5 }
    }

    fn told(pack: &Pack) -> Vec<(String, View)> {
        pack.files.iter().map(|file| (file.path.to_string(), file.view)).collect()
    }

    #[test]
    fn the_best_files_are_whole_the_next_outlines_and_the_rest_names() {
        let choices = vec![
            choice("a.py", 1.2, 900),
            choice("b.py", 1.0, 900),
            choice("c.py", 0.4, 900),
            choice("d.py", 0.1, 900),
        ];
        let pack = pack(choices, &BTreeSet::new(), 1100);
        let wanted = [("a.py", View::Whole), ("b.py", View::Outline), ("c.py", View::Name), ("d.py", View::Name)];
        assert_eq!(told(&pack), wanted.map(|(path, view)| (path.to_owned(), view)));
        assert_eq!(pack.tokens, pack.files.iter().map(|file| file.tokens).sum::<u64>());
    }

    #[test]
    fn targets_go_first_whatever_their_score() {
        let choices = vec![choice("a.py", 1.2, 900), choice("z.py", 0.0, 900)];
        let pack = pack(choices, &BTreeSet::from(["z.py".parse().unwrap()]), 1000);
        assert_eq!(told(&pack), [("a.py".to_owned(), View::Name), ("z.py".to_owned(), View::Whole)]);
    }

    #[test]
    fn a_target_that_does_not_fit_is_an_outline() {
        let pack = pack(vec![choice("z.py", 1.0, 9000)], &BTreeSet::from(["z.py".parse().unwrap()]), 2000);
        assert_eq!(told(&pack), [("z.py".to_owned(), View::Outline)]);
    }

    proptest! {
        #[test]
        fn the_budget_is_never_passed_and_no_file_is_shown_twice(
            files in prop::collection::vec((0_u8..40, 0.0..2.0, 0_u64..5000), 0..60),
            budget in 0_u64..20_000,
            target in 0_u8..40,
        ) {
            let choices = files.iter().map(|(name, score, whole)| choice(&format!("f{name}.rs"), *score, *whole)).collect();
            let targets = BTreeSet::from([format!("f{target}.rs").parse().unwrap()]);
            let pack = pack(choices, &targets, budget);
            prop_assert!(pack.tokens <= budget);
            prop_assert_eq!(pack.tokens, pack.files.iter().map(|file| file.tokens).sum::<u64>());
            prop_assert!(pack.files.windows(2).all(|pair| pair[0].path < pair[1].path));
        }
    }
}
