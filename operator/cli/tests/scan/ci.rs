//! What CI systems read: SARIF, JUnit and workflow commands.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    sync::LazyLock,
};

use quick_xml::{Reader, events::Event};
use serde_json::Value;

use crate::{BROKEN, EXCEPTION, Folder, GOOD, LABELLED, ORPHAN, UNLABELLED, plimsoll};

const BASELINE: &str = "apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: mine}
spec:
  controls:
    environments/labelled: {}
    availability/replica-redundancy: {minReplicas: 5, environments: [production], severity: Critical}
    availability/uptime-slo: {target: \"0.999\"}
";

/// A Namespace whose name breaks out of whatever it is put into without care.
const HOSTILE: &str = "apiVersion: v1
kind: Namespace
metadata:
  name: \"]]>&<x>'\\\"\\n::error::a\\r%0A\\e[31m\\u202E {0} [b](https://evil.example) , :\"
";

fn folder(files: &[(&str, &str)]) -> Folder {
    let mut all = vec![("b.yaml", BASELINE)];
    all.extend(files);
    Folder::with(&all)
}

fn scan(folder: &Folder, output: &str) -> (i32, String) {
    let ran = plimsoll(
        folder.path(),
        &[
            "scan",
            "in",
            "--baseline",
            "b.yaml",
            "--environment",
            "production",
            "-o",
            output,
        ],
    );
    assert_eq!(ran.err, "", "{output}");
    (ran.code, ran.out)
}

/// A log that is valid against the schema of the standard.
fn sarif(folder: &Folder) -> Value {
    let (_, text) = scan(folder, "sarif");
    let log: Value = serde_json::from_str(&text).unwrap();
    let schema = sarif_schema();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(&log)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // And a reader of another make understands it.
    serde_json::from_value::<serde_sarif::sarif::Sarif>(log.clone()).unwrap();
    log
}

/// The schema of the standard, as the crate `serde-sarif` bears it.
fn sarif_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let run = |program: &str, args: &[&str]| {
            let output = Command::new(program).args(args).output().unwrap();
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            String::from_utf8(output.stdout).unwrap()
        };
        let rustc = run("rustc", &["-vV"]);
        let host = rustc
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .unwrap();
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let metadata = [
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            host,
        ];
        let metadata = run(&cargo, &[&metadata[..], &["--manifest-path", manifest]].concat());
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        let mut packages = metadata["packages"].as_array().unwrap().iter();
        let package = packages.find(|package| package["name"] == "serde-sarif").unwrap();
        let folder = Path::new(package["manifest_path"].as_str().unwrap())
            .parent()
            .unwrap();
        let text = std::fs::read_to_string(folder.join("src/schema.json")).unwrap();
        // The published schema has a bracket too many in a pattern (of language codes, which we do not write).
        serde_json::from_str(&text.replace("-[a-zA-Z]{2}]?$", "-[a-zA-Z]{2}$")).unwrap()
    });
    &SCHEMA
}

fn sarif_results(log: &Value) -> &[Value] {
    log["runs"][0]["results"].as_array().unwrap()
}

fn deployment(name: &str, replicas: u32) -> String {
    ORPHAN
        .replace("elsewhere", "shop")
        .replace("web", name)
        .replace("replicas: 3", &format!("replicas: {replicas}"))
}

