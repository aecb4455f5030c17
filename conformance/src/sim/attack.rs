//! Puts hostile bytes together: requests that can be read in two ways, others hidden in them, and good ones with a few
//! bytes changed.

use super::chance::Chance;
use super::ingredients::*;

/// The bytes of one hostile connection.
pub(super) fn stream(chance: &mut Chance) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..chance.between(1, 4) {
        match chance.below(8) {
            0 | 1 => good(chance, &mut bytes),
            2 => bytes.extend_from_slice(chance.pick(&[&b"\r\n"[..], b"\n", b"\r\n\r\n", b"\r", b"\0"])),
            _ => request(chance, &mut bytes),
        }
    }
    if chance.one_in(3) {
        for _ in 0..chance.between(1, 4) {
            mutate(chance, &mut bytes);
        }
    }
    bytes
}

/// A request with one reading.
fn good(chance: &mut Chance, out: &mut Vec<u8>) {
    let body = vec![b'b'; chance.below(60) as usize];
    let method = chance.pick(&["GET", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);
    out.extend_from_slice(format!("{method} /good HTTP/1.1\r\nHost: h.example\r\n").as_bytes());
    match chance.below(3) {
        0 => out.extend_from_slice(b"\r\n"),
        1 => {
            out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            out.extend_from_slice(&body);
        }
        _ => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            out.extend_from_slice(format!("{:x}\r\n", body.len() + 1).as_bytes());
            out.extend_from_slice(&body);
            out.extend_from_slice(b"!\r\n0\r\n\r\n");
        }
    }
}

/// A request of which up to a few things are odd.
fn request(chance: &mut Chance, out: &mut Vec<u8>) {
    // Mostly one or two things are: what is odd all over is refused for the first of them.
    let oddity = chance.pick(&[4, 8, 8, 20, 20, 60]);
    let body = body(chance, oddity);
    let end = |chance: &mut Chance| if chance.one_in(2 * oddity) { chance.pick(ENDS) } else { b"\r\n" };
    let odd = |chance: &mut Chance, from: &[&'static [u8]], usual: &'static [u8]| {
        if chance.one_in(oddity) { chance.pick(from) } else { usual }
    };
    let usual = chance.pick(&[&b"POST"[..], b"POST", b"GET", b"HEAD", b"PUT"]);
    out.extend_from_slice(odd(chance, METHODS, usual));
    out.extend_from_slice(odd(chance, SEPARATORS, b" "));
    out.extend_from_slice(odd(chance, TARGETS, b"/a"));
    out.extend_from_slice(odd(chance, SEPARATORS, b" "));
    out.extend_from_slice(odd(chance, VERSIONS, b"HTTP/1.1"));
    out.extend_from_slice(end(chance));
    for line in lines(chance, oddity, body.len()) {
        out.extend_from_slice(&line);
        out.extend_from_slice(end(chance));
    }
    out.extend_from_slice(end(chance));
    out.extend_from_slice(&body);
}

/// Field lines in some order.
fn lines(chance: &mut Chance, oddity: u64, length: usize) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    if !chance.one_in(2 * oddity) {
        lines.push(b"Host: h.example".to_vec());
    }
    let (codings, lengths) =
        chance.pick(&[(0, 0), (1, 0), (1, 0), (0, 1), (0, 1), (1, 1), (1, 1), (2, 0), (0, 2), (2, 2)]);
    let disguise = chance.pick(&[2, 5, 20]);
    for _ in 0..codings {
        let name = if chance.one_in(disguise) { chance.pick(CODING_NAMES) } else { b"Transfer-Encoding" };
        let value = if chance.one_in(disguise) { chance.pick(CODINGS) } else { b"chunked" };
        lines.push(line(chance, name, value));
    }
    for _ in 0..lengths {
        let name = if chance.one_in(disguise) { chance.pick(LENGTH_NAMES) } else { b"Content-Length" };
        let value = if chance.one_in(disguise) { chance.pick(LENGTHS) } else { b"@" };
        let value = filled(value, length.to_string().as_bytes());
        lines.push(line(chance, name, &value));
    }
    for _ in 0..chance.below(4) {
        if chance.one_in(2) {
            lines.push(chance.pick(FIELDS).to_vec());
        }
    }
    for place in 1..lines.len() {
        lines.swap(place, chance.below(place as u64 + 1) as usize);
    }
    lines
}

