//! The cases of workers once more, with the store and the queue in PostgreSQL. Each has a server of its own.
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
#[path = "../../vdo-store/tests/common/postgres.rs"]
mod postgres;
mod support;

use std::time::Duration;

use postgres::Postgres;

/// Makes a test of each case on a fresh database.
macro_rules! on_postgres {
    ($($name:ident => |$store:ident| $case:expr;)*) => { $(
        #[test]
        fn $name() {
            let server = Postgres::start();
            let $store = Some(server.database());
            $case
        }
    )* };
}

on_postgres! {
    several_workers_do_each_job_once => |store| cases::each_job_once(store);
    a_job_whose_worker_is_killed_goes_to_another_and_repeats_no_completed_call =>
        |store| cases::killed(store, "--lease 2", Duration::from_secs(5));
    by_default_a_job_of_a_dead_worker_moves_within_25_seconds => |store| cases::killed(store, "", Duration::from_secs(25));
    what_a_worker_writes_after_it_stood_still_is_refused => |store| cases::zombie(store);
    a_job_that_kills_three_workers_is_put_aside_and_a_person_may_still_run_it => |store| cases::poison(store);
    a_worker_that_drains_ends_what_it_has_and_takes_nothing_new => |store| cases::drain(store);
    what_does_not_end_while_draining_is_given_back_at_once => |store| cases::given_back(store);
    a_cancelled_job_ends_its_call_and_its_check_within_seconds => |store| cases::cancelled(store);
    the_more_urgent_job_is_run_first => |store| cases::priorities(store);
    a_retry_that_is_scheduled_survives_the_worker => |store| cases::retried(store);
    children_are_run_once_their_parents_have_results => |store| cases::children(store);
    a_providers_limit_holds_over_all_workers => |store| cases::paced(store);
    a_dead_worker_keeps_no_place_among_a_providers_calls => |store| cases::place_of_the_dead(store);
}