#[test]
fn sarif_says_what_fails_where_and_how_to_fix_it() {
    let folder = folder(&[("in/a b.yaml", &format!("{GOOD}---\n{}", deployment("web", 3)))]);
    let log = sarif(&folder);
    let run = &log["runs"][0];
    let [result] = sarif_results(&log) else {
        panic!("{log:#}");
    };
    assert_eq!(result["ruleId"], "availability/replica-redundancy");
    assert_eq!(
        (&result["kind"], &result["level"]),
        (&"fail".into(), &"error".into())
    );
    let text = result["message"]["text"].as_str().unwrap();
    assert!(text.starts_with("Deployment shop/web: "), "{text}");
    assert!(
        text.contains("\nfix (safe): set spec.replicas of Deployment shop/web from 3 to 5"),
        "{text}"
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "in/a%20b.yaml");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
    assert_eq!(
        place["region"],
        serde_json::json!({ "startLine": 11, "startColumn": 3, "endColumn": 14 })
    );

    let rule =
        &run["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
    assert_eq!(rule["id"], result["ruleId"]);
    // The severity of the baseline, not the control's own.
    assert_eq!(rule["properties"]["security-severity"], "9.5");
    assert_eq!(rule["properties"]["tags"][0], "security");
    assert!(
        rule["help"]["markdown"]
            .as_str()
            .unwrap()
            .contains("## How to fix")
    );
    assert!(
        rule["helpUri"]
            .as_str()
            .unwrap()
            .ends_with("/availability/replica_redundancy/README.md")
    );
    assert_eq!(run["invocations"][0]["exitCode"], 1);
    assert_eq!(run["automationDetails"]["id"], "plimsoll/mine/");
}

#[test]
fn fingerprints_survive_what_moves_a_finding() {
    let (web, api) = (deployment("web", 3), deployment("api", 2));
    let of = |text: &str| -> BTreeMap<String, String> {
        let log = sarif(&folder(&[("in/a.yaml", text)]));
        let results = sarif_results(&log).iter().map(|result| {
            let prints = &result["partialFingerprints"];
            let who = result["message"]["text"]
                .as_str()
                .unwrap()
                .split(':')
                .next()
                .unwrap()
                .to_owned();
            let own = prints["plimsollFinding/v1"].as_str().unwrap();
            assert_eq!(prints["primaryLocationLineHash"], format!("{own}:1"));
            (who, own.to_owned())
        });
        results.collect()
    };
    let before = of(&format!("{GOOD}---\n{web}---\n{api}"));
    assert_eq!(before.len(), 2);
    assert_eq!(before.values().collect::<BTreeSet<_>>().len(), 2);
    let moved = format!(
        "# a line\n\n# more\n{api}---\n{}---\n{GOOD}",
        web.replace("replicas: 3", "replicas: 4")
    );
    assert_eq!(of(&moved), before);
}

#[test]
fn sarif_calls_a_waived_finding_suppressed_and_never_says_pass() {
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let exception = EXCEPTION.replace("EXPIRES", &soon.to_string());
    let folder = folder(&[
        (
            "in/a.yaml",
            &format!("{GOOD}---\n{}---\n{exception}", deployment("web", 3)),
        ),
        ("in/b.yaml", BROKEN),
    ]);
    let log = sarif(&folder);
    let [result] = sarif_results(&log) else {
        panic!("{log:#}");
    };
    let suppression = &result["suppressions"][0];
    assert_eq!(
        (&suppression["kind"], &suppression["status"]),
        (&"external".into(), &"accepted".into())
    );
    assert_eq!(suppression["justification"], "BaselineException accepted");

    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(
        invocation["executionSuccessful"], false,
        "a document could not be read"
    );
    let met = invocation["toolExecutionNotifications"].as_array().unwrap();
    let unreadable = met
        .iter()
        .find(|n| n["descriptor"]["id"] == "UnreadableDocument")
        .unwrap();
    assert_eq!(
        unreadable["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "in/b.yaml"
    );
    assert!(met.iter().any(|n| n["descriptor"]["id"] == "Assumption"));
}

#[test]
fn unknown_is_a_question_in_every_format() {
    // Without a label its environment is not known, so neither is what is asked of its workloads.
    let workload = ORPHAN.replace("elsewhere", "bare");
    let folder = folder(&[("in/a.yaml", &format!("{UNLABELLED}---\n{workload}"))]);
    let log = sarif(&folder);
    let review: Vec<&Value> = sarif_results(&log)
        .iter()
        .filter(|r| r["kind"] == "review")
        .collect();
    let [question] = review.as_slice() else {
        panic!("{log:#}");
    };
    assert_eq!(question["level"], "none");
    assert!(
        question["message"]["text"]
            .as_str()
            .unwrap()
            .starts_with("Deployment bare/web is unknown: ")
    );

    let (code, junit) = scan(&folder, "junit");
    assert_eq!(code, 1);
    let cases = cases(&junit);
    assert_eq!(
        cases["availability/replica-redundancy"]["Deployment bare/web"],
        "error"
    );
    assert_eq!(cases["environments/labelled"]["Namespace bare"], "failure");
    let (_, github) = scan(&folder, "github");
    let warned = github.lines().any(|line| {
        line.starts_with("::warning file=in/a.yaml,line=")
            && line.contains("Deployment bare/web is unknown: ")
    });
    assert!(warned, "{github}");
    assert!(
        github.contains("baseline mine: 1 fail, 2 unknown, 0 pass"),
        "{github}"
    );
}

/// The element inside each case, by suite and name: `failure`, `error`, `skipped`, or `pass` where there is none. Checks the
/// counts of the suites on the way.
fn cases(xml: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = Reader::from_str(xml);
    let mut suites: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut counts: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    let (mut suite, mut case) = (String::new(), String::new());
    loop {
        let event = reader.read_event().unwrap();
        let (Event::Start(element) | Event::Empty(element)) = &event else {
            if matches!(event, Event::Eof) {
                break;
            }
            continue;
        };
        let attribute = |name: &str| {
            let found = element.try_get_attribute(name).unwrap()?;
            Some(
                found
                    .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                    .unwrap()
                    .into_owned(),
            )
        };
        match element.name().as_ref() {
            b"testsuite" => {
                suite = attribute("name").unwrap();
                let count = |name: &str| attribute(name).unwrap().parse().unwrap();
                let all = ["tests", "failures", "errors", "skipped"].map(count);
                assert_eq!(
                    counts.insert(suite.clone(), all),
                    None,
                    "two suites called {suite}"
                );
            }
            b"testcase" => {
                case = attribute("name").unwrap();
                assert_eq!(attribute("classname").as_deref(), Some(suite.as_str()));
                let before = suites
                    .entry(suite.clone())
                    .or_default()
                    .insert(case.clone(), "pass".into());
                assert_eq!(before, None, "two cases called {case}");
            }
            b"testsuites" => {}
            other => {
                let word = String::from_utf8(other.to_vec()).unwrap();
                assert!(!attribute("message").unwrap().is_empty());
                suites.get_mut(&suite).unwrap().insert(case.clone(), word);
            }
        }
    }
    for (suite, cases) in &suites {
        let of = |word: &str| cases.values().filter(|found| *found == word).count();
        let counted = [cases.len(), of("failure"), of("error"), of("skipped")];
        assert_eq!(counts[suite], counted, "{suite}");
    }
    suites
}

#[test]
fn junit_has_a_suite_for_each_control_and_a_case_for_each_unit() {
    let folder = folder(&[
        (
            "in/a.yaml",
            &format!("{GOOD}---\n{}---\n{}", deployment("web", 3), deployment("api", 5)),
        ),
        ("in/b.yaml", &format!("{UNLABELLED}---\n{BROKEN}")),
    ]);
    let (code, xml) = scan(&folder, "junit");
    assert_eq!(code, 1);
    let cases = cases(&xml);
    assert_eq!(
        cases["availability/replica-redundancy"]["Deployment shop/web"],
        "failure"
    );
    assert_eq!(
        cases["availability/replica-redundancy"]["Deployment shop/api"],
        "pass"
    );
    assert_eq!(cases["environments/labelled"]["Namespace shop"], "pass");
    assert_eq!(cases["environments/labelled"]["Namespace bare"], "failure");
    // What could not be read is no clean report.
    assert_eq!(cases["input"].values().collect::<Vec<_>>(), ["error"]);
    for text in [
        "file=\"in/a.yaml\" line=\"11\"",
        "type=\"TooFewReplicas\"",
        "at in/a.yaml:11",
        "fix (safe): set spec.replicas of Deployment shop/web from 3 to 5",
    ] {
        assert!(xml.contains(text), "no {text} in\n{xml}");
    }
}

#[test]
fn github_shows_the_worst_first_and_says_what_it_left_out() {
    let many: Vec<String> = (0..4).map(|i| deployment(&format!("web-{i}"), 1)).collect();
    let folder = folder(&[(
        "in/a.yaml",
        &format!("{GOOD}---\n{UNLABELLED}---\n{}", many.join("---\n")),
    )]);
    let ran = plimsoll(
        folder.path(),
        &[
            "scan",
            "in",
            "--baseline",
            "b.yaml",
            "-o",
            "github",
            "--limit",
            "3",
        ],
    );
    assert_eq!(ran.code, 1);
    let commands: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("::")).collect();
    let critical = "::error file=in/a.yaml,line=16,col=3,endColumn=14,title=critical availability/replica-redundancy \
                    TooFewReplicas::Deployment shop/web-0: ";
    assert!(commands[0].starts_with(critical), "{commands:#?}");
    assert!(commands[0].contains("%0Afix (safe): "), "{commands:#?}");
    assert!(
        commands[3].contains("title=high environments/labelled"),
        "{commands:#?}"
    );
    assert!(
        ran.out.contains("\n1 more findings are not shown here"),
        "{}",
        ran.out
    );
}

#[test]
fn hostile_names_break_out_of_no_format() {
    let folder = folder(&[("in/a,b:c%0A.yaml", HOSTILE), ("in/]]>&\".yaml", BROKEN)]);
    let escaped = "]]>&<x>'\"\\n::error::a\\r%0A\\u{1b}[31m\\u{202e} {0} [b](https://evil.example) , :";
    for output in ["sarif", "junit", "github"] {
        let (_, text) = scan(&folder, output);
        let hostile = |c: &char| *c != '\n' && (c.is_control() || *c == '\u{202e}');
        assert_eq!(text.chars().find(hostile), None, "{output}: {text}");
    }

    let log = sarif(&folder);
    let text = sarif_results(&log)[0]["message"]["text"].as_str().unwrap();
    assert!(text.contains("{{0}} \\[b\\](https://evil.example)"), "{text}");
    let uri = &sarif_results(&log)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "in/a%2Cb%3Ac%250A.yaml");

    let (_, xml) = scan(&folder, "junit");
    let cases = cases(&xml);
    assert_eq!(
        cases["environments/labelled"][&format!("Namespace {escaped}")],
        "failure"
    );
    assert_eq!(cases["input"]["in/]]>&\".yaml:4"], "error");

    let (_, github) = scan(&folder, "github");
    let commands: Vec<&str> = github.lines().filter(|line| line.starts_with("::")).collect();
    assert!(
        commands.iter().all(|line| line.starts_with("::error file=in/")),
        "{commands:#?}"
    );
    assert!(
        commands[1].starts_with("::error file=in/a%2Cb%3Ac%250A.yaml,line=3,"),
        "{commands:#?}"
    );
    assert!(commands[1].contains("a\\r%250A"), "{commands:#?}");
}

#[test]
fn two_baselines_stand_side_by_side() {
    let second = BASELINE.replace("mine", "other");
    let both = format!("{BASELINE}---\n{second}");
    let folder = Folder::with(&[("b.yaml", &both), ("in/a.yaml", UNLABELLED)]);
    let log = sarif(&folder);
    assert_eq!(
        log["runs"].as_array().unwrap().len(),
        1,
        "GitHub refuses two runs of one tool"
    );
    assert_eq!(sarif_results(&log).len(), 2);
    let (_, xml) = scan(&folder, "junit");
    let cases = cases(&xml);
    assert_eq!(
        cases["environments/labelled [mine]"],
        cases["environments/labelled [other]"]
    );
    assert_ne!(BASELINE, LABELLED);
}
