//! Which of the jobs that could be run are started now.
//!
//! Pure. Invariants: nobody starves ([`rank`] ages all alike); no project has more running than its limit; two merges that would
//! move the same head, or that share a parent, never run together. A store says the same again when the job is claimed
//! ([`crate::port::ClaimRequest`]), as another worker may have chosen at the same time.

use std::collections::BTreeMap;

use crate::id::JobId;
use crate::port::backlog::{Agenda, Running, Waiting, rank};
use crate::time::Timestamp;

/// What may run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// How many more this worker can run.
    pub free: usize,
    /// How many of one project may run at once, on all workers together.
    pub per_project: Option<u32>,
}

/// Returns the jobs to start, in this order.
#[must_use]
pub fn choose(agenda: &Agenda, room: Room) -> Vec<JobId> {
    let mut waiting: Vec<&Waiting> = agenda.waiting.iter().collect();
    waiting.sort_by_key(|one| (rank(one.priority, one.since), one.job));
    waiting.dedup_by_key(|one| one.job);
    let mut running = agenda.running.clone();
    let mut projects: BTreeMap<JobId, u32> = BTreeMap::new();
    for one in &running {
        *projects.entry(one.root).or_default() += 1;
    }
    let mut chosen = Vec::new();
    for one in waiting {
        if chosen.len() >= room.free {
            break;
        }
        let in_project = projects.get(&one.root).copied().unwrap_or(0);
        let full = room.per_project.is_some_and(|most| in_project >= most);
        if full || running.iter().any(|other| other.job == one.job || collide(one, other)) {
            continue;
        }
        *projects.entry(one.root).or_default() += 1;
        running.push(Running { job: one.job, root: one.root, merges: one.merges.clone(), until: one.since });
        chosen.push(one.job);
    }
    chosen
}

/// Says what keeps a job from being run beside those that run at `now`, and which of them, if anything does.
///
/// `job` says what it is; its priority and its waiting do not matter.
#[must_use]
pub fn crowded<'r>(
    job: &Waiting,
    running: impl IntoIterator<Item = &'r Running>,
    per_project: Option<u32>,
    now: Timestamp,
) -> Option<(JobId, &'static str)> {
    let mut in_project = 0;
    for other in running.into_iter().filter(|other| other.until > now && other.job != job.job) {
        if collide(job, other) {
            return Some((other.job, "both merge into one head"));
        }
        in_project += u32::from(other.root == job.root);
        if per_project.is_some_and(|most| in_project >= most) {
            return Some((other.job, "no more of their project are run at once"));
        }
    }
    None
}

/// Returns whether two jobs are merges into one head: of one project, or of a parent that both have.
fn collide(one: &Waiting, other: &Running) -> bool {
    merges_collide((one.root, &one.merges), (other.root, &other.merges))
}

