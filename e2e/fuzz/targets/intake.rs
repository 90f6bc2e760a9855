//! Manifests as people write them: every document is accounted for, whatever it holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_engine::intake::Intake;

fuzz_target!(|bytes: &[u8]| {
    let intake = Intake::read(&[bytes], "default");
    let found = &intake.documents;
    assert_eq!(
        found.decoded + found.not_relevant + found.unreadable.len(),
        found.total,
        "{found:?}"
    );
});
