//! The ClientHello of TLS 1.1 and 1.0, by hand: rustls speaks 1.2 and 1.3 only, so it cannot prove that a server refuses these.

use plimsoll_engine::probe::{Answer, Obstacle};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::answer::{ended, is_refusal};

/// A version that rustls does not speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Legacy {
    /// TLS 1.0.
    V1_0,
    /// TLS 1.1.
    V1_1,
}

impl Legacy {
    const fn wire(self) -> [u8; 2] {
        match self {
            Self::V1_0 => [3, 1],
            Self::V1_1 => [3, 2],
        }
    }
}

/// ECDHE with AES-CBC, then RSA with AES and 3DES, then the signal of secure renegotiation. No `TLS_FALLBACK_SCSV`: it would
/// bring about an alert of its own.
const SUITES: [u16; 8] = [0xC014, 0xC00A, 0xC013, 0xC009, 0x0035, 0x002F, 0x000A, 0x00FF];
/// secp256r1 and secp384r1.
const GROUPS: [u16; 2] = [0x0017, 0x0018];

/// The record that offers one version. `host` is empty or a name of the DNS.
pub(crate) fn client_hello(version: Legacy, host: &str, random: [u8; 32]) -> Vec<u8> {
    let mut body = version.wire().to_vec();
    body.extend(random);
    body.push(0); // no session
    body.extend(prefixed16(&pairs(&SUITES)));
    body.extend([1, 0]); // no compression
    body.extend(prefixed16(&extensions(host)));
    let mut message = vec![1]; // ClientHello
    message.extend(&length(body.len())[1..]);
    message.extend(body);
    let mut record = vec![22, 3, 1]; // a handshake, in the version every server reads
    record.extend(prefixed16(&message));
    record
}

fn extensions(host: &str) -> Vec<u8> {
    let mut all = Vec::new();
    let mut extension = |kind: u16, body: &[u8]| {
        all.extend(kind.to_be_bytes());
        all.extend(prefixed16(body));
    };
    if !host.is_empty() {
        let mut name = vec![0]; // host_name
        name.extend(prefixed16(host.as_bytes()));
        extension(0, &prefixed16(&name));
    }
    extension(10, &prefixed16(&pairs(&GROUPS)));
    extension(11, &[1, 0]); // uncompressed points
    all
}

