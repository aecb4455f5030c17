//! The certificates of the simulator: made on the spot, the same every time. Their keys are known to everybody.

use std::sync::Arc;

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::der::pem::encode_string;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use p256::{SecretKey, elliptic_curve};
use sluicegate::tls::{Identity, Provider};

/// A certificate for a host, which signs itself; its key follows from `number`.
pub(super) fn identity(host: &str, number: u8, provider: &Provider) -> Arc<Identity> {
    let arn = format!("arn:aws:acm:us-east-1:123456789012:certificate/{host}");
    let key = SecretKey::from_slice(&[number + 1; 32]).expect("a small scalar is a key");
    let key_pem = key.to_pkcs8_pem(LineEnding::LF).expect("a key can be written");
    let chain = self_signed(host, &key).expect("a key can be written");
    let chain = encode_string("CERTIFICATE", LineEnding::LF, &chain).expect("bytes can be written");
    let identity = Identity::from_pem(&arn, chain.as_bytes(), key_pem.as_bytes(), provider);
    Arc::new(identity.expect("the simulator's certificates are good"))
}

/// X.509 (RFC 5280 section 4.1), version 3, valid while the simulator's clocks run.
fn self_signed(host: &str, key: &SecretKey) -> Result<Vec<u8>, elliptic_curve::pkcs8::spki::Error> {
    // commonName, then the host: 2.5.4.3.
    let name = tlv(0x30, &[&tlv(0x31, &[&tlv(0x30, &[&[0x06, 3, 0x55, 4, 3], &tlv(0x0c, &[host.as_bytes()])])])]);
    let validity = tlv(0x30, &[&tlv(0x17, &[b"250101000000Z"]), &tlv(0x17, &[b"350101000000Z"])]);
    // subjectAltName with one dNSName: 2.5.29.17.
    let names = tlv(0x04, &[&tlv(0x30, &[&tlv(0x82, &[host.as_bytes()])])]);
    let extensions = tlv(0xa3, &[&tlv(0x30, &[&tlv(0x30, &[&[0x06, 3, 0x55, 29, 17], &names])])]);
    // ecdsa-with-SHA256: 1.2.840.10045.4.3.2.
    let algorithm = tlv(0x30, &[&[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]]);
    let spki = key.public_key().to_public_key_der()?.into_vec();
    let body = tlv(0x30, &[&[0xa0, 3, 2, 1, 2], &[2, 1, 1], &algorithm, &name, &validity, &name, &spki, &extensions]);
    let signature: DerSignature = SigningKey::from(key).sign(&body);
    Ok(tlv(0x30, &[&body, &algorithm, &tlv(0x03, &[&[0], signature.as_bytes()])]))
}

/// An element of DER with those contents.
fn tlv(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let len: usize = contents.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match len {
        0..128 => out.push(len as u8),
        128..256 => out.extend([0x81, len as u8]),
        _ => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    contents.iter().for_each(|part| out.extend_from_slice(part));
    out
}
