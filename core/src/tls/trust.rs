//! Trust stores: the CA certificates that vouch for those of clients, and the lists of those that were revoked (guide TS-01
//! to TS-07). Everything in one is read and checked when it is made; nothing of it is parsed again for a connection.

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;

use der::Tag;
use der::asn1::ObjectIdentifier;
use pki_types::pem::{PemObject, SectionKind};
use pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use super::Provider;
use super::certificate::{Certificate, Fields, Hash, NotX509, Signature, SignatureScheme, context, signature};
use super::crl::{List, ListError, Revoked, Status, extension};
use crate::time::Wall;

/// CA certificates in a bundle, at most (guide TS-07).
const CERTIFICATES_MAX: usize = 25;

/// The length of a certificate in bytes, at most: one of a bundle or one that a client presents (guide TS-07).
pub(super) const CERTIFICATE_MAX: usize = 16 * 1024;

/// The bytes of all subjects of a bundle together, at most. Clients may be told all of them in one message.
const SUBJECTS_MAX: usize = 10_000;

/// Revocation lists, at most (guide TS-07).
const LISTS_MAX: usize = 30;

/// The length of a file with lists in bytes, at most (guide TS-07).
const LIST_FILE_MAX: usize = 50 * 1024 * 1024;

/// Entries of all lists together, at most (guide TS-07).
const ENTRIES_MAX: usize = 500_000;

/// Why there is no such trust store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each says it in its own sentence")]
pub enum TrustStoreError {
    #[error("the CA bundle is damaged: {0}")]
    Pem(String),
    #[error("there is no certificate in the CA bundle, which has to be PEM")]
    Empty,
    #[error("the CA bundle has {0} certificates, more than {CERTIFICATES_MAX}")]
    TooManyCertificates(usize),
    #[error("certificate {number} of the CA bundle has {bytes} bytes, more than {CERTIFICATE_MAX}")]
    CertificateTooLong { number: usize, bytes: usize },
    #[error("certificate {0} of the CA bundle cannot be read")]
    Malformed(usize),
    #[error("certificate {0} of the CA bundle is no X.509v3 certificate")]
    Version(usize),
    #[error("certificate {0} of the CA bundle is not a CA's")]
    NotAuthority(usize),
    #[error("the subjects of the CA bundle have {0} bytes together, more than {SUBJECTS_MAX}")]
    SubjectsTooLong(usize),
    #[error("there are {0} revocation lists, more than {LISTS_MAX}")]
    TooManyLists(usize),
    #[error("file {file} of the revocation lists has {bytes} bytes, more than {LIST_FILE_MAX}")]
    ListTooLong { file: usize, bytes: usize },
    #[error("revocation list {number} {problem}")]
    List { number: usize, problem: ListError },
    #[error("the revocation lists have {0} entries together, more than {ENTRIES_MAX}")]
    TooManyEntries(usize),
}

/// The CA certificates that vouch for clients, and what has been revoked. Every certificate of the bundle is where a chain
/// may end, whether it is a root or not. The default one is empty: it vouches for nobody.
#[derive(Default)]
pub struct TrustStore {
    name: String,
    /// `anchors[n]` is made of `authorities[n]`.
    anchors: Vec<TrustAnchor<'static>>,
    authorities: Vec<Authority>,
    revoked: Revoked,
    /// Those that certificates may be signed with.
    algorithms: Vec<&'static dyn SignatureVerificationAlgorithm>,
    /// Until when each list is good, by its number.
    lists: Vec<(Wall, Option<Wall>)>,
}

struct Authority {
    certificate: Certificate,
    /// It may sign lists.
    signs_lists: bool,
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (certificates, entries) = (self.authorities.len(), self.revoked.entries());
        f.debug_struct("TrustStore")
            .field("name", &self.name)
            .field("certificates", &certificates)
            .field("entries", &entries)
            .finish_non_exhaustive()
    }
}

