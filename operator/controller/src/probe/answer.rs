//! What counts as a refusal.

use std::io;

use plimsoll_engine::probe::{Answer, Obstacle};
use rustls::AlertDescription;

/// Alerts by which a server declines an offer: protocol_version, handshake_failure, illegal_parameter, internal_error,
/// insufficient_security.
const REFUSALS: [u8; 5] = [70, 40, 47, 80, 71];

pub(crate) fn is_refusal(alert: u8) -> bool {
    REFUSALS.contains(&alert)
}

/// A connection that broke after the offer was sent.
pub(crate) fn ended(error: &io::Error) -> Answer {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe => Answer::Refused,
        _ => Answer::Unknown(Obstacle::Unreachable),
    }
}

/// What rustls made of the answer.
pub(crate) fn of_rustls(error: &io::Error) -> Answer {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        None => ended(error),
        // `PeerIncompatible`: it answered with another version than the one offered.
        Some(
            rustls::Error::AlertReceived(AlertDescription::CloseNotify) | rustls::Error::PeerIncompatible(_),
        ) => Answer::Refused,
        Some(rustls::Error::AlertReceived(alert)) if is_refusal(u8::from(*alert)) => Answer::Refused,
        Some(rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. }) => {
            Answer::Unknown(Obstacle::NotTls)
        }
        Some(_) => Answer::Unknown(Obstacle::OtherAlert),
    }
}
