//! `availability/uptime-slo`: published hosts answer as often as the target asks.

use std::sync::Arc;

use plimsoll_engine::{
    aside::Measure,
    control::{Control, Meta, ParamError, Unit, UnitKind},
    cron::time_zone,
    duration::Duration,
    finding::{Basis, Findings, Severity},
    kind::{Kind, KindSet},
    memory::Fingerprint,
    metric::{Metric, UPTIME_COVERAGE, UPTIME_ERROR_BUDGET, UPTIME_RATIO, UPTIME_TARGET},
    probe::{AddressFilter, BusinessHoursError, Check, History, Measured, Probe, Request, Window},
    unknown::Unknown,
    view::View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shared::{
    aim::{HostAddress, check_times, shown},
    maintenance::{Maintenance, windows},
    probing::{MAX_HOSTS, TIMEOUT, with_probing},
    ratio::Ratio,
    sites::{PUBLISHERS, Site},
};

/// The control.
pub struct UptimeSlo;

/// From this target on, one lost probe a minute is too coarse a measure.
const FINE_TARGET: Ratio = Ratio::billionths(999_900_000);
/// The longest interval for such targets.
const FINE_INTERVAL: u32 = 30;
/// Windows are counted in whole hours: a shorter one would be mostly rounding.
const SHORTEST_WINDOW: Duration = Duration::from_days(1);
/// What is remembered.
const LONGEST_WINDOW: Duration = Duration::from_days(365);

with_probing! {
    /// Parameters.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
    #[schemars(deny_unknown_fields)]
    #[schemars(extend("x-kubernetes-validations" = [{
        "rule": "!has(self.target) || !has(self.interval) || double(self.target) < 0.9999 || (!self.interval.contains('d') && duration(self.interval) <= duration('30s'))",
        "message": "interval: targets from 0.9999 on need 30s or less; at 60s one lost probe costs 23 % of a month's allowance",
        "fieldPath": ".interval"
    }]))]
    pub struct Params {
        /// The share of the window in which the host has to answer, as a decimal string. Default: "0.9999".
        pub target: Ratio,
        /// Over which time, from 1d to 365d. Default: 30d.
        pub window: Duration,
        /// How often each host is asked, from 5s on; at most 30s for targets of 0.9999 and more. Default: 15s.
        pub interval: Duration,
        /// The share of the window that attempts have to cover for a verdict, as a decimal string. Default: "0.9".
        pub min_coverage: Ratio,
        /// Attempts in a maintenance window count neither way. Default: true.
        pub exclude_maintenance: bool,
        /// When maintenance is. Default: never.
        #[schemars(length(max = 16))]
        pub maintenance: Vec<Maintenance>,
        /// Only attempts in these hours count, such as `Mon-Fri 08:00-18:00`. Default: all the time.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1, max = 64))]
        pub business_hours: Option<String>,
        /// The time zone of `businessHours`. Default: `Etc/UTC`.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1, max = 64))]
        pub time_zone: Option<String>,
        /// The path that is asked for. Any answer with a status below 500 is one. Default: `/`.
        #[schemars(length(min = 1, max = 256), regex(pattern = r"^/[!-~]*$"))]
        pub path: String,
        /// Environments that are judged. Default: `[production]`.
        #[schemars(length(max = 32))]
        pub environments: Vec<String>,
        /// How many hosts are asked at once. Default: 64.
        #[schemars(range(min = 1, max = 1024))]
        pub concurrency: u16,
        /// Where hosts are reached, in place of what their objects say. Default: none.
        #[schemars(length(max = 500))]
        pub addresses: Vec<HostAddress>,
    }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            probe: false,
            timeout: TIMEOUT,
            max_hosts: MAX_HOSTS,
            allow_cidrs: Vec::new(),
            refuse_cidrs: Vec::new(),
            target: FINE_TARGET,
            window: Duration::from_days(30),
            interval: Duration::from_secs(15),
            min_coverage: Ratio::billionths(900_000_000),
            exclude_maintenance: true,
            maintenance: Vec::new(),
            business_hours: None,
            time_zone: None,
            path: "/".into(),
            environments: vec!["production".into()],
            concurrency: 64,
            addresses: Vec::new(),
        }
    }
}

