//! Whatever a Cookie field holds: reading it does not panic, what is found is a part of it, and nothing opens that was not sealed
//! with our key as that kind. What is sealed opens as it was, and with any bit changed it does not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::http::{Field, Fields};
use sluicegate::sticky::{Bond, Keys, Kind, Secret, bond, cookie, keys, wants_same_site};
use sluicegate::time::Wall;

const NOW: Wall = Wall::from_micros(1_700_000_000_000_000);
const KINDS: [Kind; 3] = [Kind::Target, Kind::Group, Kind::Application];

fuzz_target!(|input: (u16, &[u8])| {
    let (bit, text) = input;
    // A line each.
    let fields: Vec<_> = text.split(|&byte| byte == b'\n').map(|value| Field { name: b"Cookie", value }).collect();
    let fields = Fields(&fields);
    let mut keys = Keys::new(Secret::new([7; 32]));
    for name in [cookie::TARGET, cookie::GROUP, ["app", "AWSALBAPP-0"]].into_iter().flatten() {
        for value in cookie::values(fields, name) {
            assert!(!value.contains(&b';'));
            assert!(value.is_empty() || text.as_ptr_range().contains(&value.as_ptr()));
            if let Some(sealed) = cookie::decode(value) {
                assert!(KINDS.iter().all(|&kind| keys.open(kind, NOW, &mut sealed.clone()).is_none()));
            }
        }
    }
    let mut room = Vec::new();
    for place in 0..3 {
        if cookie::join(fields, place, &mut room).is_some() {
            assert!(room.len() <= 12_000);
            assert!(keys.open(Kind::Application, NOW, &mut room).is_none());
        }
    }
    let _ =
        wants_same_site(Fields(&[Field { name: b"origin", value: b"" }, Field { name: b"user-agent", value: text }]));
    let _ = cookie::sets(&Field { name: b"set-cookie", value: text }, "app");
    read_as_text(text);
    seal_and_open(&mut keys, text, bit);
});

/// Also a text that we sealed ourselves is read without trust.
fn read_as_text(text: &[u8]) {
    if let Some(read) = Bond::read(text) {
        assert_eq!(Bond::read(&read.write()), Some(read));
    }
    assert!(bond::bonds(text).count() <= text.len() / 36);
}

fn seal_and_open(keys: &mut Keys, text: &[u8], bit: u16) {
    let mut room = vec![0; 13];
    room.extend_from_slice(text);
    room.extend_from_slice(&[0; 16]);
    let kind = KINDS[usize::from(bit) % KINDS.len()];
    keys.seal(kind, NOW, [bit as u8; 12], &mut room);
    let mut changed = room.clone();
    let bit = usize::from(bit) % (room.len() * 8);
    changed[bit / 8] ^= 1 << (bit % 8);
    assert!(keys.open(kind, NOW, &mut changed).is_none());
    assert_eq!(keys.open(kind, NOW, &mut room.clone()), Some(text));
    assert!(keys.open(kind, NOW, &mut room).is_some() && keys::text(&room) == text);
}
