//! What probes met, as evidence.

use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_engine::probe::{
    Answer, Certificate, Check, Endpoint, Handshake, History, Obstacle, Probed, VERSIONS,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EvidenceError;
use crate::schema;

/// Most bytes of JSON that what probes met takes in one record: with everything else it fits etcd.
pub const MAX_PROBED: usize = 200_000;

/// What a TLS server answered when each version was offered alone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandshakeEvidence {
    /// The host that was asked for; empty where none was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub host: String,
    /// The address, or the name of the load balancer.
    #[schemars(length(max = 253))]
    pub address: String,
    /// The port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: i64,
    /// When.
    #[schemars(schema_with = "schema::time")]
    pub time: Timestamp,
    /// The answers to TLS 1.0, 1.1, 1.2 and 1.3, in this order.
    #[schemars(length(min = 4, max = 4), extend("x-kubernetes-list-type" = "atomic"))]
    pub answers: Vec<AnswerEvidence>,
    /// `notAfter` of the certificate that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub not_after: Option<Timestamp>,
    /// Whether the certificate chains to the bundle that the baseline names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<bool>,
}

/// The answer to the offer of one version, or what kept it from being given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words are those of the verdicts' reasons")]
pub enum AnswerEvidence {
    Accepted,
    Refused,
    Timeout,
    Unreachable,
    NotResolved,
    AddressRefused,
    NotTls,
    OtherAlert,
    InvalidHost,
    TooManyHosts,
}

/// How available a host was.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilityEvidence {
    /// The host; empty where none was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub host: String,
    /// Whether over HTTPS.
    pub tls: bool,
    /// The path that was asked for.
    #[schemars(length(max = 256))]
    pub path: String,
    /// Tells apart what is counted by different rules.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub criteria: String,
    /// Seconds by the hour (hours since 1970): `hour:covered/failed~excluded`; `hour x number:` for equal hours in a row;
    /// zeros are left out. Hours of more than 32 days ago are summed up by the day.
    #[schemars(length(max = 200_000))]
    pub hours: String,
}

impl From<Answer> for AnswerEvidence {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Accepted => Self::Accepted,
            Answer::Refused => Self::Refused,
            Answer::Unknown(Obstacle::Timeout) => Self::Timeout,
            Answer::Unknown(Obstacle::Unreachable) => Self::Unreachable,
            Answer::Unknown(Obstacle::NotResolved) => Self::NotResolved,
            Answer::Unknown(Obstacle::AddressRefused) => Self::AddressRefused,
            Answer::Unknown(Obstacle::NotTls) => Self::NotTls,
            Answer::Unknown(Obstacle::OtherAlert) => Self::OtherAlert,
            Answer::Unknown(Obstacle::InvalidHost) => Self::InvalidHost,
            Answer::Unknown(Obstacle::TooManyHosts) => Self::TooManyHosts,
        }
    }
}

impl From<AnswerEvidence> for Answer {
    fn from(answer: AnswerEvidence) -> Self {
        match answer {
            AnswerEvidence::Accepted => Self::Accepted,
            AnswerEvidence::Refused => Self::Refused,
            AnswerEvidence::Timeout => Self::Unknown(Obstacle::Timeout),
            AnswerEvidence::Unreachable => Self::Unknown(Obstacle::Unreachable),
            AnswerEvidence::NotResolved => Self::Unknown(Obstacle::NotResolved),
            AnswerEvidence::AddressRefused => Self::Unknown(Obstacle::AddressRefused),
            AnswerEvidence::NotTls => Self::Unknown(Obstacle::NotTls),
            AnswerEvidence::OtherAlert => Self::Unknown(Obstacle::OtherAlert),
            AnswerEvidence::InvalidHost => Self::Unknown(Obstacle::InvalidHost),
            AnswerEvidence::TooManyHosts => Self::Unknown(Obstacle::TooManyHosts),
        }
    }
}

