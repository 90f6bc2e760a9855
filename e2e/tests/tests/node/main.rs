//! The operator as users run it: its own image, installed by the chart, in pods of a real node (kube-test's, or kind's through
//! `KUBE_TEST_KUBECONFIG`), and what only real containers show. `make e2e-node`, `make e2e-kind`.
//!
//! The tests share one cluster. On a node of kube-test this program runs itself again in namespaces of its own; where that is
//! not possible or not wanted each test is skipped and says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod backups;
mod connections;
mod operator;
mod stage;
mod tls;

use std::process::ExitCode;

use futures::future::LocalBoxFuture;
use kube_test::Enclosure;
use libtest_mimic::{Arguments, Trial};

use stage::{Stage, await_images, is_external, lacking_images};

type Test = for<'a> fn(&'a Stage) -> LocalBoxFuture<'a, ()>;

const TESTS: [(&str, Test); 5] = [
    ("the_operator_runs_as_the_chart_has_it", |stage| {
        Box::pin(operator::runs_as_the_chart_has_it(stage))
    }),
    ("handshakes_tell_hosts_of_one_ingress_controller_apart", |stage| {
        Box::pin(tls::handshakes_tell_hosts_apart(stage))
    }),
    ("backups_that_succeed_fail_and_hang", |stage| {
        Box::pin(backups::succeed_fail_and_hang(stage))
    }),
    ("a_restore_test_proves_itself_by_what_it_writes", |stage| {
        Box::pin(backups::a_restore_test_writes_its_result(stage))
    }),
    ("connections_are_as_reach_says", |stage| {
        Box::pin(connections::are_as_reach_says(stage))
    }),
];

fn main() -> ExitCode {
    let mut args = Arguments::from_args();
    // They mostly wait, for schedules and deadlines.
    args.test_threads.get_or_insert(TESTS.len());
    if args.list {
        return run(&args, |_| Ok(()));
    }
    let lacking = || {
        Enclosure::lacking().or_else(|| {
            await_images();
            lacking_images()
        })
    };
    if let Some(why) = (!is_external()).then(lacking).flatten() {
        let why: &'static str = why.leak();
        return run(&args, move |_| {
            println!("skipped: {why}");
            Ok(())
        });
    }
    if !is_external() && !Enclosure::is_inside() {
        return Enclosure::again().unwrap();
    }
    let stage: &'static Stage = Box::leak(Box::new(Stage::new()));
    let code = run(&args, |name| {
        let (_, test) = TESTS.iter().find(|(other, _)| *other == name).unwrap();
        stage.play(name, *test)
    });
    stage.end();
    code
}

fn run(
    args: &Arguments,
    test: impl Fn(&'static str) -> Result<(), libtest_mimic::Failed> + Send + Copy + 'static,
) -> ExitCode {
    let trials = TESTS.map(|(name, _)| Trial::test(name, move || test(name)));
    libtest_mimic::run(args, trials.into()).exit_code()
}
