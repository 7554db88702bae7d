//! What every [`Store`] has to keep, as cases that a backend runs on itself.
//!
//! Needs no runtime: the caller awaits. A case fails by panicking with the values that differ, as a test does.
//!
//! Run all cases with [`run`], or let your test runner list them one by one:
//!
//! ```
//! # use std::sync::Arc;
//! # use vdo_core::port::Store;
//! # use vdo_core::testing::MemoryStore;
//! async fn fresh_store() -> Arc<dyn Store> {
//!     Arc::new(MemoryStore::new())
//! }
//!
//! mod contract {
//!     vdo_core::store_contract_tests!(super::fresh_store);
//! }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(
//! vdo_core::testing::store_contract::run(fresh_store)
//! # );
//! ```
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a case fails as a test does")]

mod accounts;
mod conflicts;
mod contents;
mod fixtures;
mod jobs;
mod leases;
mod money;
mod partials;
mod records;
mod trees;
mod upkeep;
mod workers;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::port::Store;

/// A future that a case or a factory returns.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes an empty store; a case may ask for several, which must not know of each other.
#[derive(Clone)]
pub struct Fresh(Arc<dyn Fn() -> Pending<Arc<dyn Store>> + Send + Sync>);

impl fmt::Debug for Fresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh")
    }
}

impl Fresh {
    /// Makes empty stores with `factory`.
    pub fn new<F, S>(factory: F) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Future<Output = Arc<dyn Store>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(factory())))
    }

    /// Returns an empty store.
    pub async fn store(&self) -> Arc<dyn Store> {
        (self.0)().await
    }
}

/// One thing a store has to keep.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The claim, as the name of a test.
    pub name: &'static str,
    check: fn(Fresh) -> Pending<()>,
}

impl Case {
    /// Checks the case on stores that `fresh` makes.
    ///
    /// # Panics
    /// If the store does not keep it.
    pub async fn run(&self, fresh: Fresh) {
        (self.check)(fresh).await;
    }
}

/// Checks every case on fresh stores, one after the other.
///
/// # Panics
/// If the store does not keep one of them; the message of the panic says how it differs.
pub async fn run<F, S>(fresh: F)
where
    F: Fn() -> S + Send + Sync + 'static,
    S: Future<Output = Arc<dyn Store>> + Send + 'static,
{
    let fresh = Fresh::new(fresh);
    for case in CASES {
        case.run(fresh.clone()).await;
    }
}

/// Checks the case with this name.
///
/// # Panics
/// If there is none, or the store does not keep it.
pub async fn run_case<F, S>(name: &str, fresh: F)
where
    F: Fn() -> S + Send + Sync + 'static,
    S: Future<Output = Arc<dyn Store>> + Send + 'static,
{
    let case = CASES.iter().find(|case| case.name == name);
    case.unwrap_or_else(|| panic!("there is no case {name}")).run(Fresh::new(fresh)).await;
}

/// Names every case once: in the list, and in the macro that makes tests of them.
macro_rules! cases {
    ($d:tt $($module:ident :: $name:ident,)*) => {
        /// Every case.
        pub const CASES: &[Case] =
            &[$(Case { name: stringify!($name), check: |fresh| Box::pin($module::$name(fresh)) },)*];

        /// Makes one `#[tokio::test]` of every case of the store contract, from a factory of fresh stores.
        #[macro_export]
        macro_rules! store_contract_tests {
            ($d fresh:expr) => {
                $(
                    #[tokio::test]
                    async fn $name() {
                        $d crate::testing::store_contract::run_case(stringify!($name), $d fresh).await;
                    }
                )*
            };
        }
    };
}

cases! { $
    jobs::a_new_job_is_what_was_asked_for,
    jobs::a_spec_with_a_fault_is_refused,
    jobs::depth_and_root_follow_the_first_parent,
    jobs::the_same_key_is_the_same_job,
    jobs::parents_that_cannot_be_are_refused,
    jobs::lists_are_filtered_and_paged_newest_first,
    jobs::a_write_on_an_old_version_is_a_conflict,
    jobs::every_status_and_judgement_is_kept,
    jobs::a_pin_never_moves,
    jobs::what_is_not_there_is_not_found,
    jobs::stores_do_not_mix,
    leases::one_runner_at_a_time,
    leases::an_older_epoch_is_fenced_and_writes_nothing,
    leases::a_lease_is_extended_and_released_by_its_holder_only,
    leases::the_version_moves_with_the_status_under_a_lease,
    money::a_budget_covers_every_reservation_or_none_of_the_write,
    money::of_two_that_race_for_one_budget_one_is_refused,
    money::a_settled_call_frees_its_reservation_and_counts,
    money::what_may_have_been_billed_stays_reserved,
    money::amounts_that_cannot_be_are_refused,
    money::an_outcome_touches_nothing_else_of_its_call,
    money::spend_sums_per_provider_and_model,
    money::calls_are_replaced_by_step_and_number,
    accounts::a_budget_counts_what_was_there_before_and_all_jobs_after,
    accounts::every_scope_covers_its_calls_and_no_others,
    accounts::what_is_crossed_is_an_event_once,
    accounts::health_follows_the_calls_and_one_trial_is_let_through,
    accounts::money_and_keys_are_the_providers_affair_and_probes_count,
    accounts::calls_are_summed_by_what_is_asked_for,
    accounts::a_reconciled_call_is_paid_and_no_longer_reserved,
    accounts::settings_are_kept_changed_and_taken_back,
    trees::revisions_are_numbered_and_found,
    trees::a_base_is_of_the_job_or_of_a_pinned_parent,
    trees::a_revision_has_the_tree_it_names_and_its_contents,
    trees::a_long_chain_of_revisions_adds_up,
    trees::files_know_the_job_they_come_from,
    trees::a_delta_comes_back_whole,
    trees::a_merge_knows_which_parent_a_file_came_with,
    conflicts::conflicts_come_back_and_a_later_one_replaces_its_number,
    conflicts::a_decision_has_its_content_and_one_of_two_at_a_time_is_refused,
    contents::any_bytes_come_back,
    contents::contents_are_stored_once_and_missing_ones_are_named,
    records::steps_move_on_and_keep_their_answers,
    partials::what_arrived_of_a_reply_is_appended_and_taken_away_with_the_answer,
    partials::a_fenced_writer_keeps_nothing_of_a_reply,
    records::evidence_comes_back_in_order,
    records::every_event_comes_back,
    records::events_are_read_in_pages,
    records::numbers_have_no_gaps_under_many_commits,
    upkeep::a_correction_comes_with_its_revision,
    upkeep::a_purge_takes_a_subtree_or_nothing,
    upkeep::a_detached_job_keeps_its_files_when_the_parent_goes,
    upkeep::a_redacted_content_is_a_tombstone_in_every_tree,
    workers::what_could_be_run_comes_best_first,
    workers::merges_say_what_they_merge_and_wait_for_every_parent,
    workers::tries_are_counted_by_class_and_put_off,
    workers::a_lease_that_another_takes_over_counts_as_a_crash,
    workers::two_merges_into_one_head_are_never_claimed_together,
    workers::no_more_of_a_project_are_claimed_than_is_asked_for,
    workers::a_key_takes_no_more_calls_at_once_than_its_limit_and_a_dead_worker_holds_none,
    workers::a_key_takes_no_more_calls_in_a_minute_than_its_limit,
}
