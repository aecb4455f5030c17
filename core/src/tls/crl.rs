//! Certificate revocation lists (RFC 5280 section 5): reading one, and the table of all that are in a trust store. A list is
//! verified once, when it is read; looking a certificate up is a binary search.

use std::collections::BTreeMap;

use der::Tag;
use der::asn1::ObjectIdentifier;

use super::certificate::{Fields, NotX509, context, time};
use crate::time::Wall;

/// A list that nobody has verified yet.
pub(super) struct List<'a> {
    /// The name of who issued it: what is inside of the DER.
    pub issuer: &'a [u8],
    pub this_update: Wall,
    pub next_update: Option<Wall>,
    /// How it is signed: what is inside of the algorithm identifier.
    pub algorithm: &'a [u8],
    /// What is signed.
    pub signed: &'a [u8],
    pub signature: &'a [u8],
    entries: &'a [u8],
}

/// Why a list cannot be used; it follows "the list".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It is no list.
    #[error("is no certificate revocation list in PEM or DER")]
    NotAList,
    /// It only says what changed.
    #[error("is a delta list, which is not supported: give the whole list")]
    Delta,
    /// It revokes what others issued.
    #[error("is an indirect list, which is not supported: give each issuer's own list")]
    Indirect,
    /// It says something that must be understood and is not.
    #[error("has a critical extension that is not supported")]
    Critical,
    /// Nobody in the bundle issued it.
    #[error("is not issued by any CA of the bundle")]
    Stranger,
    /// Its signature is wrong.
    #[error("has a signature that is not its issuer's")]
    Signature,
    /// Its issuer may not sign lists.
    #[error("is issued by a CA whose certificate does not allow it to sign lists")]
    NotSigner,
}

impl From<NotX509> for ListError {
    fn from(_: NotX509) -> Self {
        ListError::NotAList
    }
}

const DELTA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");

