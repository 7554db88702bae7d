//! Delivering a revision to a branch of its own.
//!
//! Objects first, then one reference, moved only from where it was seen: a delivery that is cut short leaves
//! unreferenced objects and nothing else. Invariant: the commit's tree is exactly the revision's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use git2::{ErrorCode, Oid, Repository};
use vdo_core::content::{BlobHash, Bytes, Mode};
use vdo_core::port::{Delivery, DeployError, Deployer, Deployment, TreeSource};
use vdo_core::tree::FileTree;

use super::commit::{self, Objects};
use super::facts::Facts;
use super::{lineage, lock, message, open};
use crate::blocking;

/// How many contents are held in memory at once.
const BATCH: usize = 256;

/// The name a commit is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name. Default: `VDO`.
    pub name: String,
    /// The address. Default: `vdo@localhost`.
    pub email: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self { name: "VDO".to_owned(), email: "vdo@localhost".to_owned() }
    }
}

/// Delivers to the branch `vdo/job-<id>-<slug>` of a repository on this machine.
///
/// The repository may be bare, empty, a linked worktree, with a detached HEAD or uncommitted work; none of it is
/// touched. The commit's parents follow the lineage; see [`Deployment::ancestors`] for jobs that were never
/// delivered. A branch that was delivered before gets a further commit; one whose newest commit is
/// not VDO's own is refused as drift, and so is one that a job of another store made.
#[derive(Debug, Clone)]
pub struct GitBranchDeployer {
    repo: PathBuf,
    identity: Identity,
}

impl GitBranchDeployer {
    /// Returns a deployer to the repository at exactly this path; see [`super::discover`].
    #[must_use]
    pub fn new(repo: impl Into<PathBuf>) -> Self {
        Self { repo: repo.into(), identity: Identity::default() }
    }

    /// Sets the name commits are signed with.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }
}

/// How many jobs of other stores with the same number and title a repository may have branches of.
const MAX_NAMESAKES: u32 = 1000;

/// Where the branch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is not there.
    Absent,
    /// VDO made its tip for this job.
    At(Oid),
    /// Its tip is the revision.
    Done,
}

/// What was found out before anything is written.
#[derive(Debug)]
struct Survey {
    branch: String,
    standing: Standing,
    known: BTreeMap<u64, Oid>,
}

#[async_trait]
impl Deployer for GitBranchDeployer {
    async fn deploy(&self, deployment: Deployment<'_>) -> Result<Delivery, DeployError> {
        let facts = Facts::new(&deployment);
        let tree = deployment.source.tree();
        self.check_tree(tree, deployment.revision.root_hash)?;
        let survey = {
            let (repo, facts) = (self.repo.clone(), facts.clone());
            self.on_thread(move || survey(&repo, &facts)).await?
        };
        let delivery = Delivery {
            how: "branch".to_owned(),
            place: survey.branch.clone(),
            branch: Some(survey.branch.clone()),
            files: u64::try_from(tree.len()).unwrap_or(u64::MAX),
        };
        if survey.standing == Standing::Done {
            return Ok(delivery);
        }
        let at_hand: BTreeMap<u64, &dyn TreeSource> =
            deployment.ancestors.iter().map(|(id, source)| (id.number(), *source)).collect();
        let make = lineage::to_make(&facts, &survey.known, &at_hand.keys().copied().collect());
        let mut objects = Objects::new();
        let mut trees: BTreeMap<u64, FileTree> = BTreeMap::new();
        for id in make {
            if let Some(source) = at_hand.get(&id) {
                self.write_contents(*source, &mut objects).await?;
                trees.insert(id, source.tree().clone());
            }
        }
        self.write_contents(deployment.source, &mut objects).await?;
        trees.insert(facts.job.id, tree.clone());
        let (repo, identity) = (self.repo.clone(), self.identity.clone());
        self.on_thread(move || finish(&repo, &identity, &facts, &survey, &trees, &objects)).await?;
        Ok(delivery)
    }
}

impl GitBranchDeployer {
    fn check_tree(&self, tree: &FileTree, root_hash: BlobHash) -> Result<(), DeployError> {
        let refuse = |reason: String| Err(DeployError::Target { target: self.repo.display().to_string(), reason });
        if tree.root_hash() != root_hash {
            return refuse("the tree at hand is not the revision's".to_owned());
        }
        match tree.0.keys().find_map(|path| tree.fault_at(path)) {
            Some(fault) => refuse(format!("git cannot hold this tree: {fault}")),
            None => Ok(()),
        }
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, DeployError> + Send + 'static,
    ) -> Result<T, DeployError> {
        let fail = |source: std::io::Error| DeployError::Write {
            target: self.repo.display().to_string(),
            source: source.into(),
        };
        blocking::run(work).await.map_err(fail)?
    }

