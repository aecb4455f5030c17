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
