//! Puts the parts together: sources feed the actor, outputs read what it publishes, the leader's write.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::Client;
use plimsoll_engine::{baseline::Preset, control::Registry, memory::Shard};
use tokio::{
    sync::{broadcast, mpsc, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    Changes, Config, Published,
    actor::{Actor, Outlets},
    leader::{Elector, Leadership, Timing},
    output::{
        events::Events,
        evidence::{self, Evidence, Keeper},
        metrics::{Metrics, Scrapes, Turns, catalog},
        outcomes::Outcomes,
        policy_reports::{Feeds, PolicyReports},
        report::Reports,
        server::{self, Admissions, Certificates, Guard, Heart, Pages, ServeError, Server, Transport},
        status::Statuses,
    },
    patience::patient,
    probe::{self, Prober},
    remediate::{Records, Remediation, counters::Counters, record::Record},
    replica::Register,
    rights::{Needs, Problems, watch_rights},
    source::{Input, Own, Plan, Terms, watch_access, watch_evidence, watch_kind, watch_own, watch_served},
};

/// Inputs waiting for the actor: enough for a burst, few enough that a slow actor slows the watches instead of piling up.
const INPUTS: usize = 8192;
/// Turns an output may lag behind before it misses changes.
const CHANGES: usize = 1024;
/// How long to wait before what was remembered is asked for again.
const RELOAD: Duration = Duration::from_secs(2);

/// Why the operator could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its address cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A part ended although nobody stopped it: the process is worth restarting.
    #[error("a part of the operator ended unexpectedly")]
    Ended,
}

/// Runs the operator until `stop`.
pub async fn run(
    client: Client,
    config: Config,
    registry: Registry,
    presets: Vec<Preset>,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let doors = Doors::open(&config).await?;
    info!(
        address = %doors.plain.address(),
        secure = %doors.secure.address(),
        identity = config.identity,
        "serving"
    );
    let mut operator = Operator::new(patient(client), config, registry, presets, stop.clone());
    let scrapes = operator.serve(doors);
    if let Some(memory) = operator.memory().await {
        operator.act(&memory);
        let inputs = operator.measure(memory);
        operator.register(scrapes, inputs);
    }
    operator.join(&stop).await
}

/// Where the process is reached: addresses are taken, and there is a certificate, before anything else begins.
struct Doors {
    plain: Server,
    secure: Server,
    certificates: Certificates,
    acceptor: TlsAcceptor,
}

impl Doors {
    async fn open(config: &Config) -> Result<Self, ServeError> {
        let certificates = Certificates::new(config.certificate.clone())?;
        Ok(Self {
            plain: Server::bind(config.health).await?,
            secure: Server::bind(config.listen).await?,
            acceptor: certificates.acceptor()?,
            certificates,
        })
    }
}

/// The process in the making: what its parts share, and the parts.
struct Operator {
    client: Client,
    config: Arc<Config>,
    registry: Registry,
    presets: Vec<Preset>,
    stop: CancellationToken,
    published: (watch::Sender<Arc<Published>>, watch::Receiver<Arc<Published>>),
    changes: broadcast::Sender<Changes>,
    remembered: (
        mpsc::UnboundedSender<Shards>,
        Option<mpsc::UnboundedReceiver<Shards>>,
    ),
    leadership: Leadership,
    turns: Turns,
    events: Outcomes,
    statuses: Outcomes,
    evidence: Outcomes,
    policy_reports: Outcomes,
    /// Grows when the cluster may serve other kinds.
    definitions: watch::Sender<u64>,
    repairs: Arc<Counters>,
    probes: Arc<probe::Counters>,
    tasks: JoinSet<()>,
    election: JoinSet<()>,
    resign: CancellationToken,
}

type Shards = Vec<(Arc<str>, Shard)>;

