//! What targets are told of a client's certificate (guide MTLS-05 to MTLS-10), and what the connection log says of it.
//! Made once for each connection.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::DateTime;

use super::MutualAuthentication;
use super::certificate::Certificate;
use super::dn::rfc2253;
use crate::time::Wall;

/// The names of the headers, in the order in which they are sent.
const CHAIN: &str = "X-Amzn-Mtls-Clientcert";
const SERIAL: &str = "X-Amzn-Mtls-Clientcert-Serial-Number";
const ISSUER: &str = "X-Amzn-Mtls-Clientcert-Issuer";
const SUBJECT: &str = "X-Amzn-Mtls-Clientcert-Subject";
const VALIDITY: &str = "X-Amzn-Mtls-Clientcert-Validity";
const LEAF: &str = "X-Amzn-Mtls-Clientcert-Leaf";

/// How many characters a line of PEM has (RFC 7468 section 2).
const PEM_COLUMNS: usize = 64;

/// How many octets they stand for.
const PEM_OCTETS: usize = PEM_COLUMNS / 4 * 3;

/// A client's certificate, as others see it. Where it could not be read, or there is none, everything is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presented {
    /// The header fields for targets, each `Name: value` and CRLF. No value holds a control character.
    pub lines: Vec<u8>,
    /// The name of its holder: `CN=client,O=Example,C=US`
    pub subject: String,
    /// `NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z`
    pub validity: String,
    /// Its number in hexadecimal: `03A5B1`
    pub serial: String,
}

impl Presented {
    /// What is told of a chain, DER, the client's own certificate first, under that mode. Under
    /// [`MutualAuthentication::Off`] targets are told nothing.
    pub fn new(chain: &[&[u8]], mode: &MutualAuthentication) -> Presented {
        let leaf = chain.first().and_then(|leaf| Certificate::parse(leaf).ok());
        let mut presented = match &leaf {
            Some(leaf) => Presented {
                lines: Vec::new(),
                subject: rfc2253(&leaf.subject),
                validity: validity(leaf.not_before, leaf.not_after),
                serial: serial(&leaf.serial),
            },
            None => Presented::default(),
        };
        match (mode, leaf) {
            (MutualAuthentication::Passthrough, _) if !chain.is_empty() => {
                let pem: String = chain.iter().map(|certificate| encoded_pem(certificate)).collect();
                presented.push(CHAIN, &pem);
            }
            (MutualAuthentication::Verify(_), Some(leaf)) => presented.tell(&leaf),
            _ => {}
        }
        presented
    }

    /// The header fields one by one, name and value.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = core::str::from_utf8(&self.lines).unwrap_or_default();
        text.split_terminator("\r\n").filter_map(|line| line.split_once(": "))
    }

    fn tell(&mut self, leaf: &Certificate) {
        let Presented { lines: _, subject, validity, serial } = self.clone();
        self.push(SERIAL, &serial);
        self.push(ISSUER, &rfc2253(&leaf.issuer));
        self.push(SUBJECT, &subject);
        self.push(VALIDITY, &validity);
        self.push(LEAF, &encoded_pem(&leaf.der));
    }

    fn push(&mut self, name: &str, value: &str) {
        for part in [name, ": ", value, "\r\n"] {
            self.lines.extend_from_slice(part.as_bytes());
        }
    }
}

/// The octets as they are, without one that only says that the number is positive: `00FEF2` is `FEF2`, as in the guide's
/// sample of a log.
fn serial(octets: &[u8]) -> String {
    let shown = match octets {
        [0, rest @ ..] if !rest.is_empty() => rest,
        all => all,
    };
    shown.iter().map(|octet| format!("{octet:02X}")).collect()
}

fn validity(from: Wall, until: Wall) -> String {
    format!("NotBefore={};NotAfter={}", iso8601(from), iso8601(until))
}

fn iso8601(moment: Wall) -> String {
    let since = core::time::Duration::from_secs(moment.seconds());
    DateTime::from_unix_duration(since).map(|date| date.to_string()).unwrap_or_default()
}

/// A certificate in PEM, each line ended by a line feed, URL-encoded with `+=/` left as they are.
fn encoded_pem(der: &[u8]) -> String {
    let mut pem = String::with_capacity(der.len() / PEM_OCTETS * (PEM_COLUMNS + 3) + 160);
    pem.push_str("-----BEGIN%20CERTIFICATE-----%0A");
    for octets in der.chunks(PEM_OCTETS) {
        let mut line = [0; PEM_COLUMNS];
        let columns = STANDARD.encode_slice(octets, &mut line).unwrap_or_default();
        pem.extend(line[..columns].iter().map(|column| char::from(*column)));
        pem.push_str("%0A");
    }
    pem.push_str("-----END%20CERTIFICATE-----%0A");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_shown_without_the_octet_that_is_for_its_sign() {
        assert_eq!(serial(&[0x03, 0xa5, 0xb1]), "03A5B1");
        assert_eq!(serial(&[0x00, 0xfe, 0xf2, 0x57, 0x37, 0x2d, 0x5c, 0x14, 0xd4]), "FEF257372D5C14D4");
        assert_eq!(serial(&[0]), "00");
        assert_eq!(serial(&[0, 0, 1]), "0001");
        assert_eq!(serial(&[0x85]), "85");
        assert_eq!(serial(&[]), "");
    }

    #[test]
    fn dates_are_in_seconds_and_utc() {
        let at = |seconds: u64| iso8601(Wall::from_micros(seconds * 1_000_000));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_695_261_017), "2023-09-21T01:50:17Z");
        assert_eq!(at(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(
            validity(Wall::from_micros(1_695_261_017_000_000), Wall::from_micros(1_726_797_017_000_000)),
            "NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z"
        );
    }

    #[test]
    fn lines_of_pem_have_64_columns() {
        let lines = |octets| encoded_pem(&vec![0; octets]).replace("%0A", "\n");
        let (begin, end) = ("-----BEGIN%20CERTIFICATE-----\n", "-----END%20CERTIFICATE-----\n");
        assert_eq!(lines(47), format!("{begin}{}=\n{end}", "A".repeat(63)));
        assert_eq!(lines(48), format!("{begin}{}\n{end}", "A".repeat(64)));
        assert_eq!(lines(49), format!("{begin}{}\nAA==\n{end}", "A".repeat(64)));
        assert_eq!(
            encoded_pem(&[0xfb, 0xef, 0xff]),
            "-----BEGIN%20CERTIFICATE-----%0A++//%0A-----END%20CERTIFICATE-----%0A"
        );
    }

    proptest::proptest! {
        #[test]
        fn whatever_a_client_shows_no_line_is_broken(bytes: Vec<u8>) {
            for mode in [MutualAuthentication::Off, MutualAuthentication::Passthrough] {
                let presented = Presented::new(&[&bytes, &bytes], &mode);
                let breaks = presented.lines.iter().filter(|byte| !(b' '..=b'~').contains(byte)).count();
                proptest::prop_assert_eq!(breaks, 2 * presented.fields().count());
            }
        }
    }
}
