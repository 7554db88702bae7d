//! Workers as processes: each job is done once by any number of them, and none that dies, stands still or is stopped costs more than
//! the call that was under way. The witness is the provider: a server that counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test"
)]

#[path = "worker/cases.rs"]
mod cases;
mod support;

// Every case takes the address of a store; none is a file in the test's own place.

#[test]
fn several_workers_do_each_job_once() {
    cases::each_job_once(None);
}

#[test]
fn a_job_whose_worker_is_killed_goes_to_another_and_repeats_no_completed_call() {
    cases::killed(None, "--lease 2", std::time::Duration::from_secs(5));
}

#[test]
fn by_default_a_job_of_a_dead_worker_moves_within_25_seconds() {
    cases::killed(None, "", std::time::Duration::from_secs(25));
}

#[test]
fn what_a_worker_writes_after_it_stood_still_is_refused() {
    cases::zombie(None);
}

#[test]
fn a_job_that_kills_three_workers_is_put_aside_and_a_person_may_still_run_it() {
    cases::poison(None);
}

#[test]
fn a_worker_that_drains_ends_what_it_has_and_takes_nothing_new() {
    cases::drain(None);
}

#[test]
fn what_does_not_end_while_draining_is_given_back_at_once() {
    cases::given_back(None);
}

#[test]
fn a_cancelled_job_ends_its_call_and_its_check_within_seconds() {
    cases::cancelled(None);
}

#[test]
fn the_more_urgent_job_is_run_first() {
    cases::priorities(None);
}

#[test]
fn a_retry_that_is_scheduled_survives_the_worker() {
    cases::retried(None);
}

#[test]
fn children_are_run_once_their_parents_have_results() {
    cases::children(None);
}

#[test]
fn a_providers_limit_holds_over_all_workers() {
    cases::paced(None);
}

#[test]
fn a_dead_worker_keeps_no_place_among_a_providers_calls() {
    cases::place_of_the_dead(None);
}
