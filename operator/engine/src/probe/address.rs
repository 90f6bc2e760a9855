//! Which addresses a probe may be aimed at. Whoever publishes a host chooses where its probe goes: without this a tenant
//! could make the operator knock at the cloud's metadata service, at nodes, pods and Services.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
};

use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A range of addresses, written `10.0.0.0/8`; a single address is a range of one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Net(IpNet);

impl Net {
    /// Whether the address lies in the range.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }

    /// Whether every address of `other` lies in the range.
    pub fn includes(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl From<IpAddr> for Net {
    fn from(address: IpAddr) -> Self {
        Self(address.into())
    }
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(|net| Self(net.trunc())).map_err(|_| {
            let shown: String = text.chars().take(40).collect();
            format!("expected a range of addresses such as 10.0.0.0/8, found {shown:?}")
        })
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for Net {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Net".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$", "minLength": 2, "maxLength": 49 })
    }
}

impl Serialize for Net {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Net {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Why an address is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Of no single host: unspecified, multicast, broadcast, reserved.
    NoHost,
    /// The prober's own machine.
    Loopback,
    /// Link-local, where clouds serve their metadata.
    LinkLocal,
    /// A cloud's metadata service at an address of another range.
    Metadata,
    /// One of the cluster's own networks: nodes, pods, Services, or what the baseline names.
    Cluster,
}

impl Refusal {
    /// What the address is, for a sentence.
    pub const fn what(self) -> &'static str {
        match self {
            Self::NoHost => "no address of a single host",
            Self::Loopback => "a loopback address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a cloud's metadata service",
            Self::Cluster => "an address of the cluster's nodes, pods or Services",
        }
    }
}

/// Metadata services outside the link-local ranges: Alibaba Cloud, Azure's host (`WireServer`), AWS over IPv6, Oracle Cloud.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// The address filter of one baseline.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddressFilter {
    /// What the baseline admits although it would be refused.
    pub allow: Arc<[Net]>,
    /// What the baseline refuses beside the cluster's own networks.
    pub refuse: Arc<[Net]>,
    /// The networks of the cluster's nodes, pods and Services.
    pub cluster: Arc<[Net]>,
}

impl AddressFilter {
    /// The address to connect to, in its plain form, or why not.
    ///
    /// An address that carries an IPv4 address within (mapped, NAT64, 6to4) is judged by both. Loopback, link-local and
    /// metadata addresses are admitted only by an entry that names nothing else, so that `0.0.0.0/0` does not open them.
    pub fn admit(&self, address: IpAddr) -> Result<IpAddr, Refusal> {
        let plain = address.to_canonical();
        self.judge(plain)?;
        if let Some(within) = embedded(plain) {
            self.judge(IpAddr::V4(within))?;
        }
        Ok(plain)
    }

    fn judge(&self, address: IpAddr) -> Result<(), Refusal> {
        if is_no_host(address) {
            return Err(Refusal::NoHost);
        }
        if let Some((refusal, range)) = special(address) {
            let named = self
                .allow
                .iter()
                .any(|net| net.contains(address) && range.includes(*net));
            return if named { Ok(()) } else { Err(refusal) };
        }
        let among = |nets: &[Net]| nets.iter().any(|net| net.contains(address));
        if !among(&self.allow) && (among(&self.cluster) || among(&self.refuse)) {
            return Err(Refusal::Cluster);
        }
        Ok(())
    }
}

fn is_no_host(address: IpAddr) -> bool {
    match address {
        // 0.0.0.0/8 reaches the own machine on Linux; 240.0.0.0/4 is reserved.
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.is_multicast() || v4.octets()[0] >= 240,
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast(),
    }
}

/// The range of special addresses that this one belongs to.
fn special(address: IpAddr) -> Option<(Refusal, Net)> {
    let net = |address: IpAddr, length| IpNet::new(address, length).map(|net| Net(net.trunc())).ok();
    let found = match address {
        IpAddr::V4(v4) if v4.is_loopback() => (Refusal::Loopback, net(address, 8)?),
        IpAddr::V6(v6) if v6.is_loopback() => (Refusal::Loopback, net(address, 128)?),
        IpAddr::V4(v4) if v4.is_link_local() => (Refusal::LinkLocal, net(address, 16)?),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => (Refusal::LinkLocal, net(address, 10)?),
        _ if METADATA.contains(&address) => (Refusal::Metadata, Net::from(address)),
        _ => return None,
    };
    Some(found)
}

