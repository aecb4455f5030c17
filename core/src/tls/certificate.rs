//! One X.509 certificate: the facts that decide whether it can be used and when it is chosen (RFC 5280 section 4.1). Nothing is
//! verified here. What comes in may be from a stranger: whatever it is, it is read or refused.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{DateTime, Decode as _, Reader as _, SliceReader, Tag, TagNumber};

use crate::time::Wall;

/// Certificates longer than this, in bytes, are refused unread. Those with a hundred names have a tenth of it.
pub const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The whole of it.
    pub der: Vec<u8>,
    /// 3 for X.509v3.
    pub version: u8,
    /// The content octets of the number: two's complement, so that a negative one begins with a bit that is set.
    pub serial: Vec<u8>,
    /// How its issuer signed it.
    pub signature: Signature,
    /// The name of its issuer, DER.
    pub issuer: Vec<u8>,
    /// The name of its holder, DER.
    pub subject: Vec<u8>,
    /// The first moment at which it is valid.
    pub not_before: Wall,
    /// The last second in which it is valid.
    pub not_after: Wall,
    /// The holder's key.
    pub key: PublicKey,
    /// The hosts it is for, in small letters: those of the subject's alternative names or, where they name no host, the
    /// common name.
    pub names: Vec<String>,
}

/// What a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, with the length of its modulus.
    Rsa {
        /// The length.
        bits: u32,
    },
    /// A point on a curve, for ECDSA.
    Ecdsa(Curve),
    /// Ed25519.
    Ed25519,
    /// Anything else.
    Other,
}

/// A curve for ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are NIST's")]
pub enum Curve {
    P256,
    P384,
    P521,
    /// Anything else.
    Other,
}

/// How a certificate was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// With what kind of key.
    pub scheme: SignatureScheme,
    /// What was hashed with what.
    pub hash: Hash,
}

/// What kind of signature it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// RSA as in PKCS #1 version 1.5.
    Rsa,
    /// RSASSA-PSS with MGF1.
    RsaPss,
    /// ECDSA.
    Ecdsa,
    /// Ed25519.
    Ed25519,
    /// Anything else.
    Other,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the functions'")]
pub enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    /// Anything else.
    Other,
}

impl Hash {
    /// Whether it is of the SHA family.
    pub fn is_sha(self) -> bool {
        !matches!(self, Hash::Md5 | Hash::Other)
    }
}

/// What was to be a certificate is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no X.509 certificate")]
pub struct NotX509;

impl From<der::Error> for NotX509 {
    fn from(_: der::Error) -> Self {
        NotX509
    }
}

impl Certificate {
    /// Reads a certificate, DER, with nothing after it.
    pub fn parse(der: &[u8]) -> Result<Certificate, NotX509> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(NotX509);
        }
        let mut whole = Fields::of(der)?;
        let mut outer = whole.sequence()?;
        whole.end()?;
        let mut tbs = outer.sequence()?;
        let algorithm = outer.raw(Tag::Sequence)?;
        outer.take(Tag::BitString)?;
        outer.end()?;

        let version = version(&mut tbs)?;
        let serial = tbs.take(Tag::Integer)?.to_vec();
        if tbs.raw(Tag::Sequence)? != algorithm {
            // RFC 5280 section 4.1.1.2: "MUST contain the same algorithm identifier".
            return Err(NotX509);
        }
        let issuer = tbs.raw(Tag::Sequence)?.to_vec();
        let mut validity = tbs.sequence()?;
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        validity.end()?;
        let subject = tbs.raw(Tag::Sequence)?;
        let key = public_key(tbs.sequence()?)?;
        let names = match alternative_names(&mut tbs)? {
            names if names.is_empty() => common_name(subject)?.into_iter().collect(),
            names => names,
        };
        Ok(Certificate {
            der: der.to_vec(),
            version,
            serial,
            signature: signature(Fields::of(algorithm)?.sequence()?)?,
            issuer,
            subject: subject.to_vec(),
            not_before,
            not_after,
            key,
            names,
        })
    }

    /// Whether holder and issuer have the same name.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether `issuer`, by its name, issued it.
    pub fn is_issued_by(&self, issuer: &Certificate) -> bool {
        self.issuer == issuer.subject
    }
}

/// What follows each other inside of something.
pub(super) struct Fields<'a>(SliceReader<'a>);

impl<'a> Fields<'a> {
    pub(super) fn of(inside: &'a [u8]) -> Result<Self, NotX509> {
        Ok(Fields(SliceReader::new(inside)?))
    }

