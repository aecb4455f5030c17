//! Certificates and private keys out of text (PEM, RFC 7468). Anything else in it, and text around it, means nothing.

use pki_types::PrivateKeyDer;
use pki_types::pem::{PemObject as _, SectionKind};

/// What was found.
#[derive(Default)]
pub(super) struct Sections {
    /// DER, in the order of the text.
    pub certificates: Vec<Vec<u8>>,
    /// The same.
    pub keys: Vec<PrivateKeyDer<'static>>,
}

/// Why text cannot be read. It does not say what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadPem {
    /// A part has no end, or something other than Base64 in it.
    Garbled,
    /// A private key wants a passphrase.
    Encrypted,
}

/// Finds certificates and keys.
pub(super) fn read(text: &[u8]) -> Result<Sections, BadPem> {
    // Some editors begin a file with this mark.
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    if text.split(|byte| matches!(byte, b'\n' | b'\r')).any(is_encrypted) {
        return Err(BadPem::Encrypted);
    }
    let mut found = Sections::default();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|_| BadPem::Garbled)?;
        match kind {
            SectionKind::Certificate => found.certificates.push(der),
            SectionKind::PrivateKey => found.keys.push(PrivateKeyDer::Pkcs8(der.into())),
            SectionKind::RsaPrivateKey => found.keys.push(PrivateKeyDer::Pkcs1(der.into())),
            SectionKind::EcPrivateKey => found.keys.push(PrivateKeyDer::Sec1(der.into())),
            _ => {}
        }
    }
    Ok(found)
}

/// Encrypted keys have a name of their own (RFC 7468 section 11) or, the older ones, a line that says so (RFC 1421).
fn is_encrypted(line: &[u8]) -> bool {
    line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY")
        || line.starts_with(b"Proc-Type:") && line.trim_ascii_end().ends_with(b"ENCRYPTED")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
    const TWO: &str = "-----BEGIN CERTIFICATE-----\nBAUG\n-----END CERTIFICATE-----\n";

    fn key(kind: &str) -> String {
        format!("-----BEGIN {kind}PRIVATE KEY-----\nAQID\n-----END {kind}PRIVATE KEY-----\n")
    }

    #[test]
    fn parts_are_found_in_their_order_whatever_is_around_them() {
        let text = format!("\u{feff}{ONE}subject=/CN=x\n{}{TWO}", key("EC ")).replace('\n', "\r\n");
        let found = read(text.as_bytes()).unwrap();
        assert_eq!(found.certificates, [[1, 2, 3], [4, 5, 6]]);
        assert!(matches!(&found.keys[..], [PrivateKeyDer::Sec1(_)]));
    }

    #[test]
    fn three_kinds_of_keys_are_known() {
        let found = read([key(""), key("RSA "), key("EC ")].concat().as_bytes()).unwrap();
        use PrivateKeyDer::{Pkcs1, Pkcs8, Sec1};
        assert!(matches!(&found.keys[..], [Pkcs8(_), Pkcs1(_), Sec1(_)]));
    }

    #[test]
    fn other_parts_mean_nothing() {
        let text = "-----BEGIN EC PARAMETERS-----\nAQID\n-----END EC PARAMETERS-----\n";
        let found = read(text.as_bytes()).unwrap();
        assert!(found.certificates.is_empty() && found.keys.is_empty());
    }

    #[test]
    fn encrypted_keys_are_told_from_others() {
        assert_eq!(read(key("ENCRYPTED ").as_bytes()).err(), Some(BadPem::Encrypted));
        let old = key("RSA ").replace("AQID", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAQID");
        assert_eq!(read(old.as_bytes()).err(), Some(BadPem::Encrypted));
        assert!(read(format!("# is not ENCRYPTED\n{}", key("")).as_bytes()).is_ok());
    }

    #[test]
    fn parts_without_end_and_without_sense_are_refused() {
        for bad in [ONE.replace("-----END", "END"), ONE.replace("AQID", "A*ID")] {
            assert_eq!(read(bad.as_bytes()).err(), Some(BadPem::Garbled), "{bad}");
        }
        assert!(read(b"").unwrap().certificates.is_empty());
        assert!(read(b"\xff\x00garbage").unwrap().certificates.is_empty());
    }
}
