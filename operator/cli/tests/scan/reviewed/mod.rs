//! What fails of eight real products (`PLIMSOLL_CORPORA`), finding by finding as a person judged it: a finding that is not in the
//! tables is new and must be judged, one that is gone must go from them. False alarms are not in them: they were mended.
//!
//! Each product is scanned as a whole, as what runs in production: namespaces whose manifests say nothing are given as production's
//! and a tenant's each, those that are given unlabelled are accepted as production's.

mod demos;
mod infrastructure;
mod operators;

use std::{fmt::Write as _, path::PathBuf};

use crate::{Folder, plimsoll};

/// A product and what fails of it.
struct Product {
    /// Its folder in the corpus.
    folder: &'static str,
    /// Namespaces that its objects are in and no manifest gives.
    implied: &'static [&'static str],
    /// Namespaces that its manifests give.
    given: &'static [&'static str],
    findings: &'static [Judged],
}

/// Findings of one reason that were judged alike.
struct Judged {
    control: &'static str,
    reason: &'static str,
    verdict: Verdict,
    because: &'static str,
    /// `Kind namespace/name`, once for each finding.
    objects: &'static [&'static str],
}

/// What a person says of a finding.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    /// So it is, and it is to be mended.
    Right,
    /// So it is, but there may be good reasons for it: an exception, a parameter or `spec.platform` says so.
    Debatable,
}

const fn right(
    control: &'static str,
    reason: &'static str,
    because: &'static str,
    objects: &'static [&'static str],
) -> Judged {
    let verdict = Verdict::Right;
    Judged {
        control,
        reason,
        verdict,
        because,
        objects,
    }
}

const fn debatable(
    control: &'static str,
    reason: &'static str,
    because: &'static str,
    objects: &'static [&'static str],
) -> Judged {
    let verdict = Verdict::Debatable;
    Judged {
        verdict,
        ..right(control, reason, because, objects)
    }
}

const PRODUCTS: [Product; 8] = [
    demos::BANK,
    demos::BOUTIQUE,
    demos::FLUX,
    operators::ARGO_CD,
    operators::STRIMZI,
    operators::MONITORING,
    infrastructure::INGRESS_NGINX,
    infrastructure::LONGHORN,
];

#[test]
fn every_finding_about_real_products_was_judged_by_a_person() {
    let Some(corpora) = std::env::var_os("PLIMSOLL_CORPORA") else {
        eprintln!("SKIPPED: PLIMSOLL_CORPORA is not set");
        return;
    };
    let (mut right, mut debatable, mut problems) = (0, 0, String::new());
    for product in &PRODUCTS {
        let folder = PathBuf::from(&corpora).join("realworld").join(product.folder);
        product.compare(&product.found(&folder.display().to_string()), &mut problems);
        for judged in product.findings {
            assert!(!judged.because.is_empty(), "{} {}", judged.control, judged.reason);
            match judged.verdict {
                Verdict::Right => right += judged.objects.len(),
                Verdict::Debatable => debatable += judged.objects.len(),
            }
        }
    }
    eprintln!("{right} findings are right, {debatable} debatable");
    assert!(problems.is_empty(), "{problems}");
}

impl Product {
    /// What fails, a line each, sorted.
    fn found(&self, folder: &str) -> Vec<String> {
        let scene = Folder::with(&[
            ("baseline.yaml", &self.baseline()),
            ("namespaces.yaml", &self.namespaces()),
        ]);
        let args = [
            "scan",
            "--baseline",
            "baseline.yaml",
            "-o",
            "json",
            folder,
            "namespaces.yaml",
        ];
        let report = plimsoll(scene.path(), &args).json();
        let failing = report["results"].as_array().unwrap().iter();
        let failing = failing.filter(|entry| entry["result"] == "fail");
        let mut lines: Vec<String> = failing
            .map(|entry| {
                let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
                let (object, of) = (&entry["object"], text(&entry["object"]["namespace"]));
                let slash = if of.is_empty() { "" } else { "/" };
                let (control, reason) = (text(&entry["control"]), text(&entry["reason"]));
                let (kind, name) = (text(&object["kind"]), text(&object["name"]));
                format!("{control} {reason} {kind} {of}{slash}{name}")
            })
            .collect();
        lines.sort();
        lines
    }

    fn baseline(&self) -> String {
        let mut text = "apiVersion: plimsoll.dev/v1alpha1
kind: SecurityBaseline
metadata: {name: review}
spec:
  extends: [essentials]
  controls: {environments/segregated: {requireNonProduction: false}}
  environments:
    overrides:
"
        .to_owned();
        for namespace in self.given.iter().chain(self.implied) {
            _ = writeln!(text, "    - {{namespace: {namespace}, environment: production}}");
        }
        text
    }

    fn namespaces(&self) -> String {
        let mut text = String::new();
        for name in self.implied {
            let labels = format!("{{plimsoll.dev/environment: production, plimsoll.dev/tenant: {name}}}");
            _ = writeln!(
                text,
                "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {labels}}}"
            );
        }
        text
    }

    fn compare(&self, found: &[String], problems: &mut String) {
        let judged = self.findings.iter().flat_map(|judged| {
            let of = |object: &&str| format!("{} {} {object}", judged.control, judged.reason);
            judged.objects.iter().map(of)
        });
        let mut judged: Vec<String> = judged.collect();
        judged.sort();
        let times = |line: &String, list: &[String]| list.iter().filter(|other| *other == line).count();
        for line in found
            .iter()
            .filter(|line| times(line, found) > times(line, &judged))
        {
            _ = writeln!(problems, "{}: new, to be judged: {line}", self.folder);
        }
        for line in judged
            .iter()
            .filter(|line| times(line, &judged) > times(line, found))
        {
            _ = writeln!(problems, "{}: not found any more: {line}", self.folder);
        }
    }
}