    /// Writes the contents of a tree to the object store.
    async fn write_contents(&self, source: &dyn TreeSource, objects: &mut Objects) -> Result<(), DeployError> {
        let wanted: BTreeMap<BlobHash, Mode> = source
            .tree()
            .0
            .values()
            .filter(|entry| !objects.contains_key(&entry.blob))
            .map(|entry| (entry.blob, entry.mode))
            .collect();
        let wanted: Vec<(BlobHash, Mode)> = wanted.into_iter().collect();
        for batch in wanted.chunks(BATCH) {
            let hashes: Vec<BlobHash> = batch.iter().map(|(hash, _)| *hash).collect();
            let contents = source.read(&hashes).await?;
            let work: Vec<(BlobHash, Mode, Bytes)> =
                batch.iter().zip(contents).map(|((hash, mode), bytes)| (*hash, *mode, bytes)).collect();
            let repo = self.repo.clone();
            objects.extend(self.on_thread(move || write_blobs(&repo, &work)).await?);
        }
        Ok(())
    }
}

fn write_blobs(path: &Path, work: &[(BlobHash, Mode, Bytes)]) -> Result<Objects, DeployError> {
    let repo = opened(path)?;
    let mut objects = Objects::new();
    for (hash, mode, bytes) in work {
        let oid = match mode {
            Mode::Submodule => str::from_utf8(bytes)
                .ok()
                .filter(|text| text.len() == 40)
                .and_then(|text| Oid::from_str(text).ok())
                .ok_or_else(|| refused(path, "a submodule of the tree names no commit".to_owned()))?,
            Mode::File | Mode::Executable | Mode::Symlink => repo.blob(bytes).map_err(|error| failed(path, error))?,
        };
        objects.insert(*hash, oid);
    }
    Ok(objects)
}

fn refused(path: &Path, reason: String) -> DeployError {
    DeployError::Target { target: path.display().to_string(), reason }
}

fn failed(path: &Path, error: git2::Error) -> DeployError {
    DeployError::Write { target: path.display().to_string(), source: error.into() }
}

fn opened(path: &Path) -> Result<Repository, DeployError> {
    open(path).map_err(|error| match error.code() {
        ErrorCode::NotFound => refused(path, "it is not a git repository".to_owned()),
        ErrorCode::Owner => refused(
            path,
            "it belongs to another user; deliver as that user, or name it in git's safe.directory setting".to_owned(),
        ),
        _ => failed(path, error),
    })
}

fn survey(path: &Path, facts: &Facts) -> Result<Survey, DeployError> {
    let repo = opened(path)?;
    let branch = choose_branch(&repo, facts).map_err(|error| failed(path, error))?;
    let standing = standing(path, &repo, facts, &branch)?;
    let known = lineage::known(&repo, facts).map_err(|error| failed(path, error))?;
    Ok(Survey { branch, standing, known })
}

/// Returns the branch this job was delivered to before, also under another title, or the one to make.
fn choose_branch(repo: &Repository, facts: &Facts) -> Result<String, git2::Error> {
    let job = &facts.job;
    if let Some(branch) = job.branch.as_ref().filter(|branch| message::is_branch_of(branch, job.id)) {
        return Ok(branch.clone());
    }
    for (branch, tip) in lineage::branches_of(repo, job.id)? {
        let trailers = lineage::trailers(&repo.find_commit(tip)?);
        if trailers.is_some_and(|trailers| trailers.job == job.id && trailers.born == Some(job.born)) {
            return Ok(branch);
        }
    }
    // A job of another store may have the same number and title; its branch stays its own.
    let name = message::branch_for(job.id, &job.title);
    let mut free = name.clone();
    for number in 2..=MAX_NAMESAKES {
        let Ok(reference) = repo.find_reference(&format!("refs/heads/{free}")) else { break };
        if lineage::trailers(&reference.peel_to_commit()?).is_none() {
            break;
        }
        free = format!("{name}-{number}");
    }
    Ok(free)
}