    pub(super) fn any(&mut self) -> Result<AnyRef<'a>, NotX509> {
        Ok(AnyRef::decode(&mut self.0)?)
    }

    /// The contents of the next field, which has that tag.
    pub(super) fn take(&mut self, tag: Tag) -> Result<&'a [u8], NotX509> {
        self.maybe(tag)?.ok_or(NotX509)
    }

    /// The contents of the next field if it has that tag.
    pub(super) fn maybe(&mut self, tag: Tag) -> Result<Option<&'a [u8]>, NotX509> {
        if self.is_next(tag) { Ok(Some(self.any()?.value())) } else { Ok(None) }
    }

    /// Whether there is a next field that has that tag.
    pub(super) fn is_next(&self, tag: Tag) -> bool {
        !self.is_over() && Tag::peek(&self.0).is_ok_and(|next| next == tag)
    }

    /// The next field with its header; it has that tag.
    pub(super) fn raw(&mut self, tag: Tag) -> Result<&'a [u8], NotX509> {
        if self.is_next(tag) { self.whole() } else { Err(NotX509) }
    }

    /// The next field with its header, whatever it is.
    pub(super) fn whole(&mut self) -> Result<&'a [u8], NotX509> {
        Ok(self.0.tlv_bytes()?)
    }

    pub(super) fn sequence(&mut self) -> Result<Fields<'a>, NotX509> {
        Fields::of(self.take(Tag::Sequence)?)
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    pub(super) fn end(&self) -> Result<(), NotX509> {
        if self.is_over() { Ok(()) } else { Err(NotX509) }
    }
}

/// The tag `[number]`, of something that has parts or not.
pub(super) const fn context(number: u32, constructed: bool) -> Tag {
    Tag::ContextSpecific { constructed, number: TagNumber(number) }
}

/// Version ::= INTEGER { v1(0), v2(1), v3(2) }
fn version(tbs: &mut Fields<'_>) -> Result<u8, NotX509> {
    let Some(explicit) = tbs.maybe(context(0, true))? else { return Ok(1) };
    let mut explicit = Fields::of(explicit)?;
    let number = explicit.take(Tag::Integer)?;
    explicit.end()?;
    match number {
        [number @ 0..=0x7f] => Ok(number + 1),
        _ => Err(NotX509),
    }
}

/// Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }, both in seconds and UTC (RFC 5280 section 4.1.2.5). What
/// was before 1970 is 1970.
pub(super) fn time(validity: &mut Fields<'_>) -> Result<Wall, NotX509> {
    let time = validity.any()?;
    let tag = der::Tagged::tag(&time);
    let (year, rest) = match (tag, time.value()) {
        (Tag::UtcTime, [year @ .., _, _, _, _, _, _, _, _, _, _, b'Z']) if year.len() == 2 => {
            let year = number(year)?;
            (if year >= 50 { 1900 + year } else { 2000 + year }, &time.value()[2..])
        }
        (Tag::GeneralizedTime, [year @ .., _, _, _, _, _, _, _, _, _, _, b'Z']) if year.len() == 4 => {
            (number(year)?, &time.value()[4..])
        }
        _ => return Err(NotX509),
    };
    let mut pairs = [0; 5];
    for (pair, digits) in pairs.iter_mut().zip(rest.chunks_exact(2)) {
        *pair = u8::try_from(number(digits)?).map_err(|_| NotX509)?;
    }
    let [month, day, hour, minute, second] = pairs;
    // A leap year stands in for years that cannot be computed with.
    let date = DateTime::new(if year < 1970 { 1972 } else { year }, month, day, hour, minute, second)?;
    let seconds = if year < 1970 { 0 } else { date.unix_duration().as_secs() };
    Ok(Wall::from_micros(seconds.saturating_mul(1_000_000)))
}

fn number(digits: &[u8]) -> Result<u16, NotX509> {
    digits.iter().try_fold(0u16, |number, digit| match digit {
        b'0'..=b'9' => number.checked_mul(10).and_then(|n| n.checked_add(u16::from(digit - b'0'))).ok_or(NotX509),
        _ => Err(NotX509),
    })
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const CURVES: [(ObjectIdentifier, Curve); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), Curve::P256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), Curve::P384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), Curve::P521),
];

