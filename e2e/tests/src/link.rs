//! The line between one process and the API server, which can be cut: a proxy that looks into nothing.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU8, Ordering},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// How a line is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Nothing arrives any more, and nobody is told. What was sent arrives when the line is healed, as after a cable was
    /// pulled for a while.
    Held,
    /// As [`Self::Held`], and the connections of before stay dead when the line is healed: a firewall forgot them.
    Lost,
    /// Connections are reset, and new ones too.
    Reset,
}

/// How the line is.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    cut: Option<Cut>,
    /// Connections that began before are dead for ever.
    dead_before: u64,
    /// How often it was cut so far.
    cuts: u64,
}

/// One line, gone when dropped. To the API server its process comes from an address of its own, by which the audit log tells
/// it apart.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    source: Ipv4Addr,
    line: watch::Sender<Line>,
    task: JoinHandle<()>,
}

impl Link {
    /// A line to an API server (`https://127.0.0.1:6443`).
    pub async fn to(server: &str) -> Self {
        /// The next address of 127.0.1.0/24, all of which is loopback on Linux.
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let server: SocketAddr = server.rsplit_once('/').unwrap().1.parse().unwrap();
        let source = Ipv4Addr::new(127, 0, 1, NEXT.fetch_add(1, Ordering::Relaxed));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let line = watch::Sender::new(Line::default());
        let task = tokio::spawn(serve(listener, server, source, line.subscribe()));
        Self {
            address,
            source,
            line,
            task,
        }
    }

    /// What the process is to take for the API server.
    pub fn server(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The address under which the API server knows the process.
    pub fn source(&self) -> String {
        self.source.to_string()
    }

    /// Cuts the line.
    pub fn cut(&self, how: Cut) {
        self.line.send_modify(|line| {
            line.cut = Some(how);
            line.cuts += 1;
        });
    }

    /// Heals it.
    pub fn heal(&self) {
        self.line.send_modify(|line| {
            if line.cut.take() == Some(Cut::Lost) {
                line.dead_before = line.cuts;
            }
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, source: Ipv4Addr, line: watch::Receiver<Line>) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(join(near, server, source, line.clone()));
    }
}

/// One connection; ends with the line that is dropped.
async fn join(mut near: TcpStream, server: SocketAddr, source: Ipv4Addr, line: watch::Receiver<Line>) {
    let born = line.borrow().cuts;
    let mut reset = line.clone();
    let passed = async {
        passes(&mut line.clone(), born).await?;
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        let mut far = socket.connect(server).await?;
        let ((from_near, to_near), (from_far, to_far)) = (near.split(), far.split());
        tokio::try_join!(
            carry(from_near, to_far, line.clone(), born),
            carry(from_far, to_near, line, born)
        )
    };
    let ended = tokio::select! {
        ended = passed => ended.map(drop),
        _ = reset.wait_for(|line| line.cut == Some(Cut::Reset)) => Err(io::ErrorKind::ConnectionReset.into()),
    };
    if ended.is_err() {
        _ = near.set_zero_linger(); // resets the connection instead of ending it
    }
}

/// Waits until bytes of a connection may pass.
async fn passes(line: &mut watch::Receiver<Line>, born: u64) -> io::Result<()> {
    let open = |line: &Line| line.cut.is_none() && born >= line.dead_before;
    let gone = |_| io::ErrorKind::ConnectionReset.into();
    line.wait_for(open).await.map(drop).map_err(gone)
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut line: watch::Receiver<Line>,
    born: u64,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        passes(&mut line, born).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&bytes[..count]).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A server that answers with what it hears, behind a line, and a connection through it.
    async fn echo() -> (Link, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        let link = Link::to(&server).await;
        let stream = TcpStream::connect(link.address).await.unwrap();
        (link, stream)
    }

    async fn hears(stream: &mut TcpStream) -> io::Result<u8> {
        let heard = tokio::time::timeout(Duration::from_millis(300), stream.read_u8());
        heard
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    #[tokio::test]
    async fn what_is_held_arrives_late() {
        let (link, mut stream) = echo().await;
        stream.write_u8(1).await.unwrap();
        assert_eq!(hears(&mut stream).await.unwrap(), 1);
        link.cut(Cut::Held);
        stream.write_u8(2).await.unwrap();
        assert_eq!(
            hears(&mut stream).await.unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        link.heal();
        assert_eq!(hears(&mut stream).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_is_lost_stays_lost_and_a_new_connection_works() {
        let (link, mut stream) = echo().await;
        stream.write_u8(0).await.unwrap();
        assert_eq!(
            hears(&mut stream).await.unwrap(),
            0,
            "the line took it up before the cut"
        );
        link.cut(Cut::Lost);
        stream.write_u8(1).await.unwrap();
        let mut late = TcpStream::connect(link.address).await.unwrap();
        link.heal();
        assert_eq!(
            hears(&mut stream).await.unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        late.write_u8(2).await.unwrap();
        assert_eq!(hears(&mut late).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_is_reset_fails_at_once() {
        let (link, mut stream) = echo().await;
        stream.write_u8(1).await.unwrap();
        assert_eq!(hears(&mut stream).await.unwrap(), 1);
        link.cut(Cut::Reset);
        assert_eq!(
            hears(&mut stream).await.unwrap_err().kind(),
            io::ErrorKind::ConnectionReset
        );
        let mut late = TcpStream::connect(link.address).await.unwrap();
        assert!(hears(&mut late).await.is_err());
        link.heal();
        let mut again = TcpStream::connect(link.address).await.unwrap();
        again.write_u8(3).await.unwrap();
        assert_eq!(hears(&mut again).await.unwrap(), 3);
    }
}
