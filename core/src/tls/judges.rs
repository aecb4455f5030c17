//! Who judges the other side's certificate: of clients, what the listener asks; of targets, nobody.

use std::sync::Arc;

use pki_types::{CertificateDer, ServerName, UnixTime};

use super::MutualAuthentication;
use super::library::{
    CertificateError, ClientCertVerified, ClientCertVerifier, DigitallySignedStruct, DistinguishedName, Error,
    HandshakeSignatureValid, OtherError, ServerCertVerified, ServerCertVerifier, SignatureScheme,
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use crate::time::Wall;

/// Judges client certificates as a listener asks.
#[derive(Debug)]
pub(super) struct ClientJudge {
    pub(super) mutual: MutualAuthentication,
    pub(super) known: WebPkiSupportedAlgorithms,
    pub(super) advertised: Vec<DistinguishedName>,
}

impl ClientCertVerifier for ClientJudge {
    fn client_auth_mandatory(&self) -> bool {
        matches!(self.mutual, MutualAuthentication::Verify(_))
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.advertised
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<&[u8]> = core::iter::once(leaf).chain(others).map(AsRef::as_ref).collect();
        let now = Wall::from_micros(now.as_secs().saturating_mul(1_000_000));
        match self.mutual.verify(&chain, now) {
            Ok(()) => Ok(ClientCertVerified::assertion()),
            Err(rejected) => Err(CertificateError::Other(OtherError(Arc::new(rejected))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known.supported_schemes()
    }
}

/// Takes every target for what it says it is: its certificate is not validated (guide TG-11), and what it signs proves
/// nothing without one.
#[derive(Debug)]
pub(super) struct AnyTarget(pub(super) Vec<SignatureScheme>);

impl ServerCertVerifier for AnyTarget {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
