//! Where each implementation sets its minimum TLS version, row by row: what `encryption/tls-min-version` says of it. Rows whose
//! defaults are hearsay, or depend on a version that no object tells, are Unknown.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests"
)]

use std::collections::BTreeMap;

use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, compile},
    finding::Verdict,
    intake::Intake,
};

const CONTROL: &str = "encryption/tls-min-version";

/// An Ingress called `it`, of a class called `it`, with more annotations.
fn ingress(controller: &str, annotations: &str) -> String {
    format!(
        "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: it}}
spec: {{controller: {controller}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: it, namespace: shop, annotations: {{{annotations}}}}}
spec: {{ingressClassName: it, tls: [{{hosts: [a.example.com], secretName: a}}], rules: [{{host: a.example.com}}]}}
---
"
    )
}

/// A ConfigMap that is recognised as a controller's.
fn config(app: &str, data: &str) -> String {
    format!(
        "apiVersion: v1
kind: ConfigMap
metadata: {{name: controller, namespace: ingress, labels: {{app.kubernetes.io/name: {app}}}}}
data: {{{data}}}
"
    )
}

/// The verdict on what is called `it`.
fn said(text: &str) -> String {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {plimsoll.dev/environment: production}}\n---\n";
    let text = format!("{namespace}{text}");
    let spec = BaselineSpec {
        controls: BTreeMap::from([(CONTROL.to_owned(), serde_json::Map::new())]),
        ..BaselineSpec::default()
    };
    let mut engine = Engine::scan();
    engine.set_baselines(vec![compile(
        "b",
        1,
        &spec,
        &[],
        &plimsoll_controls::registry(),
        None,
    )]);
    engine.see_everything();
    for (object, _) in Intake::read(&[text.as_bytes()], "default").objects {
        assert!(object.body.is_ok(), "{:?}", object.body);
        engine.upsert(object);
    }
    engine.turn("2026-06-01T12:00:00Z".parse().unwrap());
    let report = engine.report().baselines.get("b").unwrap().clone();
    let unit = report.units.values().find(|unit| unit.key.subject.name() == "it");
    match &unit
        .unwrap_or_else(|| panic!("nothing is judged in {text}"))
        .verdict
    {
        Verdict::Unknown(unknown) => format!("Unknown({})", unknown.reason()),
        other => format!("{other:?}"),
    }
}

#[test]
fn controllers_of_ingresses() {
    const HANDSHAKE: &str = "Unknown(DecidedByHandshake)";
    let nginx = "k8s.io/ingress-nginx";
    let snippet = "nginx.ingress.kubernetes.io/server-snippet: 'ssl_protocols TLSv1;'";
    let alb = |policy: &str| format!("alb.ingress.kubernetes.io/ssl-policy: {policy}");
    let contour = |version: &str| format!("projectcontour.io/tls-minimum-protocol-version: '{version}'");
    let rows: Vec<(&str, String, &str)> = vec![
        ("ingress-nginx, default", ingress(nginx, ""), "Pass"),
        (
            "ingress-nginx, old",
            ingress(nginx, "") + &config("ingress-nginx", "ssl-protocols: TLSv1.1 TLSv1.2"),
            "Fail",
        ),
        (
            "ingress-nginx, from its own docs",
            ingress(nginx, "") + &config("ingress-nginx", "ssl-protocols: SSLv2"),
            "Fail",
        ),
        (
            "ingress-nginx, a set",
            ingress(nginx, "") + &config("ingress-nginx", "ssl-protocols: TLSv1.3 TLSv1.2"),
            "Pass",
        ),
        (
            "ingress-nginx, odd",
            ingress(nginx, "") + &config("ingress-nginx", "ssl-protocols: TLSv9"),
            "Unknown(UnknownTlsSetting)",
        ),
        (
            "ingress-nginx, snippet",
            ingress(nginx, snippet),
            "Unknown(SnippetOverrides)",
        ),
        (
            "ingress-nginx, backend side",
            ingress(nginx, "nginx.ingress.kubernetes.io/proxy-ssl-protocols: TLSv1"),
            "Pass",
        ),
        (
            "ingress-nginx, passthrough",
            ingress(nginx, "nginx.ingress.kubernetes.io/ssl-passthrough: 'true'"),
            HANDSHAKE,
        ),
        (
            "F5 NGINX, default by version",
            ingress("nginx.org/ingress-controller", ""),
            HANDSHAKE,
        ),
        (
            "F5 NGINX, old",
            ingress("nginx.org/ingress-controller", "")
                + &config("nginx-ingress", "ssl-protocols: TLSv1 TLSv1.2"),
            "Fail",
        ),
        (
            "Traefik, default by version",
            ingress("traefik.io/ingress-controller", ""),
            HANDSHAKE,
        ),
        (
            "HAProxy Ingress, default",
            ingress("haproxy-ingress.github.io/controller", ""),
            "Pass",
        ),
        (
            "HAProxy Ingress, host",
            ingress(
                "haproxy-ingress.github.io/controller",
                "haproxy-ingress.github.io/ssl-options-host: ssl-min-ver TLSv1.0",
            ),
            "Fail",
        ),
        (
            "HAProxy Technologies, admits 1.1 by its options",
            ingress("haproxy.org/ingress-controller", ""),
            HANDSHAKE,
        ),
        (
            "Contour, default",
            ingress("projectcontour.io/ingress-controller", ""),
            "Pass",
        ),
        (
            "Contour, old",
            ingress("projectcontour.io/ingress-controller", &contour("1.1")),
            "Fail",
        ),
        (
            "Kong, by version",
            ingress("ingress-controllers.konghq.com/kong", ""),
            HANDSHAKE,
        ),
        ("ALB, default", ingress("ingress.k8s.aws/alb", ""), "Fail"),
        (
            "ALB, 1.2",
            ingress("ingress.k8s.aws/alb", &alb("ELBSecurityPolicy-TLS13-1-2-2021-06")),
            "Pass",
        ),
        ("GKE, default", ingress("networking.gke.io/ingress", ""), "Fail"),
        (
            "AGIC, outside",
            ingress("azure/application-gateway", ""),
            HANDSHAKE,
        ),
        (
            "Cilium, hearsay",
            ingress("cilium.io/ingress-controller", ""),
            HANDSHAKE,
        ),
    ];
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(row, text, expected)| differs(row, text, expected))
        .collect();
    assert_eq!(rows.len(), 22);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn differs(row: &str, text: &str, expected: &str) -> Option<String> {
    let said = said(text);
    (said != expected).then(|| format!("{row}: {said}, not {expected}"))
}

