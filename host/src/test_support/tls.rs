//! A client that speaks TLS, with the core's own sessions, and certificates to show it.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use sluicegate::tls::{Clock, Connector, Policy, Provider, Session};

use super::PATIENCE;

/// A client's connection over TLS. It takes every certificate.
pub struct Secure {
    stream: TcpStream,
    session: Session,
    /// What came and was not taken in yet.
    rest: Vec<u8>,
}

/// Connects and names `host`.
///
/// # Panics
///
/// Nobody listens there, or the handshake fails.
pub fn connect_tls(address: SocketAddr, host: &str) -> BufReader<Secure> {
    let policy = Policy::named("ELBSecurityPolicy-TLS13-1-2-2021-06").expect("a policy");
    let connector = Connector::new(policy, &Provider::aws_lc(), &Clock::default(), &[]).expect("something is served");
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let session = connector.session(host).expect("a name");
    let mut secure = Secure { stream, session, rest: Vec::new() };
    while !secure.session.is_open() {
        assert!(secure.step().expect("a handshake"), "it ended within the handshake");
    }
    secure.send().expect("sent");
    BufReader::new(secure)
}

impl Secure {
    /// The certificate that was shown, DER.
    ///
    /// # Panics
    ///
    /// There was none.
    pub fn certificate(&self) -> Vec<u8> {
        self.session.peer_chain().first().expect("a certificate").to_vec()
    }

    /// Sends what there is to send, then takes in more; `false` at the end.
    fn step(&mut self) -> io::Result<bool> {
        self.send()?;
        if self.rest.is_empty() {
            let mut room = [0; 16 * 1024];
            let count = self.stream.read(&mut room)?;
            if count == 0 {
                return Ok(false);
            }
            self.rest.extend_from_slice(&room[..count]);
        }
        let count = self.session.feed(&self.rest).map_err(io::Error::other)?;
        self.rest.drain(..count);
        Ok(true)
    }

    fn send(&mut self) -> io::Result<()> {
        let mut room = [0; 16 * 1024];
        while self.session.has_ciphertext() {
            let count = self.session.take_ciphertext(&mut room);
            self.stream.write_all(&room[..count])?;
        }
        Ok(())
    }
}

impl Read for Secure {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.session.take_plaintext(room);
            if count > 0 || self.session.peer_closed() || !self.step()? {
                return Ok(count);
            }
        }
    }
}

impl Write for Secure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.session.encrypt(bytes);
        self.send()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// A certificate that vouches for itself.
pub struct Certificate {
    /// PEM.
    pub chain: String,
    /// PEM.
    pub key: String,
    /// The certificate, DER.
    pub der: Vec<u8>,
}

impl Certificate {
    /// One for `host`, with a new key.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    pub fn new(host: &str) -> Certificate {
        Certificate::with(&rcgen::KeyPair::generate().expect("a key"), host)
    }

    /// One for `host`, with a new key for RSA of 2048 bits.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    pub fn rsa(host: &str) -> Certificate {
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        Certificate::with(&key.expect("a key"), host)
    }

    fn with(key: &rcgen::KeyPair, host: &str) -> Certificate {
        let wanted = rcgen::CertificateParams::new([host.to_owned()]).expect("a name");
        let certificate = wanted.self_signed(key).expect("signed");
        Certificate { chain: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }

    /// Writes `name.pem` and `name.key`.
    ///
    /// # Panics
    ///
    /// The disk is full.
    pub fn write(&self, directory: &Path, name: &str) {
        std::fs::write(directory.join(format!("{name}.pem")), &self.chain).expect("written");
        std::fs::write(directory.join(format!("{name}.key")), &self.key).expect("written");
    }
}
