//! What is to be tried, and when: no I/O, no clock of its own.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use plimsoll_engine::probe::{Check, Endpoint, Probe, Request};

/// What one job is about: the same wish of two baselines is one job.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) enum Key {
    /// The versions of TLS that a server speaks.
    Handshake(Arc<str>, Endpoint),
    /// Whether a host answers.
    Attempt(Arc<str>, Check),
}

impl Key {
    fn of(request: &Request) -> Self {
        let namespace = request.namespace.clone();
        match &request.probe {
            Probe::Handshake { endpoint, .. } => Self::Handshake(namespace, endpoint.clone()),
            Probe::Availability { check, .. } => Self::Attempt(namespace, check.clone()),
        }
    }

    fn namespace(&self) -> &Arc<str> {
        match self {
            Self::Handshake(namespace, _) | Self::Attempt(namespace, _) => namespace,
        }
    }

    /// The host.
    pub(crate) fn host(&self) -> &Arc<str> {
        match self {
            Self::Handshake(_, endpoint) => &endpoint.host,
            Self::Attempt(_, check) => &check.host,
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Handshake(..) => Class::Handshake,
            Self::Attempt(..) => Class::Attempt,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Class {
    Handshake,
    Attempt,
}

/// How soon a server that did not answer clearly is asked again.
const AGAIN: Duration = Duration::from_mins(5);

#[derive(Debug)]
struct Job {
    request: Request,
    due: Instant,
    running: bool,
}

/// All jobs.
#[derive(Default, Debug)]
pub(crate) struct Plan {
    jobs: HashMap<Key, Job>,
    queue: BTreeSet<(Instant, Key)>,
    running: BTreeMap<Class, usize>,
    most: BTreeMap<Class, usize>,
    left_out: BTreeSet<Key>,
    spread: RandomState,
}

impl Plan {
    /// Takes what is wished for now in place of what was. Hosts beyond the limit are left out, of the namespaces with the most
    /// hosts first: nobody's hosts can crowd out another's.
    pub(crate) fn replace<'r>(
        &mut self,
        requests: impl Iterator<Item = &'r Request>,
        today: Timestamp,
        now: Instant,
    ) {
        let mut wanted: BTreeMap<Key, Request> = BTreeMap::new();
        for request in requests {
            let merged = wanted.entry(Key::of(request)).or_insert_with(|| request.clone());
            merged.interval = merged.interval.min(request.interval);
            merged.last = merged.last.max(request.last);
        }
        self.limit(&mut wanted);
        let gone: Vec<Key> = self
            .jobs
            .keys()
            .filter(|key| !wanted.contains_key(*key))
            .cloned()
            .collect();
        for key in gone {
            if let Some(job) = self.jobs.remove(&key) {
                self.queue.remove(&(job.due, key));
            }
        }
        for (key, request) in wanted {
            match self.jobs.get_mut(&key) {
                Some(job) if job.request.interval == request.interval => job.request = request,
                Some(job) => {
                    // Another interval: no later than it asks for.
                    let soonest = job.due.min(now + duration(request.interval));
                    job.request = request;
                    self.requeue(&key, soonest);
                }
                None => {
                    let due = self.first(&key, &request, today, now);
                    let running = false;
                    self.queue.insert((due, key.clone()));
                    self.jobs.insert(
                        key,
                        Job {
                            request,
                            due,
                            running,
                        },
                    );
                }
            }
        }
    }

    fn limit(&mut self, wanted: &mut BTreeMap<Key, Request>) {
        self.left_out.clear();
        for class in [Class::Handshake, Class::Attempt] {
            let of_class = || wanted.iter().filter(|(key, _)| key.class() == class);
            let most = of_class()
                .map(|(_, request)| request.limits.hosts)
                .max()
                .unwrap_or_default();
            let at_once = of_class()
                .map(|(_, request)| request.limits.concurrency)
                .max()
                .unwrap_or(1);
            self.most.insert(class, usize::from(at_once.max(1)));
            let mut ranks: HashMap<Arc<str>, u32> = HashMap::new();
            let mut ranked: Vec<(u32, Key)> = of_class()
                .map(|(key, _)| {
                    let rank = ranks.entry(key.namespace().clone()).or_default();
                    *rank += 1;
                    (*rank, key.clone())
                })
                .collect();
            ranked.sort();
            for (_, key) in ranked.into_iter().skip(most as usize) {
                wanted.remove(&key);
                self.left_out.insert(key);
            }
        }
    }

    /// When a job that is new to us is due: a server that was asked lately not before its time, everything else at once.
    fn first(&self, key: &Key, request: &Request, today: Timestamp, now: Instant) -> Instant {
        let waited = request
            .last
            .and_then(|last| Duration::try_from(today.duration_since(last)).ok());
        match (key.class(), waited) {
            (Class::Handshake, Some(waited)) => now + self.jittered(key, request).saturating_sub(waited),
            _ => now,
        }
    }

    /// The interval, a tenth shorter or longer, the same for one key every time.
    fn jittered(&self, key: &Key, request: &Request) -> Duration {
        let percent = u32::try_from(self.spread.hash_one(key) % 21).unwrap_or(10);
        duration(request.interval) * (90 + percent) / 100
    }

    fn requeue(&mut self, key: &Key, due: Instant) {
        if let Some(job) = self.jobs.get_mut(key) {
            self.queue.remove(&(job.due, key.clone()));
            job.due = due;
            if !job.running {
                self.queue.insert((due, key.clone()));
            }
        }
    }

    /// The next job that is due, as long as not too many of its class are running.
    pub(crate) fn start(&mut self, now: Instant) -> Option<(Key, Request)> {
        let free = |key: &Key| {
            let running = self.running.get(&key.class()).copied().unwrap_or_default();
            running < self.most.get(&key.class()).copied().unwrap_or(1)
        };
        let found = self
            .queue
            .iter()
            .take_while(|(due, _)| *due <= now)
            .find(|(_, key)| free(key));
        let (due, key) = found?.clone();
        self.queue.remove(&(due, key.clone()));
        *self.running.entry(key.class()).or_default() += 1;
        let job = self.jobs.get_mut(&key)?;
        job.running = true;
        Some((key, job.request.clone()))
    }

    /// A job ended. `clear` tells whether what it met was an answer.
    pub(crate) fn ended(&mut self, key: &Key, clear: bool, now: Instant) {
        if let Some(running) = self.running.get_mut(&key.class()) {
            *running = running.saturating_sub(1);
        }
        let Some(job) = self.jobs.get(key).filter(|job| job.running) else {
            return;
        };
        let interval = duration(job.request.interval);
        let due = match key.class() {
            Class::Handshake if clear => now + self.jittered(key, &job.request),
            Class::Handshake => now + interval.min(AGAIN),
            // In step with the beginning; what was missed is not made up for, and is no coverage.
            Class::Attempt => {
                let late = now.saturating_duration_since(job.due).as_nanos();
                let steps = late / interval.as_nanos().max(1) + 1;
                job.due + interval * u32::try_from(steps).unwrap_or(u32::MAX)
            }
        };
        if let Some(job) = self.jobs.get_mut(key) {
            job.running = false;
            job.due = due;
            self.queue.insert((due, key.clone()));
        }
    }

    /// When the next job is due that may run; never while all that is due has to wait for others to end.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let free = |key: &Key| {
            let running = self.running.get(&key.class()).copied().unwrap_or_default();
            running < self.most.get(&key.class()).copied().unwrap_or(1)
        };
        self.queue.iter().find(|(_, key)| free(key)).map(|(due, _)| *due)
    }

