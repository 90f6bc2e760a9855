//! From what a status says to addresses that may be connected to.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use plimsoll_engine::probe::{AddressFilter, Obstacle};
use tokio::{net::lookup_host, time::timeout};

/// The addresses behind an address or a load balancer's name that the filter admits. They are what is connected to: nothing is
/// resolved again, so that a name cannot mean something else a moment later.
pub(crate) async fn resolve(
    address: &str,
    port: u16,
    filter: &AddressFilter,
    patience: Duration,
) -> Result<Vec<SocketAddr>, Obstacle> {
    if let Ok(ip) = address.parse::<IpAddr>() {
        return admitted([ip], port, filter);
    }
    // With a dot at its end a name is looked up as it stands, not under the cluster's search domains.
    let absolute = format!("{}.", address.trim_end_matches('.'));
    let found = timeout(patience, lookup_host((absolute.as_str(), port))).await;
    let found = found
        .map_err(|_| Obstacle::NotResolved)?
        .map_err(|_| Obstacle::NotResolved)?;
    admitted(found.map(|server| server.ip()), port, filter)
}

fn admitted(
    found: impl IntoIterator<Item = IpAddr>,
    port: u16,
    filter: &AddressFilter,
) -> Result<Vec<SocketAddr>, Obstacle> {
    let mut any = false;
    let mut servers: Vec<SocketAddr> = found
        .into_iter()
        .inspect(|_| any = true)
        .filter_map(|ip| filter.admit(ip).ok())
        .map(|ip| SocketAddr::new(ip, port))
        .collect();
    servers.dedup();
    match (servers.is_empty(), any) {
        (false, _) => Ok(servers),
        (true, true) => Err(Obstacle::AddressRefused),
        (true, false) => Err(Obstacle::NotResolved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn of_what_a_name_resolves_to_only_what_is_admitted_is_kept() {
        let ips = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<Vec<IpAddr>>()
        };
        let filter = AddressFilter::default();
        let rebound = admitted(ips(&["127.0.0.1", "::ffff:169.254.169.254"]), 443, &filter);
        assert_eq!(rebound, Err(Obstacle::AddressRefused));
        let mixed = admitted(ips(&["169.254.169.254", "::ffff:203.0.113.7"]), 443, &filter);
        assert_eq!(mixed, Ok(vec!["203.0.113.7:443".parse().unwrap()]));
        assert_eq!(admitted([], 443, &filter), Err(Obstacle::NotResolved));
    }

    #[tokio::test]
    async fn an_address_is_not_looked_up() {
        let filter = AddressFilter {
            allow: ["127.0.0.0/8".parse().unwrap()].into(),
            ..AddressFilter::default()
        };
        let loopback = resolve("127.0.0.2", 8443, &filter, PATIENCE).await;
        assert_eq!(loopback, Ok(vec!["127.0.0.2:8443".parse().unwrap()]));
        let refused = resolve("127.0.0.2", 8443, &AddressFilter::default(), PATIENCE).await;
        assert_eq!(refused, Err(Obstacle::AddressRefused));
    }

    #[tokio::test]
    async fn short_forms_of_loopback_are_refused() {
        for odd in ["127.1", "2130706433", "0x7f.1", "0177.0.0.1"] {
            let refused = resolve(odd, 443, &AddressFilter::default(), PATIENCE).await;
            assert!(refused.is_err(), "{odd}: {refused:?}");
        }
    }
}
