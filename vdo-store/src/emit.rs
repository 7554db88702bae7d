//! Turns accepted writes into rows.
//!
//! Pure, and total: whatever was accepted can be written.

use vdo_core::conflict::ConflictRow;
use vdo_core::file::Change;
use vdo_core::id::JobId;
use vdo_core::job::{JobSpec, MergePolicy};
use vdo_core::port::CallRow;
use vdo_core::port::changes::{Guard, NewRevision, Receipt};
use vdo_core::time::Timestamp;
use vdo_core::tries::{Retries, RetryClass};
use vdo_core::usage::Usage;

use crate::names;
use crate::pack::Packed;
use crate::prepare::Prepared;
use crate::rows::{Row, Rows};
use crate::state::{JobState, State};

/// Writes a new job and its parents.
pub(crate) fn created(rows: &mut Rows, id: JobId, job: &JobState, spec: &JobSpec, at: Timestamp) {
    let extends = job.parents.first().map(|parent| names::int(parent.job.number()));
    let json = |list: &[String]| (!list.is_empty()).then(|| serde_json::to_string(list).unwrap_or_default());
    let parameters = (!spec.parameters.is_empty()).then(|| serde_json::to_string(&spec.parameters).unwrap_or_default());
    rows.jobs
        .row()
        .int(names::int(id.number()))
        .int(extends)
        .flag(extends.is_some())
        .int(i64::from(job.depth))
        .int(names::int(job.root.number()))
        .text(names::word(&spec.kind).as_str())
        .text(job.status.as_str())
        .int(names::int(job.version))
        .int(spec.budget.map(|budget| budget.0))
        .text(names::word(&spec.autonomy).as_str())
        .int(at.0)
        .int(job.updated.0)
        .free(spec.title.as_str())
        .free(spec.repo.as_deref())
        .free(spec.github_repo_url.as_deref())
        .free(spec.template.as_deref())
        .free(spec.project.as_deref())
        .free(spec.idempotency_key.as_deref())
        .text(json(&spec.tags).as_deref())
        .text(json(&spec.checks).as_deref())
        .text(parameters.as_deref())
        .free(spec.description.as_str())
        .text((spec.merge != MergePolicy::default()).then(|| spec.merge.as_str()))
        .int(i64::from(spec.priority));
    for (ordinal, parent) in job.parents.iter().enumerate() {
        rows.parents
            .row()
            .int(names::int(id.number()))
            .int(names::int(ordinal as u64))
            .int(names::int(parent.job.number()))
            .int(parent.number.map(i64::from))
            .int(parent.number.map(i64::from))
            .int(parent.revision.map(|revision| names::int(revision.0)));
    }
}

