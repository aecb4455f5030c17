//! One connection's TLS: ciphertext in, plaintext out, and the other way round. The library's buffered API is wrapped as `feed`,
//! `take_plaintext`, `encrypt`, so that the rest of the core sees bytes and facts.

use core::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use super::library::{
    Accepted, CertificateError, ClientConnection, Connection, Error, HandshakeKind, HelloReader, InvalidMessage,
    OtherError,
};
use super::provider::version_of;
use super::{Acceptor, Failure, Group, Identity, MutualAuthentication, Negotiated, Presented, Rejected, Suite};

/// One connection's TLS.
pub struct Session {
    stage: Stage,
    identity: Option<Arc<Identity>>,
    /// What the client was asked for, until its handshake is over.
    mutual: MutualAuthentication,
    /// What is told of the certificate that it showed.
    presented: Option<Presented>,
    /// Bytes of plaintext that wait to be taken.
    plaintext: usize,
    peer_closed: bool,
}

enum Stage {
    /// A client's hello is awaited.
    Hello(HelloReader, Arc<Acceptor>),
    /// It is there, and answering it costs something.
    Greeted(Box<Accepted>, Arc<Acceptor>),
    /// Handshake and traffic.
    Open(Connection),
    /// It failed; what is left to tell the peer.
    Failed(Vec<u8>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
                Failure::NotTls
            }
            Error::NoCertificatesPresented => Failure::NoClientCertificate,
            Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
                match other.downcast_ref::<Rejected>() {
                    Some(rejected) => Failure::ClientCertificate(rejected.clone()),
                    None => Failure::Other(other.to_string()),
                }
            }
            other => Failure::Other(other.to_string()),
        }
    }
}

impl Session {
    /// Of a connection that came to a listener.
    pub(super) fn of_client(acceptor: Arc<Acceptor>) -> Session {
        Session::new(Stage::Hello(HelloReader::default(), acceptor))
    }

    /// Of a connection that was made to a target.
    pub(super) fn of_target(connection: ClientConnection) -> Session {
        Session::new(Stage::Open(connection.into()))
    }

    fn new(stage: Stage) -> Session {
        Session {
            stage,
            identity: None,
            mutual: MutualAuthentication::Off,
            presented: None,
            plaintext: 0,
            peer_closed: false,
        }
    }

