//! Speed of the manifest reader on one core, over about 50 MB of generated manifests.
//! `cargo run --release -p plimsoll-engine --example manifest_speed`
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::cast_precision_loss)]

use std::fmt::Write;
use std::time::Instant;

use plimsoll_engine::manifest::{documents, parse, split};
use serde::Deserialize;

fn stream(megabytes: usize) -> String {
    let mut text = String::new();
    let mut n = 0;
    while text.len() < megabytes << 20 {
        let _ = write!(
            text,
            "---\n# Source: shop/templates/deployment.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  \
             name: web-{n}\n  namespace: team-{}\n  labels:\n    app.kubernetes.io/name: web\n    \
             app.kubernetes.io/instance: \"web-{n}\"\nspec:\n  replicas: {}\n  selector:\n    matchLabels:\n      \
             app: web-{n}\n  template:\n    metadata:\n      labels: {{app: web-{n}, tier: frontend}}\n    spec:\n      \
             containers:\n      - name: app\n        image: registry.example.com/shop/web:1.{n}\n        args: \
             [\"--port\", \"8080\"]\n        env:\n        - name: MODE\n          value: \"production\"\n        - name: \
             DB_HOST\n          valueFrom:\n            secretKeyRef:\n              name: 'db'\n              key: host\n        \
             ports:\n        - containerPort: 8080\n          name: http\n        readinessProbe:\n          httpGet:\n            \
             path: /healthz\n            port: http\n          initialDelaySeconds: 5 # warm up\n        resources:\n          \
             limits:\n            cpu: 500m\n            memory: 256Mi\n        securityContext:\n          \
             runAsNonRoot: true\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web-{n}\n  namespace: team-{}\nspec:\n  \
             selector:\n    app: web-{n}\n  ports:\n    - name: http\n      port: 80\n      targetPort: 8080\n",
            n % 100,
            n % 5,
            n % 100,
        );
        if n % 4 == 0 {
            let _ = write!(
                text,
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web-{n}\ndata:\n  app.conf: |\n    listen 8080\n    \
                 # comment: in text\n\n    upstream {{\n      server: db\n    }}\n  level: info\n---\napiVersion: \
                 networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: web-{n}, namespace: team-1}}\nspec:\n  \
                 podSelector: {{}}\n  ingress:\n  - from:\n    - podSelector: {{matchLabels: {{app: web}}}}\n    ports: \
                 [{{port: 80}}]\n"
            );
        }
        n += 1;
    }
    text
}

#[derive(Deserialize)]
struct Typed<'a> {
    kind: &'a str,
    metadata: Meta<'a>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    name: &'a str,
}

fn main() {
    let text = stream(50);
    let megabytes = text.len() as f64 / 1e6;
    let report = |what: &str, start: Instant, count: usize| {
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{what}: {count} in {seconds:.3} s, {:.0} MB/s",
            megabytes / seconds
        );
    };
    for _ in 0..3 {
        let start = Instant::now();
        report("split", start, split(text.as_bytes()).count());
        let start = Instant::now();
        report(
            "parse",
            start,
            split(text.as_bytes()).filter(|raw| parse(raw).is_ok()).count(),
        );
        let start = Instant::now();
        let decoded = split(text.as_bytes()).filter_map(|raw| {
            let document = parse(&raw).ok()?;
            let objects = documents(document.root());
            let typed = Typed::deserialize(objects.first()?.node).ok()?;
            Some(typed.kind.len() + typed.metadata.name.len())
        });
        report("parse, identify, decode", start, decoded.count());
    }
}
