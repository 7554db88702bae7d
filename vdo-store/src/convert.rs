//! Rows to values.
//!
//! Pure. Rows that no version of the store writes are errors, never guesses.

use std::collections::HashMap;

use sea_orm::{DbErr, QueryResult};
use serde::de::DeserializeOwned;
use vdo_core::check::CheckReport;
use vdo_core::conflict::{ConflictKind, ConflictRow, Decision, How};
use vdo_core::content::{BlobHash, Entry};
use vdo_core::event::Event;
use vdo_core::file::{Change, DeltaEntry};
use vdo_core::id::{JobId, Phase, RevisionId};
use vdo_core::job::{Correction, Job, JobSpec, MergePolicy, Revision};
use vdo_core::money::NanoUsd;
use vdo_core::path::RepoPath;
use vdo_core::port::{CallRow, PartialReply, SpendRow, StepRow};
use vdo_core::time::Timestamp;
use vdo_core::tree::{Manifest, ManifestEntry};
use vdo_core::tries::{Retries, Tries};
use vdo_core::usage::Usage;

use crate::entity::{JobRow, SpendSum, call, check, event, revision, step};
use crate::load::{Cells, hash_of, job_id, parents, small};
use crate::names::{self, uint};
use crate::pack::unpack;
use crate::read::odd;

fn from_json<T: DeserializeOwned>(what: &str, json: &[u8]) -> Result<T, DbErr> {
    serde_json::from_slice(json).map_err(|error| odd(what, error))
}

fn list<T: DeserializeOwned + Default>(what: &str, json: Option<String>) -> Result<T, DbErr> {
    json.map_or_else(|| Ok(T::default()), |json| from_json(what, json.as_bytes()))
}

fn word<T>(what: &str, value: Option<T>, text: &str) -> Result<T, DbErr> {
    value.ok_or_else(|| odd(what, text))
}

pub(crate) fn job(row: JobRow) -> Result<Job, DbErr> {
    let id = job_id(row.id)?;
    let head = match (row.head_id, row.head_cause, row.head_created, row.head_root_hash, row.head_author) {
        (Some(id), Some(cause), Some(created), Some(root_hash), Some(author)) => Some(revision(revision::Model {
            id,
            job_id: row.id,
            number: row.head_number,
            base_id: row.head_base_id,
            chain: 0,
            cause,
            created,
            root_hash,
            author,
            also: row.head_also,
        })?),
        (None, ..) => None,
        (Some(id), ..) => return Err(odd("newest revision", id)),
    };
    let (asked, parents) = parents(&row.parents)?.into_iter().unzip();
    let spec = JobSpec {
        title: row.title,
        description: row.description,
        kind: word("kind", names::from_word(&row.kind), &row.kind)?,
        parents: asked,
        merge: row
            .merge_policy
            .map_or(Ok(MergePolicy::default()), |text| text.parse().map_err(|error| odd("merge policy", error)))?,
        budget: row.budget.map(NanoUsd),
        autonomy: word("autonomy", names::from_word(&row.autonomy), &row.autonomy)?,
        checks: list("checks", row.checks)?,
        repo: row.repo,
        github_repo_url: row.github_repo_url,
        template: row.template,
        parameters: list("parameters", row.parameters)?,
        tags: list("tags", row.tags)?,
        project: row.project,
        idempotency_key: row.idempotency_key,
        priority: i8::try_from(row.priority).unwrap_or_default(),
    };
    Ok(Job {
        id,
        spec,
        parents,
        status: word("status", names::status(&row.status), &row.status)?,
        reason: row.reason,
        stamps: names::stamps(row.stamps),
        version: uint(row.version),
        cancel_requested: row.cancel_requested,
        depth: small(row.depth),
        root: job_id(row.root_id)?,
        head,
        branch: row.branch,
        rating: row.rating.and_then(|stars| u8::try_from(stars).ok()),
        note: row.note,
        is_reference: row.is_reference,
        cost: NanoUsd(row.cost),
        reserved: NanoUsd(row.reserved),
        usage: Usage {
            input: uint(row.usage_input),
            cache_read: uint(row.usage_cache_read),
            cache_write: uint(row.usage_cache_write),
            cache_write_long: uint(row.usage_cache_write_long),
            output: uint(row.usage_output),
            reasoning: uint(row.usage_reasoning),
            estimated: row.usage_estimated,
        },
        created: Timestamp(row.created),
        updated: Timestamp(row.updated),
        retries: Retries {
            tries: Tries {
                transient: small(row.tries_transient),
                fatal: small(row.tries_fatal),
                verdict: small(row.tries_verdict),
                infrastructure: small(row.tries_infrastructure),
            },
            crashes: small(row.crashes),
            not_before: row.not_before.map(Timestamp),
        },
    })
}

