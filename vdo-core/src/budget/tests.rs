//! The books hold what was posted, whatever happens in between.

use std::collections::BTreeMap;

use super::*;

fn job(number: u64) -> JobId {
    JobId::new(number).unwrap()
}

const NOVEMBER_21: Timestamp = Timestamp(1_795_219_200_000);

fn call(provider: &'static str, entry: Posting) -> Charge<'static> {
    Charge { provider, model: "m", job: job(2), project: job(1), started: NOVEMBER_21, entry }
}

fn books(budgets: &[Budget]) -> Books {
    Books { budgets: budgets.to_vec(), sums: BTreeMap::new() }
}

#[test]
fn scopes_are_written_and_read_alike() {
    let scopes = [
        Scope::Total,
        Scope::Provider("claude".to_owned()),
        Scope::Model("local".to_owned(), "org/model:7b".to_owned()),
        Scope::Project(job(3)),
        Scope::Job(job(4)),
    ];
    for scope in scopes {
        assert_eq!(scope.to_string().parse(), Ok(scope));
    }
    for text in ["", "all", "provider:", "model:x", "model::m", "project:x", "job:0", "provider"] {
        assert!(text.parse::<Scope>().is_err(), "{text}");
    }
}

#[test]
fn a_hard_budget_refuses_what_does_not_fit_and_takes_what_does_to_the_last_nano_dollar() {
    let mut books = books(&[Budget::new(Scope::Provider("claude".to_owned()), Period::Month, NanoUsd(100))]);
    let reserve = |amount| call("claude", Posting::Reserve(Some(NanoUsd(amount))));
    let posted = books.post(&[reserve(60), reserve(40)]).unwrap();
    books.adopt(&posted);
    let refused = books.post(&[reserve(1)]).unwrap_err();
    assert_eq!(
        (refused.committed, refused.asked, refused.until),
        (NanoUsd(100), Some(NanoUsd(1)), Some(NOVEMBER_21.next_month()))
    );
    assert_eq!(
        refused.to_string(),
        "$0.000000001 more does not fit into the budget of the month for provider:claude: $0.0000001, of which $0.0000001 are spent or reserved"
    );
    assert!(books.post(&[call("openai", Posting::Reserve(Some(NanoUsd(1000))))]).is_ok());
    assert!(books.post(&[call("claude", Posting::Reserve(None))]).is_err(), "an unknown price never counts as 0");
    let settled = books.post(&[call("claude", Posting::Settle { released: NanoUsd(60), cost: NanoUsd(10) })]).unwrap();
    books.adopt(&settled);
    assert_eq!(books.accounts(NOVEMBER_21)[0].sums, Sums { spent: NanoUsd(10), reserved: NanoUsd(40), alerted: 0 });
    assert_eq!(books.accounts(NOVEMBER_21.next_month())[0].sums, Sums::default());
}

#[test]
fn a_refused_posting_leaves_no_trace_of_the_others_in_it() {
    let books = books(&[
        Budget::new(Scope::Total, Period::Ever, NanoUsd(1000)),
        Budget::new(Scope::Job(job(2)), Period::Day, NanoUsd(10)),
    ]);
    let reserve = |amount| call("claude", Posting::Reserve(Some(NanoUsd(amount))));
    assert_eq!(books.post(&[reserve(5), reserve(6)]).unwrap_err().scope, Scope::Job(job(2)));
    assert!(books.sums.is_empty());
}

#[test]
fn a_call_counts_where_it_was_sent_even_if_it_ends_in_another_month() {
    let mut books = books(&[Budget::new(Scope::Total, Period::Month, NanoUsd(100))]);
    let at_the_end = Timestamp(NOVEMBER_21.next_month().0 - 1);
    let late = |entry| Charge { started: at_the_end, ..call("claude", entry) };
    books.adopt(&books.post(&[late(Posting::Reserve(Some(NanoUsd(70))))]).unwrap());
    books.adopt(&books.post(&[late(Posting::Settle { released: NanoUsd(70), cost: NanoUsd(65) })]).unwrap());
    assert_eq!(books.accounts(at_the_end)[0].sums.spent, NanoUsd(65));
    assert_eq!(books.accounts(NOVEMBER_21.next_month())[0].sums, Sums::default());
}

#[test]
fn every_part_is_crossed_once_and_a_stop_lets_nothing_more_through() {
    let mut budget = Budget::new(Scope::Total, Period::Day, NanoUsd(100));
    budget.hard = false;
    budget.alerts[2].action = Action::Stop;
    let mut books = books(&[budget]);
    let spend = |books: &mut Books, cost| {
        let posted =
            books.post(&[call("claude", Posting::Settle { released: NanoUsd::ZERO, cost: NanoUsd(cost) })]).unwrap();
        books.adopt(&posted);
        posted.crossings.iter().map(|crossing| (crossing.percent, crossing.action)).collect::<Vec<_>>()
    };
    let reserve = [call("claude", Posting::Reserve(Some(NanoUsd(1_000_000))))];
    assert_eq!(spend(&mut books, 49), []);
    assert_eq!(spend(&mut books, 31), [(50, Action::Warn), (80, Action::Warn)]);
    assert!(books.post(&reserve).is_ok(), "a soft budget refuses nothing");
    assert_eq!(spend(&mut books, 14), []);
    assert_eq!(spend(&mut books, 1), [(95, Action::Stop)]);
    assert!(books.post(&reserve).is_err());
    assert_eq!(spend(&mut books, 1), []);
}

/// A small generator (splitmix64): the same numbers on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

#[derive(Debug, Clone, Copy)]
struct Open {
    provider: &'static str,
    job: u64,
    started: Timestamp,
    reserved: NanoUsd,
}

#[test]
fn a_million_random_steps_neither_lose_nor_double_a_nano_dollar() {
    let budgets = [
        Budget::new(Scope::Total, Period::Ever, NanoUsd(4_000_000_000)),
        Budget::new(Scope::Provider("a".to_owned()), Period::Month, NanoUsd(40_000_000)),
        Budget::new(Scope::Job(job(2)), Period::Day, NanoUsd(1_000_000)),
    ];
    let mut books = books(&budgets);
    let mut dice = Dice(7);
    let (mut open, mut crashed): (Vec<Open>, Vec<Open>) = (Vec::new(), Vec::new());
    // What the sums have to be, kept apart: by budget and period.
    let mut wanted: BTreeMap<SumKey, (i64, i64)> = BTreeMap::new();
    let mut now = NOVEMBER_21;
    let mut refused = 0_u32;
    for step in 0..1_000_000_u32 {
        // The clock runs, and now and then it jumps back.
        now = if dice.roll(5000) == 0 { Timestamp(now.0 - 90_000_000) } else { Timestamp(now.0 + 20_000) };
        let take = |list: &mut Vec<Open>, dice: &mut Dice| {
            let at = usize::try_from(dice.roll(list.len().max(1) as u64)).unwrap();
            (at < list.len()).then(|| list.swap_remove(at))
        };
        let (call, entry) = match dice.roll(8) {
            0..=3 => {
                let provider = if dice.roll(2) == 0 { "a" } else { "b" };
                let reserved = NanoUsd(i64::try_from(dice.roll(20_000)).unwrap());
                let call = Open { provider, job: 1 + dice.roll(3), started: now, reserved };
                (Some(call), Posting::Reserve(Some(reserved)))
            }
            // It is answered, for at most what was reserved; or it failed and costs nothing.
            roll @ 4..=6 => {
                let call = take(&mut open, &mut dice);
                let most = call.map_or(0, |call| u64::try_from(call.reserved.0).unwrap());
                let cost = NanoUsd(if roll == 6 { 0 } else { i64::try_from(dice.roll(most + 1)).unwrap() });
                (call, Posting::Settle { released: call.map_or(NanoUsd::ZERO, |call| call.reserved), cost })
            }
            // The runner dies: it stays reserved; much later somebody finds out what it cost.
            _ if dice.roll(2) == 0 => {
                crashed.extend(take(&mut open, &mut dice));
                continue;
            }
            _ => {
                let call = take(&mut crashed, &mut dice);
                let amount = call.map_or(NanoUsd::ZERO, |call| call.reserved);
                (call, Posting::Settle { released: amount, cost: amount })
            }
        };
        let Some(call) = call else { continue };
        let charge = Charge {
            provider: call.provider,
            model: "m",
            job: job(call.job),
            project: job(1),
            started: call.started,
            entry,
        };
        match books.post(&[charge]) {
            Ok(posted) => books.adopt(&posted),
            Err(_) => {
                refused += 1;
                continue;
            }
        }
        for key in books.keys(&charge) {
            let sums = wanted.entry(key).or_default();
            match entry {
                Posting::Reserve(amount) => sums.1 += amount.unwrap_or_default().0,
                Posting::Settle { released, cost } => *sums = (sums.0 + cost.0, sums.1 - released.0),
            }
        }
        if matches!(entry, Posting::Reserve(_)) {
            open.push(call);
        }
        if step % 1000 == 0 {
            for (scope, per, start) in wanted.keys() {
                let budget = budgets.iter().find(|budget| budget.scope == *scope && budget.per == *per).unwrap();
                let sums = books.sums[&(scope.clone(), *per, *start)];
                assert!(sums.spent.plus(sums.reserved) <= budget.limit, "step {step}: {scope} is overspent");
            }
        }
    }
    let found: BTreeMap<SumKey, (i64, i64)> =
        books.sums.iter().map(|(key, sums)| (key.clone(), (sums.spent.0, sums.reserved.0))).collect();
    assert_eq!(found, wanted);
    let still: i64 = open.iter().chain(&crashed).map(|call| call.reserved.0).sum();
    let total = found[&(Scope::Total, Period::Ever, Timestamp(0))];
    assert_eq!(total.1, still, "what is reserved is what is still open");
    assert!(refused > 1000 && total.0 > 100_000_000, "{refused} {total:?}");
}
