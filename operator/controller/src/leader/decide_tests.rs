use proptest::prelude::*;

use super::*;

const TIMING: Timing = Timing {
    lease: Duration::from_secs(15),
    renew: Duration::from_secs(10),
    retry: Duration::from_secs(2),
};

fn held_by(holder: &str) -> Record {
    Record {
        holder: holder.into(),
        duration: Some(TIMING.lease),
        ..Record::default()
    }
}

fn seen(record: Option<Record>, since: Instant) -> Observed {
    Observed { record, since }
}

#[test]
fn a_lease_of_somebody_else_is_respected_until_it_has_not_changed_for_its_duration() {
    let start = Instant::now();
    let observed = seen(Some(held_by("b")), start);
    let almost = start + TIMING.lease.checked_sub(Duration::from_millis(1)).unwrap();
    let expires = start + TIMING.lease;
    assert_eq!(
        decide(&observed, TIMING, almost, "a", false),
        Action::Wait(expires)
    );
    assert_eq!(decide(&observed, TIMING, expires, "a", false), Action::Acquire);
}

#[test]
fn any_change_of_the_record_starts_the_wait_anew_and_the_same_record_does_not() {
    let start = Instant::now();
    let later = start + Duration::from_secs(14);
    let observed = seen(Some(held_by("b")), start);
    assert_eq!(observed.clone().update(Some(held_by("b")), later).since, start);
    let mut renewed = held_by("b");
    renewed.renewed = Some(jiff::Timestamp::UNIX_EPOCH); // a clock that is decades off is a sign of life all the same
    assert_eq!(observed.update(Some(renewed), later).since, later);
}

#[test]
fn a_missing_or_released_lease_is_taken_at_once() {
    let now = Instant::now();
    for record in [None, Some(held_by(""))] {
        assert_eq!(
            decide(&seen(record, now), TIMING, now, "a", false),
            Action::Acquire
        );
    }
}

#[test]
fn ours_is_renewed_and_released_when_stopping() {
    let now = Instant::now();
    let ours = seen(Some(held_by("a")), now);
    assert_eq!(decide(&ours, TIMING, now, "a", false), Action::Renew);
    assert_eq!(decide(&ours, TIMING, now, "a", true), Action::Release);
    let theirs = seen(Some(held_by("b")), now);
    assert_eq!(decide(&theirs, TIMING, now, "a", true), Action::Stop);
}