/// SubjectPublicKeyInfo ::= SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
fn public_key(mut info: Fields<'_>) -> Result<PublicKey, NotX509> {
    let mut algorithm = info.sequence()?;
    let bits = info.take(Tag::BitString)?;
    info.end()?;
    let kind = algorithm.take(Tag::ObjectIdentifier)?;
    if kind == RSA.as_bytes() {
        return Ok(PublicKey::Rsa { bits: modulus_bits(bits)? });
    }
    if kind == EC.as_bytes() {
        let curve = algorithm.maybe(Tag::ObjectIdentifier)?;
        let known = CURVES.iter().find(|(id, _)| Some(id.as_bytes()) == curve);
        return Ok(PublicKey::Ecdsa(known.map_or(Curve::Other, |(_, curve)| *curve)));
    }
    Ok(if kind == ED25519.as_bytes() { PublicKey::Ed25519 } else { PublicKey::Other })
}

/// RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 appendix A.1.1)
fn modulus_bits(bits: &[u8]) -> Result<u32, NotX509> {
    let Some((0, key)) = bits.split_first() else { return Err(NotX509) };
    let mut key = Fields::of(key)?.sequence()?;
    let mut modulus = key.take(Tag::Integer)?;
    while let [0, rest @ ..] = modulus {
        modulus = rest;
    }
    let unused = modulus.first().map_or(0, |first| first.leading_zeros());
    let whole = u32::try_from(modulus.len()).ok().and_then(|bytes| bytes.checked_mul(8)).ok_or(NotX509)?;
    Ok(whole.saturating_sub(unused))
}

const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

const SIGNATURES: [(ObjectIdentifier, SignatureScheme, Hash); 12] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), SignatureScheme::Rsa, Hash::Md5),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), SignatureScheme::Rsa, Hash::Sha1),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.14"), SignatureScheme::Rsa, Hash::Sha224),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"), SignatureScheme::Rsa, Hash::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"), SignatureScheme::Rsa, Hash::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"), SignatureScheme::Rsa, Hash::Sha512),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), SignatureScheme::Ecdsa, Hash::Sha1),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1"), SignatureScheme::Ecdsa, Hash::Sha224),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"), SignatureScheme::Ecdsa, Hash::Sha256),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"), SignatureScheme::Ecdsa, Hash::Sha384),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"), SignatureScheme::Ecdsa, Hash::Sha512),
    // Its signatures are made with SHA-512 (RFC 8032 section 5.1).
    (ED25519, SignatureScheme::Ed25519, Hash::Sha512),
];

const HASHES: [(ObjectIdentifier, Hash); 6] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.2.5"), Hash::Md5),
    (ObjectIdentifier::new_unwrap("1.3.14.3.2.26"), Hash::Sha1),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4"), Hash::Sha224),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"), Hash::Sha256),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"), Hash::Sha384),
    (ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"), Hash::Sha512),
];

pub(super) fn signature(mut algorithm: Fields<'_>) -> Result<Signature, NotX509> {
    let kind = algorithm.take(Tag::ObjectIdentifier)?;
    if kind == RSA_PSS.as_bytes() {
        return pss(algorithm);
    }
    let known = SIGNATURES.iter().find(|(id, ..)| id.as_bytes() == kind);
    let (scheme, hash) = known.map_or((SignatureScheme::Other, Hash::Other), |(_, scheme, hash)| (*scheme, *hash));
    Ok(Signature { scheme, hash })
}

/// RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] DEFAULT sha1, maskGenAlgorithm [1] DEFAULT mgf1SHA1, ... }
/// (RFC 8017 appendix A.2.3)
fn pss(mut algorithm: Fields<'_>) -> Result<Signature, NotX509> {
    let mut signature = Signature { scheme: SignatureScheme::RsaPss, hash: Hash::Sha1 };
    let Some(parameters) = algorithm.maybe(Tag::Sequence)? else { return Ok(signature) };
    let mut parameters = Fields::of(parameters)?;
    if let Some(hash) = parameters.maybe(context(0, true))? {
        let id = Fields::of(hash)?.sequence()?.take(Tag::ObjectIdentifier)?;
        signature.hash = HASHES.iter().find(|(known, _)| known.as_bytes() == id).map_or(Hash::Other, |(_, hash)| *hash);
    }
    if let Some(mask) = parameters.maybe(context(1, true))? {
        let id = Fields::of(mask)?.sequence()?.take(Tag::ObjectIdentifier)?;
        if id != MGF1.as_bytes() {
            signature.scheme = SignatureScheme::Other;
        }
    }
    Ok(signature)
}

