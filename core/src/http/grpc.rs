//! How gRPC shows on the wire: it is HTTP/2 with a content type and a status of its own, which comes with the trailers.

/// Whether a `content-type` is gRPC's: `application/grpc`, also with a coding (`+proto`) or parameters. That of gRPC-Web is
/// another: what speaks it is no gRPC client, and needs no trailers.
pub fn is_grpc(content_type: &[u8]) -> bool {
    const TYPE: &[u8] = b"application/grpc";
    content_type.get(..TYPE.len()).is_some_and(|start| start.eq_ignore_ascii_case(TYPE))
        && matches!(content_type.get(TYPE.len()), None | Some(b'+' | b';' | b' ' | b'\t'))
}

/// The code of a `grpc-status`: a decimal number.
pub fn status_code(value: &[u8]) -> Option<u32> {
    let digit = |sum: u32, digit: &u8| sum.checked_mul(10)?.checked_add(u32::from(digit - b'0'));
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    is_number.then(|| value.iter().try_fold(0, digit)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_of_grpc_is_known_with_its_codings() {
        for is in ["application/grpc", "application/grpc+proto", "application/grpc+json", "APPLICATION/gRPC;x=y"] {
            assert!(is_grpc(is.as_bytes()), "{is}");
        }
        for other in [
            "",
            "application/grp",
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/grpcs",
            "text/grpc",
        ] {
            assert!(!is_grpc(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_status_is_a_decimal_number() {
        for (text, code) in [("0", Some(0)), ("12", Some(12)), ("099", Some(99)), ("4294967295", Some(u32::MAX))] {
            assert_eq!(status_code(text.as_bytes()), code, "{text}");
        }
        for bad in ["", " 0", "0 ", "-1", "+1", "a", "4294967296", "99999999999999999999"] {
            assert_eq!(status_code(bad.as_bytes()), None, "{bad}");
        }
    }
}