    /// Whether a job is still wished for.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.jobs.contains_key(key)
    }

    /// Hosts that are probed.
    pub(crate) fn hosts(&self) -> BTreeSet<Arc<str>> {
        self.jobs.keys().map(|key| key.host().clone()).collect()
    }

    /// What is not probed because there is too much.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &Key> {
        self.left_out.iter()
    }

    /// Whether nothing is wished for.
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

fn duration(duration: plimsoll_engine::duration::Duration) -> Duration {
    Duration::from_secs(duration.as_secs().into())
}

#[cfg(test)]
mod tests {
    use plimsoll_engine::{
        duration::Duration as Lasting,
        probe::{AddressFilter, Limits},
    };

    use super::*;

    fn request(namespace: &str, host: &str, hosts: u32) -> Request {
        Request {
            namespace: namespace.into(),
            probe: Probe::Handshake {
                endpoint: Endpoint {
                    host: host.into(),
                    address: "203.0.113.7".into(),
                    port: 443,
                },
                ca: None,
            },
            interval: Lasting::from_hours(6),
            last: None,
            filter: AddressFilter::default(),
            limits: Limits {
                timeout: Lasting::from_secs(5),
                concurrency: 2,
                hosts,
            },
        }
    }

    fn attempt(host: &str) -> Request {
        let check = Check {
            host: host.into(),
            tls: true,
            path: "/".into(),
            criteria: "".into(),
        };
        Request {
            probe: Probe::Availability {
                check,
                at: [].into(),
                maintenance: [].into(),
            },
            interval: Lasting::from_secs(15),
            ..request("shop", host, 500)
        }
    }

