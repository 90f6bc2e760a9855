//! Pages, and the commands on them.

use std::{collections::BTreeMap, fs, ops::Range, path::Path};

use plimsoll_e2e::installed::top;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use walkdir::WalkDir;

/// What is written in a shell, by the first word of a fence's info string.
const SHELLS: [&str; 4] = ["sh", "shell", "bash", "console"];
/// What begins a command that a reader would type.
const PROGRAMS: [&str; 8] = [
    "kubectl ",
    "helm ",
    "plimsoll ",
    "make ",
    "docker ",
    "kind ",
    "cosign ",
    "curl ",
];

/// A page of the documentation.
#[derive(Debug)]
pub(crate) struct Page {
    /// From the top of the repository.
    pub(crate) path: String,
    /// Its blocks of commands, in their order.
    pub(crate) blocks: Vec<Block>,
    /// Its examples in YAML, with the line of the fence.
    pub(crate) examples: Vec<(usize, String)>,
    /// Lines on which commands stand in a block that says of itself to be something else.
    pub(crate) undeclared: Vec<usize>,
    /// Commands within a sentence, with their lines.
    pub(crate) inline: Vec<(usize, String)>,
    /// Where its links go.
    pub(crate) links: Vec<String>,
}

/// A fenced block of commands.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// The line of its fence.
    pub(crate) line: usize,
    /// Whether it shows prompts and output.
    pub(crate) is_console: bool,
    /// Why it cannot be run here (`skip="…"` after the language).
    pub(crate) skip: Option<String>,
    /// How it ends (`exits="…"`); 0 where it does not say.
    pub(crate) exits: i32,
    pub(crate) text: String,
}

/// Every page that people read: the README, `docs`, and those of the charts.
pub(crate) fn all() -> Vec<Page> {
    let below = |folder: &str| {
        let files = WalkDir::new(top().join(folder)).sort_by_file_name();
        files.into_iter().map(|entry| entry.unwrap().into_path())
    };
    let files = [top().join("README.md")]
        .into_iter()
        .chain(below("docs"))
        .chain(below("charts"));
    let pages = files.filter(|file| file.extension().is_some_and(|end| end == "md"));
    pages.map(|file| read(&file)).collect()
}

fn read(file: &Path) -> Page {
    let text = fs::read_to_string(file).unwrap();
    let path = file.strip_prefix(top()).unwrap().display().to_string();
    parse(path, &text)
}

fn parse(path: String, text: &str) -> Page {
    let mut page = Page {
        path,
        blocks: Vec::new(),
        examples: Vec::new(),
        undeclared: Vec::new(),
        inline: Vec::new(),
        links: Vec::new(),
    };
    let mut open: Option<(String, Block)> = None;
    for (event, Range { start, .. }) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match &kind {
                    CodeBlockKind::Fenced(info) => info.as_ref(),
                    CodeBlockKind::Indented => "",
                };
                let line = text[..start].lines().count() + 1;
                open = Some(block(info, line));
            }
            Event::Text(more) => {
                if let Some((_, block)) = &mut open {
                    block.text.push_str(&more);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                let (language, block) = open.take().unwrap();
                let commands = block
                    .text
                    .lines()
                    .any(|line| PROGRAMS.iter().any(|p| line.starts_with(p)));
                if SHELLS.contains(&language.as_str()) {
                    page.blocks.push(block);
                } else if language == "yaml" {
                    page.examples.push((block.line, block.text));
                } else if commands {
                    page.undeclared.push(block.line);
                }
            }
            Event::Code(code)
                if ["kubectl ", "helm ", "plimsoll "]
                    .iter()
                    .any(|p| code.starts_with(p)) =>
            {
                page.inline
                    .push((text[..start].lines().count(), code.into_string()));
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            _ => {}
        }
    }
    page
}

fn block(info: &str, line: usize) -> (String, Block) {
    let (language, rest) = info.split_once(' ').unwrap_or((info, ""));
    let mut attributes = attributes(rest);
    let block = Block {
        line,
        is_console: language == "console",
        skip: attributes.remove("skip"),
        exits: attributes.remove("exits").map_or(0, |code| code.parse().unwrap()),
        text: String::new(),
    };
    assert!(
        attributes.is_empty() || !SHELLS.contains(&language),
        "line {line}: {info}"
    );
    (language.to_owned(), block)
}

/// `key="value"` pairs.
fn attributes(mut text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    while let Some((key, rest)) = text.split_once("=\"") {
        let (value, rest) = rest
            .split_once('"')
            .unwrap_or_else(|| panic!("{text}: no closing quote"));
        found.insert(key.trim().to_owned(), value.to_owned());
        text = rest;
    }
    assert!(text.trim().is_empty(), "{text}: expected key=\"value\"");
    found
}

/// A command of a console block, and what it prints.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) command: String,
    pub(crate) output: String,
}

impl Block {
    /// The commands of a console block. A line that ends in a backslash goes on in the next.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let mut all: Vec<Shown> = Vec::new();
        let mut goes_on = false;
        for line in self.text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                all.push(Shown {
                    command: command.to_owned(),
                    output: String::new(),
                });
                goes_on = command.ends_with('\\');
                continue;
            }
            let last = all
                .last_mut()
                .unwrap_or_else(|| panic!("line {}: no `$ ` before {line}", self.line));
            let part = if goes_on {
                &mut last.command
            } else {
                &mut last.output
            };
            goes_on = goes_on && line.ends_with('\\');
            if !part.is_empty() {
                part.push('\n');
            }
            part.push_str(line);
        }
        all
    }
}

#[test]
fn blocks_are_found_with_what_they_say_of_themselves() {
    let text = "# A\n\n```sh\nkubectl get pods\n```\n\n- in a list\n\n  ```console exits=\"1\"\n  $ plimsoll scan \\\n      .\n  out\n  $ x\n  ```\n\n\
        ```sh skip=\"needs a registry\"\ndocker push\n```\n\n```\nhelm list\n```\n\n```yaml\nkubectl get: 1\n```\n[l](b.md)\n";
    let page = parse("p.md".into(), text);
    let [plain, console, skipped] = page.blocks.as_slice() else {
        panic!("{page:?}");
    };
    assert_eq!(
        (plain.line, plain.text.as_str(), plain.exits),
        (3, "kubectl get pods\n", 0)
    );
    assert!(console.is_console && console.exits == 1);
    let shown = console.shown();
    assert_eq!(shown[0].command, "plimsoll scan \\\n    .");
    assert_eq!(
        (shown[0].output.as_str(), shown[1].command.as_str(), shown.len()),
        ("out", "x", 2)
    );
    assert_eq!(skipped.skip.as_deref(), Some("needs a registry"));
    assert_eq!(page.undeclared, [20]);
    assert_eq!(page.links, ["b.md"]);
}