const ISTIO: &str =
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: it, namespace: shop}\n";
const ROUTE: &str = "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: it, namespace: shop}\nspec: {host: a, tls: {termination: edge}}\n---\n";
const ROUTER: &str = "apiVersion: operator.openshift.io/v1\nkind: IngressController\nmetadata: {name: default, namespace: openshift-ingress-operator}\n";
const PROXY: &str =
    "apiVersion: projectcontour.io/v1\nkind: HTTPProxy\nmetadata: {name: it, namespace: shop}\n";
const TRAEFIK: &str =
    "apiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: it, namespace: shop}\n";
const HOST: &str =
    "apiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: {name: it, namespace: shop}\n";
const GATEWAY: &str =
    "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: it, namespace: shop}\n";
const ENVOY: &str = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: c}\nspec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}\n";
const OTHER: &str = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: c}\nspec: {controllerName: networking.gke.io/gateway}\n";

#[test]
fn custom_resources() {
    const LISTENER: &str = "spec: {gatewayClassName: c, listeners: [{name: a, port: 443, protocol: HTTPS, tls: {mode: Terminate, certificateRefs: [{name: a}]}}]}\n";
    const PASSED: &str = "spec: {gatewayClassName: c, listeners: [{name: a, port: 443, protocol: TLS, tls: {mode: Passthrough}}]}\n";
    let policy = |version: &str| {
        format!(
            "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: ClientTrafficPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {{targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: it}}], tls: {{minVersion: '{version}'}}}}\n"
        )
    };
    let option = |name: &str, namespace: &str, spec: &str| {
        format!(
            "---\napiVersion: traefik.io/v1alpha1\nkind: TLSOption\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n"
        )
    };
    let istio = |tls: &str| {
        format!(
            "{ISTIO}spec: {{servers: [{{port: {{number: 443, name: https, protocol: HTTPS}}, hosts: [a], tls: {{{tls}}}}}]}}\n"
        )
    };
    let texts: Vec<(&str, String, &str)> = vec![
        ("Istio, default", istio("mode: SIMPLE, credentialName: a"), "Pass"),
        (
            "Istio, old",
            istio("mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_1"),
            "Fail",
        ),
        (
            "Istio, passthrough",
            istio("mode: PASSTHROUGH"),
            "Unknown(DecidedByHandshake)",
        ),
        (
            "Emissary, default is 1.0",
            format!("{HOST}spec: {{hostname: a, tlsSecret: {{name: a}}}}\n"),
            "Fail",
        ),
        (
            "Emissary, 1.2",
            format!("{HOST}spec: {{hostname: a, tls: {{min_tls_version: v1.2}}}}\n"),
            "Pass",
        ),
        (
            "OpenShift, default",
            format!("{ROUTE}{ROUTER}spec: {{}}\n"),
            "Pass",
        ),
        (
            "OpenShift, Old",
            format!("{ROUTE}{ROUTER}spec: {{tlsSecurityProfile: {{type: Old}}}}\n"),
            "Fail",
        ),
        (
            "OpenShift, Modern",
            format!("{ROUTE}{ROUTER}spec: {{tlsSecurityProfile: {{type: Modern}}}}\n"),
            "Pass",
        ),
        (
            "OpenShift, Custom",
            format!(
                "{ROUTE}{ROUTER}spec: {{tlsSecurityProfile: {{type: Custom, custom: {{minTLSVersion: VersionTLS11}}}}}}\n"
            ),
            "Fail",
        ),
        (
            "Contour, default",
            format!("{PROXY}spec: {{virtualhost: {{fqdn: a, tls: {{secretName: a}}}}}}\n"),
            "Pass",
        ),
        (
            "Contour, 1.1",
            format!(
                "{PROXY}spec: {{virtualhost: {{fqdn: a, tls: {{secretName: a, minimumProtocolVersion: '1.1'}}}}}}\n"
            ),
            "Fail",
        ),
        (
            "Traefik, default by version",
            format!("{TRAEFIK}spec: {{tls: {{secretName: a}}}}\n"),
            "Unknown(DecidedByHandshake)",
        ),
        (
            "Traefik, option",
            format!("{TRAEFIK}spec: {{tls: {{options: {{name: o}}}}}}\n")
                + &option("o", "shop", "minVersion: VersionTLS11"),
            "Fail",
        ),
        (
            "Traefik, option without minimum",
            format!("{TRAEFIK}spec: {{tls: {{options: {{name: o}}}}}}\n") + &option("o", "shop", ""),
            "Unknown(DecidedByHandshake)",
        ),
        (
            "Traefik, the default option",
            format!("{TRAEFIK}spec: {{tls: {{secretName: a}}}}\n")
                + &option("default", "traefik", "minVersion: VersionTLS12"),
            "Pass",
        ),
        (
            "Envoy Gateway, default",
            format!("{GATEWAY}{LISTENER}{ENVOY}"),
            "Pass",
        ),
        (
            "Envoy Gateway, 1.0",
            format!("{GATEWAY}{LISTENER}{ENVOY}") + &policy("1.0"),
            "Fail",
        ),
        (
            "Envoy Gateway, Auto",
            format!("{GATEWAY}{LISTENER}{ENVOY}") + &policy("Auto"),
            "Unknown(DecidedByHandshake)",
        ),
        (
            "Gateway API, others",
            format!("{GATEWAY}{LISTENER}{OTHER}"),
            "Unknown(DecidedByHandshake)",
        ),
        (
            "Gateway API, passthrough",
            format!("{GATEWAY}{PASSED}{ENVOY}"),
            "Unknown(DecidedByHandshake)",
        ),
    ];
    let wrong: Vec<String> = texts
        .iter()
        .filter_map(|(row, text, expected)| differs(row, text, expected))
        .collect();
    assert_eq!(texts.len(), 20);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Every policy of AWS that the table names, with its minimum.
#[test]
fn security_policies_of_aws() {
    let below = [
        "2016-08",
        "2015-05",
        "TLS-1-0-2015-04",
        "TLS-1-1-2017-01",
        "FS-2018-06",
        "FS-1-1-2019-08",
        "TLS13-1-0-2021-06",
        "TLS13-1-1-2021-06",
        "TLS13-1-0-FIPS-2023-04",
        "TLS13-1-1-FIPS-2023-04",
        "TLS13-1-0-PQ-2025-09",
        "TLS13-1-1-PQ-2025-09",
    ];
    let enough = [
        "TLS-1-2-2017-01",
        "TLS-1-2-Ext-2018-06",
        "FS-1-2-2019-08",
        "FS-1-2-Res-2019-08",
        "FS-1-2-Res-2020-10",
        "TLS13-1-2-2021-06",
        "TLS13-1-2-Res-2021-06",
        "TLS13-1-3-2021-06",
    ];
    let rows = below
        .iter()
        .map(|p| (p, "Fail"))
        .chain(enough.iter().map(|p| (p, "Pass")));
    let wrong: Vec<String> = rows
        .filter_map(|(policy, expected)| {
            let annotation = format!("alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-{policy}");
            differs(policy, &ingress("ingress.k8s.aws/alb", &annotation), expected)
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
