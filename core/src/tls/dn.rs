//! Distinguished names as text (RFC 2253): what targets and logs see of a certificate's holder and issuer. The text is
//! printable ASCII whatever the name holds, so that it can stand in a header and in a quoted field of a log.

use core::fmt::Write as _;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Tag, Tagged as _};

use super::certificate::{Fields, NotX509};

/// Attributes with a keyword. The first nine are those of RFC 2253 section 2.3; the others are spelled as OpenSSL does,
/// whose output operators compare with. Anything else is its number and its value in hexadecimal.
const KEYWORDS: [(ObjectIdentifier, &str); 16] = [
    (ObjectIdentifier::new_unwrap("2.5.4.3"), "CN"),
    (ObjectIdentifier::new_unwrap("2.5.4.7"), "L"),
    (ObjectIdentifier::new_unwrap("2.5.4.8"), "ST"),
    (ObjectIdentifier::new_unwrap("2.5.4.10"), "O"),
    (ObjectIdentifier::new_unwrap("2.5.4.11"), "OU"),
    (ObjectIdentifier::new_unwrap("2.5.4.6"), "C"),
    (ObjectIdentifier::new_unwrap("2.5.4.9"), "STREET"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.25"), "DC"),
    (ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1"), "UID"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.1"), "emailAddress"),
    (ObjectIdentifier::new_unwrap("2.5.4.5"), "serialNumber"),
    (ObjectIdentifier::new_unwrap("2.5.4.4"), "SN"),
    (ObjectIdentifier::new_unwrap("2.5.4.42"), "GN"),
    (ObjectIdentifier::new_unwrap("2.5.4.12"), "title"),
    (ObjectIdentifier::new_unwrap("2.5.4.43"), "initials"),
    (ObjectIdentifier::new_unwrap("2.5.4.46"), "dnQualifier"),
];

/// A name, DER, as text: the last part first, `CN=client,O=Example,C=US`. What is no name is shown as `#` and its bytes.
pub(super) fn rfc2253(name: &[u8]) -> String {
    parts(name).unwrap_or_else(|_| hexadecimal(name))
}

/// Name ::= SEQUENCE OF SET OF AttributeTypeAndValue (RFC 5280 section 4.1.2.4)
fn parts(name: &[u8]) -> Result<String, NotX509> {
    let mut whole = Fields::of(name)?;
    let mut sets = whole.sequence()?;
    whole.end()?;
    let mut parts = Vec::new();
    while !sets.is_over() {
        parts.push(attributes(Fields::of(sets.take(Tag::Set)?)?)?);
    }
    parts.reverse();
    Ok(parts.join(","))
}

/// One part: mostly one attribute, sometimes several. Those, too, are turned around, as OpenSSL does.
fn attributes(mut set: Fields<'_>) -> Result<String, NotX509> {
    let mut several = Vec::new();
    while !set.is_over() {
        let mut attribute = set.sequence()?;
        let id = ObjectIdentifier::from_bytes(attribute.take(Tag::ObjectIdentifier)?).map_err(|_| NotX509)?;
        let encoded = attribute.whole()?;
        attribute.end()?;
        several.push(written(id, Fields::of(encoded)?.any()?, encoded));
    }
    several.reverse();
    Ok(several.join("+"))
}

fn written(id: ObjectIdentifier, value: AnyRef<'_>, encoded: &[u8]) -> String {
    let keyword = KEYWORDS.iter().find(|(known, _)| *known == id);
    match (keyword, text(value)) {
        (Some((_, keyword)), Some(text)) => format!("{keyword}={}", escaped(&text)),
        (Some((_, keyword)), None) => format!("{keyword}={}", hexadecimal(encoded)),
        (None, _) => format!("{id}={}", hexadecimal(encoded)),
    }
}

/// The characters of a string, whichever of the many kinds it is; `None` if it is no string, or not one of its kind.
fn text(value: AnyRef<'_>) -> Option<String> {
    let octets = value.value();
    match value.tag() {
        Tag::Utf8String => core::str::from_utf8(octets).ok().map(str::to_owned),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            octets.is_ascii().then(|| octets.iter().map(|octet| char::from(*octet)).collect())
        }
        // T.61 in name, Latin-1 in the certificates that there are.
        Tag::TeletexString => Some(octets.iter().map(|octet| char::from(*octet)).collect()),
        Tag::BmpString if octets.len() % 2 == 0 => {
            let units = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<String, _>>().ok()
        }
        _ => None,
    }
}

