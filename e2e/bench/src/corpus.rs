//! Generated manifests: tenants with staging and production namespaces, good and bad in every area.

use std::{fmt::Write as _, io::Write as _, path::Path};

/// Documents one application consists of; see [`application`].
const PER_APPLICATION: usize = 8;
/// Applications in one namespace.
const PER_NAMESPACE: usize = 12;

/// Writes `documents` documents into files of a folder, a file per namespace; returns the bytes written.
pub(crate) fn write(folder: &Path, documents: usize) -> anyhow::Result<usize> {
    let mut random = fastrand::Rng::with_seed(documents as u64);
    let (mut written, mut bytes, mut number) = (0, 0, 0);
    while written < documents {
        let environment = if number % 2 == 0 { "production" } else { "staging" };
        let namespace = format!("tenant-{:04}-{environment}", number / 2);
        let mut text = namespace_documents(&namespace, number / 2, environment, &mut random);
        written += 2;
        for application in 0..PER_NAMESPACE {
            if written + PER_APPLICATION > documents {
                written = documents;
                break;
            }
            text += &application_documents(&namespace, application, &mut random);
            written += PER_APPLICATION;
        }
        bytes += text.len();
        std::fs::File::create(folder.join(format!("{namespace}.yaml")))?.write_all(text.as_bytes())?;
        number += 1;
    }
    Ok(bytes)
}

fn namespace_documents(
    namespace: &str,
    tenant: usize,
    environment: &str,
    random: &mut fastrand::Rng,
) -> String {
    let label = if random.u8(..) < 230 {
        format!("    plimsoll.dev/environment: {environment}\n")
    } else {
        String::new()
    };
    let egress = if random.bool() { ", Egress" } else { "" };
    format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n  labels:\n    plimsoll.dev/tenant: tenant-{tenant:04}\n{label}---\n\
         apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: default-deny\n  namespace: {namespace}\nspec:\n  podSelector: {{}}\n  policyTypes: [Ingress{egress}]\n---\n"
    )
}

/// Deployment, Service, Ingress, HorizontalPodAutoscaler or PodDisruptionBudget, claim, ConfigMap, CronJob, StatefulSet.
fn application_documents(namespace: &str, number: usize, random: &mut fastrand::Rng) -> String {
    let name = format!("app-{number:02}");
    let mut text = String::with_capacity(10_000);
    deployment(&mut text, namespace, &name, random);
    service(&mut text, namespace, &name);
    ingress(&mut text, namespace, &name, random);
    budget(&mut text, namespace, &name);
    claim(&mut text, namespace, &name);
    config(&mut text, namespace, &name, random);
    cron_job(&mut text, namespace, &name, random);
    stateful_set(&mut text, namespace, &name);
    text
}

fn head(text: &mut String, api_version: &str, kind: &str, namespace: &str, name: &str) {
    _ = write!(
        text,
        "apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  labels:\n    app.kubernetes.io/name: {name}\n    app.kubernetes.io/part-of: shop\n"
    );
}

fn pod(text: &mut String, indent: &str, name: &str) {
    _ = write!(
        text,
        "{indent}metadata:\n{indent}  labels:\n{indent}    app.kubernetes.io/name: {name}\n{indent}spec:\n{indent}  serviceAccountName: {name}\n{indent}  containers:\n{indent}    - name: main\n{indent}      image: registry.example.com/shop/{name}:1.14.2\n{indent}      ports:\n{indent}        - name: http\n{indent}          containerPort: 8080\n{indent}      env:\n"
    );
    for i in 0..12 {
        _ = write!(
            text,
            "{indent}        - name: SETTING_{i:02}\n{indent}          value: \"value of setting {i}\"\n"
        );
    }
    _ = write!(
        text,
        "{indent}      resources:\n{indent}        requests: {{cpu: 100m, memory: 128Mi}}\n{indent}        limits: {{memory: 256Mi}}\n{indent}      readinessProbe:\n{indent}        httpGet: {{path: /ready, port: http}}\n{indent}      securityContext:\n{indent}        allowPrivilegeEscalation: false\n{indent}        capabilities:\n{indent}          drop: [ALL]\n"
    );
}