impl Operator {
    fn new(
        client: Client,
        config: Config,
        registry: Registry,
        presets: Vec<Preset>,
        stop: CancellationToken,
    ) -> Self {
        let elector = Elector::new(
            client.clone(),
            &config.namespace,
            config.duties.lease(),
            &config.identity,
            Timing::default(),
        );
        let leadership = elector.leadership();
        let (mut election, resign) = (JoinSet::new(), CancellationToken::new());
        election.spawn(elector.run(resign.clone()));
        let (remembered, remembered_rx) = mpsc::unbounded_channel();
        Self {
            client,
            config: Arc::new(config),
            registry,
            presets,
            stop,
            published: watch::channel(Arc::default()),
            changes: broadcast::channel(CHANGES).0,
            remembered: (remembered, Some(remembered_rx)),
            leadership,
            turns: Turns::default(),
            events: Outcomes::default(),
            statuses: Outcomes::default(),
            evidence: Outcomes::default(),
            policy_reports: Outcomes::default(),
            definitions: watch::channel(0).0,
            repairs: Arc::default(),
            probes: Arc::default(),
            tasks: JoinSet::new(),
            election,
            resign,
        }
    }

    /// Health and metrics come first: a process that is still reading is alive.
    fn serve(&mut self, doors: Doors) -> Scrapes {
        let repairs = self.repairs.clone();
        let (published, leading) = (self.published.1.clone(), self.leadership.leading.clone());
        let metrics = Metrics::new(published.clone(), leading, &self.turns, Timestamp::now)
            .with(&catalog::EVENTS, self.events.clone())
            .with(&catalog::STATUS_WRITES, self.statuses.clone())
            .with(&catalog::EVIDENCE_WRITES, self.evidence.clone())
            .with_counts(&catalog::REMEDIATIONS, move || repairs.series());
        let metrics = if self.config.policy_reports.is_some() {
            metrics.with(&catalog::REPORT_WRITES, self.policy_reports.clone())
        } else {
            metrics
        };
        let metrics = if self.config.probes() {
            let (attempts, prober) = (self.probes.clone(), self.probes.clone());
            metrics
                .with_counts(&catalog::UPTIME_PROBES, move || attempts.series())
                .with_gauge(&catalog::PROBER_UP, move |now| {
                    Some(f64::from(u8::from(prober.is_up(now))))
                })
        } else {
            metrics
        };
        let (admissions, certificates) = (Admissions::default(), doors.certificates.clone());
        let (rights, duties) = (self.check_rights(), self.config.duties);
        let metrics = metrics
            .with(&catalog::REQUESTS, admissions.clone())
            .with_gauges(&catalog::DUTY, move || {
                duties.words().map(|duty| ([duty], 1.0)).collect()
            })
            .with_gauges(&catalog::RIGHTS, move || {
                rights.borrow().as_ref().map(Problems::series).unwrap_or_default()
            })
            .with_gauge(&catalog::SERVER_CERTIFICATE_NOT_AFTER, move |_| {
                Some(certificates.not_after()?.as_duration().as_secs_f64())
            });
        let scrapes = metrics.scrapes();
        self.answer(
            doors,
            Arc::new(metrics),
            Guard::new(self.client.clone(), admissions),
        );
        scrapes
    }

    /// Asks for all rights at once, and again now and then.
    fn check_rights(&mut self) -> watch::Receiver<Option<Problems>> {
        let (sender, problems) = watch::channel(None);
        let needs = Needs::of(&self.registry, &self.config);
        self.tasks.spawn(watch_rights(
            self.client.clone(),
            self.config.namespace.clone(),
            needs,
            sender,
            self.stop.clone(),
        ));
        problems
    }