impl Control for UptimeSlo {
    const META: Meta = Meta {
        id: "availability/uptime-slo",
        title: "Published hosts answer as often as the target asks",
        severity: Severity::Medium,
        basis: Basis::Probed,
        unit: UnitKind::SubjectAndCluster(PUBLISHERS),
        reads: KindSet::of(PUBLISHERS).union(KindSet::of(&[Kind::HttpRoute, Kind::Node, Kind::ServiceCidr])),
        fail_after: Duration::from_mins(5),
        mappings: &[("SOC 2", "CC7.2"), ("ISO 27001", "A.8.16"), ("GDPR", "32(1)(b)")],
        rights: &[],
        page: include_str!("README.md"),
    };
    type Params = Params;

    fn validate(params: &Params) -> Result<(), ParamError> {
        check_times(params.interval.as_secs(), 5, params.timeout.as_secs())?;
        if params.target >= FINE_TARGET && params.interval.as_secs() > FINE_INTERVAL {
            let expected = format!(
                "expected {FINE_INTERVAL}s or less for a target of {FINE_TARGET} and more, found {}",
                params.interval
            );
            return Err(ParamError::new("interval", expected));
        }
        if !(SHORTEST_WINDOW..=LONGEST_WINDOW).contains(&params.window) {
            return Err(ParamError::new("window", "expected 1d to 365d"));
        }
        let visible = |c: char| c.is_ascii_graphic();
        if !params.path.starts_with('/') || !params.path.chars().all(visible) || params.path.len() > 256 {
            return Err(ParamError::new("path", "expected a path such as /healthz"));
        }
        params.windows().map(drop)
    }

    fn check(unit: &Unit<'_>, view: &View<'_>, params: &Params, out: &mut Findings) -> Result<(), Unknown> {
        let Some(sites) = params.probing().sites(unit, view, &params.environments, out)? else {
            return Ok(());
        };
        let sites = one_per_host(sites);
        if sites.is_empty() {
            out.not_applicable("publishes no host");
            return Ok(());
        }
        let aim = params.probing().aim(&params.addresses);
        let filter = aim.filter(view)?;
        for site in &sites {
            let at = aim.targets(site, &filter, |why| out.unknown(why));
            if at.is_empty() {
                continue;
            }
            let check = params.measured_as(site);
            judge(&check, view, params, out);
            out.probe(params.request(unit, check, at, &filter));
        }
        Ok(())
    }
}

/// Where a host is served with and without TLS, with TLS: the other one redirects at best.
fn one_per_host(mut sites: Vec<Site>) -> Vec<Site> {
    sites.dedup_by(|later, first| later.host == first.host);
    sites
}

impl Params {
    /// The times that are left out.
    fn windows(&self) -> Result<Vec<Window>, ParamError> {
        let mut all = windows(&self.maintenance)?;
        if !self.exclude_maintenance {
            all.clear();
        }
        if let Some(hours) = &self.business_hours {
            let zone = self.time_zone.as_deref().unwrap_or("Etc/UTC");
            time_zone(zone).map_err(|e| ParamError::new("timeZone", e.to_string()))?;
            all.push(Window::Outside {
                hours: hours
                    .parse()
                    .map_err(|e: BusinessHoursError| ParamError::new("businessHours", e.to_string()))?,
                zone: zone.into(),
            });
        }
        Ok(all)
    }