fn deployment(text: &mut String, namespace: &str, name: &str, random: &mut fastrand::Rng) {
    head(text, "apps/v1", "Deployment", namespace, name);
    _ = write!(
        text,
        "spec:\n  replicas: {}\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: {name}\n  template:\n",
        random.u8(1..4)
    );
    pod(text, "    ", name);
    text.push_str("---\n");
}

fn stateful_set(text: &mut String, namespace: &str, name: &str) {
    let database = format!("{name}-db");
    head(text, "apps/v1", "StatefulSet", namespace, &database);
    _ = write!(
        text,
        "    plimsoll.dev/role: database\nspec:\n  replicas: 1\n  serviceName: {database}\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: {database}\n  template:\n"
    );
    pod(text, "    ", &database);
    text.push_str("  volumeClaimTemplates:\n    - metadata:\n        name: data\n      spec:\n        accessModes: [ReadWriteOnce]\n        storageClassName: encrypted\n        resources: {requests: {storage: 10Gi}}\n---\n");
}

fn service(text: &mut String, namespace: &str, name: &str) {
    head(text, "v1", "Service", namespace, name);
    _ = write!(
        text,
        "spec:\n  selector:\n    app.kubernetes.io/name: {name}\n  ports:\n    - name: http\n      port: 80\n      targetPort: http\n---\n"
    );
}

fn ingress(text: &mut String, namespace: &str, name: &str, random: &mut fastrand::Rng) {
    head(text, "networking.k8s.io/v1", "Ingress", namespace, name);
    let host = format!("{name}.{namespace}.example.com");
    _ = write!(text, "spec:\n  ingressClassName: contour\n");
    if random.u8(..) < 200 {
        _ = write!(
            text,
            "  tls:\n    - hosts: [{host}]\n      secretName: {name}-tls\n"
        );
    }
    _ = write!(
        text,
        "  rules:\n    - host: {host}\n      http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend:\n              service:\n                name: {name}\n                port: {{name: http}}\n---\n"
    );
}

fn budget(text: &mut String, namespace: &str, name: &str) {
    head(text, "policy/v1", "PodDisruptionBudget", namespace, name);
    _ = write!(
        text,
        "spec:\n  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/name: {name}\n---\n"
    );
}

fn claim(text: &mut String, namespace: &str, name: &str) {
    head(
        text,
        "v1",
        "PersistentVolumeClaim",
        namespace,
        &format!("{name}-files"),
    );
    text.push_str("spec:\n  accessModes: [ReadWriteOnce]\n  storageClassName: plain\n  resources:\n    requests:\n      storage: 5Gi\n---\n");
}

fn config(text: &mut String, namespace: &str, name: &str, random: &mut fastrand::Rng) {
    head(text, "v1", "ConfigMap", namespace, name);
    text.push_str("data:\n  application.yaml: |\n");
    for i in 0..random.u8(10..30) {
        _ = writeln!(
            text,
            "    setting-{i}: a line of configuration that says nothing of interest"
        );
    }
    text.push_str("---\n");
}

fn cron_job(text: &mut String, namespace: &str, name: &str, random: &mut fastrand::Rng) {
    head(text, "batch/v1", "CronJob", namespace, &format!("{name}-backup"));
    let days = if random.u8(..) < 200 { "*" } else { "1-5" };
    _ = write!(
        text,
        "    plimsoll.dev/role: backup\n  annotations:\n    plimsoll.dev/backup-of: StatefulSet/{name}-db\nspec:\n  schedule: \"{} {} * * {days}\"\n  jobTemplate:\n    spec:\n      template:\n",
        random.u8(..60),
        random.u8(3..6)
    );
    pod(text, "        ", name);
    text.push_str("---\n");
}
