//! What every database behind [`Store`] must do, as cases with names.
//!
//! The suite knows only the port, so it runs alike on SQLite, on PostgreSQL and on whatever comes
//! next. A case panics with what it found. The database must be migrated and empty: the queue has no
//! body, so jobs that others left there would be claimed, and identities are counted from 1.

mod chain;
mod commits;
mod isolation;
mod messages;
mod queue;
mod register;
mod samples;

use messo_core::ports::Store;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Trial = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A promise and how it is tried.
pub struct Case {
    /// The promise, as a sentence.
    pub name: &'static str,
    run: fn(Arc<dyn Store>) -> Trial,
}

impl Case {
    /// Tries it.
    pub async fn run(&self, store: Arc<dyn Store>) {
        (self.run)(store).await;
    }
}

/// Tries every case in order and says which one it is at.
///
/// # Panics
/// When the database breaks a promise.
pub async fn run(store: Arc<dyn Store>) {
    for case in CASES {
        tracing::info!(case = case.name, "contract");
        case.run(Arc::clone(&store)).await;
    }
}

macro_rules! cases {
    ($($module:ident::$name:ident),+ $(,)?) => {
        /// All cases.
        pub const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            run: |store| Box::pin($module::$name(store)),
        }),+];
    };
}

cases! {
    commits::a_commit_stands_as_a_whole_or_not_at_all,
    commits::a_refused_commit_leaves_its_neighbours_alone,
    commits::every_entity_comes_back_as_it_went_in,
    commits::a_notice_key_is_taken_once,
    commits::a_case_number_and_a_party_are_taken_once,
    commits::a_case_and_a_party_keep_their_serial_when_replaced,
    commits::the_same_receipt_twice_is_one,
    commits::the_same_bytes_role_and_code_twice_are_one,
    commits::a_dispatch_moved_from_an_old_version_is_stale,
    commits::the_first_ending_of_an_attempt_is_kept,
    commits::progress_counts_every_dispatch_once,
    commits::dispatches_are_paged_newest_first,
    commits::sign_in_ends_with_the_session,
    commits::codes_are_read_on_from_the_last_one_seen,
    isolation::a_body_never_sees_the_rows_of_another,
    isolation::a_body_never_changes_the_rows_of_another,
    queue::urgent_jobs_go_first_then_those_due_first,
    queue::a_job_is_not_claimed_before_it_is_due,
    queue::a_lease_that_has_run_out_frees_the_job,
    queue::a_renewed_lease_holds_on,
    queue::a_worker_without_the_lease_commits_nothing,
    queue::a_job_given_back_waits_until_its_time,
    queue::eight_workers_claim_five_hundred_jobs_exactly_once,
    queue::lanes_say_what_is_due_and_what_waits,
    chain::the_chain_has_no_gaps_under_concurrent_commits,
    chain::a_refused_commit_leaves_no_hole_in_the_chain,
    chain::register_numbers_have_no_gaps_under_concurrent_commits,
    chain::each_body_and_year_counts_for_itself,
    register::an_annotation_stands_beside_its_entry,
    register::entries_are_found_by_the_time_of_their_registration,
    register::a_day_is_closed_once_in_order_and_with_everything_in_it,
    register::nothing_is_dated_into_a_closed_day,
    messages::a_message_is_taken_once,
    messages::eight_readers_of_one_mailbox_take_a_message_once,
    messages::a_message_moved_from_an_old_version_is_stale,
    messages::messages_are_paged_newest_first,
    messages::a_cursor_is_kept_by_mailbox_and_folder,
    messages::the_same_message_suppresses_an_address_once,
    messages::the_first_attempt_of_a_name_keeps_it,
    messages::an_address_finds_the_cases_that_are_not_closed,
    messages::an_address_given_up_finds_nothing_more,
    messages::documents_come_oldest_first_and_each_once,
    messages::a_document_is_found_in_the_register_at_its_first_entry,
    messages::drafts_are_numbered_by_year_until_they_have_a_number,
    messages::a_body_never_sees_nor_moves_the_mail_of_another,
    commits::the_database_says_that_it_takes_writes,
}
