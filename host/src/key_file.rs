//! The secret that the keys of cookies are made from: 32 random bytes, kept in a file if the operator names one, so that clients
//! stay with their targets when the program starts again, or on several machines that have the same file.
//!
//! The file is 64 hex digits and a newline. It is made if it is missing, for its owner alone, and never written again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use sluicegate::sticky::Secret;

/// Hex digits and newline.
const LEN: usize = 65;

/// The permissions that would let somebody else know the secret, or choose it. A group may be given reading, as orchestrators do
/// with the files that they mount.
const TOO_OPEN: u32 = 0o027;

/// The secret of that file; a random one that is kept nowhere without a file.
///
/// # Errors
///
/// A line for the operator: the file cannot be read or made, is no key file, or is open to others.
pub(crate) fn secret(path: Option<&str>) -> Result<Secret, String> {
    let Some(path) = path else { return random().map(Secret::new) };
    let failed = |error: io::Error| format!("key file {path}: {error}");
    match File::open(path) {
        Ok(file) => read(file).map_err(failed)?.map_err(|what| format!("key file {path}: {what}")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A name that nobody else comes upon, also where processes have the same number in several containers.
            let beside = format!("{path}.{:016x}", u64::from_ne_bytes(random()?));
            make(path, &beside, &random()?).map_err(failed)?;
            // Somebody else may have been faster: what is there now is what everybody uses.
            let file = File::open(path).map_err(failed)?;
            read(file).map_err(failed)?.map_err(|what| format!("key file {path}: {what}"))
        }
        Err(error) => Err(failed(error)),
    }
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random key: {error}"))?;
    Ok(bytes)
}

/// Makes the file whole or not at all: it is written beside its place and then linked there, unless one is there by now.
fn make(path: &str, beside: &str, bytes: &[u8; 32]) -> io::Result<()> {
    // What is there already is somebody else's, and stays.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n";
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| match fs::hard_link(beside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let _ = fs::remove_file(beside);
    linked
}

/// What the file holds, or what is wrong with it.
fn read(file: File) -> io::Result<Result<Secret, String>> {
    let mode = file.metadata()?.permissions().mode();
    if mode & TOO_OPEN != 0 {
        let mode = mode & 0o777;
        return Ok(Err(format!("others may read or change it (mode {mode:04o}); chmod 600 keeps it to its owner")));
    }
    let mut text = Vec::new();
    file.take(LEN as u64 + 1).read_to_end(&mut text)?;
    Ok(parse(&text).ok_or_else(|| "it does not hold 64 hex digits and a newline".to_owned()))
}

fn parse(text: &[u8]) -> Option<Secret> {
    let digits = text.strip_suffix(b"\n").unwrap_or(text);
    if digits.len() != LEN - 1 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// A place in the temporary directory, empty at first and at the end.
    struct Place(String);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::env::temp_dir().join(format!("sluicegate-key-{}-{name}", std::process::id()));
            let _ = fs::remove_file(&path);
            Place(path.to_str().expect("text").to_owned())
        }

        fn with(name: &str, text: &str, mode: u32) -> Place {
            let place = Place::new(name);
            fs::write(&place.0, text).expect("written");
            fs::set_permissions(&place.0, fs::Permissions::from_mode(mode)).expect("changed");
            place
        }

        fn secret(&self) -> Result<Secret, String> {
            secret(Some(&self.0))
        }

        fn has_left_overs(&self) -> bool {
            let left = fs::read_dir(std::env::temp_dir()).expect("listed").flatten();
            let beside = format!("{}.", self.0.rsplit('/').next().expect("a name"));
            left.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with(&beside))
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    const DIGITS: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";

    #[test]
    fn a_file_that_is_missing_is_made_for_its_owner_alone_and_stays() {
        let place = Place::new("made");
        let made = place.secret().expect("a secret");
        let mode = fs::metadata(&place.0).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = fs::read_to_string(&place.0).expect("text");
        assert_eq!((text.len(), text.ends_with('\n')), (65, true));
        assert_eq!(place.secret(), Ok(made));
        assert_ne!(Place::new("other").secret(), place.secret());
        assert!(!place.has_left_overs());
    }

    #[test]
    fn a_left_over_of_another_start_does_no_harm_and_stays() {
        let (place, left) = (Place::new("late"), Place::new(&format!("late.{}", std::process::id())));
        fs::write(&left.0, "somebody else's").expect("written");
        let made = place.secret().expect("a secret");
        assert_eq!(place.secret(), Ok(made));
        let taken = make(&format!("{}.new", place.0), &left.0, &[0; 32]).expect_err("the side file is there");
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&left.0).expect("it is there"), "somebody else's");
    }

    #[test]
    fn who_makes_it_at_the_same_time_has_the_same_secret() {
        for _ in 0..200 {
            let place = Place::new("raced");
            let start = Barrier::new(2);
            let race = || {
                start.wait();
                place.secret()
            };
            let (one, other) = thread::scope(|scope| {
                let other = scope.spawn(race);
                (race(), other.join().expect("it ended"))
            });
            assert!(one.is_ok(), "{one:?}");
            assert_eq!(one, other);
            assert_eq!(one, place.secret());
            assert!(!place.has_left_overs());
        }
    }

    #[test]
    fn what_it_holds_is_the_secret() {
        let bytes = std::array::from_fn(|at| at as u8);
        for text in [format!("{DIGITS}\n"), DIGITS.to_owned(), format!("{}\n", DIGITS.to_lowercase())] {
            assert_eq!(Place::with("held", &text, 0o600).secret(), Ok(Secret::new(bytes)));
        }
    }

    #[test]
    fn anything_else_is_refused_and_not_overwritten() {
        for text in [
            "",
            "\n",
            &DIGITS[1..],
            &format!("{DIGITS}0"),
            &format!("{DIGITS}\n\n"),
            &format!(" {}", &DIGITS[1..]),
            &DIGITS.replace('0', "g"),
            &DIGITS.replacen("00", "+0", 1),
        ] {
            let place = Place::with("malformed", text, 0o600);
            let line = place.secret().expect_err("refused");
            assert!(line.contains(&place.0) && line.contains("64 hex digits"), "{line}");
            assert_eq!(fs::read_to_string(&place.0).expect("text"), text);
        }
    }

    #[test]
    fn a_file_that_others_may_read_or_change_is_refused() {
        for (mode, fine) in [
            (0o600, true),
            (0o400, true),
            (0o440, true),
            (0o640, true),
            (0o644, false),
            (0o604, false),
            (0o660, false),
            (0o602, false),
        ] {
            let outcome = Place::with("open", DIGITS, mode).secret();
            assert_eq!(outcome.is_ok(), fine, "{mode:o}: {outcome:?}");
            if let Err(line) = outcome {
                assert!(line.contains(&format!("(mode {mode:04o})")) && line.contains("chmod 600"), "{line}");
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_made_is_told() {
        let line = secret(Some("/nowhere/at/all/key")).expect_err("refused");
        assert!(line.starts_with("key file /nowhere/at/all/key: "), "{line}");
        assert!(secret(Some("/")).is_err());
    }

    #[test]
    fn without_a_file_every_start_has_another_secret() {
        assert_ne!(secret(None), secret(None));
    }
}
