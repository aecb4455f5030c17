//! Puts hostile bytes together: requests that can be read in two ways, others hidden in them, and good ones with a few
//! bytes changed.

use super::chance::Chance;
use super::ingredients::*;

/// The bytes of one hostile connection.
pub(super) fn stream(chance: &mut Chance) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..chance.between(1, 4) {
        match chance.below(12) {
            0 | 1 => good(chance, &mut bytes),
            2 => bytes.extend_from_slice(chance.pick(&[&b"\r\n"[..], b"\r\n", b"\n", b"\r\n\r\n", b"\r", b"\0"])),
            _ => request(chance, &mut bytes),
        }
    }
    if chance.one_in(4) {
        for _ in 0..chance.between(1, 3) {
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

/// One of them; less often one with NUL or CR, which are refused whatever the mode.
fn ingredient(chance: &mut Chance, from: &[&'static [u8]]) -> &'static [u8] {
    let first = chance.pick(from);
    let hopeless = first.contains(&0) || first.contains(&b'\r') && !first.windows(2).any(|two| two == b"\r\n");
    if hopeless && !chance.one_in(4) { chance.pick(from) } else { first }
}

/// How often each part of a request is odd: once in so many times.
#[derive(Clone, Copy)]
struct Odds {
    line: u64,
    end: u64,
    coding: u64,
    length: u64,
    field: u64,
    chunk: u64,
}

impl Odds {
    /// Mostly one part is: what is odd all over is refused for the first of its parts.
    fn pick(chance: &mut Chance) -> Odds {
        let usual = chance.pick(&[6, 50, 50, 50, 400, 400]);
        let mut odds = Odds { line: usual, end: usual, coding: usual, length: usual, field: usual, chunk: usual };
        match chance.below(7) {
            0 => odds.line = 4,
            1 => odds.end = 6,
            2 => odds.coding = 2,
            3 => odds.length = 2,
            4 => odds.field = 2,
            5 => odds.chunk = 3,
            _ => {}
        }
        odds
    }
}

/// A request of which some things are odd.
fn request(chance: &mut Chance, out: &mut Vec<u8>) {
    let odds = Odds::pick(chance);
    let framing = chance.pick(&FRAMINGS);
    let body = body(framing, chance, odds);
    let end = |chance: &mut Chance| if chance.one_in(odds.end) { ingredient(chance, ENDS) } else { b"\r\n" };
    let odd = |chance: &mut Chance, from: &[&'static [u8]], usual: &'static [u8]| {
        if chance.one_in(odds.line) { ingredient(chance, from) } else { usual }
    };
    let usual = chance.pick(&[&b"POST"[..], b"POST", b"GET", b"HEAD", b"PUT"]);
    out.extend_from_slice(odd(chance, METHODS, usual));
    out.extend_from_slice(odd(chance, SEPARATORS, b" "));
    out.extend_from_slice(odd(chance, TARGETS, b"/a"));
    out.extend_from_slice(odd(chance, SEPARATORS, b" "));
    out.extend_from_slice(odd(chance, VERSIONS, b"HTTP/1.1"));
    out.extend_from_slice(end(chance));
    for line in lines(framing, chance, odds, body.len()) {
        out.extend_from_slice(&line);
        out.extend_from_slice(end(chance));
    }
    out.extend_from_slice(end(chance));
    out.extend_from_slice(&body);
}

/// How many fields say that there are chunks, and how many how long the body is.
#[derive(Clone, Copy)]
struct Framing {
    codings: u64,
    lengths: u64,
}

const FRAMINGS: [Framing; 12] = {
    const fn of(codings: u64, lengths: u64) -> Framing {
        Framing { codings, lengths }
    }
    [
        of(0, 0),
        of(0, 0),
        of(1, 0),
        of(1, 0),
        of(0, 1),
        of(0, 1),
        of(1, 1),
        of(1, 1),
        of(1, 1),
        of(0, 2),
        of(2, 0),
        of(2, 2),
    ]
};

/// Field lines in some order.
fn lines(framing: Framing, chance: &mut Chance, odds: Odds, length: usize) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    if !chance.one_in(2 * odds.line) {
        lines.push(b"Host: h.example".to_vec());
    }
    let pick = |chance: &mut Chance, odd: bool, from: &[&'static [u8]], usual: &'static [u8]| {
        if odd { ingredient(chance, from) } else { usual }
    };
    for nth in 0..framing.codings {
        let (odd, other) = (chance.one_in(odds.coding), chance.one_in(odds.coding) || nth > 0);
        let name = pick(chance, odd, CODING_NAMES, b"Transfer-Encoding");
        let value = pick(chance, other, CODINGS, b"chunked");
        lines.push(line(chance, odds, name, value));
    }
    for _ in 0..framing.lengths {
        let (odd, other) = (chance.one_in(odds.length), chance.one_in(odds.length));
        let name = pick(chance, odd, LENGTH_NAMES, b"Content-Length");
        let value = filled(pick(chance, other, LENGTHS, b"@"), length.to_string().as_bytes());
        lines.push(line(chance, odds, name, &value));
    }
    for _ in 0..2 {
        if chance.one_in(odds.field) {
            lines.push(ingredient(chance, FIELDS).to_vec());
        }
    }
    for place in 1..lines.len() {
        lines.swap(place, chance.below(place as u64 + 1) as usize);
    }
    lines
}

fn line(chance: &mut Chance, odds: Odds, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut name = name.to_vec();
    if chance.one_in(4 * odds.field) {
        let at = chance.below(name.len() as u64 + 1) as usize;
        name.insert(at, chance.pick(ODD_BYTES));
    }
    let odd = chance.one_in(4 * odds.field);
    let colon = if odd { chance.pick(&[&b":"[..], b" : ", b":\t", b":\x0b", b"::", b"\0:"]) } else { b": " };
    [&name, colon, value].concat()
}

/// `@` is replaced.
fn filled(pattern: &[u8], number: &[u8]) -> Vec<u8> {
    pattern.split(|&byte| byte == b'@').collect::<Vec<_>>().join(number)
}

/// What follows a head: mostly what it says, perhaps with a request behind it that should not be seen.
fn body(framing: Framing, chance: &mut Chance, odds: Odds) -> Vec<u8> {
    let mut bytes = match framing {
        _ if chance.one_in(8) => hidden(chance),
        Framing { codings: 0, lengths: 0 } => Vec::new(),
        Framing { codings: 0, .. } if chance.one_in(2) => vec![b'x'; chance.size(600) as usize],
        Framing { codings: 0, .. } => hidden(chance),
        _ => chunks(chance, odds),
    };
    if chance.one_in(4) {
        bytes.extend(hidden(chance));
    }
    bytes
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

fn chunks(chance: &mut Chance, odds: Odds) -> Vec<u8> {
    let mut out = Vec::new();
    let odd = |chance: &mut Chance, from: &[&'static [u8]], usual: &'static [u8]| {
        if chance.one_in(odds.chunk) { ingredient(chance, from) } else { usual }
    };
    for _ in 0..chance.below(4) {
        let data = if chance.one_in(3) { hidden(chance) } else { vec![b'c'; chance.between(1, 40) as usize] };
        out.extend(filled(odd(chance, CHUNK_SIZES, b"@"), format!("{:x}", data.len()).as_bytes()));
        out.extend_from_slice(odd(chance, CHUNK_LINE_ENDS, b"\r\n"));
        out.extend_from_slice(&data);
        out.extend_from_slice(odd(chance, AFTER_CHUNKS, b"\r\n"));
    }
    out.extend_from_slice(if chance.one_in(3) { chance.pick(LAST_CHUNKS) } else { b"0\r\n\r\n" });
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
