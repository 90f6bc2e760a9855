//! Which format a scraper gets. Prometheus asks for OpenMetrics; whoever does not gets the older text format.

use std::fmt::Write;

/// A format of exposition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The Prometheus text format 0.0.4.
    Text,
}

impl Format {
    /// What an `Accept` header asks for. OpenMetrics only where it is named with a version we speak, or none, and is not
    /// liked less than plain text.
    pub fn accepted(accept: Option<&str>) -> Self {
        let mut best = (Self::Text, 0.0);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let format = match parts.next().map(str::to_ascii_lowercase).as_deref() {
                Some("application/openmetrics-text") => Self::OpenMetrics,
                Some("text/plain" | "text/*" | "*/*") => Self::Text,
                _ => continue,
            };
            let (mut weight, mut spoken) = (1.0, true);
            for (name, value) in parts.filter_map(|p| p.split_once('=')) {
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => weight = value.trim().parse().unwrap_or(0.0),
                    "version" if format == Self::OpenMetrics => {
                        spoken = matches!(value.trim(), "1.0.0" | "0.0.1");
                    }
                    _ => {}
                }
            }
            let better = weight > best.1 || (weight >= best.1 && format == Self::OpenMetrics);
            if spoken && weight > 0.0 && better {
                best = (format, weight);
            }
        }
        best.0
    }

    /// The value of `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// OpenMetrics as text format 0.0.4: a counter's HELP and TYPE bear its full name there, and there is neither UNIT nor EOF.
pub(super) fn plain(open_metrics: &str) -> String {
    let mut page = String::with_capacity(open_metrics.len() + 256);
    let mut help: Option<(&str, &str)> = None;
    for line in open_metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let suffix = if kind == "counter" { "_total" } else { "" };
            // Writing to a String does not fail.
            if let Some((_, text)) = help.take().filter(|(of, _)| *of == name) {
                let _ = writeln!(page, "# HELP {name}{suffix} {text}");
            }
            let _ = writeln!(page, "# TYPE {name}{suffix} {kind}");
        } else if !line.starts_with("# UNIT ") && line != "# EOF" {
            page.push_str(line);
            page.push('\n');
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_given_to_whoever_asks_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(Format::accepted(Some(prometheus)), Format::OpenMetrics);
        for plain in [
            None,
            Some(""),
            Some("*/*"),
            Some("text/plain"),
            Some("application/openmetrics-text;version=7.0.0"),
            Some("application/openmetrics-text;q=0"),
            Some("text/plain;q=0.9,application/openmetrics-text;q=0.1"),
            Some(";;;=,=;q"),
        ] {
            assert_eq!(Format::accepted(plain), Format::Text, "{plain:?}");
        }
    }

    #[test]
    fn counters_are_renamed_and_the_rest_stays() {
        let page = "# HELP a_b Text.\n# TYPE a_b counter\n# UNIT a_b b\na_b_total 1\n# HELP g G.\n# TYPE g gauge\ng{l=\"# EOF\"} 2\n# EOF\n";
        let expected = "# HELP a_b_total Text.\n# TYPE a_b_total counter\na_b_total 1\n# HELP g G.\n# TYPE g gauge\ng{l=\"# EOF\"} 2\n";
        assert_eq!(plain(page), expected);
    }
}