const ALTERNATIVE_NAMES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// What comes after the key: [1] and [2], which nobody uses, and [3], the extensions. Of those, the hosts among the alternative
/// names (RFC 5280 section 4.2.1.6).
fn alternative_names(tbs: &mut Fields<'_>) -> Result<Vec<String>, NotX509> {
    tbs.maybe(context(1, false))?;
    tbs.maybe(context(2, false))?;
    let extensions = tbs.maybe(context(3, true))?;
    tbs.end()?;
    let Some(extensions) = extensions else { return Ok(Vec::new()) };
    let mut extensions = Fields::of(extensions)?.sequence()?;
    let mut names = Vec::new();
    while !extensions.is_over() {
        let mut extension = extensions.sequence()?;
        let id = extension.take(Tag::ObjectIdentifier)?;
        extension.maybe(Tag::Boolean)?;
        let value = extension.take(Tag::OctetString)?;
        extension.end()?;
        if id == ALTERNATIVE_NAMES.as_bytes() {
            let mut general = Fields::of(value)?.sequence()?;
            while !general.is_over() {
                let tagged = general.any()?;
                if der::Tagged::tag(&tagged) == context(2, false) {
                    names.extend(host(tagged.value()));
                }
            }
        }
    }
    Ok(names)
}

/// The common name in a name; the last one, which is the most specific.
fn common_name(name: &[u8]) -> Result<Option<String>, NotX509> {
    let mut common = None;
    let mut sets = Fields::of(name)?.sequence()?;
    while !sets.is_over() {
        let mut set = Fields::of(sets.take(Tag::Set)?)?;
        while !set.is_over() {
            let mut attribute = set.sequence()?;
            let id = attribute.take(Tag::ObjectIdentifier)?;
            let value = attribute.any()?;
            if id == COMMON_NAME.as_bytes() {
                common = host(value.value());
            }
        }
    }
    Ok(common)
}