/// RFC 2253 section 2.4. What is neither printable nor ASCII is written as its octets in UTF-8, which the section allows
/// of any octet.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.len().saturating_sub(1);
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            b'#' if at == 0 => out.push_str("\\#"),
            b' ' if at == 0 || at == last => out.push_str("\\ "),
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => {
                out.push('\\');
                out.push(char::from(octet));
            }
            b' '..=b'~' => out.push(char::from(octet)),
            _ => push_hexadecimal(&mut out, "\\", octet),
        }
    }
    out
}

fn hexadecimal(octets: &[u8]) -> String {
    let mut out = String::with_capacity(1 + 2 * octets.len());
    out.push('#');
    for octet in octets {
        push_hexadecimal(&mut out, "", *octet);
    }
    out
}

fn push_hexadecimal(out: &mut String, before: &str, octet: u8) {
    // Writing to a string does not fail.
    let _ = write!(out, "{before}{octet:02X}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field, with a header of the short or the next longer form.
    fn field(tag: u8, inside: &[u8]) -> Vec<u8> {
        match u8::try_from(inside.len()).unwrap() {
            short @ 0..0x80 => [&[tag, short], inside].concat(),
            long => [&[tag, 0x81, long], inside].concat(),
        }
    }

    fn attribute(id: &str, tag: u8, value: &[u8]) -> Vec<u8> {
        let id = ObjectIdentifier::new_unwrap(id);
        field(0x30, &[field(6, id.as_bytes()), field(tag, value)].concat())
    }

    fn name(sets: &[&[Vec<u8>]]) -> Vec<u8> {
        let sets: Vec<Vec<u8>> = sets.iter().map(|set| field(0x31, &set.concat())).collect();
        field(0x30, &sets.concat())
    }

    /// A common name in UTF-8.
    fn common(value: &str) -> String {
        rfc2253(&name(&[&[attribute("2.5.4.3", 12, value.as_bytes())]]))
    }

    #[test]
    fn the_last_part_comes_first() {
        let name = name(&[
            &[attribute("2.5.4.6", 19, b"US")],
            &[attribute("2.5.4.8", 12, b"Washington")],
            &[attribute("2.5.4.7", 12, b"Seattle")],
            &[attribute("2.5.4.10", 12, b"mTLS")],
            &[attribute("2.5.4.11", 12, b"rootCA")],
            &[attribute("2.5.4.3", 12, b"rootcamtls.com")],
        ]);
        assert_eq!(rfc2253(&name), "CN=rootcamtls.com,OU=rootCA,O=mTLS,L=Seattle,ST=Washington,C=US");
        assert_eq!(rfc2253(&[0x30, 0]), "");
    }

    #[test]
    fn several_attributes_of_one_part_are_joined_by_a_plus() {
        let name = name(&[
            &[attribute("2.5.4.10", 12, b"a")],
            &[attribute("2.5.4.11", 12, b"Sales"), attribute("2.5.4.3", 12, b"J. Smith")],
        ]);
        assert_eq!(rfc2253(&name), "CN=J. Smith+OU=Sales,O=a");
    }

    #[test]
    fn what_has_a_meaning_is_escaped() {
        assert_eq!(common("Acme, \"Inc\" <x>+y; \\"), "CN=Acme\\, \\\"Inc\\\" \\<x\\>\\+y\\; \\\\");
        assert_eq!(common("#a#"), "CN=\\#a#");
        assert_eq!(common(" a b "), "CN=\\ a b\\ ");
        assert_eq!(common("  "), "CN=\\ \\ ");
        assert_eq!(common(" "), "CN=\\ ");
        assert_eq!(common("a=b/c"), "CN=a=b/c");
        assert_eq!(common(""), "CN=");
    }

    #[test]
    fn nothing_that_could_end_a_header_or_is_no_ascii_is_left() {
        assert_eq!(common("a\r\nX-Evil: 1\0\t\x7f"), "CN=a\\0D\\0AX-Evil: 1\\00\\09\\7F");
        assert_eq!(common("Lučić"), "CN=Lu\\C4\\8Di\\C4\\87");
        assert_eq!(common("x\u{2028}"), "CN=x\\E2\\80\\A8");
    }

    #[test]
    fn strings_of_every_kind_are_read() {
        let of = |tag, value: &[u8]| rfc2253(&name(&[&[attribute("2.5.4.10", tag, value)]]));
        for tag in [12, 18, 19, 22, 26] {
            assert_eq!(of(tag, b"123"), "O=123", "{tag}");
        }
        assert_eq!(of(20, b"caf\xe9"), "O=caf\\C3\\A9");
        assert_eq!(of(30, &[0, b'a', 0x20, 0xac, 0xd8, 0x3d, 0xde, 0]), "O=a\\E2\\82\\AC\\F0\\9F\\98\\80");
        // What is not what it says it is, or no string, is shown as it is.
        assert_eq!(of(12, &[0xff]), "O=#0C01FF");
        assert_eq!(of(19, &[0xe9]), "O=#1301E9");
        assert_eq!(of(30, &[0, b'a', 0]), "O=#1E03006100");
        assert_eq!(of(30, &[0xd8, 0]), "O=#1E02D800");
        assert_eq!(of(2, &[5]), "O=#020105");
    }

    #[test]
    fn attributes_have_a_keyword_or_their_number() {
        let of = |id| rfc2253(&name(&[&[attribute(id, 22, b"a")]]));
        let known = [
            ("2.5.4.9", "STREET"),
            ("0.9.2342.19200300.100.1.25", "DC"),
            ("0.9.2342.19200300.100.1.1", "UID"),
            ("1.2.840.113549.1.9.1", "emailAddress"),
            ("2.5.4.5", "serialNumber"),
            ("2.5.4.4", "SN"),
            ("2.5.4.42", "GN"),
            ("2.5.4.12", "title"),
            ("2.5.4.43", "initials"),
            ("2.5.4.46", "dnQualifier"),
        ];
        for (id, keyword) in known {
            assert_eq!(of(id), format!("{keyword}=a"));
        }
        assert_eq!(of("1.2.3"), "1.2.3=#160161");
        assert_eq!(of("2.5.4.97"), "2.5.4.97=#160161");
    }

    #[test]
    fn it_is_what_openssl_prints() {
        // A name that OpenSSL 3.0 made, and `openssl x509 -nameopt RFC2253 -subject` of it; only that `STREET` is spelled as in
        // RFC 2253.
        let name = "3081ff310b3009060355040613025553311e301c060355040a0c1541636d652c2022496e6322203c783e3b202331205c311a3008\
             060355040b0c0161300e06035504030c074c75c48d69c4873114301206092a864886f70d01090116056540782e79310b30090603\
             55040513023132310a300806035504040c0173310a3008060355042a0c0167310a3008060355040c0c0174310a3008060355042b\
             0c0169310a3008060355042e130171310d300b06035504090c04726f616431123010060a0992268993f22c640119160264633111\
             300f060a0992268993f22c6401010c0175310f300d06035504030c06206c65616420310e300c06035504030c052368617368";
        let octet = |at| u8::from_str_radix(&name[at..at + 2], 16).unwrap();
        let name: Vec<u8> = (0..name.len()).step_by(2).map(octet).collect();
        let printed = "CN=\\#hash,CN=\\ lead\\ ,UID=u,DC=dc,STREET=road,dnQualifier=q,initials=i,title=t,GN=g,SN=s,serialNumber=12,emailAddress=e@x.y,CN=Lu\\C4\\8Di\\C4\\87+OU=a,O=Acme\\, \\\"Inc\\\" \\<x\\>\\; #1 \\\\,C=US";
        assert_eq!(rfc2253(&name), printed);
    }

    #[test]
    fn what_is_no_name_is_shown_as_it_is() {
        let whole = name(&[&[attribute("2.5.4.3", 12, b"a")]]);
        for end in 0..whole.len() {
            let shown = rfc2253(&whole[..end]);
            assert!(shown.starts_with('#') && shown.len() == 1 + 2 * end, "{shown}");
        }
        assert!(rfc2253(&[&whole[..], &[0]].concat()).starts_with('#'));
    }

    proptest::proptest! {
        #[test]
        fn the_text_is_printable_whatever_the_name_is(bytes: Vec<u8>, value: Vec<u8>, tag in 1u8..31) {
            proptest::prop_assert!(rfc2253(&bytes).bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let value = &value[..value.len().min(60)];
            let shown = rfc2253(&name(&[&[attribute("2.5.4.3", tag, value)]]));
            proptest::prop_assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