/// Returns whether two jobs, each by its root and the parents it merges, are merges into one head.
#[must_use]
pub fn merges_collide(one: (JobId, &[JobId]), other: (JobId, &[JobId])) -> bool {
    let are_merges = one.1.len() > 1 && other.1.len() > 1;
    are_merges && (one.0 == other.0 || one.1.iter().any(|parent| other.1.contains(parent)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> JobId {
        JobId::new(number).unwrap()
    }

    fn waiting(job: u64, root: u64, priority: i8, since: i64) -> Waiting {
        Waiting { job: id(job), root: id(root), merges: Vec::new(), priority, since: Timestamp(since) }
    }

    fn room(free: usize) -> Room {
        Room { free, per_project: None }
    }

    #[test]
    fn priorities_come_first_and_age_catches_up() {
        let minutes = |minutes: i64| minutes * 60_000;
        let agenda = Agenda {
            waiting: vec![waiting(1, 1, 0, minutes(10)), waiting(2, 2, 5, minutes(10)), waiting(3, 3, -1, minutes(0))],
            ..Agenda::default()
        };
        assert_eq!(choose(&agenda, room(9)), [id(3), id(2), id(1)]);
        let young = Agenda { waiting: vec![waiting(2, 2, 5, minutes(4)), waiting(3, 3, -1, 0)], ..Agenda::default() };
        assert_eq!(choose(&young, room(1)), [id(2)]);
    }

    #[test]
    fn two_merges_into_one_head_are_never_started_together_and_children_are() {
        let merge = |job, root, parents: &[u64]| Waiting {
            merges: parents.iter().copied().map(id).collect(),
            ..waiting(job, root, 0, 0)
        };
        let running = |one: Waiting| Running { job: one.job, root: one.root, merges: one.merges, until: Timestamp(9) };
        let both = vec![merge(5, 1, &[2, 3]), merge(6, 1, &[3, 4]), waiting(7, 1, 0, 0), waiting(8, 1, 0, 0)];
        let agenda = Agenda { waiting: both.clone(), ..Agenda::default() };
        assert_eq!(choose(&agenda, room(9)), [id(5), id(7), id(8)]);
        let agenda = Agenda { waiting: both, running: vec![running(merge(4, 1, &[2, 3]))], next_due: None };
        assert_eq!(choose(&agenda, room(9)), [id(7), id(8)]);
        let foreign = Agenda {
            waiting: vec![merge(9, 9, &[3, 8])],
            running: vec![running(merge(4, 1, &[2, 3]))],
            next_due: None,
        };
        assert_eq!(choose(&foreign, room(9)), []);
    }

    fn any_waiting() -> impl Strategy<Value = Vec<Waiting>> {
        let one = (proptest::collection::vec(1u64..6, 0..3), any::<i8>(), 0i64..100_000_000);
        proptest::collection::btree_map(1u64..30, one, 0..25).prop_map(|all| {
            let make = |(job, (merges, priority, since)): (u64, (Vec<u64>, i8, i64))| Waiting {
                merges: if merges.len() > 1 { merges.into_iter().map(id).collect() } else { Vec::new() },
                ..waiting(job, job % 3 + 1, priority, since)
            };
            all.into_iter().map(make).collect()
        })
    }

    proptest! {
        #[test]
        fn no_limit_is_passed_and_no_room_is_wasted(all in any_waiting(), free in 0usize..6, most in 1u32..4) {
            let split = all.len() / 3;
            let running: Vec<Running> = all[..split].iter().map(|one| Running {
                job: one.job, root: one.root, merges: Vec::new(), until: Timestamp(0),
            }).collect();
            let agenda = Agenda { waiting: all[split..].to_vec(), running, next_due: None };
            let chosen = choose(&agenda, Room { free, per_project: Some(most) });
            prop_assert!(chosen.len() <= free);
            let mut once = chosen.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), chosen.len());
            let entry = |job: JobId| agenda.waiting.iter().find(|one| one.job == job).unwrap();
            for root in 1..4 {
                let before = agenda.running.iter().filter(|one| one.root == id(root)).count();
                let more = chosen.iter().filter(|job| entry(**job).root == id(root)).count();
                prop_assert!(more == 0 || before + more <= most as usize);
            }
            for (at, one) in chosen.iter().enumerate() {
                for other in &chosen[at + 1..] {
                    let (one, other) = (entry(*one), entry(*other));
                    prop_assert!(!merges_collide((one.root, &one.merges), (other.root, &other.merges)));
                }
            }
        }

        #[test]
        fn whoever_came_long_before_all_others_is_started_first(all in any_waiting(), priority: i8) {
            let mut agenda = Agenda { waiting: all, ..Agenda::default() };
            let long_before = -256 * crate::port::backlog::AGEING_MS;
            agenda.waiting.push(waiting(99, 99, priority, long_before));
            prop_assert_eq!(choose(&agenda, Room { free: 1, per_project: None }), [id(99)]);
        }
    }
}
