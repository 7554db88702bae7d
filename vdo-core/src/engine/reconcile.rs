//! Saying what a call cost whose end nobody saw.

use crate::event::EventKind;
use crate::id::{JobId, StepKey};
use crate::money::NanoUsd;
use crate::port::changes::{CallWrite, Changes, Guard};
use crate::port::{CallRow, CallState, StoreError};

use super::{Engine, EngineError};

impl Engine {
    /// Writes what a possibly billed call cost, 0 if it was not billed; what was reserved for it is free again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such call, [`StoreError::Invalid`] if it is not one that may have been billed or
    /// the amount is negative, [`StoreError::Conflict`] if the job moved on meanwhile.
    pub async fn reconcile(
        &self,
        job: JobId,
        step: &StepKey,
        number: u32,
        cost: NanoUsd,
    ) -> Result<CallRow, EngineError> {
        let known = self.parts.store.job(job).await?;
        let rows = self.parts.store.calls(job).await?;
        let row = rows.into_iter().find(|row| row.step == *step && row.number == number);
        let row = row.ok_or_else(|| StoreError::NotFound(format!("call {step}#{number} of job {job}")))?;
        if row.state != CallState::PossiblyBilled {
            let text = format!("call {step}#{number} of job {job} is {}, not possibly billed", row.state.as_str());
            return Err(StoreError::Invalid(text).into());
        }
        let released = row.reserved.unwrap_or_default();
        let row = CallRow { state: CallState::Reconciled, cost: Some(cost), ..row };
        let guard = Guard::Version { job, version: known.version };
        let mut changes = Changes::new(guard, self.parts.clock.now()).with_event(EventKind::Reconciled {
            step: step.clone(),
            number,
            cost,
        });
        // Its usage was counted when it ended; only what it cost is news.
        changes.calls.push(CallWrite::new(CallRow { usage: None, ..row.clone() }).releasing(released));
        self.commit(changes).await?;
        Ok(row)
    }
}
