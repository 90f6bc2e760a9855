//! Objects as an API server sends them: the first byte says which kind.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_engine::{decode::decode_json, inventory::Inventory, kind::Kind};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, json)) = bytes.split_first() else {
        return;
    };
    let kind = Kind::ALL[usize::from(*kind) % Kind::ALL.len()];
    let Ok(json) = std::str::from_utf8(json) else {
        return;
    };
    if let Ok(object) = decode_json(kind, json) {
        let again = decode_json(kind, json).expect("the same text decodes again");
        assert_eq!(object.body, again.body);
        let name = object.name.clone();
        let mut inventory = Inventory::default();
        inventory.upsert(object);
        inventory.remove(&name);
    }
});