impl<'a> List<'a> {
    /// Reads a list, DER, but not its entries.
    ///
    /// ```text
    /// TBSCertList ::= SEQUENCE { version INTEGER OPTIONAL, signature, issuer, thisUpdate, nextUpdate OPTIONAL,
    ///                            revokedCertificates SEQUENCE OF ... OPTIONAL, crlExtensions [0] OPTIONAL }
    /// ```
    pub(super) fn parse(der: &'a [u8]) -> Result<List<'a>, ListError> {
        let mut whole = Fields::of(der)?;
        let mut outer = whole.sequence()?;
        whole.end()?;
        let signed = outer.raw(Tag::Sequence)?;
        let algorithm = outer.take(Tag::Sequence)?;
        let Some((0, signature)) = outer.take(Tag::BitString)?.split_first() else { return Err(ListError::NotAList) };
        outer.end()?;

        let mut list = Fields::of(signed)?.sequence()?;
        list.maybe(Tag::Integer)?;
        if list.take(Tag::Sequence)? != algorithm {
            return Err(ListError::NotAList);
        }
        let issuer = list.take(Tag::Sequence)?;
        let this_update = time(&mut list)?;
        let next_update = if list.is_next(Tag::UtcTime) || list.is_next(Tag::GeneralizedTime) {
            Some(time(&mut list)?)
        } else {
            None
        };
        let entries = list.maybe(Tag::Sequence)?.unwrap_or_default();
        if let Some(extensions) = list.maybe(context(0, true))? {
            extensions_are_supported(Fields::of(extensions)?.sequence()?)?;
        }
        list.end()?;
        Ok(List { issuer, this_update, next_update, algorithm, signed, signature, entries })
    }

    /// The numbers of what it revokes, as they are encoded.
    fn for_each(&self, mut number: impl FnMut(&'a [u8])) -> Result<(), ListError> {
        let mut entries = Fields::of(self.entries)?;
        while !entries.is_over() {
            let mut entry = entries.sequence()?;
            number(entry.take(Tag::Integer)?);
            entry.any()?;
            if let Some(extensions) = entry.maybe(Tag::Sequence)? {
                entry_extensions_are_supported(Fields::of(extensions)?)?;
            }
            entry.end()?;
        }
        Ok(())
    }
}

/// Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
pub(super) fn extension<'a>(extensions: &mut Fields<'a>) -> Result<(&'a [u8], bool, &'a [u8]), NotX509> {
    let mut extension = extensions.sequence()?;
    let id = extension.take(Tag::ObjectIdentifier)?;
    let critical = extension.maybe(Tag::Boolean)?.is_some_and(|value| value != [0]);
    let value = extension.take(Tag::OctetString)?;
    extension.end()?;
    Ok((id, critical, value))
}

fn extensions_are_supported(mut extensions: Fields<'_>) -> Result<(), ListError> {
    while !extensions.is_over() {
        match extension(&mut extensions)? {
            (id, ..) if id == DELTA.as_bytes() => return Err(ListError::Delta),
            (id, _, value) if id == DISTRIBUTION_POINT.as_bytes() => distribution_point_is_supported(value)?,
            (_, true, _) => return Err(ListError::Critical),
            _ => {}
        }
    }
    Ok(())
}

/// IssuingDistributionPoint (RFC 5280 section 5.2.5): a list may be for a part of the certificates only, which does no harm:
/// what is on it is revoked. Those of attribute certificates have numbers of their own.
fn distribution_point_is_supported(value: &[u8]) -> Result<(), ListError> {
    let (indirect, attributes_only) = (context(4, false), context(5, false));
    let mut whole = Fields::of(value)?;
    let mut point = whole.sequence()?;
    whole.end()?;
    while !point.is_over() {
        let field = point.any()?;
        let tag = der::Tagged::tag(&field);
        let is_set = field.value() != [0];
        if tag == indirect && is_set {
            return Err(ListError::Indirect);
        }
        if tag == attributes_only && is_set {
            return Err(ListError::Critical);
        }
    }
    Ok(())
}

fn entry_extensions_are_supported(mut extensions: Fields<'_>) -> Result<(), ListError> {
    while !extensions.is_over() {
        match extension(&mut extensions)? {
            (id, ..) if id == CERTIFICATE_ISSUER.as_bytes() => return Err(ListError::Indirect),
            (_, true, _) => return Err(ListError::Critical),
            _ => {}
        }
    }
    Ok(())
}

/// A certificate's number. RFC 5280 section 4.1.2.2: at most 20 octets.
const NUMBER_OCTETS: usize = 20;

/// A number that is not negative, with zeros in front.
type Number = [u8; NUMBER_OCTETS];

/// What an encoded number is.
enum Kind {
    Negative,
    TooLong,
    Fits(Number),
}

fn number(encoded: &[u8]) -> Kind {
    if encoded.first().is_some_and(|first| *first >= 0x80) {
        return Kind::Negative;
    }
    let zeros = encoded.iter().take_while(|octet| **octet == 0).count();
    let octets = &encoded[zeros..];
    let mut number = [0; NUMBER_OCTETS];
    match NUMBER_OCTETS.checked_sub(octets.len()).and_then(|from| number.get_mut(from..)) {
        Some(place) => place.copy_from_slice(octets),
        None => return Kind::TooLong,
    }
    Kind::Fits(number)
}

/// What has been revoked: for each issuer, by name, the numbers in order. A number takes 20 bytes.
#[derive(Default)]
pub(super) struct Revoked {
    issuers: BTreeMap<Vec<u8>, Vec<Number>>,
    entries: usize,
}

/// What the lists say of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Nothing.
    NotListed,
    /// It is revoked.
    Listed,
    /// There is a list of its issuer, but it cannot be looked up there.
    Unknown,
}

impl Revoked {
    /// Takes in the entries of a list that has been verified; call [`Revoked::sort`] after the last one.
    pub(super) fn add(&mut self, list: &List<'_>) -> Result<(), ListError> {
        let numbers = self.issuers.entry(list.issuer.to_vec()).or_default();
        let mut entries = 0;
        list.for_each(|encoded| {
            entries += 1;
            // Certificates with a negative number cannot be revoked (guide TS-04), and those with one that is too long are
            // not looked up.
            if let Kind::Fits(number) = number(encoded) {
                numbers.push(number);
            }
        })?;
        self.entries += entries;
        Ok(())
    }

    pub(super) fn sort(&mut self) {
        for numbers in self.issuers.values_mut() {
            numbers.sort_unstable();
            numbers.dedup();
            numbers.shrink_to_fit();
        }
    }

    /// How many entries the lists have together.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// What the lists say of the certificate with that number, encoded, of an issuer: what is inside of the DER of its name.
    pub(super) fn status(&self, issuer: &[u8], encoded: &[u8]) -> Status {
        let Some(numbers) = self.issuers.get(issuer) else { return Status::NotListed };
        match number(encoded) {
            Kind::Negative => Status::NotListed,
            Kind::TooLong => Status::Unknown,
            Kind::Fits(number) if numbers.binary_search(&number).is_ok() => Status::Listed,
            Kind::Fits(_) => Status::NotListed,
        }
    }
}