/// A host as certificates name it, in small letters; `None` if no host is called so.
fn host(name: &[u8]) -> Option<String> {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let fits = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    fits.then(|| name.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, SignatureAlgorithm};

    use super::*;

    fn parameters(names: &[&str]) -> CertificateParams {
        CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn made(parameters: &CertificateParams, algorithm: &'static SignatureAlgorithm) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    fn small(parameters: &CertificateParams) -> Vec<u8> {
        made(parameters, &rcgen::PKCS_ECDSA_P256_SHA256)
    }

    fn read(parameters: &CertificateParams) -> Certificate {
        Certificate::parse(&small(parameters)).unwrap()
    }

    /// With `to` wherever `from` was: of the same length, so that no header changes.
    fn with(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut der = der.to_vec();
        let places: Vec<usize> = (0..der.len()).filter(|at| der[*at..].starts_with(from)).collect();
        for at in places {
            der[at..at + to.len()].copy_from_slice(to);
        }
        der
    }

    #[test]
    fn keys_and_signatures_are_told() {
        let of = |algorithm| {
            let read = Certificate::parse(&made(&parameters(&["a.test"]), algorithm)).unwrap();
            (read.key, read.signature.scheme, read.signature.hash)
        };
        use SignatureScheme::{Ecdsa, Ed25519, Rsa};
        assert_eq!(of(&rcgen::PKCS_RSA_SHA256), (PublicKey::Rsa { bits: 2048 }, Rsa, Hash::Sha256));
        assert_eq!(of(&rcgen::PKCS_RSA_SHA384), (PublicKey::Rsa { bits: 2048 }, Rsa, Hash::Sha384));
        assert_eq!(of(&rcgen::PKCS_RSA_SHA512), (PublicKey::Rsa { bits: 2048 }, Rsa, Hash::Sha512));
        assert_eq!(of(&rcgen::PKCS_ECDSA_P256_SHA256), (PublicKey::Ecdsa(Curve::P256), Ecdsa, Hash::Sha256));
        assert_eq!(of(&rcgen::PKCS_ECDSA_P384_SHA384), (PublicKey::Ecdsa(Curve::P384), Ecdsa, Hash::Sha384));
        assert_eq!(of(&rcgen::PKCS_ECDSA_P521_SHA512), (PublicKey::Ecdsa(Curve::P521), Ecdsa, Hash::Sha512));
        assert_eq!(of(&rcgen::PKCS_ED25519), (PublicKey::Ed25519, Ed25519, Hash::Sha512));
    }

    #[test]
    fn unknown_keys_and_signatures_are_no_error() {
        let der = small(&parameters(&["a.test"]));
        let known = [EC, CURVES[0].0, SIGNATURES[8].0];
        for (at, id) in known.iter().enumerate() {
            let mut other = id.as_bytes().to_vec();
            *other.last_mut().unwrap() = 0x7f;
            let read = Certificate::parse(&with(&der, id.as_bytes(), &other)).unwrap();
            let expected = [
                (PublicKey::Other, Hash::Sha256),
                (PublicKey::Ecdsa(Curve::Other), Hash::Sha256),
                (PublicKey::Ecdsa(Curve::P256), Hash::Other),
            ];
            assert_eq!((read.key, read.signature.hash), expected[at]);
        }
        let sha1 = with(&made(&parameters(&["a.test"]), &rcgen::PKCS_RSA_SHA256), &[13, 1, 1, 11], &[13, 1, 1, 5]);
        assert_eq!(Certificate::parse(&sha1).unwrap().signature.hash, Hash::Sha1);
        let md5 = with(&sha1, &[13, 1, 1, 5], &[13, 1, 1, 4]);
        assert_eq!(Certificate::parse(&md5).unwrap().signature.hash, Hash::Md5);
    }

    #[test]
    fn parameters_of_pss_name_the_hash_and_the_mask() {
        let algorithm = |hash: u8, mask: u8| {
            let hash = [&[0xa0, 15, 0x30, 13, 6, 9][..], &HASHES[3].0.as_bytes()[..8], &[hash, 5, 0]].concat();
            let mask = [&[0xa1, 13, 0x30, 11, 6, 9][..], &MGF1.as_bytes()[..8], &[mask]].concat();
            let parameters = [&[0x30, 32][..], &hash, &mask].concat();
            let fields = [&[6, 9][..], RSA_PSS.as_bytes(), &parameters].concat();
            signature(Fields::of(&fields).unwrap()).unwrap()
        };
        assert_eq!(algorithm(1, 8), Signature { scheme: SignatureScheme::RsaPss, hash: Hash::Sha256 });
        assert_eq!(algorithm(3, 8), Signature { scheme: SignatureScheme::RsaPss, hash: Hash::Sha512 });
        assert_eq!(algorithm(99, 8), Signature { scheme: SignatureScheme::RsaPss, hash: Hash::Other });
        assert_eq!(algorithm(1, 9), Signature { scheme: SignatureScheme::Other, hash: Hash::Sha256 });
        let none = [&[6, 9][..], RSA_PSS.as_bytes()].concat();
        assert_eq!(signature(Fields::of(&none).unwrap()).unwrap().hash, Hash::Sha1);
    }

    #[test]
    fn sha_is_every_sha_and_nothing_else() {
        for hash in [Hash::Sha1, Hash::Sha224, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            assert!(hash.is_sha(), "{hash:?}");
        }
        assert!(!Hash::Md5.is_sha() && !Hash::Other.is_sha());
    }

    #[test]
    fn hosts_are_the_alternative_names_and_only_without_them_the_common_name() {
        let mut parameters = parameters(&["A.Test", "*.b.test", "192.0.2.1"]);
        parameters.distinguished_name.push(DnType::CommonName, "common.test");
        assert_eq!(read(&parameters).names, ["a.test", "*.b.test"]);
        parameters.subject_alt_names.retain(|name| matches!(name, SanType::IpAddress(_)));
        assert_eq!(read(&parameters).names, ["common.test"]);
        parameters.subject_alt_names.clear();
        parameters.distinguished_name.push(DnType::CommonName, "Common.Test.");
        assert_eq!(read(&parameters).names, ["common.test"]);
        parameters.distinguished_name.push(DnType::CommonName, "A person");
        assert_eq!(read(&parameters).names, [""; 0]);
    }

    #[test]
    fn dates_are_told_in_both_spellings_and_from_1970_on() {
        let year = |year: i32| {
            let mut parameters = parameters(&["a.test"]);
            parameters.not_before = rcgen::date_time_ymd(year, 3, 1);
            parameters.not_after = rcgen::date_time_ymd(9999, 12, 31);
            read(&parameters)
        };
        assert_eq!(year(2024).not_before.seconds(), 1_709_251_200);
        assert_eq!(year(2049).not_before.seconds(), 2_498_169_600);
        assert_eq!(year(2050).not_before.seconds(), 2_529_705_600);
        assert_eq!(year(1970).not_before.seconds(), 5_097_600);
        assert_eq!(year(1969).not_before.seconds(), 0);
        assert_eq!(year(2024).not_after.seconds(), 253_402_214_400);
    }

    #[test]
    fn a_date_that_is_none_is_refused() {
        let der = small(&parameters(&["a.test"]));
        // rcgen's own beginning of validity.
        let from = b"750101000000Z";
        assert!(Certificate::parse(&with(&der, from, b"750228235959Z")).is_ok());
        for bad in [b"750229000000Z", b"751301000000Z", b"7501010000000", b"75010100000xZ", b"750101240000Z"] {
            assert_eq!(Certificate::parse(&with(&der, from, bad)), Err(NotX509), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn numbers_keep_their_sign() {
        let mut parameters = parameters(&["a.test"]);
        parameters.serial_number = Some(vec![0x2b, 1, 2].into());
        let der = small(&parameters);
        assert_eq!(Certificate::parse(&der).unwrap().serial, [0x2b, 1, 2]);
        let negative = with(&der, &[2, 3, 0x2b, 1, 2], &[2, 3, 0xab, 1, 2]);
        assert_eq!(Certificate::parse(&negative).unwrap().serial, [0xab, 1, 2]);
    }

    #[test]
    fn versions_are_told() {
        let der = small(&parameters(&["a.test"]));
        let version = |to: u8| Certificate::parse(&with(&der, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, to]));
        assert_eq!(version(2).unwrap().version, 3);
        assert_eq!(version(1).unwrap().version, 2);
        assert_eq!(version(0).unwrap().version, 1);
        assert_eq!(version(0x80), Err(NotX509));
    }

    #[test]
    fn names_tell_who_issued_it() {
        let mut parameters = parameters(&["a.test"]);
        let one = read(&parameters);
        assert!(one.is_self_issued());
        parameters.distinguished_name.push(DnType::OrganizationName, "Other");
        let other = read(&parameters);
        assert!(one.is_issued_by(&one) && !one.is_issued_by(&other));
    }

    #[test]
    fn two_signature_algorithms_that_differ_are_refused() {
        let der = small(&parameters(&["a.test"]));
        let id = SIGNATURES[8].0;
        let last = (0..der.len()).rev().find(|at| der[*at..].starts_with(id.as_bytes())).unwrap();
        let mut other = der.clone();
        other[last + id.as_bytes().len() - 1] = 3;
        assert_eq!(Certificate::parse(&other), Err(NotX509));
        assert!(Certificate::parse(&der).is_ok());
    }

    #[test]
    fn nothing_may_be_missing_or_left_over() {
        let der = small(&parameters(&["a.test"]));
        for end in 0..der.len() {
            assert_eq!(Certificate::parse(&der[..end]), Err(NotX509), "{end}");
        }
        assert_eq!(Certificate::parse(&[&der[..], &[0]].concat()), Err(NotX509));
        // A fourth field, after the signature.
        let mut more = [&der[..], &[5, 0]].concat();
        let length = u16::from_be_bytes([der[2], der[3]]) + 2;
        more[2..4].copy_from_slice(&length.to_be_bytes());
        assert_eq!(Certificate::parse(&more), Err(NotX509));
    }

    #[test]
    fn a_certificate_may_be_so_long_and_no_longer() {
        let key = KeyPair::generate().unwrap();
        let long = |extra: usize| {
            let mut parameters = parameters(&["a.test"]);
            parameters.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&[1, 2, 3], vec![7; extra]));
            parameters.self_signed(&key).unwrap().der().to_vec()
        };
        let around = CERTIFICATE_BYTES_MAX - 600;
        let mut seen = [0, 0];
        for extra in around..CERTIFICATE_BYTES_MAX {
            let der = long(extra);
            if der.len().abs_diff(CERTIFICATE_BYTES_MAX) > 2 {
                continue;
            }
            let fits = der.len() <= CERTIFICATE_BYTES_MAX;
            assert_eq!(Certificate::parse(&der).is_ok(), fits, "{}", der.len());
            seen[usize::from(fits)] += 1;
        }
        assert!(seen[0] > 0 && seen[1] > 0);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Certificate::parse(&bytes);
        }

        #[test]
        fn a_certificate_with_bytes_changed_is_read_or_refused(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            std::thread_local!(static DER: Vec<u8> = small(&parameters(&["a.test", "*.b.test"])));
            let mut der = DER.with(Clone::clone);
            for (at, byte) in changes {
                let at = at.index(der.len());
                der[at] = byte;
            }
            let _ = Certificate::parse(&der);
        }
    }
}
