//! Manifests through every control: a panic in one of them would be contained in the operator, here it is a find.
#![no_main]

mod all_controls;

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use plimsoll_engine::{
    Engine, baseline::Compiled, coverage::Coverage, decode::DecodePlan, intake::Intake, kind::Kind,
};

static BASELINE: LazyLock<Compiled> = LazyLock::new(all_controls::baseline);
static PLAN: LazyLock<Arc<DecodePlan>> = LazyLock::new(|| Arc::new(DecodePlan::of([&*BASELINE])));

fuzz_target!(|bytes: &[u8]| {
    let mut intake = Intake::default().under(PLAN.clone());
    intake.add(&[bytes], "default");
    let mut engine = Engine::scan();
    engine.set_baselines(vec![BASELINE.clone()]);
    for kind in Kind::ALL {
        engine.set_coverage(*kind, Coverage::Complete);
        engine.set_decoded(*kind, PLAN.clone());
    }
    for (object, _) in intake.objects {
        engine.upsert(object);
    }
    let now = "2026-06-01T12:00:00Z".parse().expect("a moment");
    let report = engine.look(now);
    for baseline in report.baselines.values() {
        let score = baseline.score();
        assert!(score.is_none_or(|s| (0.0..=1.0).contains(&s)), "{score:?}");
    }
});