/// Returns the texts of a job that people or repositories gave.
pub(crate) fn texts_of_job(job: &mut Job) -> impl Iterator<Item = &mut String> {
    let spec = &mut job.spec;
    let optional = [
        &mut job.reason,
        &mut job.note,
        &mut job.branch,
        &mut spec.repo,
        &mut spec.github_repo_url,
        &mut spec.template,
        &mut spec.project,
        &mut spec.idempotency_key,
    ];
    let author = job.head.as_mut().map(|head| &mut head.author);
    [&mut spec.title, &mut spec.description].into_iter().chain(optional.into_iter().flatten()).chain(author)
}

/// Returns the texts of a conflict that people or models gave.
pub(crate) fn texts_of_conflict(conflict: &mut ConflictRow) -> impl Iterator<Item = &mut String> {
    [&mut conflict.reason].into_iter().chain(conflict.decision.as_mut().map(|decision| &mut decision.author))
}

pub(crate) fn revision(row: revision::Model) -> Result<Revision, DbErr> {
    Ok(Revision {
        id: RevisionId(uint(row.id)),
        job: job_id(row.job_id)?,
        number: small(row.number),
        root_hash: hash_of(&row.root_hash)?,
        base: row.base_id.map(|id| RevisionId(uint(id))),
        also: list::<Vec<u64>>("further bases", row.also)?.into_iter().map(RevisionId).collect(),
        cause: word("cause", names::cause(&row.cause), &row.cause)?,
        author: row.author,
        created: Timestamp(row.created),
    })
}

/// Lays one row of [`crate::sql::DELTAS`] over a manifest.
pub(crate) fn lay(manifest: &mut Manifest, jobs: &HashMap<i64, JobId>, row: &QueryResult) -> Result<(), DbErr> {
    let mut cells = Cells::of(row);
    let revision: i64 = cells.take()?;
    let path = path(cells.take()?)?;
    match entry(cells.take()?, cells.take()?)? {
        Some(entry) => {
            let job = match cells.take::<Option<i64>>()? {
                Some(origin) => job_id(origin)?,
                None => *jobs.get(&revision).ok_or_else(|| odd("revision", revision))?,
            };
            manifest.0.insert(path, ManifestEntry { entry, job });
        }
        None => _ = manifest.0.remove(&path),
    }
    Ok(())
}

pub(crate) fn delta(row: &QueryResult) -> Result<(RepoPath, DeltaEntry), DbErr> {
    let mut cells = Cells::of(row);
    let at = path(cells.take()?)?;
    let op: i64 = cells.take()?;
    let entry = entry(cells.take()?, cells.take()?)?;
    let from: Option<String> = cells.take()?;
    let step: Option<String> = cells.take()?;
    let change = match (op, entry, from) {
        (0, Some(entry), None) => Change::Created { entry },
        (1, Some(entry), None) => Change::Modified { entry },
        (2, Some(entry), Some(from)) => Change::Renamed { entry, from: path(from)? },
        (3, None, None) => Change::Deleted,
        (op, ..) => return Err(odd("change", op)),
    };
    let step = step.map(|key| key.parse().map_err(|error| odd("step", error))).transpose()?;
    let origin = cells.take::<Option<i64>>()?.map(job_id).transpose()?;
    Ok((at, DeltaEntry { change, step, origin }))
}

pub(crate) fn correction(row: &QueryResult) -> Result<Correction, DbErr> {
    let mut cells = Cells::of(row);
    let job = job_id(cells.take()?)?;
    let mut revision = || Ok::<_, DbErr>(RevisionId(uint(cells.take()?)));
    Ok(Correction { job, from: revision()?, to: revision()?, at: Timestamp(cells.take()?) })
}

pub(crate) fn conflict(row: &QueryResult) -> Result<ConflictRow, DbErr> {
    let mut cells = Cells::of(row);
    let (ordinal, round, created) = (small(cells.take()?), small(cells.take()?), Timestamp(cells.take()?));
    let at = path(cells.take()?)?;
    let mut side = || entry(cells.take()?, cells.take()?);
    let (base, ours, theirs) = (side()?, side()?, side()?);
    let mut place = || cells.take::<Option<String>>()?.map(path).transpose();
    let (base_path, ours_path, theirs_path) = (place()?, place()?, place()?);
    let (kind, reason): (String, String) = (cells.take()?, cells.take()?);
    let kind = word("kind of conflict", ConflictKind::ALL.into_iter().find(|known| known.as_str() == kind), &kind)?;
    let (how, author): (Option<String>, Option<String>) = (cells.take()?, cells.take()?);
    let decided: Option<i64> = cells.take()?;
    let result = entry(cells.take()?, cells.take()?)?;
    let decision = match (how, author, decided) {
        (Some(how), Some(author), Some(at)) => {
            let how = word("way to decide", How::ALL.into_iter().find(|known| known.as_str() == how), &how)?;
            Some(Decision { entry: result, how, author, at: Timestamp(at) })
        }
        (None, None, None) => None,
        _ => return Err(odd("decision of conflict", ordinal)),
    };
    Ok(ConflictRow {
        ordinal,
        round,
        path: at,
        base,
        ours,
        theirs,
        base_path,
        ours_path,
        theirs_path,
        kind,
        reason,
        decision,
        created,
    })
}

