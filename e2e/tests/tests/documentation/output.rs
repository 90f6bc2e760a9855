//! Whether a command printed what the page shows.

/// Stands for anything within a line, and alone on a line for any lines.
const ANYTHING: char = '…';

/// Compares without regard to the width of columns.
pub(crate) fn matches(shown: &str, printed: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        let mut lines: Vec<String> = lines.collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    };
    several(&lines(shown), &lines(printed))
}

fn several(shown: &[String], printed: &[String]) -> bool {
    match shown {
        [] => printed.is_empty(),
        [any, rest @ ..] if any.chars().eq([ANYTHING]) => {
            (0..=printed.len()).any(|skip| several(rest, &printed[skip..]))
        }
        [first, rest @ ..] => printed
            .split_first()
            .is_some_and(|(line, more)| one(first, line) && several(rest, more)),
    }
}

fn one(shown: &str, printed: &str) -> bool {
    let Some((start, rest)) = shown.split_once(ANYTHING) else {
        return shown == printed;
    };
    let Some(left) = printed.strip_prefix(start) else {
        return false;
    };
    let starts = left.char_indices().map(|(at, _)| at).chain([left.len()]);
    starts.into_iter().any(|at| one(rest, &left[at..]))
}

#[test]
fn a_page_shows_what_was_printed() {
    assert!(matches("NAME   AGE\nfirst  …\n", "NAME AGE\nfirst 12s\n"));
    assert!(matches("a\n…\nz", "a\nb\nc\nz"));
    assert!(matches("a\n…", "a"));
    assert!(matches("score …, … failing", "score 12, 3 failing"));
    assert!(!matches("a\n…\nz", "a\nb"));
    assert!(!matches("first …", "second 3"));
    assert!(!matches("a", "a\nb"));
    assert!(!matches("", "error"));
}
