use plimsoll_api::ObjectReference;
use plimsoll_engine::{
    memory::{Fingerprint, Held},
    restore::Restore,
};

use super::*;

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn shard(finding: &str, first_seen: i64) -> Shard {
    let seen = Seen {
        fingerprint: Fingerprint::of(&[finding]),
        first_seen: at(first_seen),
        fails_at: at(first_seen),
        held: Held::Unknown,
    };
    Shard {
        units: BTreeMap::from([(Fingerprint::of(&["unit"]), vec![seen])]),
        ..Shard::default()
    }
}

fn repair(object: &str, minutes: i64) -> RepairRecord {
    RepairRecord {
        control: "availability/replica-redundancy".into(),
        object: ObjectReference {
            kind: "Deployment".into(),
            namespace: Some("shop".into()),
            name: object.into(),
            ..ObjectReference::default()
        },
        uid: None,
        summary: "set spec.replicas".into(),
        fields: Vec::new(),
        time: at(minutes),
        undone: 0,
    }
}

fn leading() -> (Desk, Instant, Arc<str>) {
    let (mut desk, now) = (Desk::default(), Instant::now());
    desk.take_over(Vec::new(), at(0), now);
    (desk, now, Arc::from("shop"))
}

/// Writes what is due and pretends that the server took it.
fn write(desk: &mut Desk, namespace: &Arc<str>, now: Instant) -> Option<EvidenceRecord> {
    match desk.write(namespace, at(0)) {
        Write::Nothing => None,
        Write::Create(record) | Write::Replace(record) => {
            desk.written(namespace, Some(record.clone()), now);
            Some(record)
        }
        Write::Delete(_) => {
            desk.written(namespace, None, now);
            None
        }
    }
}

#[test]
fn a_new_finding_is_due_within_two_seconds_and_a_record_at_most_every_pause() {
    let (mut desk, start, shop) = leading();
    let mut writes = Vec::new();
    for ms in 0..10_000 {
        let now = start + Duration::from_millis(ms);
        if ms % 100 == 0 {
            desk.change(
                shop.clone(),
                shard(&format!("f{ms}"), i64::try_from(ms).unwrap()),
                now,
            );
        }
        for namespace in desk.due(now, 10) {
            write(&mut desk, &namespace, now).unwrap();
            writes.push(ms);
        }
    }
    assert!(
        writes[0] <= 2_000
            && writes
                .windows(2)
                .all(|w| (1_700..=2_000).contains(&(w[1] - w[0]))),
        "{writes:?}"
    );
}

#[test]
fn followers_write_nothing_and_have_everything_when_they_lead() {
    let (mut desk, now) = (Desk::default(), Instant::now());
    desk.change("shop".into(), shard("a", 1), now);
    assert_eq!(desk.next_due(), None);
    desk.take_over(Vec::new(), at(0), now);
    assert_eq!(desk.due(now, 10).len(), 1);
    desk.give_up();
    assert_eq!(desk.next_due(), None);
}

#[test]
fn a_new_leader_makes_no_finding_younger_and_loses_no_repair() {
    let stored = EvidenceRecord::of("shop", &shard("a", 5), &[repair("web", 7)]);
    let (mut desk, now, shop) = (Desk::default(), Instant::now(), Arc::from("shop"));
    desk.change(Arc::clone(&shop), shard("a", 60), now);
    desk.take_over(vec![stored.clone()], at(100), now);
    assert!(
        matches!(desk.write(&shop, at(100)), Write::Nothing),
        "the record says it all"
    );

    desk.change(Arc::clone(&shop), shard("b", 60), now);
    let Write::Replace(record) = desk.write(&shop, at(100)) else {
        panic!()
    };
    assert_eq!(record.spec.repairs, stored.spec.repairs);
    assert_eq!(
        record.shard().unwrap(),
        shard("b", 60),
        "what is gone is forgotten"
    );
}

#[test]
fn another_namespace_of_the_same_name_inherits_nothing() {
    let of = |uid: &str, first: &str, seen| Shard {
        uid: Some(uid.into()),
        labels: BTreeMap::from([("env".into(), first.into())]),
        ..shard("a", seen)
    };
    let merged = with_earliest(of("1", "production", 9), &of("1", "staging", 3));
    assert_eq!(merged, of("1", "staging", 3));
    let other = with_earliest(of("2", "production", 9), &of("1", "staging", 3));
    assert_eq!(other, of("2", "production", 9));
}

