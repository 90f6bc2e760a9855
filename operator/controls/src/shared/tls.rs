//! TLS versions, and how ingress controllers spell them.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A version of TLS, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// SSL 2 or 3: seen in configurations, never asked for.
    #[serde(skip)]
    Ssl,
    /// TLS 1.0.
    #[serde(rename = "1.0")]
    V1_0,
    /// TLS 1.1.
    #[serde(rename = "1.1")]
    V1_1,
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

use TlsVersion::{Ssl, V1_0, V1_1, V1_2, V1_3};

impl TlsVersion {
    /// Every version that may be asked for.
    pub(crate) const ALL: [Self; 4] = [V1_0, V1_1, V1_2, V1_3];

    /// `1.2`.
    pub(crate) const fn number(self) -> &'static str {
        match self {
            Ssl => "below 1.0 (SSL)",
            V1_0 => "1.0",
            V1_1 => "1.1",
            V1_2 => "1.2",
            V1_3 => "1.3",
        }
    }

    /// From `1.2`.
    pub(crate) fn from_number(number: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.number() == number)
    }

    /// From Go's names, as Traefik and OpenShift write them: `VersionTLS12`.
    pub(crate) fn from_go(name: &str) -> Option<Self> {
        Some(match name {
            "VersionTLS10" => V1_0,
            "VersionTLS11" => V1_1,
            "VersionTLS12" => V1_2,
            "VersionTLS13" => V1_3,
            _ => return None,
        })
    }

    /// From Istio's names: `TLSV1_2`. `TLS_AUTO` is the zero value, which is the default of 1.2.
    pub(crate) fn from_istio(name: &str) -> Option<Self> {
        Some(match name {
            "TLSV1_0" => V1_0,
            "TLSV1_1" => V1_1,
            "TLSV1_2" | "TLS_AUTO" => V1_2,
            "TLSV1_3" => V1_3,
            _ => return None,
        })
    }

    /// As NGINX writes it: `TLSv1.2`.
    pub(crate) const fn nginx(self) -> &'static str {
        match self {
            Ssl => "SSLv3",
            V1_0 => "TLSv1",
            V1_1 => "TLSv1.1",
            V1_2 => "TLSv1.2",
            V1_3 => "TLSv1.3",
        }
    }
}

/// What is known of the versions that are enabled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Versions {
    /// This one and later ones.
    From(TlsVersion),
    /// Exactly these.
    Exactly(BTreeSet<TlsVersion>),
}

impl Versions {
    /// The lowest version that is enabled; `None` if none is.
    pub(crate) fn lowest(&self) -> Option<TlsVersion> {
        match self {
            Self::From(version) => Some(*version),
            Self::Exactly(versions) => versions.first().copied(),
        }
    }
}

/// NGINX's `ssl_protocols`: a set. A word it does not know makes the whole undecided.
pub(crate) fn nginx_protocols(value: &str) -> Option<Versions> {
    let version = |word: &str| {
        let all = [V1_0, V1_1, V1_2, V1_3];
        all.into_iter()
            .find(|v| v.nginx() == word)
            .or_else(|| matches!(word, "SSLv2" | "SSLv3").then_some(Ssl))
    };
    let versions: Option<BTreeSet<TlsVersion>> = value
        .split([' ', ','])
        .filter(|w| !w.is_empty())
        .map(version)
        .collect();
    versions
        .filter(|versions| !versions.is_empty())
        .map(Versions::Exactly)
}

/// HAProxy's options of `bind`: `ssl-min-ver` decides; else the lowest version that no `no-tlsv..` word switches off.
/// `Err` holds a version that the options admit while HAProxy itself may not: from 2.2 on it starts at 1.2.
pub(crate) fn haproxy_options(value: &str) -> Result<Versions, TlsVersion> {
    let words: Vec<&str> = value.split_whitespace().collect();
    let stated = words
        .windows(2)
        .find(|pair| pair[0] == "ssl-min-ver")
        .map(|pair| pair[1]);
    if let Some(version) = stated.and_then(|word| TlsVersion::ALL.into_iter().find(|v| word == v.haproxy())) {
        return Ok(Versions::From(version));
    }
    let off = |version: TlsVersion| words.contains(&version.haproxy_off());
    match TlsVersion::ALL.into_iter().find(|v| !off(*v)) {
        Some(version) if version < V1_2 => Err(version),
        Some(version) => Ok(Versions::From(version)),
        None => Err(Ssl),
    }
}

