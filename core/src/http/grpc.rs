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
