//! What controls that probe ask of a baseline alike, and decide alike before anything is probed.

use plimsoll_engine::{
    control::Unit,
    duration::Duration,
    finding::Findings,
    probe::{Limits, Net},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    aim::{Aim, HostAddress},
    sites::{Site, sites},
};

/// Parameters of every control that probes; each holds them beside its own (`flatten`).
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Probing {
    /// Whether to probe at all. Default: false.
    pub probe: bool,
    /// How long one attempt may take; a server that does not answer the first is offered no more. Default: 5s.
    pub timeout: Duration,
    /// How many hosts are probed at all. Default: 500.
    #[schemars(range(min = 1, max = 10000))]
    pub max_hosts: u32,
    /// Addresses that may be probed although they are loopback or link-local, or of the cluster's nodes, pods or Services.
    /// Loopback and link-local addresses are admitted by an entry that names nothing else. Default: none.
    #[schemars(length(max = 64))]
    pub allow_cidrs: Vec<Net>,
    /// More addresses that must not be probed, such as those of pods and Services where the cluster's objects do not tell
    /// them. Default: none.
    #[schemars(length(max = 64))]
    pub refuse_cidrs: Vec<Net>,
}

impl Default for Probing {
    fn default() -> Self {
        Self {
            probe: false,
            timeout: Duration::from_secs(5),
            max_hosts: 500,
            allow_cidrs: Vec::new(),
            refuse_cidrs: Vec::new(),
        }
    }
}

impl Probing {
    pub(crate) fn limits(&self, concurrency: u16) -> Limits {
        Limits {
            timeout: self.timeout,
            concurrency,
            hosts: self.max_hosts,
        }
    }

    /// Where probes may be aimed; `addresses` are where hosts are reached, in place of what their objects say.
    pub(crate) fn aim<'a>(&'a self, addresses: &'a [HostAddress]) -> Aim<'a> {
        Aim {
            allow: &self.allow_cidrs,
            refuse: &self.refuse_cidrs,
            addresses,
        }
    }

    /// The sites to judge of a unit that only a probe decides. `None` where there is nothing to judge, which is said then:
    /// while probes are off, that is one Unknown for the baseline as a whole.
    pub(crate) fn sites(
        &self,
        unit: &Unit<'_>,
        view: &View<'_>,
        environments: &[String],
        out: &mut Findings,
    ) -> Result<Option<Vec<Site>>, Unknown> {
        if unit.is_cluster() && !self.probe {
            let message = "probes are off; `probe: true` switches them on";
            return Err(Unknown::new("NotProbed", message).live_only());
        }
        if unit.is_cluster() || !self.probe {
            out.not_judged();
            return Ok(None);
        }
        if !view.is_in(environments)? {
            out.not_applicable("its environment is not among those judged");
            return Ok(None);
        }
        sites(unit, view).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::control::Control;
    use serde_json::Value;

    use crate::{
        availability::uptime_slo::UptimeSlo,
        encryption::{no_plaintext_exposure::NoPlaintextExposure, tls_handshake::TlsHandshake},
    };

    /// Flattened parameters stand among the others, and what neither knows is refused.
    fn holds<C: Control>() {
        let parse = |text| serde_json::from_str::<C::Params>(text);
        assert!(parse(r#"{"probe": true, "maxHosts": 3, "interval": "30s"}"#).is_ok());
        assert!(parse(r#"{"prob": true}"#).is_err(), "{}: misspelt", C::META.id);
        assert!(
            parse(r#"{"probing": {"probe": true}}"#).is_err(),
            "{}: nested",
            C::META.id
        );
        let schema = serde_json::to_value(schemars::schema_for!(C::Params)).unwrap();
        for name in ["probe", "timeout", "interval"] {
            let property = schema.pointer(&format!("/properties/{name}"));
            assert!(property.is_some(), "{}: {name}", C::META.id);
        }
        assert_eq!(schema.get("unevaluatedProperties"), None, "{}", C::META.id);
        assert!(
            matches!(schema.get("allOf"), None | Some(Value::Null)),
            "{}",
            C::META.id
        );
    }

    #[test]
    fn probing_parameters_stand_beside_the_controls_own() {
        holds::<TlsHandshake>();
        holds::<UptimeSlo>();
        holds::<NoPlaintextExposure>();
    }
}