    /// Both doors: the plain one for the kubelet, the other for those whom the guard lets in.
    fn answer(&mut self, doors: Doors, metrics: Arc<Metrics>, guard: Guard) {
        let (heart, stop) = (Heart::new(self.published.1.clone()), &self.stop);
        self.tasks.spawn(heart.clone().follow(stop.clone()));
        let mut plain = heart.router();
        if self.config.plain_metrics {
            plain = plain.merge(server::plain(metrics.clone()));
        }
        self.tasks
            .spawn(doors.plain.run(plain, Transport::Plain, stop.clone()));
        let (published, name) = (self.published.1.clone(), &self.config.cluster_name);
        let reports = Reports::new(published, self.registry.clone(), name, Timestamp::now);
        let pages = Pages { metrics, reports }.router(guard);
        self.tasks.spawn(
            doors
                .secure
                .run(pages, Transport::Tls(doors.acceptor), stop.clone()),
        );
        self.tasks.spawn(doors.certificates.keep(stop.clone()));
    }

    /// Sources and actor.
    fn measure(&mut self, memory: Shards) -> mpsc::Sender<Input> {
        let (inputs, queue) = mpsc::channel(INPUTS);
        let (plan, follows) = watch::channel(None);
        self.sources(&inputs, follows);
        self.probe(&inputs);
        let outlets = Outlets {
            plan,
            published: self.published.0.clone(),
            changes: self.changes.clone(),
            remembered: self.remembered.0.clone(),
            turns: self.turns.clone(),
        };
        let actor = Actor::new(self.registry.clone(), self.presets.clone(), memory, outlets);
        let (deadline, coalesce) = (
            duration(self.config.sync_deadline),
            duration(self.config.coalesce),
        );
        self.tasks
            .spawn(actor.run(queue, deadline, coalesce, self.stop.clone()));
        inputs
    }

    /// The replicas: this one's Lease, and what those of all say.
    fn register(&mut self, scrapes: Scrapes, inputs: mpsc::Sender<Input>) {
        let register = Register::new(
            self.client.clone(),
            &self.config,
            self.published.1.clone(),
            scrapes,
            self.leadership.leading.clone(),
        );
        self.tasks.spawn(register.run(inputs, self.stop.clone()));
    }

    /// The prober, and what other replicas' probers met.
    fn probe(&mut self, inputs: &mpsc::Sender<Input>) {
        let (published, stop) = (&self.published.1, &self.stop);
        self.tasks.spawn(watch_evidence(
            self.client.clone(),
            published.clone(),
            inputs.clone(),
            self.leadership.outages.clone(),
            stop.clone(),
        ));
        if self.config.probes() {
            let prober = Prober {
                client: self.client.clone(),
                inputs: inputs.clone(),
                counters: self.probes.clone(),
            };
            let leading = self.leadership.leading.clone();
            self.tasks
                .spawn(prober.run(published.clone(), leading, stop.clone()));
        }
    }

    /// What earlier processes remembered: without it every finding would look new.
    async fn memory(&self) -> Option<Shards> {
        loop {
            match evidence::load_all(self.client.clone()).await {
                Ok(memory) => return Some(memory),
                Err(error) => error!(%error, "cannot read what earlier processes remembered"),
            }
            tokio::select! {
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep(RELOAD) => {}
            }
        }
    }

    fn sources(&mut self, inputs: &mpsc::Sender<Input>, plan: Plan) {
        let kinds = self.registry.reads();
        let (client, stop) = (&self.client, &self.stop);
        let (served_tx, served) = watch::channel(None);
        let (access_tx, access) = watch::channel(None);
        let every = duration(self.config.access_interval);
        self.tasks.spawn(watch_served(
            client.clone(),
            kinds,
            served_tx,
            self.definitions.clone(),
            stop.clone(),
        ));
        self.tasks.spawn(watch_access(
            client.clone(),
            kinds,
            every,
            access_tx,
            stop.clone(),
        ));
        let outages = self.leadership.outages.clone();
        let terms = Terms {
            served,
            access,
            plan,
            outages: outages.clone(),
        };
        for kind in kinds.iter() {
            self.tasks.spawn(watch_kind(
                client.clone(),
                kind,
                terms.clone(),
                inputs.clone(),
                stop.clone(),
            ));
        }
        for (kind, plural, wrap) in [
            (
                "SecurityBaseline",
                "securitybaselines",
                Own::Baselines as fn(_) -> Own,
            ),
            ("BaselineException", "baselineexceptions", Own::Exceptions),
        ] {
            self.tasks.spawn(watch_own(
                client.clone(),
                kind,
                plural,
                wrap,
                inputs.clone(),
                outages.clone(),
                stop.clone(),
            ));
        }
    }

