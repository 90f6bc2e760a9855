//! Pods of every sort that the Pod Security Standards look at, from a seed. Valid ones: what the API server refuses for
//! other reasons decides nothing.

use serde_json::{Value, json};

/// A small generator of numbers; the same seed gives the same pods.
pub(crate) struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    /// One time in so many.
    fn chance(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

const CAPABILITIES: [&str; 8] = [
    "CHOWN",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SYS_TIME",
    "CAP_CHOWN",
    "ALL",
    "KILL",
    "chown",
];
const SYSCTLS: [&str; 7] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_notsent_lowat",
    "net.core.somaxconn",
    "kernel.msgmax",
];

/// One pod called `name`.
pub(crate) fn pod(dice: &mut Dice, name: &str) -> Value {
    let windows = dice.chance(8);
    let in_user_namespace = !windows && dice.chance(5);
    let hardened = dice.chance(2);
    let mut spec = json!({ "automountServiceAccountToken": false });
    if windows {
        spec["os"] = json!({ "name": "windows" });
    } else if dice.chance(4) {
        spec["os"] = json!({ "name": "linux" });
    }
    if in_user_namespace {
        spec["hostUsers"] = json!(false);
    } else if dice.chance(6) {
        spec["hostUsers"] = json!(true);
    }
    // Each is the node's own; together with a user namespace, or on Windows, the API server refuses them.
    let host_process = windows && dice.chance(3);
    if !windows && !in_user_namespace {
        for field in ["hostNetwork", "hostPID", "hostIPC"] {
            if dice.chance(9) {
                spec[field] = json!(dice.chance(3).then_some(false).is_none());
            }
        }
    }
    if host_process {
        spec["hostNetwork"] = json!(true);
    }
    spec["securityContext"] = pod_context(dice, windows, host_process, hardened);
    let mut named = 0;
    let mut containers = |dice: &mut Dice, count: usize, init: bool| -> Vec<Value> {
        (0..count)
            .map(|_| {
                named += 1;
                let on_network = spec["hostNetwork"] == true;
                container(
                    dice,
                    &format!("c{named}"),
                    &Scene {
                        windows,
                        in_user_namespace,
                        hardened,
                        init,
                        on_network,
                    },
                )
            })
            .collect()
    };
    let count = 1 + dice.below(2);
    let regular = containers(dice, count, false);
    let count = usize::from(dice.chance(3));
    let init = containers(dice, count, true);
    spec["containers"] = regular.into();
    if !init.is_empty() {
        spec["initContainers"] = init.into();
    }
    spec["volumes"] = volumes(dice).into();
    let mut metadata = json!({ "name": name });
    if !windows && dice.chance(10) {
        let profile = dice.pick(&["unconfined", "runtime/default", "localhost/mine"]);
        metadata["annotations"] = json!({ "container.apparmor.security.beta.kubernetes.io/c1": profile });
        // The field and the annotation must not contradict each other.
        spec["containers"][0]["securityContext"]["appArmorProfile"] = Value::Null;
        spec["securityContext"]["appArmorProfile"] = Value::Null;
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec })
}

fn pod_context(dice: &mut Dice, windows: bool, host_process: bool, hardened: bool) -> Value {
    let mut context = json!({});
    if hardened || dice.chance(3) {
        context["runAsNonRoot"] = json!(hardened || dice.chance(2));
    }
    if windows {
        if host_process {
            context["windowsOptions"] = json!({ "hostProcess": true });
        } else if dice.chance(3) {
            context["windowsOptions"] = json!({ "hostProcess": false });
        }
        return context;
    }
    if hardened {
        context["seccompProfile"] = json!({ "type": "RuntimeDefault" });
    } else if dice.chance(3) {
        context["seccompProfile"] = seccomp(dice);
    }
    if dice.chance(6) {
        context["runAsUser"] = dice.pick(&[json!(0), json!(1000)]);
    }
    if dice.chance(8) {
        context["appArmorProfile"] = app_armor(dice);
    }
    if dice.chance(8) {
        context["seLinuxOptions"] = se_linux(dice);
    }
    if dice.chance(4) {
        let first = dice.below(SYSCTLS.len());
        let count = 1 + dice.below(2);
        let sysctls: Vec<Value> = (first..first + count)
            .map(|i| json!({ "name": SYSCTLS[i % SYSCTLS.len()], "value": "1" }))
            .collect();
        context["sysctls"] = sysctls.into();
    }
    context
}