    fn hosts(plan: &mut Plan, now: Instant) -> Vec<String> {
        std::iter::from_fn(|| plan.start(now))
            .map(|(key, _)| key.host().to_string())
            .collect()
    }

    const TODAY: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn no_more_run_at_once_than_may() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        let all = ["a", "b", "c"].map(|host| request("shop", host, 500));
        plan.replace(all.iter(), TODAY, now);
        assert_eq!(hosts(&mut plan, now), ["a", "b"]);
        assert_eq!(plan.next_due(), None, "it waits for one to end");
        let key = Key::of(&all[0]);
        plan.ended(&key, true, now);
        assert_eq!(hosts(&mut plan, now), ["c"]);
    }

    #[test]
    fn one_namespace_cannot_crowd_out_another() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        let mut all: Vec<Request> = (0..100)
            .map(|n| request("greedy", &format!("{n}.example"), 3))
            .collect();
        all.push(request("small", "small.example", 3));
        plan.replace(all.iter(), TODAY, now);
        assert!(plan.hosts().contains("small.example"));
        assert_eq!((plan.hosts().len(), plan.left_out().count()), (3, 98));
    }

    #[test]
    fn a_server_that_was_asked_lately_waits_for_its_time() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        let mut old = request("shop", "a", 500);
        old.last = Some(TODAY);
        let today = TODAY + jiff::SignedDuration::from_hours(1);
        plan.replace([&old].into_iter(), today, now);
        let wait = plan.next_due().unwrap() - now;
        assert!(
            wait >= Duration::from_mins(264) && wait <= Duration::from_mins(336),
            "{wait:?}"
        );
    }

    #[test]
    fn an_unclear_answer_is_asked_for_again_soon() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        let one = request("shop", "a", 500);
        plan.replace([&one].into_iter(), TODAY, now);
        hosts(&mut plan, now);
        plan.ended(&Key::of(&one), false, now);
        assert_eq!(plan.next_due(), Some(now + AGAIN));
    }

    #[test]
    fn attempts_keep_step_and_do_not_make_up_for_what_they_missed() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        let one = attempt("a");
        plan.replace([&one].into_iter(), TODAY, now);
        hosts(&mut plan, now);
        plan.ended(&Key::of(&one), true, now + Duration::from_secs(1));
        assert_eq!(plan.next_due(), Some(now + Duration::from_secs(15)));
        hosts(&mut plan, now + Duration::from_secs(15));
        plan.ended(&Key::of(&one), true, now + Duration::from_secs(61));
        assert_eq!(plan.next_due(), Some(now + Duration::from_secs(75)));
    }

    #[test]
    fn what_is_no_longer_wished_for_ends_and_leaves_nothing() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        let both = [request("shop", "a", 500), attempt("b")];
        plan.replace(both.iter(), TODAY, now);
        let running = hosts(&mut plan, now);
        assert_eq!(running.len(), 2);
        plan.replace([].iter(), TODAY, now);
        for request in &both {
            plan.ended(&Key::of(request), true, now);
        }
        assert!(plan.is_empty() && plan.next_due().is_none());
        plan.replace(both.iter(), TODAY, now);
        assert_eq!(hosts(&mut plan, now).len(), 2, "what ended makes room");
    }

    #[test]
    fn two_baselines_that_wish_for_the_same_get_it_once_and_as_often_as_either_asks() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        let often = Request {
            interval: Lasting::from_hours(1),
            ..request("shop", "a", 500)
        };
        let both = [request("shop", "a", 500), often];
        plan.replace(both.iter(), TODAY, now);
        let (key, started) = plan.start(now).unwrap();
        assert_eq!(started.interval, Lasting::from_hours(1));
        assert!(plan.start(now).is_none());
        plan.ended(&key, true, now);
        assert!(plan.next_due().unwrap() <= now + Duration::from_mins(66));
    }
}