impl TlsVersion {
    const fn haproxy(self) -> &'static str {
        match self {
            Ssl => "SSLv3",
            V1_0 => "TLSv1.0",
            V1_1 => "TLSv1.1",
            V1_2 => "TLSv1.2",
            V1_3 => "TLSv1.3",
        }
    }

    const fn haproxy_off(self) -> &'static str {
        match self {
            Ssl => "no-sslv3",
            V1_0 => "no-tlsv10",
            V1_1 => "no-tlsv11",
            V1_2 => "no-tlsv12",
            V1_3 => "no-tlsv13",
        }
    }
}

/// The lowest version a predefined security policy of AWS load balancers accepts; `None` for names that are not known.
/// The number behind `TLS13-1-`, `TLS-1-` or `FS-1-` is the minor version; the names without one accept 1.0.
pub(crate) fn elb_policy(name: &str) -> Option<TlsVersion> {
    let rest = name.strip_prefix("ELBSecurityPolicy-")?;
    let family = ["TLS13-1-", "TLS-1-", "FS-1-"];
    if let Some(minor) = family.into_iter().find_map(|f| rest.strip_prefix(f)) {
        let (digit, _) = minor.split_once('-').unwrap_or((minor, ""));
        return TlsVersion::from_number(&format!("1.{digit}"));
    }
    matches!(
        rest,
        "2016-08" | "2015-05" | "2015-03" | "2015-02" | "2014-10" | "2014-01" | "FS-2018-06"
    )
    .then_some(V1_0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("ELBSecurityPolicy-2016-08", Some(V1_0))]
    #[case("ELBSecurityPolicy-2015-05", Some(V1_0))]
    #[case("ELBSecurityPolicy-TLS-1-0-2015-04", Some(V1_0))]
    #[case("ELBSecurityPolicy-TLS-1-1-2017-01", Some(V1_1))]
    #[case("ELBSecurityPolicy-FS-2018-06", Some(V1_0))]
    #[case("ELBSecurityPolicy-FS-1-1-2019-08", Some(V1_1))]
    #[case("ELBSecurityPolicy-TLS13-1-0-2021-06", Some(V1_0))]
    #[case("ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", Some(V1_1))]
    #[case("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", Some(V1_2))]
    #[case("ELBSecurityPolicy-FS-1-2-Res-2020-10", Some(V1_2))]
    #[case("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", Some(V1_2))]
    #[case("ELBSecurityPolicy-TLS13-1-3-2021-06", Some(V1_3))]
    #[case("ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09", Some(V1_0))]
    #[case("ELBSecurityPolicy-Something-New", None)]
    #[case("MyPolicy", None)]
    fn elb_policies_by_their_names(#[case] name: &str, #[case] lowest: Option<TlsVersion>) {
        assert_eq!(elb_policy(name), lowest);
    }

    #[test]
    fn nginx_protocols_are_a_set() {
        assert_eq!(nginx_protocols("TLSv1.3 TLSv1.1").unwrap().lowest(), Some(V1_1));
        assert_eq!(nginx_protocols("SSLv2").unwrap().lowest(), Some(Ssl));
        assert_eq!(nginx_protocols("TLSv1.2 TLSv9"), None);
        assert_eq!(nginx_protocols(""), None);
    }

    #[test]
    fn haproxy_starts_where_its_options_say_or_at_1_2() {
        assert_eq!(
            haproxy_options("no-sslv3 no-tlsv10 no-tlsv11 no-tls-tickets"),
            Ok(Versions::From(V1_2))
        );
        assert_eq!(haproxy_options("no-sslv3 no-tlsv10"), Err(V1_1));
        assert_eq!(haproxy_options("ssl-min-ver TLSv1.1"), Ok(Versions::From(V1_1)));
    }
}