/// Writes what changes add to a job.
pub(crate) fn written(
    rows: &mut Rows,
    id: JobId,
    job: &JobState,
    prepared: &Prepared,
    crossed: &[Packed],
    receipt: &Receipt,
) {
    let changes = &prepared.changes;
    let number = names::int(id.number());
    let epoch = match &changes.guard {
        Guard::Lease(lease) => names::int(lease.epoch),
        Guard::Create(_) | Guard::Version { .. } => names::int(job.epoch),
    };
    for (hash, packed) in &prepared.blobs {
        let mut row = rows.blobs().row();
        row.bytes(hash.as_bytes().as_slice());
        packed_bytes(&mut row, packed);
        drop(row);
        rows.wanted.row().bytes(hash.as_bytes().as_slice());
    }
    for (step, answer) in changes.steps.iter().zip(&prepared.answers) {
        let key = step.key.to_string();
        let mut row = rows.steps.keyed(|| format!("{number} {key}"));
        row.int(number).text(key.as_str()).int(names::step_number(step.state)).int(epoch);
        row.bytes(step.request_hash.as_ref().map(|hash| hash.as_bytes().as_slice()));
        match answer {
            Some(packed) => packed_bytes(&mut row, packed),
            None => _ = row.int(None).int(None).bytes(None),
        }
    }
    for call in &changes.calls {
        let key = || format!("{number} {} {}", call.row.step, call.row.number);
        call_row(&mut rows.calls.keyed(key), number, &call.row);
    }
    for partial in &changes.partials {
        let (step, count) = (partial.step.to_string(), i64::from(partial.number));
        match &partial.text {
            Some(text) => {
                let mut row = rows.partials.keyed(|| format!("{number} {step} {count}"));
                row.int(number).text(step.as_str()).int(count).free(text.as_str());
            }
            None => _ = rows.needless.row().int(number).text(step.as_str()).int(count),
        }
    }
    for known in &changes.outcomes {
        let mut row = rows.outcomes.keyed(|| format!("{number} {} {}", known.step, known.number));
        row.int(number).text(known.step.to_string().as_str()).int(i64::from(known.number));
        row.int(names::outcome_number(known.outcome));
    }
    for (seq, packed) in (receipt.first_seq..).zip(prepared.events.iter().chain(crossed)) {
        let mut row = rows.events.row();
        row.int(number).int(names::int(seq)).int(changes.at.0);
        packed_bytes(&mut row, packed);
    }
    for (ordinal, revision) in &changes.pins {
        let parent = usize::try_from(*ordinal).ok().and_then(|at| job.parents.get(at));
        let pinned = parent.and_then(|parent| parent.number).map(i64::from);
        rows.pins
            .keyed(|| format!("{number} {ordinal}"))
            .int(number)
            .int(i64::from(*ordinal))
            .int(pinned)
            .int(names::int(revision.0));
    }
    for (check, packed) in changes.checks.iter().zip(&prepared.checks) {
        let mut row = rows.checks.row();
        row.int(number).text(check.phase.as_str()).int(i64::from(check.attempt)).flag(check.report.passed());
        row.text(check.report.tier.to_string().as_str()).bytes(check.report.tree_hash.as_bytes().as_slice());
        row.int(changes.at.0);
        packed_bytes(&mut row, packed);
    }
    for conflict in &changes.conflicts {
        conflict_row(&mut rows.conflicts.keyed(|| format!("{number} {}", conflict.ordinal)), number, conflict);
    }
    if let (Some(from), Some((to, _))) = (changes.correction, receipt.revision) {
        rows.corrections.row().int(number).int(names::int(from.0)).int(names::int(to.0)).int(changes.at.0);
    }
    if let Some(new) = &changes.revision {
        revision(rows, number, new, prepared, receipt);
    }
}

/// Writes the rows of the jobs that a batch touched, each once.
pub(crate) fn jobs(rows: &mut Rows, state: &State) {
    for id in &state.dirty {
        let Some(job) = state.jobs.get(id) else { continue };
        let number = names::int(id.number());
        let mut row = rows.counters.row();
        row.int(number).int(names::int(job.version)).text(job.owner.as_deref()).int(names::int(job.epoch));
        row.int(job.until.map(|until| until.0)).int(names::int(job.next_seq)).int(job.cost.0).int(job.reserved.0);
        usage(&mut row, &job.usage);
        drop(row);
        if !job.moved {
            continue;
        }
        let mut row = rows.states.row();
        row.int(number).text(job.status.as_str()).int(job.updated.0).flag(job.cancel_requested).int(job.stamps);
        row.int(job.head.map(|head| names::int(head.0))).int(i64::from(job.head_number));
        row.free(job.reason.as_deref()).free(job.branch.as_deref());
        let rating = job.rating.as_ref();
        row.int(rating.map(|rating| i64::from(rating.stars)));
        row.flag(rating.map(|rating| rating.is_reference));
        row.free(rating.and_then(|rating| rating.note.as_deref()));
        let Retries { tries, crashes, not_before } = job.retries;
        row.int(not_before.map(|at| at.0)).int(i64::from(crashes));
        for class in RetryClass::ALL {
            row.int(i64::from(tries.of(class)));
        }
    }
}