fn pairs(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Everything here is far shorter than 64 KiB: a host name has at most 253 bytes.
fn prefixed16(bytes: &[u8]) -> Vec<u8> {
    let mut all = length(bytes.len())[2..].to_vec();
    all.extend(bytes);
    all
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

/// Offers one version on a fresh connection. The caller bounds the time.
pub(crate) async fn offer<S>(stream: &mut S, version: Legacy, host: &str, random: [u8; 32]) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let hello = client_hello(version, host, random);
    match stream.write_all(&hello).await {
        Ok(()) => read_answer(stream, version).await,
        Err(error) => ended(&error),
    }
}

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const WARNING: u8 = 1;
const CLOSE_NOTIFY: u8 = 0;
/// Longest record a server may send (RFC 5246, 6.2.3).
const LONGEST: usize = (1 << 14) + 2048;
/// Records read before giving up: warnings and pieces of one ServerHello.
const RECORDS: usize = 16;
/// Bytes of a handshake message that tell its type and version.
const ENOUGH: usize = 6;

async fn read_answer<S: AsyncRead + Unpin>(stream: &mut S, version: Legacy) -> Answer {
    let mut message = Vec::new();
    for _ in 0..RECORDS {
        let (kind, payload) = match record(stream).await {
            Ok(record) => record,
            Err(answer) => return answer,
        };
        match (kind, payload.as_slice()) {
            (ALERT, [_, CLOSE_NOTIFY]) => return Answer::Refused,
            // Such as unrecognized_name: the server goes on.
            (ALERT, [WARNING, _]) => {}
            (ALERT, [_, code]) => return by_alert(*code),
            (HANDSHAKE, piece) => message.extend(piece.iter().take(ENOUGH)),
            _ => return Answer::Unknown(Obstacle::NotTls),
        }
        if message.len() >= ENOUGH {
            return by_hello(&message, version);
        }
    }
    Answer::Unknown(Obstacle::NotTls)
}

fn by_alert(code: u8) -> Answer {
    if is_refusal(code) {
        Answer::Refused
    } else {
        Answer::Unknown(Obstacle::OtherAlert)
    }
}

fn by_hello(message: &[u8], version: Legacy) -> Answer {
    match message {
        [SERVER_HELLO, _, _, _, 3, minor, ..] => match minor.cmp(&version.wire()[1]) {
            std::cmp::Ordering::Equal => Answer::Accepted,
            // It would speak an older one, which is offered by itself.
            std::cmp::Ordering::Less => Answer::Refused,
            std::cmp::Ordering::Greater => Answer::Unknown(Obstacle::OtherAlert),
        },
        _ => Answer::Unknown(Obstacle::NotTls),
    }
}

/// One record, or the answer that its absence is.
async fn record<S: AsyncRead + Unpin>(stream: &mut S) -> Result<(u8, Vec<u8>), Answer> {
    const NOT_TLS: Answer = Answer::Unknown(Obstacle::NotTls);
    let mut header = [0; 5];
    let first = stream.read(&mut header[..1]).await.map_err(|e| ended(&e))?;
    if first == 0 {
        return Err(Answer::Refused); // it hung up
    }
    if !(20..=23).contains(&header[0]) {
        return Err(NOT_TLS);
    }
    let cut = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => NOT_TLS,
        _ => ended(&error),
    };
    stream.read_exact(&mut header[1..]).await.map_err(cut)?;
    let [kind, major, _, high, low] = header;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if major != 3 || length == 0 || length > LONGEST {
        return Err(NOT_TLS);
    }
    // Only the head of a long message matters.
    let mut payload = vec![0; length.min(256)];
    stream.read_exact(&mut payload).await.map_err(cut)?;
    Ok((kind, payload))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_hello_is_as_it_is_specified() {
        let hello = client_hello(Legacy::V1_1, "a.de", [7; 32]);
        let mut expected = vec![0x16, 3, 1, 0, 90, 1, 0, 0, 86, 3, 2];
        expected.extend([7; 32]);
        expected.extend([
            0, 0, 16, 0xC0, 0x14, 0xC0, 0x0A, 0xC0, 0x13, 0xC0, 0x09, 0, 0x35, 0, 0x2F, 0, 0x0A, 0, 0xFF, 1,
            0,
        ]);
        expected.extend([0, 29]);
        expected.extend([0, 0, 0, 9, 0, 7, 0, 0, 4, b'a', b'.', b'd', b'e']);
        expected.extend([0, 10, 0, 6, 0, 4, 0, 0x17, 0, 0x18]);
        expected.extend([0, 11, 0, 2, 1, 0]);
        assert_eq!(hello, expected);
        let anonymous = client_hello(Legacy::V1_0, "", [7; 32]);
        assert_eq!(anonymous.len(), hello.len() - 13);
        assert_eq!(anonymous[9..11], [3, 1]);
    }

    async fn answer(bytes: &[u8]) -> Answer {
        let mut stream = tokio_test_stream(bytes);
        read_answer(&mut stream, Legacy::V1_1).await
    }

    /// What the server sends, and then it hangs up.
    fn tokio_test_stream(bytes: &[u8]) -> &[u8] {
        bytes
    }

    #[rstest]
    #[case::accepted(&[22, 3, 2, 0, 8, 2, 0, 0, 70, 3, 2, 1, 1], Answer::Accepted)]
    #[case::in_pieces(&[22, 3, 2, 0, 2, 2, 0, 22, 3, 2, 0, 2, 0, 70, 22, 3, 2, 0, 2, 3, 2], Answer::Accepted)]
    #[case::older(&[22, 3, 1, 0, 6, 2, 0, 0, 70, 3, 1], Answer::Refused)]
    #[case::newer(&[22, 3, 3, 0, 6, 2, 0, 0, 70, 3, 3], Answer::Unknown(Obstacle::OtherAlert))]
    #[case::protocol_version(&[21, 3, 2, 0, 2, 2, 70], Answer::Refused)]
    #[case::handshake_failure(&[21, 3, 2, 0, 2, 2, 40], Answer::Refused)]
    #[case::illegal_parameter(&[21, 3, 2, 0, 2, 2, 47], Answer::Refused)]
    #[case::internal_error(&[21, 3, 2, 0, 2, 2, 80], Answer::Refused)]
    #[case::close_notify(&[21, 3, 2, 0, 2, 1, 0], Answer::Refused)]
    #[case::unknown_name(&[21, 3, 2, 0, 2, 2, 112], Answer::Unknown(Obstacle::OtherAlert))]
    #[case::warned_first(&[21, 3, 2, 0, 2, 1, 112, 22, 3, 2, 0, 6, 2, 0, 0, 70, 3, 2], Answer::Accepted)]
    #[case::hung_up(&[], Answer::Refused)]
    #[case::hung_up_midway(&[22, 3, 2], Answer::Unknown(Obstacle::NotTls))]
    #[case::http(b"HTTP/1.1 400 Bad Request\r\n\r\n", Answer::Unknown(Obstacle::NotTls))]
    #[case::ssh(b"SSH-2.0-OpenSSH_9.6\r\n", Answer::Unknown(Obstacle::NotTls))]
    #[case::other_version(&[22, 2, 0, 0, 6, 2, 0, 0, 70, 3, 2], Answer::Unknown(Obstacle::NotTls))]
    #[case::endless_warnings(&[21, 3, 2, 0, 2, 1, 112].repeat(50), Answer::Unknown(Obstacle::NotTls))]
    #[tokio::test]
    async fn answers_are_told_apart(#[case] bytes: impl AsRef<[u8]>, #[case] expected: Answer) {
        assert_eq!(answer(bytes.as_ref()).await, expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_some_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), tls in any::<bool>()) {
            let mut bytes = bytes;
            if tls && bytes.len() > 5 {
                bytes[..5].copy_from_slice(&[22, 3, 2, 0, 3]);
            }
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let answer = runtime.block_on(answer(&bytes));
            let accepted = bytes.windows(3).any(|w| w == [22, 3, 2]) || bytes.first() == Some(&22);
            prop_assert!(answer != Answer::Accepted || accepted);
        }
    }
}