/// What fits, those heard of last first to stay; and whether something did not.
pub(super) fn bounded(probed: &Probed) -> (Vec<HandshakeEvidence>, Vec<AvailabilityEvidence>, bool) {
    let mut room = MAX_PROBED;
    // Histories first: a handshake can be had again within minutes, a month cannot.
    let mut histories: Vec<_> = probed.availability.iter().collect();
    histories.sort_by_key(|(check, history)| (std::cmp::Reverse(history.last()), *check));
    let histories = histories
        .into_iter()
        .map(|(check, history)| AvailabilityEvidence::of(check, history));
    let (mut availability, some_left) = fitting(histories, &mut room);
    availability.sort_by(|a, b| a.key().cmp(&b.key()));
    let mut answers: Vec<_> = probed.handshakes.iter().collect();
    answers.sort_by_key(|(endpoint, handshake)| (std::cmp::Reverse(handshake.at), *endpoint));
    let answers = answers
        .into_iter()
        .map(|(endpoint, handshake)| HandshakeEvidence::of(endpoint, handshake));
    let (mut handshakes, more_left) = fitting(answers, &mut room);
    handshakes.sort_by(|a, b| a.key().cmp(&b.key()));
    (handshakes, availability, some_left || more_left)
}

fn fitting<T: Serialize>(all: impl Iterator<Item = T>, room: &mut usize) -> (Vec<T>, bool) {
    let (mut kept, mut left_out) = (Vec::new(), false);
    for one in all {
        let size = serde_json::to_vec(&one).map_or(usize::MAX, |json| json.len() + 1);
        if size > *room {
            left_out = true;
            continue;
        }
        *room -= size;
        kept.push(one);
    }
    (kept, left_out)
}

/// What was written.
pub(super) fn read(
    handshakes: &[HandshakeEvidence],
    availability: &[AvailabilityEvidence],
) -> Result<Probed, EvidenceError> {
    let handshakes = handshakes.iter().enumerate().map(|(i, one)| one.engine(i));
    let availability = availability.iter().enumerate().map(|(i, one)| one.engine(i));
    Ok(Probed {
        handshakes: handshakes.collect::<Result<BTreeMap<_, _>, _>>()?,
        availability: availability.collect::<Result<BTreeMap<_, _>, _>>()?,
    })
}

impl HandshakeEvidence {
    fn of(endpoint: &Endpoint, handshake: &Handshake) -> Self {
        Self {
            host: endpoint.host.to_string(),
            address: endpoint.address.to_string(),
            port: endpoint.port.into(),
            time: handshake.at,
            answers: handshake.answers.map(Into::into).to_vec(),
            not_after: handshake
                .certificate
                .as_ref()
                .map(|certificate| certificate.not_after),
            trusted: handshake
                .certificate
                .as_ref()
                .and_then(|certificate| certificate.trusted),
        }
    }

    fn key(&self) -> (&str, &str, i64) {
        (&self.host, &self.address, self.port)
    }

    fn engine(&self, index: usize) -> Result<(Endpoint, Handshake), EvidenceError> {
        let error = |field: &str, expected: String| EvidenceError {
            field: format!("spec.handshakes[{index}].{field}"),
            expected,
        };
        let answers: Vec<Answer> = self.answers.iter().map(|answer| Answer::from(*answer)).collect();
        let endpoint = Endpoint {
            host: self.host.as_str().into(),
            address: self.address.as_str().into(),
            port: u16::try_from(self.port)
                .map_err(|_| error("port", format!("expected a port, found {}", self.port)))?,
        };
        let handshake = Handshake {
            at: self.time,
            answers: answers.try_into().map_err(|answers: Vec<Answer>| {
                error(
                    "answers",
                    format!("expected {}, found {}", VERSIONS.len(), answers.len()),
                )
            })?,
            certificate: self.not_after.map(|not_after| Certificate {
                not_after,
                trusted: self.trusted,
            }),
        };
        Ok((endpoint, handshake))
    }
}