/// The IPv4 address that an IPv6 address leads to: IPv4-compatible (RFC 4291), NAT64 (RFC 6052, 8215) and 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    let of = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if !v6.is_loopback() && !v6.is_unspecified() => of(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, .., high, low]
        | [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn filter(allow: &[&str], cluster: &[&str]) -> AddressFilter {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        AddressFilter {
            allow: nets(allow),
            refuse: Arc::default(),
            cluster: nets(cluster),
        }
    }

    #[rstest]
    #[case("127.0.0.1", Err(Refusal::Loopback))]
    #[case("127.255.255.254", Err(Refusal::Loopback))]
    #[case("::1", Err(Refusal::Loopback))]
    #[case("::ffff:127.0.0.1", Err(Refusal::Loopback))]
    #[case("169.254.169.254", Err(Refusal::LinkLocal))]
    #[case("169.254.0.1", Err(Refusal::LinkLocal))]
    #[case("::ffff:169.254.169.254", Err(Refusal::LinkLocal))]
    #[case("::169.254.169.254", Err(Refusal::LinkLocal))]
    #[case("64:ff9b::a9fe:a9fe", Err(Refusal::LinkLocal))]
    #[case("64:ff9b:1::a9fe:a9fe", Err(Refusal::LinkLocal))]
    #[case("2002:a9fe:a9fe::1", Err(Refusal::LinkLocal))]
    #[case("2002:7f00:1::", Err(Refusal::Loopback))]
    #[case("fe80::1", Err(Refusal::LinkLocal))]
    #[case("febf::1", Err(Refusal::LinkLocal))]
    #[case("fd00:ec2::254", Err(Refusal::Metadata))]
    #[case("100.100.100.200", Err(Refusal::Metadata))]
    #[case("168.63.129.16", Err(Refusal::Metadata))]
    #[case("0.0.0.0", Err(Refusal::NoHost))]
    #[case("0.0.0.1", Err(Refusal::NoHost))]
    #[case("::", Err(Refusal::NoHost))]
    #[case("224.0.0.1", Err(Refusal::NoHost))]
    #[case("255.255.255.255", Err(Refusal::NoHost))]
    #[case("ff02::1", Err(Refusal::NoHost))]
    #[case("10.244.3.7", Err(Refusal::Cluster))]
    #[case("::ffff:10.244.3.7", Err(Refusal::Cluster))]
    #[case("10.96.0.1", Err(Refusal::Cluster))]
    #[case("172.18.0.2", Err(Refusal::Cluster))]
    #[case("fd00:10:244::5", Err(Refusal::Cluster))]
    #[case("172.18.0.3", Ok(()))]
    #[case("203.0.113.7", Ok(()))]
    #[case("::ffff:203.0.113.7", Ok(()))]
    #[case("10.0.0.7", Ok(()))]
    #[case("2001:db8::7", Ok(()))]
    fn an_address_is_judged_by_what_it_is(#[case] address: &str, #[case] expected: Result<(), Refusal>) {
        let nets = ["10.244.0.0/16", "10.96.0.0/12", "172.18.0.2", "fd00:10:244::/56"];
        let judged = filter(&[], &nets).admit(address.parse().unwrap());
        assert_eq!(judged.map(drop), expected);
    }

    #[rstest]
    #[case(&["127.0.0.0/8"], "127.0.0.2", true)]
    #[case(&["127.0.0.2/32"], "127.0.0.2", true)]
    #[case(&["127.0.0.2"], "127.0.0.3", false)]
    #[case(&["0.0.0.0/0"], "127.0.0.2", false)]
    #[case(&["0.0.0.0/0", "::/0"], "169.254.169.254", false)]
    #[case(&["0.0.0.0/0", "::/0"], "fd00:ec2::254", false)]
    #[case(&["169.254.10.0/24"], "169.254.10.1", true)]
    #[case(&["169.254.10.0/24"], "169.254.169.254", false)]
    #[case(&["0.0.0.0/0"], "10.96.0.1", true)]
    #[case(&["10.96.0.0/24"], "10.96.0.1", true)]
    #[case(&["10.96.0.0/24"], "10.96.1.1", false)]
    #[case(&["255.255.255.255"], "255.255.255.255", false)]
    #[case(&["0.0.0.0"], "0.0.0.0", false)]
    fn the_baseline_admits_what_it_names(
        #[case] allow: &[&str],
        #[case] address: &str,
        #[case] admitted: bool,
    ) {
        let judged = filter(allow, &["10.96.0.0/12"]).admit(address.parse().unwrap());
        assert_eq!(judged.is_ok(), admitted, "{judged:?}");
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("10.0.0")]
    #[case("")]
    #[case("shop.example.com")]
    fn what_is_no_range_is_refused(#[case] text: &str) {
        assert!(text.parse::<Net>().is_err());
    }

    fn any_address() -> impl Strategy<Value = IpAddr> {
        let v4 = any::<u32>().prop_map(|bits| IpAddr::V4(bits.into()));
        let near = prop_oneof![
            Just([127, 0]),
            Just([169, 254]),
            Just([10, 96]),
            Just([0, 0]),
            Just([224, 0])
        ];
        let near =
            (near, any::<[u8; 2]>()).prop_map(|([a, b], [c, d])| IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
        let v6 = any::<u128>().prop_map(|bits| IpAddr::V6(bits.into()));
        prop_oneof![v4, near, v6]
    }

    proptest! {
        #[test]
        fn nothing_special_is_ever_admitted_unless_it_is_named(address in any_address()) {
            for allow in [&[][..], &["0.0.0.0/0", "::/0"]] {
                if let Ok(admitted) = filter(allow, &["10.96.0.0/12"]).admit(address) {
                    prop_assert!(!admitted.is_loopback() && !admitted.is_multicast() && !admitted.is_unspecified());
                    if let IpAddr::V4(v4) = admitted {
                        prop_assert!(!v4.is_link_local() && !v4.is_broadcast());
                        prop_assert!(!allow.is_empty() || (u32::from(v4) >> 20) != (u32::from(Ipv4Addr::new(10, 96, 0, 0)) >> 20));
                    }
                }
            }
        }

        #[test]
        fn every_way_to_write_an_ipv4_address_is_judged_as_it_is(bits in any::<u32>(), near in any::<bool>()) {
            let v4 = Ipv4Addr::from(if near { (bits % (1 << 16)) | 0xa9fe_0000 } else { bits });
            let filter = filter(&[], &["10.96.0.0/12"]);
            let plain = filter.admit(IpAddr::V4(v4)).map(drop);
            prop_assert_eq!(filter.admit(IpAddr::V6(v4.to_ipv6_mapped())).map(drop), plain);
            let [.., high, low] = v4.to_ipv6_mapped().segments();
            let nat64 = IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low));
            prop_assert_eq!(filter.admit(nat64).map(drop), plain);
            let six_to_four = IpAddr::V6(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1));
            prop_assert_eq!(filter.admit(six_to_four).map(drop), plain);
        }
    }
}
