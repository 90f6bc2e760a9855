//! The proofs of the engine, with the real controls: however a cluster came to be as it is, its report is that of a first
//! look at it; seeing less never looks better; an event costs the same in a large cluster as in a small one.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod counts;
mod dice;
mod hiding;
mod model;
mod operator;
mod scenes;
mod steps;

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use steps::{Life, Sort, Step};

/// Random lives per run; `PLIMSOLL_CASES` sets another number.
const LIVES: u32 = 10_000;

fn sorts() -> impl Strategy<Value = Sort> {
    prop_oneof![
        10 => Just(Sort::Put),
        3 => Just(Sort::Remove),
        2 => Just(Sort::Relist),
        3 => Just(Sort::Coverage),
        1 => Just(Sort::Decoded),
        4 => Just(Sort::Later),
        3 => Just(Sort::Baselines),
        2 => Just(Sort::Exceptions),
        2 => Just(Sort::Observe),
        3 => Just(Sort::Probe),
        1 => Just(Sort::Restart),
        2 => Just(Sort::Watching),
        5 => Just(Sort::Turn),
    ]
}

fn lives() -> impl Strategy<Value = (u64, Vec<Step>)> {
    let step = (sorts(), any::<u64>()).prop_map(|(sort, seed)| Step(sort, seed));
    (any::<u64>(), vec(step, 10..25))
}

/// Lives through the steps and a last turn.
fn live(seed: u64, steps: &[Step], traced: bool) -> Result<(), String> {
    let mut life = Life::begin(seed, traced);
    let last = Step(Sort::Turn, seed);
    for step in steps.iter().chain([&last]) {
        life.live(*step)
            .map_err(|unlike| format!("{}\n{unlike}", life.told()))?;
    }
    Ok(())
}

fn cases() -> u32 {
    std::env::var("PLIMSOLL_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(LIVES)
}

#[test]
fn every_life_ends_where_a_first_look_does() {
    let threads = std::thread::available_parallelism().map_or(2, |n| u32::try_from(n.get()).unwrap());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let config = Config {
                    cases: cases().div_ceil(threads),
                    failure_persistence: None,
                    max_shrink_iters: 2_000,
                    ..Config::default()
                };
                let outcome = TestRunner::new(config).run(&lives(), |(seed, steps)| {
                    live(seed, &steps, false).map_err(|_| TestCaseError::fail("unlike"))
                });
                if let Err(proptest::test_runner::TestError::Fail(_, (seed, steps))) = outcome {
                    panic!("{seed} {steps:?}\n{}", live(seed, &steps, true).unwrap_err());
                }
                outcome.unwrap();
            });
        }
    });
}
