//! The TLS library, rustls: the only file that names it. What the files around use of it is listed here.

pub(super) use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
pub(super) use rustls::client::{ClientConfig, ClientConnection, Resumption};
#[cfg(feature = "aws-lc")]
pub(super) use rustls::crypto::aws_lc_rs;
pub(super) use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
pub(super) use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
pub(super) use rustls::server::{
    Accepted, Acceptor as HelloReader, ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert,
    ServerConfig,
};
pub(super) use rustls::sign::{CertifiedKey, SingleCertAndKey};
pub(super) use rustls::time_provider::TimeProvider;
pub(super) use rustls::version::{TLS12, TLS13};
pub(super) use rustls::{
    CertificateError, Connection, DigitallySignedStruct, DistinguishedName, Error, HandshakeKind, InvalidMessage,
    OtherError, ProtocolVersion, SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion,
};