impl AvailabilityEvidence {
    fn of(check: &Check, history: &History) -> Self {
        Self {
            host: check.host.to_string(),
            tls: check.tls,
            path: check.path.to_string(),
            criteria: check.criteria.to_string(),
            hours: history.encode(),
        }
    }

    fn key(&self) -> (&str, bool, &str, &str) {
        (&self.host, self.tls, &self.path, &self.criteria)
    }

    fn engine(&self, index: usize) -> Result<(Check, History), EvidenceError> {
        let check = Check {
            host: self.host.as_str().into(),
            tls: self.tls,
            path: self.path.as_str().into(),
            criteria: self.criteria.as_str().into(),
        };
        let history = History::decode(&self.hours).map_err(|error| EvidenceError {
            field: format!("spec.availability[{index}].hours"),
            expected: error.to_string(),
        })?;
        Ok((check, history))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use plimsoll_engine::probe::Bucket;

    use super::*;

    fn at(second: usize) -> Timestamp {
        Timestamp::from_second(i64::try_from(second).unwrap()).unwrap()
    }

    fn check(n: usize) -> Check {
        Check {
            host: format!("{n}.example.com").into(),
            tls: n.is_multiple_of(2),
            path: "/".into(),
            criteria: "".into(),
        }
    }

    pub(in super::super) fn probed(hosts: usize) -> Probed {
        let mut probed = Probed::default();
        for n in 0..hosts {
            let endpoint = Endpoint {
                host: format!("{n}.example.com").into(),
                address: "203.0.113.7".into(),
                port: 443,
            };
            let answers = [
                Answer::Refused,
                Answer::Unknown(Obstacle::NotTls),
                Answer::Accepted,
                Answer::Accepted,
            ];
            let certificate = Some(Certificate {
                not_after: at(n),
                trusted: Some(true),
            });
            probed.handshakes.insert(
                endpoint,
                Handshake {
                    at: at(n),
                    answers,
                    certificate,
                },
            );
            let mut history = History::default();
            history.add(
                at(n * 3_600),
                Bucket {
                    covered: 3_600,
                    failed: 15,
                    excluded: 0,
                },
            );
            probed.availability.insert(check(n), history);
        }
        probed
    }

    /// Hours of which no two are equal: the longest text a history can have.
    fn restless(n: usize) -> History {
        let mut history = History::default();
        for hour in 0..1_000 {
            let bucket = Bucket {
                covered: 3_000 + u32::try_from((hour * 7 + n) % 600).unwrap(),
                failed: u32::try_from(hour % 97).unwrap(),
                excluded: 0,
            };
            history.add(at(hour * 3_600), bucket);
        }
        history
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_said_to_be() {
        let mut probed = probed(0);
        for n in 0..40 {
            probed.availability.insert(check(n), restless(n));
        }
        let (handshakes, availability, overflow) = bounded(&probed);
        assert!(overflow && handshakes.is_empty());
        let bytes = serde_json::to_vec(&availability).unwrap().len();
        assert!((MAX_PROBED / 2..=MAX_PROBED + 2).contains(&bytes), "{bytes}");
        let kept = read(&handshakes, &availability).unwrap();
        assert!(
            kept.availability
                .iter()
                .all(|(check, history)| probed.availability[check] == *history)
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let (mut handshakes, mut availability, _) = bounded(&probed(1));
        availability[0].hours = "soon".into();
        assert_eq!(
            read(&[], &availability).unwrap_err().field,
            "spec.availability[0].hours"
        );
        handshakes[0].answers.pop();
        assert_eq!(
            read(&handshakes, &[]).unwrap_err().field,
            "spec.handshakes[0].answers"
        );
        handshakes[0].port = 70_000;
        assert_eq!(
            read(&handshakes, &[]).unwrap_err().field,
            "spec.handshakes[0].port"
        );
    }
}