#[allow(clippy::struct_excessive_bools, reason = "independent, all drawn by lot")]
struct Scene {
    windows: bool,
    in_user_namespace: bool,
    hardened: bool,
    init: bool,
    on_network: bool,
}

fn container(dice: &mut Dice, name: &str, scene: &Scene) -> Value {
    let mut container = json!({ "name": name, "image": "registry.k8s.io/pause:3.10" });
    container["securityContext"] = if scene.windows {
        if dice.chance(4) {
            json!({ "runAsNonRoot": true })
        } else {
            Value::Null
        }
    } else {
        context(dice, scene)
    };
    if dice.chance(4) {
        let port = 8000 + dice.below(1000);
        let mut port = json!({ "containerPort": port });
        if scene.on_network || dice.chance(2) {
            port["hostPort"] = dice.pick(&[port["containerPort"].clone(), Value::Null, json!(0)]);
        }
        container["ports"] = json!([port]);
    }
    if !scene.init && dice.chance(3) {
        let host = dice.pick(&[Value::Null, json!(""), json!("10.0.0.1"), json!("example.com")]);
        let handler = if dice.chance(2) {
            json!({ "httpGet": { "port": 80, "host": host } })
        } else {
            json!({ "tcpSocket": { "port": 80, "host": host } })
        };
        match dice.below(4) {
            0 => container["livenessProbe"] = handler,
            1 => container["readinessProbe"] = handler,
            2 => container["startupProbe"] = handler,
            _ => {
                let event = dice.pick(&["postStart", "preStop"]);
                container["lifecycle"] = json!({ event: handler });
            }
        }
    }
    container
}

fn context(dice: &mut Dice, scene: &Scene) -> Value {
    let mut context = json!({});
    if scene.hardened {
        context["allowPrivilegeEscalation"] = json!(false);
        context["capabilities"] = json!({ "drop": ["ALL"] });
    } else if dice.chance(6) {
        return Value::Null;
    }
    let privileged = dice.chance(8);
    if privileged {
        // It cannot be denied more privileges then.
        context["privileged"] = json!(true);
        context["allowPrivilegeEscalation"] = dice.pick(&[Value::Null, json!(true)]);
    } else if dice.chance(6) {
        context["privileged"] = json!(false);
    }
    if dice.chance(4) {
        context["capabilities"]["add"] = json!([dice.pick(&CAPABILITIES)]);
    }
    if dice.chance(6) {
        context["capabilities"]["drop"] = dice.pick(&[json!(["all"]), json!(["NET_RAW", "ALL"]), json!([])]);
    }
    if dice.chance(8) {
        context["appArmorProfile"] = app_armor(dice);
    }
    if dice.chance(8) {
        context["seLinuxOptions"] = se_linux(dice);
    }
    if dice.chance(6) {
        context["seccompProfile"] = seccomp(dice);
    }
    if dice.chance(6) {
        context["runAsNonRoot"] = json!(dice.chance(2));
    }
    if dice.chance(6) {
        context["runAsUser"] = dice.pick(&[json!(0), json!(1000)]);
    }
    if scene.in_user_namespace && dice.chance(2) {
        context["procMount"] = json!("Unmasked");
    } else if dice.chance(10) {
        context["procMount"] = json!("Default");
    }
    context
}

