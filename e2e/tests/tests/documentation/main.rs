//! The documentation: every command on it is run on a real cluster, in the order of the page, and prints what the page shows; every
//! link leads somewhere; every example is taken; every reason for not knowing is explained. Needs `make controlplane`.
//!
//! A block that cannot run here says why on its fence: ```` ```sh skip="needs a registry" ````. One that fails on purpose says how it
//! ends: ```` ```sh exits="1" ````. In a `console` block `$ ` stands before commands, `…` for what differs each time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod examples;
mod output;
mod page;
mod stage;
mod unknowns;

use std::{net::IpAddr, path::Path, process::Command};

use page::Page;
use plimsoll_e2e::{front::own_address, installed::top};
use stage::Stage;

/// Pages that install Plimsoll: each begins in a cluster without it.
const INSTALL: [&str; 5] = [
    "README.md",
    "charts/plimsoll-crds/README.md",
    "charts/plimsoll/README.md",
    "docs/install.md",
    "docs/upgrade.md",
];
/// Pages that change what is installed: each begins in an installation of its own.
const CHANGE: [&str; 4] = [
    "docs/enforce.md",
    "docs/exceptions.md",
    "docs/first-baseline.md",
    "docs/policy-reports.md",
];

/// How a page begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    WithoutPlimsoll,
    Installed,
    /// Where the page before left off: these look and change nothing that matters to others.
    Anywhere,
}

fn begins(page: &Page) -> Begins {
    if INSTALL.contains(&page.path.as_str()) {
        Begins::WithoutPlimsoll
    } else if CHANGE.contains(&page.path.as_str()) {
        Begins::Installed
    } else {
        Begins::Anywhere
    }
}

fn pages(which: Begins) -> Vec<Page> {
    let only = std::env::var("PLIMSOLL_PAGE").unwrap_or_default();
    let mut pages = page::all();
    pages.retain(|page| !page.blocks.is_empty() && begins(page) == which && page.path.contains(&only));
    pages
}

/// Plays pages; each on a stage of its own, or all on one.
async fn play(pages: Vec<Page>) {
    let Some(address) = own_address() else {
        println!("skipped: this machine has no address that endpoints may have");
        return;
    };
    let mut failed = Vec::new();
    let mut shared: Option<Stage> = None;
    for page in pages {
        let kept = shared.take();
        let mut stage = match begins(&page) {
            Begins::Anywhere if kept.is_some() => kept.unwrap(),
            begins => begin(begins, address).await,
        };
        let outcome = stage.play(&page).await;
        let told = outcome.run + outcome.skipped.len();
        assert!(
            told == page.blocks.len() || !outcome.failed.is_empty(),
            "{}: every block is run or says why not",
            page.path
        );
        println!(
            "{}: {} run, {} not",
            page.path,
            outcome.run,
            outcome.skipped.len()
        );
        outcome
            .skipped
            .iter()
            .for_each(|why| println!("  not run: {why}"));
        failed.extend(outcome.failed);
        shared = Some(stage).filter(|_| begins(&page) == Begins::Anywhere);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

async fn begin(begins: Begins, address: IpAddr) -> Stage {
    match begins {
        Begins::WithoutPlimsoll => Stage::bare(address).await,
        _ => Stage::installed(address).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_install_it_do() {
    play(pages(Begins::WithoutPlimsoll)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_change_an_installation_do() {
    play(pages(Begins::Installed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_command_does_what_its_page_says() {
    play(pages(Begins::Anywhere)).await;
}

#[test]
fn no_command_stands_where_it_is_not_run() {
    let pages = page::all();
    let undeclared: Vec<String> = pages
        .iter()
        .flat_map(|page| {
            page.undeclared
                .iter()
                .map(move |line| format!("{}:{line}", page.path))
        })
        .collect();
    assert!(
        undeclared.is_empty(),
        "call these blocks sh or console: {undeclared:?}"
    );
    let known: Vec<&str> = pages.iter().map(|page| page.path.as_str()).collect();
    for page in INSTALL.iter().chain(&CHANGE) {
        assert!(known.contains(page), "{page} is gone");
    }
    assert!(pages.iter().filter(|page| !page.blocks.is_empty()).count() > 15);
}

/// What a sentence mentions is not run, but it is a command that exists, with flags that exist.
#[test]
fn commands_in_sentences_are_known() {
    let mut unknown = Vec::new();
    let mut known = 0;
    for page in page::all() {
        for (line, command) in &page.inline {
            let mut words = command.split_whitespace();
            let program = match words.next().unwrap() {
                "plimsoll" => plimsoll_e2e::operator::program(),
                other => kube_test::binary(other).unwrap(),
            };
            let ran = Command::new(program).args(words).arg("--help").output().unwrap();
            known += usize::from(ran.status.success());
            if !ran.status.success() {
                let why = String::from_utf8_lossy(&ran.stderr)
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                unknown.push(format!("{}:{line}: {command}: {why}", page.path));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(known > 10, "{known}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in page::all() {
        for link in &page.links {
            let file = link.split('#').next().unwrap();
            let outside = link.contains("://") || file.is_empty();
            let folder = top().join(&page.path).parent().map(Path::to_owned).unwrap();
            if !outside && !folder.join(file).exists() {
                broken.push(format!("{}: {link}", page.path));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_index_names_every_page() {
    let pages = page::all();
    let index = pages.iter().find(|page| page.path == "docs/README.md").unwrap();
    let beside = |page: &&Page| {
        page.path
            .strip_prefix("docs/")
            .is_some_and(|rest| !rest.contains('/'))
    };
    for page in pages.iter().filter(beside).filter(|page| page.path != index.path) {
        let name = page.path.strip_prefix("docs/").unwrap();
        assert!(
            index.links.iter().any(|link| link == name),
            "docs/README.md does not name {name}"
        );
    }
    let readme = pages.iter().find(|page| page.path == "README.md").unwrap();
    assert!(
        readme.links.iter().any(|link| link.starts_with("docs/README.md")),
        "the README names the index"
    );
}
