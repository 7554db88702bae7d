//! The commits a delivery builds on: the lineage as git's history.
//!
//! A job's commit is the one on its delivered branch; for an import, the commit it was made from; else one made
//! of its tree, if that is at hand. A job with none of these is passed over: its parents stand in.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Commit, Oid, Repository, Sort};

use super::commit::root_hash;
use super::facts::{Facts, JobFacts};
use super::message::{Trailers, is_branch_of};

/// How far back a branch is searched for a job's commit.
const MAX_STEPS: usize = 1000;

/// Returns what the commit's trailers say, if VDO made it.
pub(super) fn trailers(commit: &Commit<'_>) -> Option<Trailers> {
    Trailers::parse(commit.message().ok()?)
}

/// Returns the branches that a job with this number may have been delivered to, with their tips.
pub(super) fn branches_of(repo: &Repository, id: u64) -> Result<Vec<(String, Oid)>, git2::Error> {
    let mut branches = Vec::new();
    for reference in repo.references_glob(&format!("refs/heads/vdo/job-{id}*"))? {
        let reference = reference?;
        let name = reference.name().ok().and_then(|name| name.strip_prefix("refs/heads/"));
        if let (Some(name), Some(tip)) = (name.filter(|name| is_branch_of(name, id)), reference.target()) {
            branches.push((name.to_owned(), tip));
        }
    }
    branches.sort();
    Ok(branches)
}

/// Returns the commits that are known for jobs of the lineage, without writing anything.
pub(super) fn known(repo: &Repository, facts: &Facts) -> Result<BTreeMap<u64, Oid>, git2::Error> {
    let mut known = BTreeMap::new();
    for job in &facts.ancestors {
        let commit = match delivered(repo, job)? {
            None if job.came_from_outside => source(repo, job)?,
            found => found,
        };
        known.extend(commit.map(|commit| (job.id, commit)));
    }
    // Further parents of a merge may not be in the lineage; then their branch must do.
    let told: BTreeSet<u64> = facts.ancestors.iter().map(|job| job.id).collect();
    for parent in facts.job.parents.iter().filter(|parent| !told.contains(parent)) {
        for (_, tip) in branches_of(repo, *parent)? {
            if trailers(&repo.find_commit(tip)?).is_some_and(|trailers| trailers.job == *parent) {
                known.insert(*parent, tip);
            }
        }
    }
    Ok(known)
}

fn delivered(repo: &Repository, job: &JobFacts) -> Result<Option<Oid>, git2::Error> {
    for (_, tip) in branches_of(repo, job.id)? {
        let mut walk = repo.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL)?;
        walk.push(tip)?;
        for oid in walk.take(MAX_STEPS) {
            let oid = oid?;
            let commit = repo.find_commit(oid)?;
            let same = trailers(&commit).is_some_and(|trailers| {
                trailers.job == job.id
                    && trailers.root_hash == job.root_hash
                    && trailers.born.is_none_or(|born| born == job.born)
            });
            if same {
                return Ok(Some(oid));
            }
        }
    }
    Ok(None)
}

/// Returns the commit whose tree is exactly the one that `job` took in: the recorded one, or HEAD.
pub(super) fn source(repo: &Repository, job: &JobFacts) -> Result<Option<Oid>, git2::Error> {
    let head = repo.head().ok().and_then(|head| head.peel_to_commit().ok()).map(|commit| commit.id());
    for oid in recorded(repo, job).into_iter().chain(head) {
        if root_hash(repo, oid)? == Some(job.root_hash) {
            return Ok(Some(oid));
        }
    }
    Ok(None)
}

/// Returns the commit that `job` is recorded to have come from, if it is in this repository.
pub(super) fn recorded(repo: &Repository, job: &JobFacts) -> Option<Oid> {
    let oid = Oid::from_str(job.head.as_deref()?).ok()?;
    repo.find_commit(oid).ok().map(|commit| commit.id())
}

/// Returns the ancestors whose commits have to be made, of those whose trees are at hand, root first.
pub(super) fn to_make(facts: &Facts, known: &BTreeMap<u64, Oid>, at_hand: &BTreeSet<u64>) -> Vec<u64> {
    let jobs: BTreeMap<u64, &JobFacts> = facts.ancestors.iter().map(|job| (job.id, job)).collect();
    let mut wanted = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<u64> = facts.job.parents.clone();
    while let Some(id) = open.pop() {
        if known.contains_key(&id) || !seen.insert(id) {
            continue;
        }
        if at_hand.contains(&id) && jobs.contains_key(&id) {
            wanted.insert(id);
        }
        if let Some(job) = jobs.get(&id) {
            open.extend(&job.parents);
        }
    }
    facts.ancestors.iter().map(|job| job.id).filter(|id| wanted.contains(id)).collect()
}

/// Returns the commits that a job's commit has as parents. `commits` has the ancestors that have one.
pub(super) fn parents(repo: &Repository, facts: &Facts, job: &JobFacts, commits: &BTreeMap<u64, Oid>) -> Vec<Oid> {
    let jobs: BTreeMap<u64, &JobFacts> = facts.ancestors.iter().map(|job| (job.id, job)).collect();
    let mut found: Vec<Oid> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<u64> = job.parents.iter().rev().copied().collect();
    let mut add = |oid| {
        if !found.contains(&oid) {
            found.push(oid);
        }
    };
    if job.parents.is_empty()
        && let Some(oid) = recorded(repo, job)
    {
        add(oid);
    }
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        match (commits.get(&id), jobs.get(&id)) {
            (Some(oid), _) => add(*oid),
            (None, Some(job)) if job.parents.is_empty() => {
                if let Some(oid) = recorded(repo, job) {
                    add(oid);
                }
            }
            (None, Some(job)) => open.extend(job.parents.iter().rev()),
            (None, None) => {}
        }
    }
    found
}
