//! Answers as the journal keeps them.

use serde::{Deserialize, Serialize};

use crate::check::CheckReport;
use crate::engine::EngineError;
use crate::failure::Failure;
use crate::id::{JobId, Phase, StepKey};
use crate::port::StoreError;
use crate::run::Answer;

/// Reads an answer from the journal.
pub(super) fn replay(key: &StepKey, bytes: &[u8]) -> Result<Answer, EngineError> {
    let damaged = |error: serde_json::Error| {
        EngineError::Store(StoreError::Corrupt {
            what: format!("the journal's answer to step {key}"),
            detail: error.to_string(),
        })
    };
    if key.phase == Phase::Base {
        let (report, from): (CheckReport, Option<JobId>) = serde_json::from_slice(bytes).map_err(damaged)?;
        Ok(from.map_or(Answer::Checked(report.clone()), |job| Answer::Recalled(report, job)))
    } else if matches!(key.phase, Phase::Test | Phase::Sandbox) || key.tool > 0 {
        Ok(Answer::Checked(serde_json::from_slice(bytes).map_err(damaged)?))
    } else if key.phase == Phase::Repair
        && let Ok(Declined { declined }) = serde_json::from_slice(bytes)
    {
        Ok(Answer::Declined(declined))
    } else {
        Ok(Answer::Reply(serde_json::from_slice(bytes).map_err(damaged)?))
    }
}

/// How the journal keeps that nobody could be asked.
#[derive(Debug, Serialize, Deserialize)]
struct Declined {
    declined: Failure,
}

/// Returns what the journal keeps of an answer that no model gave; none of one that it has already or that is not kept.
pub(super) fn kept(key: &StepKey, answer: &Answer) -> Result<Option<Vec<u8>>, serde_json::Error> {
    Ok(Some(match answer {
        Answer::Checked(report) if key.phase == Phase::Base => serde_json::to_vec(&(report, None::<JobId>))?,
        Answer::Checked(report) => serde_json::to_vec(report)?,
        Answer::Recalled(report, job) => serde_json::to_vec(&(report, Some(job)))?,
        Answer::Declined(failure) => serde_json::to_vec(&Declined { declined: failure.clone() })?,
        Answer::Loaded(_) | Answer::Merged(_) | Answer::Scanned(_) | Answer::Reply(_) | Answer::Delivered => {
            return Ok(None);
        }
    }))
}