pub(crate) fn partial(row: &QueryResult) -> Result<PartialReply, DbErr> {
    let mut cells = Cells::of(row);
    let step = cells.take::<String>()?.parse().map_err(|error| odd("step", error))?;
    Ok(PartialReply { step, number: small(cells.take()?), text: cells.take()? })
}

fn path(text: String) -> Result<RepoPath, DbErr> {
    text.try_into().map_err(|error| odd("path", error))
}

fn entry(mode: Option<i64>, blob: Option<Vec<u8>>) -> Result<Option<Entry>, DbErr> {
    match (mode, blob) {
        (Some(number), Some(blob)) => {
            let mode = names::mode(number).ok_or_else(|| odd("file mode", number))?;
            Ok(Some(Entry { blob: hash_of(&blob)?, mode }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(odd("file", "without content")),
        (None, Some(_)) => Err(odd("file", "without mode")),
    }
}

pub(crate) fn step(row: step::Model) -> Result<StepRow, DbErr> {
    let answer = match (row.len, row.codec, row.answer) {
        (Some(len), Some(codec), Some(data)) => {
            Some(unpack(len, codec, data).map_err(|error| odd("answer of a step", error))?.into())
        }
        (None, None, None) => None,
        _ => return Err(odd("answer of step", row.key)),
    };
    Ok(StepRow {
        key: row.key.parse().map_err(|error| odd("step", error))?,
        state: names::step_state(row.state).ok_or_else(|| odd("state of a step", row.state))?,
        epoch: uint(row.epoch),
        request_hash: row.request_hash.map(|hash| hash_of(&hash)).transpose()?,
        answer,
    })
}

pub(crate) fn check(row: check::Model) -> Result<(Phase, u32, CheckReport), DbErr> {
    let phase = row.phase.parse().map_err(|error| odd("phase", error))?;
    let report = unpack(row.len, row.codec, row.report).map_err(|error| odd("report", error))?;
    Ok((phase, small(row.attempt), from_json("report", &report)?))
}

pub(crate) fn event(row: event::Model) -> Result<Event, DbErr> {
    let kind = unpack(row.len, row.codec, row.kind).map_err(|error| odd("event", error))?;
    Ok(Event { job: job_id(row.job_id)?, seq: uint(row.seq), at: Timestamp(row.at), kind: from_json("event", &kind)? })
}

pub(crate) fn call(row: call::Model) -> Result<CallRow, DbErr> {
    let usage = Usage {
        input: uint(row.usage_input),
        cache_read: uint(row.usage_cache_read),
        cache_write: uint(row.usage_cache_write),
        cache_write_long: uint(row.usage_cache_write_long),
        output: uint(row.usage_output),
        reasoning: uint(row.usage_reasoning),
        estimated: row.usage_estimated,
    };
    let hash = |bytes: &[u8]| -> Result<BlobHash, DbErr> { hash_of(bytes) };
    Ok(CallRow {
        step: row.step.parse().map_err(|error| odd("step", error))?,
        number: small(row.number),
        provider: row.provider,
        model: row.model,
        state: names::call_state(row.state).ok_or_else(|| odd("state of a call", row.state))?,
        request_hash: hash(&row.request_hash)?,
        prompt: row.prompt,
        prompt_hash: hash(&row.prompt_hash)?,
        edit_format: row.edit_format,
        reserved: row.reserved.map(NanoUsd),
        usage: row.usage_known.then_some(usage),
        cost: row.cost.map(NanoUsd),
        failure: row.failure.map(|json| from_json("failure", json.as_bytes())).transpose()?,
        outcome: match row.outcome {
            Some(number) => Some(names::outcome(number).ok_or_else(|| odd("outcome", number))?),
            None => None,
        },
        started: Timestamp(row.started),
        ended: row.ended.map(Timestamp),
        first_ms: row.first_ms.map(uint),
        tier: names::tier(row.tier).ok_or_else(|| odd("tier", row.tier))?,
        priced: row.priced,
        decision: row.decision.map(|json| from_json("decision", json.as_bytes())).transpose()?,
    })
}

pub(crate) fn spend(row: SpendSum) -> SpendRow {
    SpendRow {
        provider: row.provider,
        model: row.model,
        calls: uint(row.calls),
        usage: Usage {
            input: uint(row.usage_input),
            cache_read: uint(row.usage_cache_read),
            cache_write: uint(row.usage_cache_write),
            cache_write_long: uint(row.usage_cache_write_long),
            output: uint(row.usage_output),
            reasoning: uint(row.usage_reasoning),
            estimated: row.usage_estimated > 0,
        },
        cost: NanoUsd(row.cost),
        reserved: NanoUsd(row.reserved),
        unpriced: uint(row.unpriced),
    }
}