impl TrustStore {
    /// Makes one of a bundle of CA certificates, PEM, and of files with revocation lists, PEM or DER.
    ///
    /// What is outside of the PEM blocks is skipped, as are blocks that are no certificates. Each list must be signed by a CA
    /// of the bundle.
    pub fn new<L: AsRef<[u8]>>(
        name: &str,
        bundle: &[u8],
        files: &[L],
        provider: &Provider,
    ) -> Result<TrustStore, TrustStoreError> {
        let authorities = authorities(bundle)?;
        let mut store = TrustStore {
            name: name.to_owned(),
            anchors: anchors(&authorities)?,
            authorities,
            revoked: Revoked::default(),
            algorithms: provider.algorithms().iter().copied().filter(|one| is_for_certificates(*one)).collect(),
            lists: Vec::new(),
        };
        for (at, file) in files.iter().enumerate() {
            let (file, bytes) = (at + 1, file.as_ref());
            if bytes.len() > LIST_FILE_MAX {
                return Err(TrustStoreError::ListTooLong { file, bytes: bytes.len() });
            }
            let number = store.lists.len() + 1;
            for list in lists(bytes).map_err(|problem| TrustStoreError::List { number, problem })? {
                store.add(&list, provider)?;
            }
        }
        store.revoked.sort();
        Ok(store)
    }

    /// Its name or ARN, as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many CA certificates it has.
    pub fn certificates(&self) -> usize {
        self.authorities.len()
    }

    /// How many entries its revocation lists have.
    pub fn revoked_entries(&self) -> usize {
        self.revoked.entries()
    }

    /// What an operator should know about it at that time, each in a sentence.
    pub fn warnings(&self, now: Wall) -> Vec<String> {
        let expired = |(at, authority): (usize, &Authority)| {
            (now > end_of(authority.certificate.not_after))
                .then(|| format!("certificate {} of the CA bundle has expired and vouches for nobody", at + 1))
        };
        let stale = |(at, (this_update, next_update)): (usize, &(Wall, Option<Wall>))| {
            if now < *this_update {
                Some(format!("revocation list {} is from the future; it is used all the same", at + 1))
            } else if next_update.is_some_and(|next| now > next) {
                Some(format!("revocation list {} has expired; what it revokes stays revoked", at + 1))
            } else {
                None
            }
        };
        let certificates = self.authorities.iter().enumerate().filter_map(expired);
        certificates.chain(self.lists.iter().enumerate().filter_map(stale)).collect()
    }

    /// The names of its CAs, DER, each once.
    pub(super) fn subjects(&self) -> Vec<Vec<u8>> {
        let mut subjects: Vec<Vec<u8>> = Vec::with_capacity(self.authorities.len());
        for authority in &self.authorities {
            if !subjects.contains(&authority.certificate.subject) {
                subjects.push(authority.certificate.subject.clone());
            }
        }
        subjects
    }

    /// Whether a certificate is one of the bundle.
    pub(super) fn holds(&self, der: &[u8]) -> bool {
        self.authorities.iter().any(|authority| authority.certificate.der == der)
    }