#[test]
fn records_of_which_nothing_is_left_are_deleted() {
    let (mut desk, now, shop) = leading();
    desk.change(shop.clone(), shard("a", 1), now);
    assert!(write(&mut desk, &shop, now).is_some());
    desk.change(shop.clone(), Shard::default(), now);
    assert!(matches!(desk.write(&shop, at(0)), Write::Delete(_)));
    desk.written(&shop, None, now);
    desk.change(shop.clone(), Shard::default(), now);
    assert!(matches!(desk.write(&shop, at(0)), Write::Nothing));
}

#[test]
fn repairs_are_due_at_once_replace_their_earlier_state_and_are_bounded_per_object() {
    let (mut desk, now, shop) = leading();
    desk.keep(shop.clone(), repair("web", 1), now);
    assert_eq!(desk.due(now, 10), vec![shop.clone()]);
    let undone = RepairRecord {
        undone: 1,
        ..repair("web", 1)
    };
    desk.keep(shop.clone(), undone.clone(), now);
    assert_eq!(write(&mut desk, &shop, now).unwrap().spec.repairs, vec![undone]);
    desk.keep(shop.clone(), repair("db", 2), now);
    for minutes in 3..100 {
        desk.keep(shop.clone(), repair("web", minutes), now);
    }
    let kept = write(&mut desk, &shop, now).unwrap().spec.repairs;
    assert_eq!(kept.len(), PER_OBJECT + 1);
    assert!(kept.iter().any(|r| r.object.name == "db"));
    assert_eq!(kept.last().unwrap().time, at(99), "the oldest go first");
}

#[test]
fn repairs_are_forgotten_after_sixty_days_and_not_before() {
    let day = |days: i64| at(days * 24 * 60);
    let (mut desk, now, shop) = leading();
    desk.keep(shop.clone(), repair("web", 0), now);
    let Write::Create(record) = desk.write(&shop, day(59)) else {
        panic!()
    };
    assert_eq!(record.spec.repairs.len(), 1);
    desk.take_over(vec![record], day(60), now);
    assert!(matches!(desk.write(&shop, day(60)), Write::Delete(_)));
}

#[test]
fn what_failed_is_tried_again_and_a_foreign_lease_postpones_everything() {
    let (mut desk, now, shop) = leading();
    desk.change(shop.clone(), shard("a", 1), now);
    let later = now + GATHER;
    desk.postpone(later);
    assert!(desk.due(later, 10).is_empty());
    desk.failed(&shop, later);
    assert_eq!(desk.next_due(), Some(later + RETRY));
    desk.hurry(later);
    assert_eq!(desk.due(later, 10).len(), 1);
}

/// A verified restore of the database `db`, `minutes` after the epoch.
fn restored(minutes: i64) -> Restore {
    Restore {
        at: at(minutes),
        namespace: "restore".into(),
        environments: BTreeMap::new(),
        source: "Job restore/db".into(),
        mechanism: None,
        flaw: None,
        backup: "b".into(),
        backup_time: None,
        seconds: Some(60),
    }
}

#[test]
fn evidence_of_a_restore_that_only_an_earlier_leader_saw_is_kept() {
    let (mut desk, now, shop) = leading();
    let mut theirs = shard("a", 1);
    theirs.add_restores("StatefulSet/db", [restored(5)]);
    desk.take_over(vec![EvidenceRecord::of(&shop, &theirs, &[])], at(10), now);
    desk.change(shop.clone(), shard("a", 1), now);
    assert!(matches!(desk.write(&shop, at(10)), Write::Nothing));
    let mut mine = shard("a", 1);
    mine.add_restores("StatefulSet/other", [restored(7)]);
    desk.change(shop.clone(), mine, now);
    let Write::Replace(record) = desk.write(&shop, at(10)) else {
        panic!()
    };
    let targets: Vec<_> = record
        .spec
        .restores
        .iter()
        .map(|r| (&*r.target, r.time))
        .collect();
    assert_eq!(targets, [("StatefulSet/db", at(5)), ("StatefulSet/other", at(7))]);
}

