//! What annotations tell a cloud's load balancer: to end TLS on a port, and to stay in the internal network.
//!
//! Keys and meanings are those of each cloud controller's documentation: AWS (cloud provider and AWS Load Balancer Controller),
//! DigitalOcean, Hetzner, Oracle, OpenStack, Alibaba; the internal ones of Azure and Google too. Azure's and Google's load
//! balancers for Services pass TCP through and end no TLS.

use plimsoll_engine::object::{Meta, ServicePort};

const AWS: &str = "service.beta.kubernetes.io/aws-load-balancer-";
const OCI: &str = "service.beta.kubernetes.io/oci-load-balancer-";
const DO: &str = "service.beta.kubernetes.io/do-loadbalancer-";
const ALIBABA: &str = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-";
const HETZNER: &str = "load-balancer.hetzner.cloud/";
const OPENSTACK_TLS: &str = "loadbalancer.openstack.org/default-tls-container-ref";

/// Annotations that keep a load balancer in the internal network, with the values that do.
const INTERNAL: [(&str, &[&str]); 11] = [
    ("service.beta.kubernetes.io/aws-load-balancer-scheme", &["internal"]),
    // The value was an address range once.
    ("service.beta.kubernetes.io/aws-load-balancer-internal", &["true", "0.0.0.0/0"]),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", &["true"]),
    ("networking.gke.io/load-balancer-type", &["Internal"]),
    ("cloud.google.com/load-balancer-type", &["Internal"]),
    ("service.beta.kubernetes.io/oci-load-balancer-internal", &["true"]),
    ("service.beta.kubernetes.io/openstack-internal-load-balancer", &["true"]),
    ("service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type", &["intranet"]),
    ("service.beta.kubernetes.io/do-loadbalancer-network", &["INTERNAL"]),
    ("load-balancer.hetzner.cloud/disable-public-network", &["true"]),
    ("service.beta.kubernetes.io/scw-loadbalancer-private", &["true"]),
];

/// Whether the load balancer says that only the internal network reaches it. Defaults of clouds are not guessed.
pub(super) fn is_internal(meta: &Meta) -> bool {
    INTERNAL
        .iter()
        .any(|(key, values)| meta.annotations.get(key).is_some_and(|value| values.contains(&value)))
}

/// Whether the load balancer ends TLS on a port.
pub(super) fn terminates_tls(meta: &Meta, port: &ServicePort) -> bool {
    let get = |prefix: &str, key: &str| {
        let value = meta.annotations.get(&format!("{prefix}{key}"))?;
        Some(value.trim()).filter(|value| !value.is_empty())
    };
    let aws = get(AWS, "ssl-cert").is_some() && get(AWS, "ssl-ports").is_none_or(|ports| lists(ports, port));
    let oci = get(OCI, "ssl-ports").is_some_and(|ports| get(OCI, "tls-secret").is_some() && lists(ports, port));
    let openstack = meta.annotations.get(OPENSTACK_TLS).is_some_and(|value| !value.is_empty());
    let hetzner = get(HETZNER, "protocol") == Some("https");
    let alibaba = get(ALIBABA, "cert-id").is_some()
        && get(ALIBABA, "protocol-port").is_some_and(|pairs| {
            pairs.split(',').any(|pair| pair.trim() == format!("https:{}", port.port))
        });
    aws || oci || openstack || hetzner || alibaba || digital_ocean(&|key| get(DO, key), port)
}

/// With a certificate or passing TLS through: the ports listed, or all where that is the default protocol.
fn digital_ocean<'m>(get: &dyn Fn(&str) -> Option<&'m str>, port: &ServicePort) -> bool {
    let can = get("certificate-id").is_some() || get("tls-passthrough") == Some("true");
    let listed = ["tls-ports", "http2-ports", "http3-port"]
        .into_iter()
        .any(|key| get(key).is_some_and(|ports| lists(ports, port)));
    let by_default = matches!(get("protocol"), Some("https" | "http2" | "http3"))
        && !get("http-ports").is_some_and(|ports| lists(ports, port));
    can && (listed || by_default)
}

/// Whether a list of ports, by number or name, has this one. `*` is all of them.
fn lists(list: &str, port: &ServicePort) -> bool {
    list.split(',').map(str::trim).any(|item| {
        item == "*" || item.parse() == Ok(port.port) || port.name.as_deref().is_some_and(|name| name == item)
    })
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::object::Meta;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn meta(annotations: &Value) -> Meta {
        serde_json::from_value(json!({ "annotations": annotations })).unwrap()
    }

    #[rstest]
    #[case(json!({"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn"}), true, true)]
    #[case(json!({"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn",
        "service.beta.kubernetes.io/aws-load-balancer-ssl-ports": "443, https"}), true, false)]
    #[case(json!({"service.beta.kubernetes.io/aws-load-balancer-ssl-cert": "arn",
        "service.beta.kubernetes.io/aws-load-balancer-ssl-ports": "web"}), false, true)]
    #[case(json!({"service.beta.kubernetes.io/aws-load-balancer-ssl-ports": "443"}), false, false)]
    #[case(json!({"service.beta.kubernetes.io/oci-load-balancer-ssl-ports": "443",
        "service.beta.kubernetes.io/oci-load-balancer-tls-secret": "tls"}), true, false)]
    #[case(json!({"service.beta.kubernetes.io/oci-load-balancer-ssl-ports": "443"}), false, false)]
    #[case(json!({"service.beta.kubernetes.io/do-loadbalancer-protocol": "https",
        "service.beta.kubernetes.io/do-loadbalancer-certificate-id": "c"}), true, true)]
    #[case(json!({"service.beta.kubernetes.io/do-loadbalancer-protocol": "https"}), false, false)]
    #[case(json!({"service.beta.kubernetes.io/do-loadbalancer-tls-ports": "443",
        "service.beta.kubernetes.io/do-loadbalancer-tls-passthrough": "true"}), true, false)]
    #[case(json!({"load-balancer.hetzner.cloud/protocol": "https"}), true, true)]
    #[case(json!({"load-balancer.hetzner.cloud/protocol": "tcp"}), false, false)]
    #[case(json!({"loadbalancer.openstack.org/default-tls-container-ref": "ref"}), true, true)]
    #[case(json!({"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-protocol-port": "https:443,http:80",
        "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-cert-id": "c"}), true, false)]
    fn tls_at_the_load_balancer(#[case] annotations: Value, #[case] https: bool, #[case] web: bool) {
        let port = |name: &str, number: u16| serde_json::from_value(json!({"name": name, "port": number})).unwrap();
        let meta = meta(&annotations);
        assert_eq!(terminates_tls(&meta, &port("https", 443)), https);
        assert_eq!(terminates_tls(&meta, &port("web", 8080)), web);
    }

    #[test]
    fn internal_load_balancers_say_so() {
        for (key, values) in INTERNAL {
            for value in values {
                assert!(is_internal(&meta(&json!({key: value}))), "{key}: {value}");
            }
            assert!(!is_internal(&meta(&json!({key: "other"}))), "{key}");
        }
    }
}
