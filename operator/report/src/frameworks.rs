//! The criteria that controls are mapped to, in words of our own: short enough for a table, close enough to be recognised.

/// Frameworks in the order in which they are shown, with the name printed.
pub(crate) const FRAMEWORKS: [(&str, &str); 3] = [
    ("SOC 2", "SOC 2"),
    ("ISO 27001", "ISO/IEC 27001:2022"),
    ("GDPR", "GDPR"),
];

/// How a criterion is printed: articles of the GDPR are called so.
pub(crate) fn label(framework: &str, criterion: &str) -> String {
    if framework == "GDPR" {
        format!("Art. {criterion}")
    } else {
        criterion.to_owned()
    }
}

/// What a criterion is about; empty for one that has no line here.
pub(crate) fn title(framework: &str, criterion: &str) -> &'static str {
    match (framework, criterion) {
        ("SOC 2", "CC4.1") => "Controls are evaluated continuously",
        ("SOC 2", "CC6.1") => "Logical access to information assets",
        ("SOC 2", "CC6.3") => "Access by role and least privilege",
        ("SOC 2", "CC6.6") => "Protection at the system's boundary",
        ("SOC 2", "CC6.7") => "Protection of data in transit",
        ("SOC 2", "CC7.2") => "Monitoring for anomalies",
        ("SOC 2", "CC8.1") => "Changes controlled, environments apart",
        ("SOC 2", "A1.2") => "Redundancy, backup and recovery",
        ("SOC 2", "A1.3") => "Recovery is tested",
        ("ISO 27001", "A.5.15") => "Access control",
        ("ISO 27001", "A.5.17") => "Authentication information",
        ("ISO 27001", "A.5.30") => "ICT readiness for business continuity",
        ("ISO 27001", "A.5.36") => "Compliance with policies and standards",
        ("ISO 27001", "A.8.2") => "Privileged access rights",
        ("ISO 27001", "A.8.3") => "Information access restriction",
        ("ISO 27001", "A.8.5") => "Secure authentication",
        ("ISO 27001", "A.8.9") => "Configuration management",
        ("ISO 27001", "A.8.13") => "Information backup",
        ("ISO 27001", "A.8.14") => "Redundancy of processing facilities",
        ("ISO 27001", "A.8.16") => "Monitoring activities",
        ("ISO 27001", "A.8.20") => "Network security",
        ("ISO 27001", "A.8.22") => "Segregation of networks",
        ("ISO 27001", "A.8.24") => "Use of cryptography",
        ("ISO 27001", "A.8.31") => "Separation of development, test and production",
        ("ISO 27001", "A.8.33") => "Test information",
        ("GDPR", "32(1)(a)") => "Pseudonymisation and encryption",
        ("GDPR", "32(1)(b)") => "Confidentiality, integrity, availability, resilience",
        ("GDPR", "32(1)(c)") => "Restoring availability and access in time",
        ("GDPR", "32(1)(d)") => "Regular testing of the measures",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_criterion_that_a_control_is_mapped_to_has_words() {
        for meta in plimsoll_controls::registry().metas() {
            for (framework, criterion) in meta.mappings {
                assert!(
                    FRAMEWORKS.iter().any(|(known, _)| known == framework),
                    "{}: {framework}",
                    meta.id
                );
                assert_ne!(
                    title(framework, criterion),
                    "",
                    "{}: {framework} {criterion}",
                    meta.id
                );
            }
        }
    }
}