    /// Whether a chain, the client's certificate first, leads to a CA of the bundle by certificates that are all valid at
    /// `time` and that nobody has revoked. Whether the CA itself is valid is a matter of the present, `now`.
    pub(super) fn vouches(&self, chain: &[&[u8]], time: Wall, now: Wall, ignore_expiry: bool) -> Result<(), Error> {
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(*der)).collect();
        let Some((leaf, others)) = chain.split_first() else { return Err(Error::BadDer) };
        let leaf = EndEntityCert::try_from(leaf)?;
        let stands = |path: &VerifiedPath<'_>| {
            self.anchor_stands(path, now, ignore_expiry)?;
            self.nothing_is_revoked(path)
        };
        let time = UnixTime::since_unix_epoch(Duration::from_secs(time.seconds()));
        let usage = KeyUsage::client_auth();
        leaf.verify_for_usage(&self.algorithms, &self.anchors, others, time, usage, None, Some(&stands)).map(drop)
    }

    fn anchor_of(&self, path: &VerifiedPath<'_>) -> Option<&Certificate> {
        let at = self.anchors.iter().position(|anchor| core::ptr::eq(anchor, path.anchor()))?;
        self.authorities.get(at).map(|authority| &authority.certificate)
    }

    fn anchor_stands(&self, path: &VerifiedPath<'_>, now: Wall, ignore_expiry: bool) -> Result<(), Error> {
        let Some(anchor) = self.anchor_of(path) else { return Err(Error::UnknownIssuer) };
        let unix = |wall: Wall| UnixTime::since_unix_epoch(Duration::from_secs(wall.seconds()));
        let (time, not_before, not_after) = (unix(now), unix(anchor.not_before), unix(anchor.not_after));
        if time < not_before {
            return Err(Error::CertNotValidYet { time, not_before });
        }
        if time > not_after && !ignore_expiry {
            return Err(Error::CertExpired { time, not_after });
        }
        Ok(())
    }

    fn nothing_is_revoked(&self, path: &VerifiedPath<'_>) -> Result<(), Error> {
        let leaf = path.end_entity();
        self.is_good(leaf.issuer(), leaf.serial())?;
        for intermediate in path.intermediate_certificates() {
            self.is_good(intermediate.issuer(), intermediate.serial())?;
        }
        match self.anchor_of(path) {
            Some(anchor) => self.is_good(inside(&anchor.issuer), &anchor.serial),
            None => Ok(()),
        }
    }

    fn is_good(&self, issuer: &[u8], serial: &[u8]) -> Result<(), Error> {
        match self.revoked.status(issuer, serial) {
            Status::NotListed => Ok(()),
            Status::Listed => Err(Error::CertRevoked),
            Status::Unknown => Err(Error::UnknownRevocationStatus),
        }
    }

    fn add(&mut self, der: &[u8], provider: &Provider) -> Result<(), TrustStoreError> {
        let number = self.lists.len() + 1;
        if number > LISTS_MAX {
            return Err(TrustStoreError::TooManyLists(number));
        }
        let fails = |problem| TrustStoreError::List { number, problem };
        let list = List::parse(der).map_err(fails)?;
        self.is_by_an_authority(&list, provider).map_err(fails)?;
        self.revoked.add(&list).map_err(fails)?;
        if self.revoked.entries() > ENTRIES_MAX {
            return Err(TrustStoreError::TooManyEntries(self.revoked.entries()));
        }
        self.lists.push((list.this_update, list.next_update));
        Ok(())
    }

    /// Several CAs may have the list's issuer's name, one after the other: one of them must have signed it.
    fn is_by_an_authority(&self, list: &List<'_>, provider: &Provider) -> Result<(), ListError> {
        let mut worst = ListError::Stranger;
        for (authority, anchor) in self.authorities.iter().zip(&self.anchors) {
            if inside(&authority.certificate.subject) != list.issuer {
                continue;
            }
            if !authority.signs_lists {
                worst = ListError::NotSigner;
            } else if signed_by(list, anchor, provider)? {
                return Ok(());
            } else {
                worst = ListError::Signature;
            }
        }
        Err(worst)
    }
}

/// The last moment of the last second in which something is valid.
fn end_of(not_after: Wall) -> Wall {
    Wall::from_micros(not_after.micros().saturating_add(999_999))
}

/// What is inside of a name, DER.
fn inside(name: &[u8]) -> &[u8] {
    Fields::of(name).and_then(|mut fields| fields.take(Tag::Sequence)).unwrap_or_default()
}

fn authorities(bundle: &[u8]) -> Result<Vec<Authority>, TrustStoreError> {
    let certificates: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(bundle).collect();
    let certificates = certificates.map_err(|error| TrustStoreError::Pem(error.to_string()))?;
    match certificates.len() {
        0 => return Err(TrustStoreError::Empty),
        1..=CERTIFICATES_MAX => {}
        many => return Err(TrustStoreError::TooManyCertificates(many)),
    }
    certificates.iter().enumerate().map(|(at, der)| authority(at + 1, der)).collect()
}

fn authority(number: usize, der: &[u8]) -> Result<Authority, TrustStoreError> {
    if der.len() > CERTIFICATE_MAX {
        return Err(TrustStoreError::CertificateTooLong { number, bytes: der.len() });
    }
    let malformed = |_| TrustStoreError::Malformed(number);
    let certificate = Certificate::parse(der).map_err(malformed)?;
    if certificate.version != 3 {
        return Err(TrustStoreError::Version(number));
    }
    let (is_authority, signs_lists) = powers(der).map_err(malformed)?;
    if !is_authority {
        return Err(TrustStoreError::NotAuthority(number));
    }
    Ok(Authority { certificate, signs_lists })
}