fn seccomp(dice: &mut Dice) -> Value {
    dice.pick(&[
        json!({ "type": "RuntimeDefault" }),
        json!({ "type": "Unconfined" }),
        json!({ "type": "Localhost", "localhostProfile": "mine.json" }),
    ])
}

fn app_armor(dice: &mut Dice) -> Value {
    dice.pick(&[
        json!({ "type": "RuntimeDefault" }),
        json!({ "type": "Unconfined" }),
        json!({ "type": "Localhost", "localhostProfile": "mine" }),
    ])
}

fn se_linux(dice: &mut Dice) -> Value {
    dice.pick(&[
        json!({ "type": "container_t" }),
        json!({ "type": "container_engine_t", "level": "s0:c1,c2" }),
        json!({ "type": "spc_t" }),
        json!({ "user": "system_u" }),
        json!({ "role": "system_r", "type": "container_init_t" }),
        json!({ "level": "s0" }),
    ])
}

fn volumes(dice: &mut Dice) -> Vec<Value> {
    let sources = [
        json!({ "emptyDir": {} }),
        json!({}),
        json!({ "configMap": { "name": "c" } }),
        json!({ "secret": { "secretName": "s" } }),
        json!({ "downwardAPI": { "items": [] } }),
        json!({ "projected": { "sources": [] } }),
        json!({ "persistentVolumeClaim": { "claimName": "c" } }),
        json!({ "csi": { "driver": "example.com" } }),
        json!({ "image": { "reference": "example.com/data:1", "pullPolicy": "IfNotPresent" } }),
        json!({ "ephemeral": { "volumeClaimTemplate": { "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } } } }),
        json!({ "hostPath": { "path": "/var/lib" } }),
        json!({ "nfs": { "server": "nfs.example.com", "path": "/" } }),
        json!({ "gitRepo": { "repository": "https://example.com/r" } }),
        json!({ "iscsi": { "targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:storage.kube.sys1.xyz", "lun": 0 } }),
        json!({ "cephfs": { "monitors": ["10.0.0.1"] } }),
        json!({ "rbd": { "monitors": ["10.0.0.1"], "image": "i" } }),
        json!({ "awsElasticBlockStore": { "volumeID": "vol-1" } }),
        json!({ "gcePersistentDisk": { "pdName": "d" } }),
        json!({ "azureDisk": { "diskName": "d", "diskURI": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d", "kind": "Managed" } }),
        json!({ "azureFile": { "secretName": "s", "shareName": "s" } }),
        json!({ "cinder": { "volumeID": "v" } }),
        json!({ "vsphereVolume": { "volumePath": "[ds] v" } }),
        json!({ "portworxVolume": { "volumeID": "v" } }),
        json!({ "glusterfs": { "endpoints": "e", "path": "p" } }),
        json!({ "flexVolume": { "driver": "example.com/d" } }),
        json!({ "fc": { "targetWWNs": ["50060e801049cfd1"], "lun": 0 } }),
        json!({ "flocker": { "datasetName": "d" } }),
        json!({ "quobyte": { "registry": "r:1", "volume": "v" } }),
        json!({ "photonPersistentDisk": { "pdID": "p" } }),
        json!({ "scaleIO": { "gateway": "https://g", "system": "s", "volumeName": "v", "secretRef": { "name": "s" } } }),
        json!({ "storageos": { "volumeName": "v" } }),
    ];
    let count = if dice.chance(2) { 0 } else { 1 + dice.below(2) };
    (0..count)
        .map(|i| {
            let mut volume = dice.pick(&sources);
            volume["name"] = json!(format!("v{i}"));
            volume
        })
        .collect()
}

/// A container to be added to a running pod.
pub(crate) fn ephemeral(dice: &mut Dice, name: &str) -> Value {
    let scene = Scene {
        windows: false,
        in_user_namespace: false,
        hardened: dice.chance(2),
        init: true,
        on_network: false,
    };
    let mut container = container(dice, name, &scene);
    container.as_object_mut().unwrap().remove("ports");
    container
}
