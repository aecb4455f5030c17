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
        self.look_up(issuer, encoded, || {})
    }

    /// The same; says when it looks at a number.
    fn look_up(&self, issuer: &[u8], encoded: &[u8], mut looks: impl FnMut()) -> Status {
        let mut is_among = |numbers: &[Number], number: &Number| {
            let order = |listed: &Number| {
                looks();
                listed.cmp(number)
            };
            numbers.binary_search_by(order).is_ok()
        };
        let Some(numbers) = self.issuers.get(issuer) else { return Status::NotListed };
        match number(encoded) {
            Kind::Negative => Status::NotListed,
            Kind::TooLong => Status::Unknown,
            Kind::Fits(number) if is_among(numbers, &number) => Status::Listed,
            Kind::Fits(_) => Status::NotListed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(tag: u8, inside: &[u8]) -> Vec<u8> {
        match u8::try_from(inside.len()).unwrap() {
            short @ 0..0x80 => [&[tag, short], inside].concat(),
            long => [&[tag, 0x81, long], inside].concat(),
        }
    }

    fn sequence(fields: &[&[u8]]) -> Vec<u8> {
        field(0x30, &fields.concat())
    }

    fn date() -> Vec<u8> {
        field(0x17, b"230101000000Z")
    }

    fn entry(number: &[u8]) -> Vec<u8> {
        sequence(&[&field(2, number), &date()])
    }

    fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
        let critical = if critical { field(1, &[0xff]) } else { Vec::new() };
        sequence(&[&field(6, id), &critical, &field(4, value)])
    }

    const ALGORITHM: [u8; 5] = [0x30, 3, 6, 1, 42];

    /// A list with those fields after its dates.
    fn list(rest: &[&[u8]]) -> Vec<u8> {
        let fields = [&field(2, &[1])[..], &ALGORITHM, &sequence(&[b"name"]), &date(), &rest.concat()];
        sequence(&[&sequence(&fields), &ALGORITHM, &field(3, &[0, 1, 2])])
    }

    fn entries(all: &[&[u8]]) -> Result<Revoked, ListError> {
        let der = list(&[&sequence(all)]);
        let mut revoked = Revoked::default();
        revoked.add(&List::parse(&der)?)?;
        revoked.sort();
        Ok(revoked)
    }

    fn extensions(all: &[&[u8]]) -> Result<(), ListError> {
        List::parse(&list(&[&field(0xa0, &sequence(all))])).map(drop)
    }

    const CRL_NUMBER: [u8; 3] = [0x55, 0x1d, 20];
    const DELTA: [u8; 3] = [0x55, 0x1d, 27];
    const POINT: [u8; 3] = [0x55, 0x1d, 28];
    const ISSUER: [u8; 3] = [0x55, 0x1d, 29];

    #[test]
    fn a_list_says_who_made_it_and_when() {
        let der = list(&[&field(0x18, b"20240101000000Z"), &sequence(&[&entry(&[5])])]);
        let list = List::parse(&der).unwrap();
        assert_eq!((list.issuer, list.algorithm, list.signature), (&b"name"[..], &ALGORITHM[2..], &[1, 2][..]));
        assert_eq!(list.this_update.seconds(), 1_672_531_200);
        assert_eq!(list.next_update.map(Wall::seconds), Some(1_704_067_200));
        assert_eq!(list.signed, &der[2..2 + list.signed.len()]);
    }

    #[test]
    fn an_old_list_has_neither_a_version_nor_an_end() {
        let fields = [&ALGORITHM[..], &sequence(&[b"name"]), &date()];
        let der = sequence(&[&sequence(&fields), &ALGORITHM, &field(3, &[0, 1])]);
        let list = List::parse(&der).unwrap();
        assert_eq!(list.next_update, None);
        let mut revoked = Revoked::default();
        revoked.add(&list).unwrap();
        assert_eq!(revoked.status(b"name", &[5]), Status::NotListed);
    }

    #[test]
    fn numbers_are_found_however_many_there_are_and_of_their_issuer_only() {
        let numbers: Vec<Vec<u8>> = (1..8u8).rev().map(|number| entry(&[number, 1])).collect();
        let revoked = entries(&numbers.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        assert_eq!(revoked.entries(), 7);
        for number in 0..40u8 {
            let expected = if (1..8).contains(&number) { Status::Listed } else { Status::NotListed };
            assert_eq!(revoked.status(b"name", &[number, 1]), expected, "{number}");
        }
        assert_eq!(revoked.status(b"other", &[5, 1]), Status::NotListed);
        assert_eq!(revoked.status(b"name", &[5]), Status::NotListed);
        assert_eq!(revoked.status(b"name", &[0, 5, 1]), Status::Listed);
        assert_eq!(revoked.status(b"name", &[]), Status::NotListed);
    }

    #[test]
    fn looking_up_is_no_scan() {
        let mut revoked = Revoked::default();
        let numbers = revoked.issuers.entry(b"name".to_vec()).or_default();
        for at in 0..200_000u32 {
            let mut number = [0; NUMBER_OCTETS];
            number[16..].copy_from_slice(&at.wrapping_mul(2_654_435_761).to_be_bytes());
            numbers.push(number);
        }
        revoked.sort();
        for at in 0..200_000u32 {
            let number = [&[1][..], &at.wrapping_mul(2_654_435_761).to_be_bytes()].concat();
            let mut looks = 0;
            assert_eq!(
                revoked.look_up(b"name", &number[1 - usize::from(number[1] >= 0x80)..], || looks += 1),
                match number[1] {
                    0x80.. => Status::NotListed,
                    _ => Status::Listed,
                }
            );
            // The list is halved 18 times until one number is left, and that is looked at.
            assert!((1..=19).contains(&looks), "{looks}");
        }
    }

    #[test]
    fn lists_of_one_issuer_are_one() {
        let (first, second) = (list(&[&sequence(&[&entry(&[9])])]), list(&[&sequence(&[&entry(&[3]), &entry(&[9])])]));
        let mut revoked = Revoked::default();
        revoked.add(&List::parse(&first).unwrap()).unwrap();
        revoked.add(&List::parse(&second).unwrap()).unwrap();
        revoked.sort();
        assert_eq!([3, 4, 9].map(|n| revoked.status(b"name", &[n]) == Status::Listed), [true, false, true]);
        assert_eq!(revoked.entries(), 3);
    }

    #[test]
    fn a_number_has_twenty_octets_and_a_sign() {
        let most = [&[0][..], &[0xff; 20]].concat();
        let long = [1; 21];
        let revoked = entries(&[&entry(&most), &entry(&long), &entry(&[0x85])]).unwrap();
        assert_eq!(revoked.entries(), 3);
        assert_eq!(revoked.status(b"name", &most), Status::Listed);
        assert_eq!(revoked.status(b"name", &long), Status::Unknown);
        assert_eq!(revoked.status(b"name", &[0x85]), Status::NotListed);
        assert_eq!(revoked.status(b"name", &[0, 0x85]), Status::NotListed);
        assert_eq!(revoked.status(b"other", &long), Status::NotListed);
    }

    #[test]
    fn reasons_may_be_given_and_what_is_not_understood_may_not_be_critical() {
        let with = |extension: &[u8]| {
            let entry = sequence(&[&field(2, &[5]), &date(), &sequence(&[extension])]);
            entries(&[&entry]).map(|revoked| revoked.status(b"name", &[5]))
        };
        assert_eq!(with(&extension(&[0x55, 0x1d, 21], false, &[10, 1, 1])), Ok(Status::Listed));
        assert_eq!(with(&extension(&[0x55, 0x1d, 21], true, &[10, 1, 1])), Err(ListError::Critical));
        assert_eq!(with(&extension(&ISSUER, false, &[0x30, 0])), Err(ListError::Indirect));
        assert_eq!(with(&extension(&ISSUER, true, &[0x30, 0])), Err(ListError::Indirect));
    }

    #[test]
    fn lists_that_say_only_what_changed_or_speak_for_others_are_refused() {
        assert_eq!(extensions(&[&extension(&CRL_NUMBER, false, &[2, 1, 1])]), Ok(()));
        assert_eq!(extensions(&[&extension(&CRL_NUMBER, true, &[2, 1, 1])]), Err(ListError::Critical));
        assert_eq!(extensions(&[&extension(&DELTA, true, &[2, 1, 1])]), Err(ListError::Delta));
        assert_eq!(extensions(&[&extension(&DELTA, false, &[2, 1, 1])]), Err(ListError::Delta));
        let point = |inside: &[u8]| extensions(&[&extension(&POINT, true, &field(0x30, inside))]);
        assert_eq!(point(&[0xa0, 0]), Ok(()));
        for part in [0x81, 0x82] {
            assert_eq!(point(&[part, 1, 0xff]), Ok(()), "users' or CAs' certificates only");
        }
        assert_eq!(point(&[0x84, 1, 0xff]), Err(ListError::Indirect));
        assert_eq!(point(&[0x84, 1, 0]), Ok(()));
        assert_eq!(point(&[0x85, 1, 0xff]), Err(ListError::Critical));
        assert_eq!(extensions(&[&extension(&POINT, true, &[0xff])]), Err(ListError::NotAList));
    }

    #[test]
    fn nothing_may_be_missing_or_left_over() {
        let der = list(&[&sequence(&[&entry(&[5])]), &field(0xa0, &sequence(&[]))]);
        assert!(List::parse(&der).is_ok());
        for end in 0..der.len() {
            assert_eq!(List::parse(&der[..end]).err(), Some(ListError::NotAList), "{end}");
        }
        assert_eq!(List::parse(&[&der[..], &[0]].concat()).err(), Some(ListError::NotAList));
        assert_eq!(List::parse(&list(&[&field(4, &[])])).err(), Some(ListError::NotAList));
        assert_eq!(entries(&[&[5, 0]]).err(), Some(ListError::NotAList));
        assert_eq!(entries(&[&sequence(&[&field(2, &[5])])]).err(), Some(ListError::NotAList));
    }

    #[test]
    fn two_algorithms_that_differ_are_refused() {
        let der = list(&[]);
        let at = (0..der.len()).rev().find(|at| der[*at..].starts_with(&ALGORITHM)).unwrap();
        let mut other = der.clone();
        other[at + 4] = 43;
        assert!(List::parse(&der).is_ok());
        assert_eq!(List::parse(&other).err(), Some(ListError::NotAList));
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes: Vec<u8>, at: proptest::sample::Index, byte: u8) {
            let _ = List::parse(&bytes);
            let _ = entries(&[&bytes[..bytes.len().min(60)]]);
            let mut der = list(&[&sequence(&[&entry(&[5]), &entry(&[7])]), &field(0xa0, &sequence(&[]))]);
            let at = at.index(der.len());
            der[at] = byte;
            let mut revoked = Revoked::default();
            if let Ok(list) = List::parse(&der) {
                let _ = revoked.add(&list);
            }
        }
    }
}
