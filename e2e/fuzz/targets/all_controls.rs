//! Every control with its defaults.

use plimsoll_engine::baseline::{BaselineSpec, Compiled, compile};

pub(crate) fn baseline() -> Compiled {
    let registry = plimsoll_controls::registry();
    let entry = |id: &str| (id.to_owned(), serde_json::Map::new());
    let spec = BaselineSpec {
        controls: registry.metas().map(|meta| entry(meta.id)).collect(),
        ..BaselineSpec::default()
    };
    compile("fuzz", 1, &spec, &[], &registry, None)
}