    /// What only the leader does.
    fn act(&mut self, memory: &Shards) {
        let (client, leading) = (&self.client, &self.leadership.leading);
        if self.config.duties.read {
            let fence = self.leadership.fence.clone();
            let events = Events::new(client.clone(), &self.config.identity, fence, self.events.clone());
            self.tasks
                .spawn(events.run(self.changes.subscribe(), leading.clone(), self.stop.clone()));
            let statuses = Statuses::new(
                client.clone(),
                self.leadership.fence.clone(),
                self.statuses.clone(),
            );
            self.tasks
                .spawn(statuses.run(self.published.1.clone(), leading.clone(), self.stop.clone()));
        }
        let (evidence, keeper) = Evidence::new(
            client.clone(),
            self.config.duties,
            self.leadership.fence.clone(),
            self.evidence.clone(),
            memory,
        );
        if let Some(remembered) = self.remembered.1.take() {
            self.tasks
                .spawn(evidence.run(remembered, leading.clone(), self.stop.clone()));
        }
        let remediation = Remediation {
            client: client.clone(),
            config: self.config.clone(),
            published: self.published.1.clone(),
            leader: leading.clone(),
            fence: Arc::new(self.leadership.fence.clone()),
            records: Arc::new(Kept(keeper)),
            counters: self.repairs.clone(),
            shutdown: self.stop.clone(),
        };
        self.tasks.spawn(remediation.run());
        self.report_to_others();
    }

    /// Reports for other tools, where they are asked for.
    fn report_to_others(&mut self) {
        let terms = self.config.policy_reports.clone();
        let Some(terms) = terms.filter(|_| self.config.duties.read) else {
            return;
        };
        let (client, fence) = (self.client.clone(), self.leadership.fence.clone());
        let reports = PolicyReports::new(client, terms, fence, self.policy_reports.clone());
        let feeds = Feeds {
            published: self.published.1.clone(),
            changes: self.changes.subscribe(),
            leading: self.leadership.leading.clone(),
            definitions: self.definitions.subscribe(),
        };
        self.tasks.spawn(reports.run(feeds, self.stop.clone()));
    }

    /// Waits for `stop`, then for the parts to end, and gives up the lease last: who leads next begins at once, and what is
    /// pending here is still ours to write. A part that ends earlier takes the process down.
    async fn join(mut self, stop: &CancellationToken) -> Result<(), RunError> {
        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            _ = self.tasks.join_next() => if stop.is_cancelled() { Ok(()) } else { Err(RunError::Ended) },
            _ = self.election.join_next() => Err(RunError::Ended),
        };
        stop.cancel();
        while let Some(part) = self.tasks.join_next().await {
            if let Err(panicked) = part {
                error!(%panicked, "a part of the operator panicked");
            }
        }
        self.resign.cancel();
        while self.election.join_next().await.is_some() {}
        ended
    }
}

/// Changes are remembered in the evidence of their target's namespace.
struct Kept(Keeper);

impl Records for Kept {
    fn load(&self) -> BoxFuture<'_, Result<Vec<Record>, String>> {
        Box::pin(async {
            let kept = self.0.repairs().await.map_err(|e| e.to_string())?;
            Ok(kept
                .iter()
                .map(|(uid, repair)| Record::from_evidence(repair, uid.as_deref()))
                .collect())
        })
    }

    fn keep(&self, record: Record) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let namespace = record.target.namespace.clone();
            self.0
                .keep(&namespace, record.to_evidence())
                .await
                .map_err(|e| e.to_string())
        })
    }
}

fn duration(signed: jiff::SignedDuration) -> Duration {
    signed.try_into().unwrap_or_default()
}