fn standing(path: &Path, repo: &Repository, facts: &Facts, branch: &str) -> Result<Standing, DeployError> {
    let fail = |error| failed(path, error);
    let drift = |what: String| DeployError::Drift { target: format!("branch {branch}"), what };
    let standing = match repo.find_reference(&format!("refs/heads/{branch}")) {
        Err(error) if error.code() == ErrorCode::NotFound => Standing::Absent,
        Err(error) => return Err(fail(error)),
        Ok(reference) => {
            let tip = reference.peel_to_commit().map_err(fail)?;
            let Some(trailers) = lineage::trailers(&tip) else {
                return Err(drift(format!("its newest commit {} was not made by VDO", tip.id())));
            };
            if trailers.job != facts.job.id || trailers.born != Some(facts.job.born) {
                return Err(drift(format!("its newest commit {} belongs to another job", tip.id())));
            }
            if commit::root_hash(repo, tip.id()).map_err(fail)? != Some(trailers.root_hash) {
                return Err(drift(format!("the files of its newest commit {} were changed", tip.id())));
            }
            if trailers.root_hash == facts.job.root_hash {
                return Ok(Standing::Done);
            }
            Standing::At(tip.id())
        }
    };
    if is_checked_out(repo, branch) {
        return Err(refused(path, format!("the branch {branch} is checked out; switch to another one first")));
    }
    Ok(standing)
}

/// Tells whether the repository or one of its worktrees has `branch` checked out, also if it has no commit yet.
fn is_checked_out(repo: &Repository, branch: &str) -> bool {
    let names = |head: PathBuf| {
        let text = std::fs::read_to_string(head).unwrap_or_default();
        text.trim().strip_prefix("ref: refs/heads/").is_some_and(|name| name == branch)
    };
    let common = repo.commondir();
    let worktrees = std::fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten();
    let own = !repo.is_bare() && names(common.join("HEAD"));
    own || worktrees.map(|folder| folder.path().join("HEAD")).any(names)
}

fn finish(
    path: &Path,
    identity: &Identity,
    facts: &Facts,
    survey: &Survey,
    trees: &BTreeMap<u64, FileTree>,
    objects: &Objects,
) -> Result<(), DeployError> {
    let fail = |error| failed(path, error);
    let repo = opened(path)?;
    let signed = (identity.name.as_str(), identity.email.as_str());
    let mut commits = survey.known.clone();
    for job in &facts.ancestors {
        if let Some(tree) = trees.get(&job.id) {
            let tree = commit::write_tree(&repo, tree, objects).map_err(fail)?;
            let parents = lineage::parents(&repo, facts, job, &commits);
            commits.insert(job.id, commit::write_commit(&repo, job, signed, tree, &parents).map_err(fail)?);
        }
    }
    let tree = trees.get(&facts.job.id).ok_or_else(|| refused(path, "the tree is not at hand".to_owned()))?;
    let tree = commit::write_tree(&repo, tree, objects).map_err(fail)?;
    let parents = match survey.standing {
        Standing::At(tip) => {
            let lineage = lineage::parents(&repo, facts, &facts.job, &commits);
            let new = lineage.into_iter().filter(|oid| !repo.graph_descendant_of(tip, *oid).unwrap_or(false));
            std::iter::once(tip).chain(new.collect::<BTreeSet<_>>()).collect()
        }
        Standing::Absent | Standing::Done => lineage::parents(&repo, facts, &facts.job, &commits),
    };
    let oid = commit::write_commit(&repo, &facts.job, signed, tree, &parents).map_err(fail)?;
    point(path, &repo, survey, oid)
}

/// Moves the branch to `oid`, unless somebody else moved it meanwhile.
fn point(path: &Path, repo: &Repository, survey: &Survey, oid: Oid) -> Result<(), DeployError> {
    let name = format!("refs/heads/{}", survey.branch);
    let log = "vdo: delivered";
    let moved = lock::with(repo, &name, || match survey.standing {
        Standing::At(tip) => repo.reference_matching(&name, oid, true, tip, log),
        Standing::Absent | Standing::Done => repo.reference(&name, oid, false, log),
    });
    match moved {
        Ok(_) => Ok(()),
        Err(_) if repo.refname_to_id(&name).is_ok_and(|now| now == oid) => Ok(()),
        Err(error) if matches!(error.code(), ErrorCode::Exists | ErrorCode::Modified) => Err(DeployError::Drift {
            target: format!("branch {}", survey.branch),
            what: "it was moved while the delivery was under way".to_owned(),
        }),
        Err(error) if error.code() == ErrorCode::Locked => Err(refused(
            path,
            format!("another process holds the lock of {name}; deliver again once it is done, or remove {name}.lock"),
        )),
        Err(_) if repo.find_reference("refs/heads/vdo").is_ok() => {
            Err(refused(path, "a branch named vdo is in the way of vdo/…; rename it".to_owned()))
        }
        Err(error) => Err(failed(path, error)),
    }
}
