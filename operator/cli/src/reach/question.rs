//! Which pairs are asked about, and what the answers are.

use anyhow::{Result, bail};
use plimsoll_engine::reach::{Because, Bounds, PortSet, Protocol, Reach};

use super::{
    end::{Block, End, Which},
    load::Loaded,
};

/// Most pairs that are answered at once.
const MOST: usize = 1_000_000;

/// Pairs to be answered.
pub(super) struct Question<'a> {
    reach: &'a Reach,
    from: Vec<End<'a>>,
    to: Vec<End<'a>>,
    /// Blocks beside the whole: told only where they fare otherwise than it.
    narrower: &'a [Block],
    outside: bool,
    port: Option<PortSet>,
    /// Whether both ends were named: then everything is told, also that nothing is open.
    pub(super) is_narrow: bool,
}

/// What is so of one pair.
pub(super) struct Answer<'a> {
    pub(super) from: End<'a>,
    pub(super) to: End<'a>,
    /// The open ports; nothing of them is known where a policy is not modelled.
    pub(super) open: Result<Bounds, String>,
    pub(super) because: Vec<Because>,
}

/// Reads a port: `TCP/80`, `udp/53`, `8080`.
pub(super) fn port(text: &str) -> Result<PortSet> {
    let (protocol, number) = match text.split_once('/') {
        Some((protocol, number)) => (Protocol::parse(protocol), number),
        None => (Some(Protocol::Tcp), text),
    };
    match (protocol, number.parse()) {
        (Some(protocol), Ok(number)) if number > 0 => Ok(PortSet::range(protocol, number, number)),
        _ => bail!("--port {text}: expected TCP/80, UDP/53, SCTP/3868, or a number from 1 to 65535 for TCP"),
    }
}

impl<'a> Question<'a> {
    /// Fails where an end does not exist, and where there are too many pairs.
    pub(super) fn new(
        loaded: &'a Loaded,
        from: &'a Which,
        to: &'a Which,
        port: Option<PortSet>,
    ) -> Result<Self> {
        if matches!((from, to), (Which::Block(_), Which::Block(_))) {
            bail!("--from and --to are both outside the cluster: expected a workload as one of them");
        }
        let question = Self {
            from: from.workloads("--from", &loaded.reach)?,
            to: to.workloads("--to", &loaded.reach)?,
            reach: &loaded.reach,
            narrower: &loaded.narrower,
            outside: from.is_all() || to.is_all(),
            port,
            is_narrow: from.is_one() && to.is_one(),
        };
        let mut question = question;
        if question.outside {
            question.add_outside(loaded, from, to);
        }
        let pairs = question.from.len().saturating_mul(question.to.len());
        if pairs > MOST {
            bail!(
                "{pairs} pairs, of which at most {MOST} are told at once: give --from or --to (NAMESPACE/NAME or NAMESPACE/*)"
            );
        }
        Ok(question)
    }

    fn add_outside(&mut self, loaded: &'a Loaded, from: &Which, to: &Which) {
        let whole = || loaded.whole.iter().map(End::Outside);
        let named_outside = [from, to].iter().any(|which| matches!(which, Which::Block(_)));
        if named_outside {
            return;
        }
        if from.is_all() {
            self.from.extend(whole());
        }
        if to.is_all() {
            self.to.extend(whole());
        }
    }

    /// Every answer, worked out while it is asked for.
    pub(super) fn answers(&self) -> impl Iterator<Item = Answer<'a>> + '_ {
        self.from
            .iter()
            .flat_map(move |from| self.to.iter().map(move |to| (*from, *to)))
            .filter(|(from, to)| self.is_asked(*from, *to))
            .flat_map(|(from, to)| self.answer_in_parts(from, to))
    }

    /// A pod is no peer of itself, and what is outside is no concern of policies; that a workload's pods reach each other is
    /// told where it is asked for by name.
    fn is_asked(&self, from: End<'_>, to: End<'_>) -> bool {
        match (from, to) {
            (End::Outside(_), End::Outside(_)) => false,
            (End::Workload(from, ..), End::Workload(to, ..)) => from != to || self.is_narrow,
            _ => true,
        }
    }

    /// The answer; of the world outside also those for blocks of which another holds than for the whole.
    fn answer_in_parts(&self, from: End<'a>, to: End<'a>) -> Vec<Answer<'a>> {
        let whole = self.answer(from, to);
        let is_all_outside = |end: End<'_>| matches!(end, End::Outside(block) if block.text.ends_with("/0"));
        let mut answers = Vec::new();
        if is_all_outside(from) || is_all_outside(to) {
            let family = |block: &Block| block.text.contains(':');
            for block in self.narrower {
                let outside = End::Outside(block);
                let of_family =
                    |end: End<'_>| matches!(end, End::Outside(all) if family(all) == family(block));
                let part = match (from.is_outside(), of_family(from) || of_family(to)) {
                    (_, false) => continue,
                    (true, _) => self.answer(outside, to),
                    (false, _) => self.answer(from, outside),
                };
                if let (Ok(of_part), Ok(of_whole)) = (&part.open, &whole.open)
                    && of_part.sure != of_whole.sure
                {
                    answers.push(part);
                }
            }
        }
        answers.insert(0, whole);
        answers
    }

    fn answer(&self, from: End<'a>, to: End<'a>) -> Answer<'a> {
        let (source, target) = (from.site(), to.site());
        let mut open = self.reach.between(source, target);
        if let (Ok(bounds), Some(port)) = (&mut open, &self.port) {
            *bounds = bounds.and(&Bounds::exactly(port.clone()));
        }
        let mut because = if open.is_ok() {
            self.reach.explain(source, target)
        } else {
            Vec::new()
        };
        if let Some(port) = &self.port {
            because.retain(|because| because.ports.meets(port));
        }
        Answer {
            from,
            to,
            open: open.map_err(|policy| format!("{} may decide it: {}", policy.policy, policy.why)),
            because,
        }
    }
}