#[test]
fn durations_of_others_are_kept_within_bounds() {
    let now = Instant::now();
    let expiry = |seconds| {
        let record = Record {
            duration: Some(Duration::from_secs(seconds)),
            ..held_by("b")
        };
        match decide(&seen(Some(record), now), TIMING, now, "a", false) {
            Action::Wait(until) => until - now,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(expiry(0), TIMING.lease);
    assert_eq!(expiry(20), Duration::from_secs(20));
    assert_eq!(expiry(1_000_000), TIMING.lease * 4);
}

/// What the API server does with a write, and what the writer hears of it.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Done,
    Lost,
    DoneButUnheard,
    /// Arrives only when the next elector has acted.
    Delayed,
}

#[derive(Clone, Debug)]
struct Step {
    who: usize,
    after: Duration,
    fate: Fate,
}

fn step(electors: usize) -> impl Strategy<Value = Step> {
    let fate = prop_oneof![
        6 => Just(Fate::Done),
        2 => Just(Fate::Lost),
        2 => Just(Fate::DoneButUnheard),
        1 => Just(Fate::Delayed),
    ];
    // Mostly a retry period; now and then a process that hangs past its lease.
    let after = prop_oneof![12 => 0u64..2_500, 1 => 0u64..40_000];
    (0..electors, after, fate).prop_map(|(who, after, fate)| Step {
        who,
        after: Duration::from_millis(after),
        fate,
    })
}

/// An elector whose clock starts anywhere and runs fast or slow.
struct Elector {
    name: String,
    origin: Instant,
    rate: f64,
    written_clock: i64,
    observed: Observed,
    version: u64,
    leads_until: Option<Instant>,
}

impl Elector {
    fn now(&self, truth: Duration) -> Instant {
        self.origin + truth.mul_f64(self.rate)
    }

    fn leads(&self, truth: Duration) -> bool {
        self.leads_until.is_some_and(|until| self.now(truth) < until)
    }
}

struct Write {
    version: u64,
    record: Record,
}

#[derive(Default)]
struct Server {
    version: u64,
    record: Option<Record>,
}

impl Server {
    fn write(&mut self, write: Write) -> bool {
        let current = write.version == self.version;
        if current {
            self.version += 1;
            self.record = Some(write.record);
        }
        current
    }
}

fn electors(clocks: &[(u64, f64, i64)]) -> Vec<Elector> {
    let base = Instant::now();
    let elector = |(i, (offset, rate, written)): (usize, &(u64, f64, i64))| {
        let origin = base + Duration::from_secs(*offset);
        Elector {
            name: format!("e{i}"),
            origin,
            rate: *rate,
            written_clock: *written,
            observed: Observed {
                record: None,
                since: origin,
            },
            version: 0,
            leads_until: None,
        }
    };
    clocks.iter().enumerate().map(elector).collect()
}

/// One attempt, as the loop in the parent module makes it: read, decide, write with the version read.
fn attempt(
    elector: &mut Elector,
    server: &mut Server,
    delayed: &mut Vec<Write>,
    truth: Duration,
    fate: Fate,
) {
    let now = elector.now(truth);
    let observed = elector.observed.clone();
    elector.observed = observed.update(server.record.clone(), now);
    elector.version = server.version;
    let action = decide(&elector.observed, TIMING, now, &elector.name, false);
    if !matches!(action, Action::Acquire | Action::Renew) {
        return;
    }
    let record = Record {
        renewed: jiff::Timestamp::from_millisecond(
            elector.written_clock + i64::try_from(truth.as_millis()).unwrap(),
        )
        .ok(),
        ..held_by(&elector.name)
    };
    let write = Write {
        version: elector.version,
        record,
    };
    match fate {
        Fate::Lost => {}
        Fate::Delayed => delayed.push(write),
        Fate::DoneButUnheard => _ = server.write(write),
        Fate::Done => {
            if server.write(write) {
                elector.leads_until = Some(now + TIMING.renew);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Skewed clocks (any offset, rates up to 15 % apart), lost and late writes, lost answers, hanging processes: never two
    /// leaders, and when all is well again there is one.
    #[test]
    fn never_two_leaders(
        clocks in prop::collection::vec((0u64..1_000_000, 0.93f64..1.07, -1_000_000_000i64..1_000_000_000), 2..=3),
        steps in prop::collection::vec(step(3), 1..120),
    ) {
        let mut electors = electors(&clocks);
        let (mut server, mut delayed, mut truth) = (Server::default(), Vec::new(), Duration::ZERO);
        let check = |electors: &[Elector], truth| {
            let leaders: Vec<&str> = electors.iter().filter(|e| e.leads(truth)).map(|e| e.name.as_str()).collect();
            prop_assert!(leaders.len() <= 1, "{leaders:?} at {truth:?}");
            Ok(())
        };
        for step in steps {
            truth += step.after;
            let count = electors.len();
            let late: Vec<Write> = std::mem::take(&mut delayed);
            attempt(&mut electors[step.who % count], &mut server, &mut delayed, truth, step.fate);
            for write in late {
                server.write(write);
            }
            check(&electors, truth)?;
        }
        for _ in 0..20 {
            truth += TIMING.retry;
            for elector in &mut electors {
                attempt(elector, &mut server, &mut delayed, truth, Fate::Done);
            }
            check(&electors, truth)?;
        }
        prop_assert_eq!(electors.iter().filter(|e| e.leads(truth)).count(), 1, "nobody leads");
    }
}