fn line(chance: &mut Chance, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut name = name.to_vec();
    if chance.one_in(20) {
        let at = chance.below(name.len() as u64 + 1) as usize;
        name.insert(at, chance.pick(ODD_BYTES));
    }
    let colon =
        if chance.one_in(12) { chance.pick(&[&b":"[..], b" : ", b":\t", b":\x0b", b"::", b"\0:"]) } else { b": " };
    [&name, colon, value].concat()
}

/// `@` is replaced.
fn filled(pattern: &[u8], number: &[u8]) -> Vec<u8> {
    pattern.split(|&byte| byte == b'@').collect::<Vec<_>>().join(number)
}

/// What follows a head: nothing, text, chunks, chunks with something behind them, a request that should not be seen.
fn body(chance: &mut Chance, oddity: u64) -> Vec<u8> {
    match chance.below(8) {
        0 | 1 => Vec::new(),
        2 => vec![b'x'; chance.size(600) as usize],
        3 => hidden(chance),
        4 | 5 => chunks(chance, oddity),
        _ => {
            let mut bytes = chunks(chance, oddity);
            bytes.extend(hidden(chance));
            bytes
        }
    }
}

/// A request that hides in another's body.
fn hidden(chance: &mut Chance) -> Vec<u8> {
    let method = chance.pick(&["GET", "POST", "HEAD", "PUT"]);
    let rest = chance.pick(&[
        "Host: h.example\r\n\r\n",
        "Host: h.example\r\nContent-Length: 30\r\n\r\n",
        "Host: h.example\r\nX: ",
        "Host: h.example\r\nTransfer-Encoding: chunked\r\n\r\n",
        "X",
    ]);
    format!("{method} /hidden HTTP/1.1\r\n{rest}").into_bytes()
}

fn chunks(chance: &mut Chance, oddity: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..chance.below(4) {
        let data = if chance.one_in(3) { hidden(chance) } else { vec![b'c'; chance.between(1, 40) as usize] };
        let size = if chance.one_in(oddity.min(6)) { chance.pick(CHUNK_SIZES) } else { b"@" };
        out.extend(filled(size, format!("{:x}", data.len()).as_bytes()));
        out.extend_from_slice(if chance.one_in(2 * oddity) { chance.pick(CHUNK_LINE_ENDS) } else { b"\r\n" });
        out.extend_from_slice(&data);
        out.extend_from_slice(if chance.one_in(oddity) { chance.pick(AFTER_CHUNKS) } else { b"\r\n" });
    }
    out.extend_from_slice(if chance.one_in(2) { chance.pick(LAST_CHUNKS) } else { b"0\r\n\r\n" });
    out
}

/// One small change somewhere.
fn mutate(chance: &mut Chance, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = chance.below(bytes.len() as u64) as usize;
    match chance.below(7) {
        0 => drop(bytes.remove(at)),
        1 | 2 => bytes.insert(at, chance.pick(ODD_BYTES)),
        3 | 4 => bytes[at] = chance.pick(ODD_BYTES),
        5 => {
            let upto = bytes.len().min(at + chance.between(1, 40) as usize);
            let piece = bytes[at..upto].to_vec();
            let to = chance.below(bytes.len() as u64) as usize;
            bytes.splice(to..to, piece);
        }
        _ => bytes.truncate(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::{Ending, agree, strict};

    #[test]
    fn most_attacks_are_read_in_two_ways_and_some_in_one() {
        let (mut ambiguous, mut clear) = (0, 0);
        for seed in 0..2_000 {
            match agree(&stream(&mut Chance::new(seed))) {
                Ok(_) => clear += 1,
                Err(_) => ambiguous += 1,
            }
        }
        assert!(ambiguous > 1_000 && clear > 200, "{ambiguous} ambiguous, {clear} clear");
    }

    #[test]
    fn good_requests_are_good() {
        for seed in 0..500 {
            let mut bytes = Vec::new();
            good(&mut Chance::new(seed), &mut bytes);
            assert_eq!(strict::read(&bytes).ending, Ending::Clean, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn no_client_writes_what_only_the_balancer_writes() {
        for seed in 0..5_000 {
            let bytes = stream(&mut Chance::new(seed)).to_ascii_lowercase();
            assert!(!bytes.windows(16).any(|window| window == b"x-forwarded-port"));
        }
    }
}