fn revision(rows: &mut Rows, job: i64, new: &NewRevision, prepared: &Prepared, receipt: &Receipt) {
    let (Some((id, number)), Some(made)) = (receipt.revision, &prepared.revision) else { return };
    let id = names::int(id.0);
    rows.revisions
        .row()
        .int(id)
        .int(job)
        .int(i64::from(number))
        .int(new.base.map(|base| names::int(base.0)))
        .int(names::int(made.chain))
        .text(new.cause.as_str())
        .int(prepared.changes.at.0)
        .bytes(new.root_hash.as_bytes().as_slice())
        .free(new.author.as_str())
        .text((!new.also.is_empty()).then(|| serde_json::to_string(&new.also).unwrap_or_default()).as_deref());
    for (path, entry) in &new.delta.0 {
        let file = entry.change.entry();
        let (op, from) = match &entry.change {
            Change::Created { .. } => (0, None),
            Change::Modified { .. } => (1, None),
            Change::Renamed { from, .. } => (2, Some(from.as_str())),
            Change::Deleted => (3, None),
        };
        let step = entry.step.as_ref().map(ToString::to_string);
        rows.files
            .row()
            .int(id)
            .text(path.as_str())
            .bytes(file.as_ref().map(|file| file.blob.as_bytes().as_slice()))
            .int(file.map(|file| names::mode_number(file.mode)))
            .int(op)
            .text(from)
            .text(step.as_deref())
            .int(entry.origin.map(|job| names::int(job.number())));
    }
    if let Some(manifest) = &made.snapshot {
        rows.snapshots.row().int(id).bytes(manifest.as_slice());
    }
}

fn call_row(row: &mut Row<'_>, job: i64, call: &CallRow) {
    let failure = call.failure.as_ref().map(|failure| serde_json::to_string(failure).unwrap_or_default());
    row.int(job).text(call.step.to_string().as_str()).int(i64::from(call.number)).int(names::call_number(call.state));
    row.int(call.started.0).int(call.ended.map(|ended| ended.0));
    row.int(call.reserved.map(|amount| amount.0)).int(call.cost.map(|amount| amount.0));
    row.flag(call.usage.is_some());
    usage(row, &call.usage.unwrap_or_default());
    row.int(call.outcome.map(names::outcome_number));
    row.text(call.provider.as_str()).text(call.model.as_str()).text(call.prompt.as_str());
    row.text(call.edit_format.as_deref());
    row.bytes(call.request_hash.as_bytes().as_slice()).bytes(call.prompt_hash.as_bytes().as_slice());
    row.text(failure.as_deref());
    let decision = call.decision.as_ref().map(|decision| serde_json::to_string(decision).unwrap_or_default());
    row.int(call.first_ms.map(names::int)).int(names::tier_number(call.tier));
    row.text(call.priced.as_deref()).text(decision.as_deref());
}

fn conflict_row(row: &mut Row<'_>, job: i64, conflict: &ConflictRow) {
    let decision = conflict.decision.as_ref();
    let entries = [conflict.base, conflict.ours, conflict.theirs, decision.and_then(|decision| decision.entry)];
    row.int(job).int(i64::from(conflict.ordinal)).int(i64::from(conflict.round)).int(conflict.created.0);
    for entry in entries {
        row.int(entry.map(|entry| names::mode_number(entry.mode)));
    }
    row.int(decision.map(|decision| decision.at.0));
    row.text(if decision.is_some() { "resolved" } else { "open" }).text(conflict.path.as_str());
    for entry in &entries {
        row.bytes(entry.as_ref().map(|entry| entry.blob.as_bytes().as_slice()));
    }
    for path in [&conflict.base_path, &conflict.ours_path, &conflict.theirs_path] {
        row.text(path.as_ref().map(|path| path.as_str()));
    }
    row.free(conflict.reason.as_str()).text(decision.map(|decision| decision.how.as_str()));
    row.free(decision.map(|decision| decision.author.as_str())).text(conflict.kind.as_str());
}

fn usage(row: &mut Row<'_>, usage: &Usage) {
    let counts =
        [usage.input, usage.cache_read, usage.cache_write, usage.cache_write_long, usage.output, usage.reasoning];
    for count in counts {
        row.int(names::tokens(count));
    }
    row.flag(usage.estimated);
}

fn packed_bytes(row: &mut Row<'_>, packed: &Packed) {
    row.int(names::int(packed.len as u64)).int(i64::from(packed.codec)).bytes(packed.data.as_slice());
}
