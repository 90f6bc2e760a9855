//! Where a baseline lets probes be aimed, and what is asked of a site before one is.

use std::{net::IpAddr, sync::Arc};

use plimsoll_engine::{
    control::ParamError,
    facts::ClusterNetworks,
    probe::{AddressFilter, Net},
    text::escape,
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sites::Site;

/// Where a host is reached, in place of what the objects say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(deny_unknown_fields)]
pub struct HostAddress {
    /// The host.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// An IP address, or a name that is resolved.
    #[schemars(length(min = 1, max = 253))]
    pub address: String,
    /// The port. Default: what the object's status says, else 443 (80 without TLS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
}

/// Where probes may be aimed.
pub(crate) struct Aim<'a> {
    pub(crate) allow: &'a [Net],
    pub(crate) refuse: &'a [Net],
    pub(crate) addresses: &'a [HostAddress],
}

impl Aim<'_> {
    /// The filter for this cluster. Unknown where its own networks are: nothing may be aimed at then.
    pub(crate) fn filter(&self, view: &View<'_>) -> Result<AddressFilter, Unknown> {
        Ok(AddressFilter {
            allow: self.allow.into(),
            refuse: self.refuse.into(),
            cluster: Arc::clone(&*view.fact(&ClusterNetworks)?),
        })
    }

    /// Where the site is reached: as the baseline says, else as its object does.
    fn at(&self, site: &Site) -> Vec<(Arc<str>, u16)> {
        let named: Vec<&HostAddress> = self
            .addresses
            .iter()
            .filter(|named| named.host.eq_ignore_ascii_case(&site.host))
            .collect();
        if named.is_empty() {
            return site.at.clone();
        }
        let usual = site
            .at
            .first()
            .map_or(if site.tls { 443 } else { 80 }, |(_, port)| *port);
        let at = |named: &&HostAddress| (Arc::from(&*named.address), named.port.unwrap_or(usual));
        named.iter().map(at).collect()
    }

    /// Where a probe of the site may be aimed; what may not be is Unknown, for each with the reason.
    pub(crate) fn targets(
        &self,
        site: &Site,
        filter: &AddressFilter,
        mut unknown: impl FnMut(Unknown),
    ) -> Vec<(Arc<str>, u16)> {
        if !is_name(&site.host) && !site.host.is_empty() {
            let message = format!("{} is no host name", escape(&site.host));
            unknown(Unknown::new("InvalidHost", message));
            return Vec::new();
        }
        let at = self.at(site);
        if at.is_empty() {
            let message = format!("no status says at which address {} is reached", shown(&site.host));
            unknown(Unknown::new("NoAddress", message).live_only());
        }
        let mut targets = Vec::new();
        for (address, port) in at {
            match judge(&address, filter) {
                Ok(()) => targets.push((address, port)),
                Err(why) => unknown(why),
            }
        }
        targets
    }
}

fn judge(address: &str, filter: &AddressFilter) -> Result<(), Unknown> {
    match address.parse::<IpAddr>() {
        Ok(ip) => filter.admit(ip).map(drop).map_err(|refusal| {
            let message = format!("{address} is {}; allowCidrs may admit it", refusal.what());
            Unknown::new("AddressRefused", message)
        }),
        // The name of a load balancer: whoever probes resolves it and asks the filter again.
        Err(_) if is_name(address) => Ok(()),
        Err(_) => Err(Unknown::new(
            "InvalidAddress",
            format!("{} is neither an IP address nor a name", escape(address)),
        )),
    }
}

/// Whether the text is a name of the DNS.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        (1..=63).contains(&label.len()) && label.bytes().all(inner)
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
}

/// A host for a sentence.
pub(crate) fn shown(host: &str) -> String {
    if host.is_empty() {
        "any host".into()
    } else {
        escape(host).into_owned()
    }
}

/// Refuses an interval outside of `least` and a day, and a timeout beyond the interval.
pub(crate) fn check_times(interval: u32, least: u32, timeout: u32) -> Result<(), ParamError> {
    if !(least..=86_400).contains(&interval) {
        return Err(ParamError::new("interval", format!("expected {least}s to 24h")));
    }
    if !(1..=60).contains(&timeout) || timeout > interval {
        return Err(ParamError::new(
            "timeout",
            "expected 1s to 60s, and no more than interval",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_what_is_none() {
        for name in [
            "shop.example.com",
            "a",
            "lb-1.elb.eu-west-1.amazonaws.com",
            "x_y.example.",
        ] {
            assert!(is_name(name), "{name}");
        }
        let long = format!("{}.com", "a".repeat(64));
        for none in [
            "",
            "a..b",
            "shop\u{7}.example",
            "a b",
            "http://a",
            "a:443",
            "*.a",
            "ä.de",
            &long,
        ] {
            assert!(!is_name(none), "{none:?}");
        }
    }
}