#[test]
fn a_record_with_nothing_but_a_restore_is_not_deleted() {
    let (mut desk, now, shop) = leading();
    let mut only = Shard::default();
    only.add_restores("StatefulSet/db", [restored(5)]);
    desk.take_over(vec![EvidenceRecord::of(&shop, &only, &[])], at(10), now);
    assert!(matches!(desk.write(&shop, at(10)), Write::Nothing));
}

fn duties(read: bool, repair: bool, probe: bool) -> Duties {
    Duties { read, repair, probe }
}

fn probed() -> Probed {
    let handshake =
        plimsoll_engine::probe::Handshake::unknown(at(3), plimsoll_engine::probe::Obstacle::Timeout);
    let endpoint = plimsoll_engine::probe::Endpoint {
        host: "a.example".into(),
        address: "203.0.113.7".into(),
        port: 443,
    };
    Probed {
        handshakes: [(endpoint, handshake)].into(),
        ..Probed::default()
    }
}

/// What a process with these duties would write of a namespace, knowing these records.
fn spec(
    duties: Duties,
    shard: &Shard,
    records: Vec<EvidenceRecord>,
) -> (Desk, Option<(String, EvidenceRecordSpec)>) {
    let (shop, now) = (Arc::<str>::from("shop"), Instant::now());
    let mut desk = Desk::new(duties);
    desk.remember(shop.clone(), shard.clone());
    desk.take_over(records, at(10), now);
    let written = match desk.write(&shop, at(10)) {
        Write::Create(record) | Write::Replace(record) => Some((record.name_any(), record.spec)),
        Write::Nothing => None,
        Write::Delete(_) => panic!("deleted"),
    };
    (desk, written)
}

#[test]
fn each_process_writes_its_own_part_and_loses_nobodys() {
    let whole = Shard {
        probed: probed(),
        ..shard("a", 5)
    };
    let one = EvidenceRecord::of("shop", &whole, &[repair("web", 7)]);
    // One process becomes three: nothing of what it wrote is lost.
    let (_, reader) = spec(duties(true, false, false), &shard("b", 6), vec![one.clone()]);
    let (name, reader) = reader.unwrap();
    assert_eq!(name, "shop");
    assert_eq!((reader.repairs.len(), reader.handshakes.len()), (1, 1));
    let (_, prober) = spec(duties(false, false, true), &whole, vec![one.clone()]);
    let (name, prober) = prober.unwrap();
    assert_eq!((name.as_str(), prober.handshakes.len()), ("shop.probes", 1));
    assert!(prober.units.is_empty() && prober.repairs.is_empty());
    let (_, repairer) = spec(duties(false, true, false), &whole, vec![one.clone()]);
    let (name, repairer) = repairer.unwrap();
    assert_eq!((name.as_str(), repairer.repairs.len()), ("shop.repairs", 1));
    assert!(repairer.units.is_empty() && repairer.handshakes.is_empty());
}

#[test]
fn one_process_takes_over_from_three_and_clears_away() {
    let records = vec![
        EvidenceRecord::of("shop", &shard("a", 5), &[]),
        EvidenceRecord::new(
            "shop.probes",
            EvidenceRecordSpec::of(
                "shop",
                &Shard {
                    probed: probed(),
                    ..Shard::default()
                },
                &[],
            ),
        ),
        EvidenceRecord::new(
            "shop.repairs",
            EvidenceRecordSpec::of("shop", &Shard::default(), &[repair("web", 7)]),
        ),
    ];
    let (mut desk, written) = spec(Duties::ALL, &shard("a", 5), records.clone());
    let (name, all) = written.unwrap();
    assert_eq!(
        (name.as_str(), all.repairs.len(), all.handshakes.len()),
        ("shop", 1, 1)
    );
    assert_eq!(
        desk.leftovers().into_iter().collect::<Vec<_>>(),
        ["shop.probes", "shop.repairs"]
    );
    // But not those of a process that is still there.
    let (mut desk, _) = spec(duties(true, false, true), &shard("a", 5), records);
    assert_eq!(desk.leftovers().into_iter().collect::<Vec<_>>(), ["shop.probes"]);
}
