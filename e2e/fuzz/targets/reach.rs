//! Random clusters, steered by coverage: reach agrees with the naive pod-by-pod reference of its tests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll_engine::reach::IpBlocks;

#[allow(dead_code, reason = "shared with the engine's tests")]
#[path = "../../../operator/engine/tests/reach/agreement.rs"]
mod agreement;
#[allow(dead_code, reason = "shared with the engine's tests")]
#[path = "../../../operator/engine/tests/reach/naive.rs"]
mod naive;
#[allow(dead_code, reason = "shared with the engine's tests")]
#[path = "../../../operator/engine/tests/reach/random.rs"]
mod random;

use agreement::{EVERYTHING, ORDERED, PLAIN, agrees};
use random::Dice;

fuzz_target!(|bytes: &[u8]| {
    let Some((shape, bytes)) = bytes.split_first() else {
        return;
    };
    let (features, blocks) = match shape % 4 {
        0 => (PLAIN, IpBlocks::MatchPods),
        1 => (PLAIN, IpBlocks::NeverMatchPods),
        2 => (ORDERED, IpBlocks::MatchPods),
        _ => (EVERYTHING, IpBlocks::MayMatchPods),
    };
    agrees(&mut Dice::of(bytes), features, blocks);
});
