//! What may be seen on a wire with TLS: records, one after the other, and no word of HTTP.

/// Looks at all that the balancer sends on one wire.
#[derive(Debug, Default)]
pub(super) struct Tap {
    /// Of the record's head, which has five bytes.
    head: Vec<u8>,
    /// Bytes of the record that are still to come.
    left: usize,
    /// The last bytes of what was seen.
    tail: Vec<u8>,
}

/// The longest record: 2^14 bytes, and what ciphers of TLS 1.2 may add (RFC 5246 section 6.2.3).
const RECORD_MAX: usize = (1 << 14) + 2048;

/// In every request and answer there is one of these, if anybody can read it.
const WORDS: [&[u8]; 3] = [b"HTTP/1.", b"X-Mark:", b"X-Id:"];

/// As long as the longest of them.
const WORD: usize = 7;

impl Tap {
    /// The next bytes on the wire.
    pub(super) fn hears(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.tail.extend_from_slice(bytes);
        let seen = std::mem::take(&mut self.tail);
        if let Some(word) = WORDS.iter().find(|word| contains(&seen, word)) {
            return Err(format!("{:?} can be read on a wire with TLS", String::from_utf8_lossy(word)));
        }
        self.tail = seen[seen.len().saturating_sub(WORD - 1)..].to_vec();
        self.records(bytes)
    }

    fn records(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let n = self.left.min(bytes.len());
                self.left -= n;
                bytes = &bytes[n..];
                continue;
            }
            self.head.push(bytes[0]);
            bytes = &bytes[1..];
            if let [kind, major, minor, high, low] = self.head[..] {
                self.left = usize::from(u16::from_be_bytes([high, low]));
                if !(20..=23).contains(&kind) || major != 3 || !(1..=3).contains(&minor) || self.left > RECORD_MAX {
                    return Err(format!("{:?} is no head of a TLS record", self.head));
                }
                self.head.clear();
            }
        }
        Ok(())
    }

    /// Whether it ended between records.
    pub(super) fn is_whole(&self) -> bool {
        self.left == 0 && self.head.is_empty()
    }
}

/// Word by its first letter: tests are not optimized, and this sees every byte.
fn contains(mut bytes: &[u8], word: &[u8]) -> bool {
    while let Some(at) = bytes.iter().position(|byte| *byte == word[0]) {
        if bytes[at..].starts_with(word) {
            return true;
        }
        bytes = &bytes[at + 1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::Tap;

    #[test]
    fn records_pass_in_pieces_and_words_of_http_do_not() {
        let mut tap = Tap::default();
        let record = [&[23, 3, 3, 0, 9][..], b"ciphered!"].concat();
        for byte in record.iter().chain(&record) {
            tap.hears(&[*byte]).expect("records");
        }
        assert!(tap.is_whole());
        assert!(tap.hears(&record[..7]).is_ok() && !tap.is_whole());
        assert!(Tap::default().hears(b"HTTP/1.1 200 OK").is_err());
        let mut tap = Tap::default();
        tap.hears(&[23, 3, 3, 0, 30]).expect("a record");
        tap.hears(b"xxHTT").expect("not a word yet");
        assert!(tap.hears(b"P/1.1").is_err());
        assert!(Tap::default().hears(&[23, 3, 3, 0x48, 1]).is_err());
    }
}