    /// What the site's history is filed under: what is counted by other windows is another history.
    fn measured_as(&self, site: &Site) -> Check {
        let windows = self.maintenance.iter().filter(|_| self.exclude_maintenance);
        let mut texts: Vec<String> = windows.map(|window| format!("{window:?}")).collect();
        texts.extend(self.business_hours.as_ref().map(|hours| format!("{hours} {:?}", self.time_zone)));
        let parts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let criteria = if parts.is_empty() {
            Arc::default()
        } else {
            Fingerprint::of(&parts).to_string().into()
        };
        Check {
            host: site.host.clone(),
            tls: site.tls,
            path: self.path.as_str().into(),
            criteria,
        }
    }

    fn request(
        &self,
        unit: &Unit<'_>,
        check: Check,
        at: Vec<(Arc<str>, u16)>,
        filter: &AddressFilter,
    ) -> Request {
        Request {
            namespace: unit.namespace().into(),
            probe: Probe::Availability {
                check,
                at: at.into(),
                // Refused where the baseline is compiled, should one not parse.
                maintenance: self.windows().unwrap_or_default().into(),
            },
            interval: self.interval,
            last: None,
            filter: filter.clone(),
            limits: self.probing().limits(self.concurrency),
        }
    }
}

fn judge(check: &Check, view: &View<'_>, params: &Params, out: &mut Findings) {
    let host = shown(&check.host);
    let Some(history) = view.availability(check) else {
        let message = format!("{host} has not been probed yet");
        return out.unknown(Unknown::new("NotProbedYet", message).live_only());
    };
    let now = view.evaluated_at();
    // Hours leave the window as they pass.
    view.is_past(History::next_change(now));
    let sum = history.over(params.window, now);
    let window = u64::from(params.window.as_secs()).saturating_sub(sum.excluded);
    measure(check, params, sum, window, out);
    if sum.covered == 0 || !params.min_coverage.is_reached(sum.covered, window) {
        let message = format!(
            "probes of {host} cover {} of the last {}, {} are needed",
            percent(sum.covered, window),
            params.window,
            percent_of(params.min_coverage)
        );
        return out.unknown(Unknown::new("TooFewSamples", message).live_only());
    }
    if !params.target.is_reached(sum.covered - sum.failed, sum.covered) {
        let up = percent(sum.covered - sum.failed, sum.covered);
        let message = format!("{host} answered {up} of the last {}, {} are asked", params.window, percent_of(params.target));
        out.fail("BelowTarget", message)
            .detail(format!("{} {}", check.host, if check.tls { "https" } else { "http" }))
            .seen(format!(
                "{} s of failure, {:.1} s allowed",
                sum.failed,
                params.target.slack(window, 0)
            ))
            .seen(format!("{} of the window covered", percent(sum.covered, window)));
    }
}

/// To four decimals, rounded down: what just misses a target must not look as if it met it.
fn percent(part: u64, whole: u64) -> String {
    let parts = u128::from(part) * 1_000_000 / u128::from(whole.max(1));
    format!("{}.{:04} %", parts / 10_000, parts % 10_000)
}

fn percent_of(ratio: Ratio) -> String {
    format!("{} %", (ratio.value() * 1e9).round() / 1e7)
}

#[allow(clippy::cast_precision_loss, reason = "a year of seconds is far below 2^52")]
fn measure(check: &Check, params: &Params, sum: Measured, window: u64, out: &mut Findings) {
    if check.host.is_empty() {
        return;
    }
    let labels = || {
        let window = Arc::from(params.window.to_string());
        vec![check.host.clone(), window]
    };
    let mut show = |metric: &'static Metric, value: f64| {
        let labels = labels();
        out.measure(Measure { metric, labels, value });
    };
    if sum.covered > 0 {
        show(&UPTIME_RATIO, (sum.covered - sum.failed) as f64 / sum.covered as f64);
    }
    show(&UPTIME_TARGET, params.target.value());
    show(&UPTIME_ERROR_BUDGET, params.target.slack(window, sum.failed));
    show(&UPTIME_COVERAGE, sum.covered as f64 / window.max(1) as f64);
}
