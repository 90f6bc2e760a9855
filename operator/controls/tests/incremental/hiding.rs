//! Seeing less never looks better: with a kind hidden, every verdict is as before, Unknown or gone, and the score no higher.

use plimsoll_engine::{
    Engine,
    coverage::Coverage,
    finding::Verdict,
    kind::Kind,
    memory::Memory,
    report::{BaselineReport, Report},
};

use crate::{
    dice::Dice,
    model::{Model, kinds},
    scenes::{POOL, decode},
};

/// A random cluster under a random baseline.
fn cluster(dice: &mut Dice) -> Model {
    let mut model = Model::new();
    model.baselines.insert("a".into(), (1, POOL.spec(dice)));
    model.compile();
    for mut template in POOL.cast(dice) {
        if dice.chance(4) {
            POOL.mutate(&mut template, dice);
        }
        let object = decode(&template);
        model.objects.insert(object.name.clone(), object);
    }
    model
}

fn report(model: &Model, engine: Engine) -> Report {
    let mut engine = model.engine(engine, &Memory::default(), &mut Dice(0));
    engine.turn(model.now);
    engine.report()
}

/// What looks better, or merely different, where less is seen.
fn better(full: &BaselineReport, hidden: &BaselineReport) -> Option<String> {
    for unit in hidden
        .units
        .values()
        .filter(|unit| !matches!(unit.verdict, Verdict::Unknown(_)))
    {
        match full.units.get(&unit.key) {
            Some(before) if before.verdict.word() == unit.verdict.word() => {}
            before => return Some(format!("{unit:#?}\n before \n{before:#?}")),
        }
    }
    let score = |report: &BaselineReport| report.score().unwrap_or(0.0);
    if score(hidden) > score(full) + 1e-9 || (full.score().is_some() && hidden.score().is_none()) {
        return Some(format!("score {:?} before {:?}", hidden.score(), full.score()));
    }
    None
}

/// Hides each kind of a random cluster in turn: its objects withheld, as after a restart, or still held, as while a watch
/// outlives its right.
fn hide_each(seed: u64) -> Result<(), String> {
    let mut dice = Dice(seed);
    let model = cluster(&mut dice);
    let full = report(&model, Engine::live());
    let mut present: Vec<Kind> = model
        .objects
        .keys()
        .map(plimsoll_engine::name::ObjRef::kind)
        .collect();
    present.push(*dice.pick(&kinds()));
    present.sort_unstable();
    present.dedup();
    for kind in present {
        for withheld in [true, false] {
            let mut blinded = model.clone();
            blinded.coverage.insert(kind, Coverage::Forbidden);
            blinded.objects.retain(|name, _| !withheld || name.kind() != kind);
            let hidden = report(&blinded, Engine::live());
            if let Some(better) = better(&full.baselines["a"], &hidden.baselines["a"]) {
                let spec = &model.baselines["a"].1;
                return Err(format!(
                    "seed {seed}, without {kind:?} (withheld: {withheld}), {spec}\n{better}"
                ));
            }
        }
    }
    Ok(())
}

#[test]
fn hiding_a_kind_never_looks_better() {
    let wrong: Vec<String> = (0..500).filter_map(|seed| hide_each(seed).err()).collect();
    assert!(wrong.is_empty(), "{} of 500, such as {}", wrong.len(), wrong[0]);
}
