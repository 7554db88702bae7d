//! What a run counts, and what it tells whoever listens.

use std::collections::BTreeMap;

use super::world::*;
use crate::engine::metrics::StepResult;
use crate::id::Phase;
use crate::job::JobStatus;
use crate::money::NanoUsd;

#[test]
fn a_run_is_counted_as_its_journal_and_ledger_say() {
    let world = World::short();
    let id = world.job();
    let engine = world.engine();
    assert_eq!(finish(engine.run(id)).unwrap().status, JobStatus::Completed);
    let figures = engine.clone().metrics();
    assert_eq!(figures.running, 0);
    assert_eq!(figures.runs, BTreeMap::from([("completed", 1)]));
    assert_eq!(figures.run_took.count(), 1);
    let rows = world.calls(id);
    let count = |state: &str| figures.calls.values().filter_map(|calls| calls.states.get(state)).sum::<u64>();
    assert_eq!((count("sent"), count("answered")), (rows.len() as u64, rows.len() as u64));
    let cost: NanoUsd = rows.iter().filter_map(|row| row.cost).sum();
    assert_eq!(figures.calls.values().map(|calls| calls.cost).sum::<NanoUsd>(), cost);
    let asked =
        figures.steps.iter().filter(|((phase, _), _)| matches!(phase, Phase::Plan | Phase::Build | Phase::Critique));
    assert_eq!(asked.map(|(_, count)| count).sum::<u64>(), rows.len() as u64);
    assert!(figures.steps.keys().all(|(_, result)| *result == StepResult::Answered));
    assert_eq!(figures.steps.get(&(Phase::Load, StepResult::Answered)), Some(&1));
}
