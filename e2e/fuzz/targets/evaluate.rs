//! Manifests through every control: a panic in one of them would be contained in the operator, here it is a find.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use plimsoll_engine::{
    Engine,
    baseline::{BaselineSpec, Compiled, compile},
    coverage::Coverage,
    decode::DecodePlan,
    intake::Intake,
    kind::Kind,
};

fn baseline() -> Compiled {
    let registry = plimsoll_controls::registry();
    let spec = BaselineSpec {
        controls: registry
            .metas()
            .map(|meta| (meta.id.to_owned(), serde_json::Map::new()))
            .collect(),
        ..BaselineSpec::default()
    };
    compile("fuzz", 1, &spec, &[], &registry, None)
}

static PLAN: LazyLock<Arc<DecodePlan>> = LazyLock::new(|| Arc::new(DecodePlan::of([&baseline()])));

fuzz_target!(|bytes: &[u8]| {
    let mut intake = Intake::default().under(PLAN.clone());
    intake.add(&[bytes], "default");
    let mut engine = Engine::scan();
    engine.set_baselines(vec![baseline()]);
    for kind in Kind::ALL {
        engine.set_coverage(*kind, Coverage::Complete);
        engine.set_decoded(*kind, PLAN.clone());
    }
    for (object, _) in intake.objects {
        engine.upsert(object);
    }
    let now = "2026-06-01T12:00:00Z".parse().expect("a moment");
    let report = engine.look(now);
    for baseline in &report.baselines {
        let score = baseline.score.score();
        assert!(score.is_none_or(|s| (0.0..=100.0).contains(&s)), "{score:?}");
    }
});