fn anchors(authorities: &[Authority]) -> Result<Vec<TrustAnchor<'static>>, TrustStoreError> {
    let mut anchors = Vec::with_capacity(authorities.len());
    let mut subjects = 0;
    for (at, authority) in authorities.iter().enumerate() {
        subjects += authority.certificate.subject.len();
        let der = CertificateDer::from(&authority.certificate.der[..]);
        let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|_| TrustStoreError::Malformed(at + 1))?;
        anchors.push(anchor.to_owned());
    }
    if subjects > SUBJECTS_MAX {
        return Err(TrustStoreError::SubjectsTooLong(subjects));
    }
    Ok(anchors)
}

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// cRLSign (6) of the KeyUsage BIT STRING (RFC 5280 section 4.2.1.3), in the first of its octets.
const CRL_SIGN: u8 = 0x80 >> 6;

/// Whether a certificate is a CA's, and whether it may sign lists, which without a key usage it may.
fn powers(der: &[u8]) -> Result<(bool, bool), NotX509> {
    let mut tbs = Fields::of(der)?.sequence()?.sequence()?;
    let (mut is_authority, mut signs_lists) = (false, true);
    while !tbs.is_over() {
        let Some(extensions) = tbs.maybe(context(3, true))? else {
            tbs.whole()?;
            continue;
        };
        let mut extensions = Fields::of(extensions)?.sequence()?;
        while !extensions.is_over() {
            let (id, _, value) = extension(&mut extensions)?;
            let mut value = Fields::of(value)?;
            if id == BASIC_CONSTRAINTS.as_bytes() {
                is_authority = value.sequence()?.maybe(Tag::Boolean)?.is_some_and(|value| value != [0]);
            } else if id == KEY_USAGE.as_bytes() {
                let bits = value.take(Tag::BitString)?;
                signs_lists = bits.get(1).is_some_and(|octet| octet & CRL_SIGN != 0);
            }
        }
    }
    Ok((is_authority, signs_lists))
}

/// The lists of a file, DER: all that are there in PEM, or the one that it is.
fn lists(file: &[u8]) -> Result<Vec<Cow<'_, [u8]>>, ListError> {
    if memchr::memmem::find(file, b"-----BEGIN X509 CRL-----").is_none() {
        return Ok(vec![Cow::Borrowed(file)]);
    }
    let sections: Result<Vec<(SectionKind, Vec<u8>)>, _> = PemObject::pem_slice_iter(file).collect();
    let sections = sections.map_err(|_| ListError::NotAList)?.into_iter();
    Ok(sections.filter(|(kind, _)| *kind == SectionKind::Crl).map(|(_, der)| Cow::Owned(der)).collect())
}

/// Whether an algorithm is one that certificates may be signed with (guide MTLS-02).
fn is_for_certificates(algorithm: &dyn SignatureVerificationAlgorithm) -> bool {
    let id = algorithm.signature_alg_id();
    Fields::of(id.as_ref()).and_then(signature).is_ok_and(is_supported)
}

/// Guide MTLS-02: SHA-256, 384 or 512, with RSA, RSASSA-PSS or ECDSA.
pub(super) fn is_supported(signature: Signature) -> bool {
    matches!(signature.scheme, SignatureScheme::Rsa | SignatureScheme::RsaPss | SignatureScheme::Ecdsa)
        && matches!(signature.hash, Hash::Sha256 | Hash::Sha384 | Hash::Sha512)
}

/// Whether a list is signed with the key of a CA.
fn signed_by(list: &List<'_>, anchor: &TrustAnchor<'_>, provider: &Provider) -> Result<bool, NotX509> {
    let mut key = Fields::of(anchor.subject_public_key_info.as_ref())?;
    let kind = key.take(Tag::Sequence)?;
    let Some((0, key)) = key.take(Tag::BitString)?.split_first() else { return Err(NotX509) };
    let fits = |one: &&&'static dyn SignatureVerificationAlgorithm| {
        one.signature_alg_id().as_ref() == list.algorithm && one.public_key_alg_id().as_ref() == kind
    };
    let mut fitting = provider.algorithms().iter().filter(fits);
    Ok(fitting.any(|one| one.verify_signature(key, list.signed, list.signature).is_ok()))
}
