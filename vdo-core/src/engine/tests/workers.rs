//! What an engine that keeps to the rules of workers says of jobs that others ended.

use std::future::Future as _;
use std::task::Context;

use futures_util::task::noop_waker_ref;

use super::world::*;
use crate::engine::{EngineError, WorkerRules};
use crate::job::JobStatus;

#[test]
fn of_two_workers_that_saw_a_job_waiting_one_says_that_it_ran_it_whenever_the_other_comes_to_it() {
    // The second has taken so many breaths, its look and perhaps its claim among them, when the first runs the whole job.
    for breaths in 0..=3 {
        let world = World::short();
        let id = world.job();
        let worker = |owner: &str| world.builder().owner(owner).worker_rules(WorkerRules::default()).build();
        let (first, second) = (worker("first"), worker("second"));
        let mut late = Box::pin(second.run(id));
        let mut context = Context::from_waker(noop_waker_ref());
        for _ in 0..breaths {
            assert!(late.as_mut().poll(&mut context).is_pending());
        }
        match finish(first.run(id)) {
            Ok(job) => assert_eq!(job.status, JobStatus::Completed),
            // The second was there before.
            Err(error) => {
                assert_eq!((breaths, error.to_string().contains("second")), (3, true), "{error}");
                continue;
            }
        }
        let (events, calls) = (world.events(id), world.calls(id));
        let said = finish(late);
        assert!(
            matches!(said, Err(EngineError::NotRunnable { job, status: JobStatus::Completed }) if job == id),
            "after {breaths} breaths: {said:?}"
        );
        assert_eq!((world.events(id), world.calls(id)), (events, calls));
    }
}

#[test]
fn a_job_with_a_result_comes_back_as_it_is_to_a_person() {
    let world = World::short();
    let id = world.job();
    let once = finish(world.engine().run(id)).unwrap();
    assert_eq!(finish(world.engine().run(id)).unwrap(), once);
}