    /// Takes in what the peer sent; returns how much of it, at least one byte while there is no plaintext to take out.
    /// Nothing is taken while a hello is to be answered: see [`Session::is_greeted`].
    ///
    /// # Errors
    /// The session has failed. There may be something to tell the peer still.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        match &mut self.stage {
            Stage::Hello(..) => self.read_hello(bytes),
            Stage::Greeted(..) => Ok(0),
            Stage::Open(connection) => feed(connection, bytes, &mut self.plaintext, &mut self.peer_closed),
            Stage::Failed(_) => Ok(bytes.len()),
        }
    }

    fn read_hello(&mut self, mut bytes: &[u8]) -> Result<usize, Failure> {
        let all = bytes.len();
        let Stage::Hello(reader, acceptor) = &mut self.stage else { return Ok(0) };
        while !bytes.is_empty() {
            if reader.read_tls(&mut bytes).is_err() {
                return self.fail(Vec::new(), Failure::Other("the hello is too long".to_owned()));
            }
            match reader.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let acceptor = Arc::clone(acceptor);
                    self.stage = Stage::Greeted(Box::new(accepted), acceptor);
                    break;
                }
                Err((error, mut alert)) => {
                    let mut last = Vec::new();
                    let _ = alert.write_all(&mut last);
                    return self.fail(last, error.into());
                }
            }
        }
        Ok(all - bytes.len())
    }

    fn fail(&mut self, last: Vec<u8>, failure: Failure) -> Result<usize, Failure> {
        self.stage = Stage::Failed(last);
        Err(failure)
    }

    /// Whether a client's hello is awaited: until it is there, feeding costs next to nothing.
    pub fn awaits_hello(&self) -> bool {
        matches!(self.stage, Stage::Hello(..))
    }

    /// Whether a client's hello is there and waits to be [answered](Session::answer).
    pub fn is_greeted(&self) -> bool {
        matches!(self.stage, Stage::Greeted(..))
    }

    /// Answers a client's hello: chooses a certificate, exchanges keys, signs. This is what a handshake costs.
    ///
    /// # Errors
    /// As for [`Session::feed`].
    pub fn answer(&mut self) -> Result<(), Failure> {
        match core::mem::replace(&mut self.stage, Stage::Failed(Vec::new())) {
            Stage::Greeted(accepted, acceptor) => {
                let hello = accepted.client_hello();
                let door = acceptor.choose(&hello);
                let config = door.config(&hello);
                self.identity = Some(Arc::clone(&door.identity));
                self.mutual = acceptor.mutual.clone();
                match accepted.into_connection(config) {
                    Ok(connection) => {
                        self.stage = Stage::Open(connection.into());
                        // What came with the hello has been read already.
                        self.feed(&[]).map(drop)
                    }
                    Err((error, mut alert)) => {
                        let mut last = Vec::new();
                        let _ = alert.write_all(&mut last);
                        self.fail(last, error.into()).map(drop)
                    }
                }
            }
            other => {
                self.stage = other;
                Ok(())
            }
        }
    }

    /// Moves plaintext into `room`; how much.
    pub fn take_plaintext(&mut self, room: &mut [u8]) -> usize {
        match &mut self.stage {
            Stage::Open(connection) => {
                let n = connection.reader().read(room).unwrap_or(0);
                self.plaintext = self.plaintext.saturating_sub(n);
                n
            }
            _ => 0,
        }
    }

    /// Whether there is plaintext to take.
    pub fn has_plaintext(&self) -> bool {
        self.plaintext > 0
    }

    /// Encrypts some of `plaintext`; how much.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> usize {
        match &mut self.stage {
            Stage::Open(connection) if !connection.is_handshaking() => {
                connection.writer().write(plaintext).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Whether there is something for the peer.
    pub fn has_ciphertext(&self) -> bool {
        match &self.stage {
            Stage::Open(connection) => connection.wants_write(),
            Stage::Failed(last) => !last.is_empty(),
            Stage::Hello(..) | Stage::Greeted(..) => false,
        }
    }

    /// Moves what is for the peer into `room`; how much.
    pub fn take_ciphertext(&mut self, mut room: &mut [u8]) -> usize {
        match &mut self.stage {
            Stage::Open(connection) => connection.write_tls(&mut room).unwrap_or(0),
            Stage::Failed(last) => {
                let n = room.len().min(last.len());
                room[..n].copy_from_slice(&last[..n]);
                last.drain(..n);
                n
            }
            Stage::Hello(..) | Stage::Greeted(..) => 0,
        }
    }

    /// Whether the handshake is over and went well.
    pub fn is_open(&self) -> bool {
        matches!(&self.stage, Stage::Open(connection) if !connection.is_handshaking())
    }

    /// Tells the peer that nothing more will come (`close_notify`).
    pub fn close(&mut self) {
        if let Stage::Open(connection) = &mut self.stage {
            connection.send_close_notify();
        }
    }

    /// Whether the peer has told so.
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// What was agreed on, as far as the handshake has come.
    pub fn negotiated(&self) -> Option<Negotiated> {
        let Stage::Open(connection) = &self.stage else { return None };
        let suite = Suite::numbered(u16::from(connection.negotiated_cipher_suite()?.suite()))?;
        Some(Negotiated {
            version: version_of(connection.protocol_version()?)?,
            suite,
            group: connection.negotiated_key_exchange_group().and_then(|group| Group::numbered(group.name().into())),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// The host that the client named (SNI).
    pub fn server_name(&self) -> Option<&str> {
        match &self.stage {
            Stage::Open(Connection::Server(connection)) => connection.server_name(),
            _ => None,
        }
    }

    /// The protocol that was agreed on (ALPN).
    pub fn protocol(&self) -> Option<&[u8]> {
        match &self.stage {
            Stage::Open(connection) => connection.alpn_protocol(),
            _ => None,
        }
    }

    /// Lets go of what belongs to the listener's configuration: the connection may outlive it.
    pub fn forget_listener(&mut self) {
        self.identity = None;
        self.mutual = MutualAuthentication::Off;
    }

    /// The certificate of the listener that was chosen for the client; one that resumes a session was not shown it.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }

    /// Puts together what targets and logs are told of the certificate that the client showed, as the listener asked for it when
    /// the handshake began. It costs more than anything else here but the handshake itself.
    pub fn present(&mut self) {
        let chain = self.peer_chain();
        let presented = (self.mutual.asks() && !chain.is_empty()).then(|| Presented::new(&chain, &self.mutual));
        self.presented = presented;
    }

    /// What was put together; `None` if the client showed nothing.
    pub fn take_presented(&mut self) -> Option<Presented> {
        self.presented.take()
    }

    /// What the client was asked for.
    pub fn mutual(&self) -> &MutualAuthentication {
        &self.mutual
    }

    /// The chain that the peer showed, DER, its own certificate first.
    pub fn peer_chain(&self) -> Vec<&[u8]> {
        let Stage::Open(connection) = &self.stage else { return Vec::new() };
        connection.peer_certificates().unwrap_or_default().iter().map(AsRef::as_ref).collect()
    }
}

/// Feeds a connection as long as it gives out nothing that has to be taken first.
fn feed(
    connection: &mut Connection,
    bytes: &[u8],
    plaintext: &mut usize,
    peer_closed: &mut bool,
) -> Result<usize, Failure> {
    let mut rest = bytes;
    loop {
        let before = rest.len();
        if !rest.is_empty() && connection.read_tls(&mut rest).is_err() {
            // It is full: of plaintext, or of a handshake message that is longer than any.
            return if *plaintext > 0 {
                Ok(bytes.len() - rest.len())
            } else {
                Err(Failure::Other("a handshake message is too long".to_owned()))
            };
        }
        let state = connection.process_new_packets()?;
        *peer_closed |= state.peer_has_closed();
        *plaintext = state.plaintext_bytes_to_read();
        if *peer_closed {
            // Nothing that follows means anything.
            return Ok(bytes.len());
        }
        if *plaintext > 0 || rest.is_empty() || rest.len() == before {
            return Ok(bytes.len() - rest.len());
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("open", &self.is_open()).finish_non_exhaustive()
    }
}
