//! Certificates, keys and objects, as files: what flags say where they are. It remembers every file that it looked at,
//! so that somebody can watch them.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::OFlags;
use sluicegate::cli::Files;
use sluicegate::tls::{Keyring, Pem, Provider, Vault};

use crate::Clock;
use crate::watch::{Stamp, Watch};

/// How long a chain or a key may be, in bytes: a hundred times what real ones have.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// How long an object may be, in bytes: revocation lists are the longest, and have 50 MB at most.
const OBJECT_BYTES_MAX: u64 = 51 * 1024 * 1024;

/// The permissions that would let others than the owner and the group know a private key, or others than the owner choose one.
const TOO_OPEN: u32 = 0o027;

/// The files of one reading.
#[derive(Debug)]
pub(crate) struct FileVault {
    files: Files,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    watch: Watch,
    /// Lines, each once.
    warnings: BTreeSet<String>,
}

/// What a template is read with now.
pub(crate) fn keyring(vault: Arc<dyn Vault>) -> Keyring {
    Keyring { vault, provider: Provider::aws_lc(), now: Clock::new().now().wall }
}

impl FileVault {
    pub(crate) fn new(files: Files) -> FileVault {
        FileVault { files, seen: Mutex::default() }
    }

    /// The files that were looked at since the last call, and lines for the operator.
    pub(crate) fn seen(&self) -> (Watch, String) {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        (seen.watch, seen.warnings.into_iter().collect())
    }

    /// Reads a file of at most that length.
    fn read(&self, path: &Path, bytes_max: u64) -> Result<(Vec<u8>, Metadata), io::Error> {
        let opened = open(path);
        let stamp = match &opened {
            Ok((_, metadata)) => Stamp::of(metadata),
            Err(_) => Stamp::at(path),
        };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).watch.add(path, stamp);
        let (file, metadata) = opened?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(io::Error::other(format!("it has more than {bytes_max} bytes")));
        }
        Ok((bytes, metadata))
    }

    /// Warns of a private key that others may read. It is served: who mounts a volume does not always choose the modes.
    fn judge_key(&self, path: &Path, metadata: &Metadata) {
        let mode = metadata.mode() & 0o777;
        if mode & TOO_OPEN != 0 {
            let path = path.display();
            let line = format!(
                "{path}: warning: others may read or change this private key (mode {mode:04o}); chmod 600 keeps it to its owner\n"
            );
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).warnings.insert(line);
        }
    }
}

impl Vault for FileVault {
    fn certificate(&self, arn: &str) -> Result<Pem, String> {
        let files = self.files.certificate(arn)?;
        // Both are looked at in any case, so that both are watched.
        let (chain, key) = (self.read(&files.chain, PEM_BYTES_MAX), self.read(&files.key, PEM_BYTES_MAX));
        let (chain, _) = chain.map_err(|error| {
            missing(error, &files.chain, arn, "the certificate and then those that lead to its root, as PEM")
        })?;
        let (key, metadata) = key.map_err(|error| missing(error, &files.key, arn, "its private key, as PEM"))?;
        self.judge_key(&files.key, &metadata);
        Ok(Pem { chain, key })
    }

    fn object(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Vec<u8>, String> {
        let path = self.files.object(bucket, key, version)?;
        let read = self.read(&path, OBJECT_BYTES_MAX);
        let (bytes, _) = read.map_err(|error| match version {
            Some(version) if error.kind() == io::ErrorKind::NotFound => format!(
                "there is no file {} for version {version} of s3://{bucket}/{key}; without a version the file {key} is used",
                path.display()
            ),
            _ => missing(error, &path, &format!("s3://{bucket}/{key}"), "the object"),
        })?;
        Ok(bytes)
    }
}

/// Opens a file for reading, whatever it is, without waiting: a pipe would last until somebody writes.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let no_wait = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(no_wait).open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

fn missing(error: io::Error, path: &Path, what: &str, holds: &str) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("there is no file {path} for {what}; it has to hold {holds}"),
        _ => format!("{path}, which has to hold {holds} for {what}, cannot be used: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;
    use crate::test_support::ScratchDirectory;

    const ARN: &str = "arn:aws:acm:us-east-1:000000000000:certificate/shop";

    /// A directory with a bucket in it.
    struct Place(ScratchDirectory);

    impl Place {
        fn new(name: &str) -> Place {
            let place = Place(ScratchDirectory::new(&format!("vault-{name}")));
            fs::create_dir_all(place.at("bucket/ca")).expect("made");
            place
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.0.join(name)
        }

        fn write(&self, name: &str, bytes: &[u8], mode: u32) {
            let path = self.at(name);
            fs::write(&path, bytes).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
        }

        fn vault(&self) -> FileVault {
            let root = Some(self.0.0.clone());
            FileVault::new(Files { certificates: root.clone(), bucket_root: root, ..Files::default() })
        }
    }

    #[test]
    fn a_certificate_is_its_two_files_and_both_are_watched() {
        let place = Place::new("pair");
        place.write("shop.pem", b"chain", 0o644);
        place.write("shop.key", b"key", 0o600);
        let vault = place.vault();
        assert_eq!(vault.certificate(ARN), Ok(Pem { chain: b"chain".to_vec(), key: b"key".to_vec() }));
        for name in ["shop.pem", "shop.key"] {
            vault.certificate(ARN).expect("it is there");
            let (mut watch, warnings) = vault.seen();
            assert_eq!(warnings, "");
            place.write(name, b"another", 0o600);
            assert!(!watch.look() && watch.look(), "{name}");
        }
    }

    #[test]
    fn files_that_are_missing_are_named_and_watched_all_the_same() {
        let place = Place::new("missing");
        let vault = place.vault();
        let directory = place.0.path();
        let line = vault.certificate(ARN).expect_err("missing");
        assert!(line.starts_with(&format!("there is no file {directory}/shop.pem for {ARN}; ")), "{line}");
        let (mut watch, _) = vault.seen();
        place.write("shop.key", b"key", 0o600);
        assert!(!watch.look() && watch.look(), "the key was looked for too");
        place.write("shop.pem", b"chain", 0o600);
        fs::remove_file(place.at("shop.key")).expect("removed");
        let line = vault.certificate(ARN).expect_err("missing");
        assert!(line.starts_with(&format!("there is no file {directory}/shop.key for {ARN}; ")), "{line}");
    }

    #[test]
    fn a_key_that_others_may_read_or_change_is_a_warning_once() {
        let place = Place::new("open");
        place.write("shop.pem", b"chain", 0o644);
        for (mode, fine) in
            [(0o600, true), (0o400, true), (0o640, true), (0o644, false), (0o660, false), (0o602, false)]
        {
            place.write("shop.key", b"key", mode);
            let vault = place.vault();
            assert!(vault.certificate(ARN).is_ok() && vault.certificate(ARN).is_ok());
            let (_, warnings) = vault.seen();
            assert_eq!(warnings.lines().count(), usize::from(!fine), "{mode:o}: {warnings}");
            if !fine {
                assert!(warnings.contains("shop.key: warning: ") && warnings.contains(&format!("(mode {mode:04o})")));
            }
        }
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let place = Place::new("pipe");
        place.write("shop.key", b"key", 0o600);
        let made = std::process::Command::new("mkfifo").arg(place.at("shop.pem")).status().expect("mkfifo runs");
        assert!(made.success());
        let vault = place.vault();
        let line = vault.certificate(ARN).expect_err("a pipe");
        assert!(line.contains("shop.pem, ") && line.ends_with("cannot be used: it is not a file"), "{line}");
        let line = vault.object("bucket", "ca", None).expect_err("a directory");
        assert!(line.ends_with("cannot be used: it is not a file"), "{line}");
    }

    #[test]
    fn files_have_a_longest_length() {
        let place = Place::new("long");
        place.write("shop.pem", &vec![b'x'; 1024 * 1024], 0o600);
        place.write("shop.key", &vec![b'x'; 1024 * 1024], 0o600);
        let vault = place.vault();
        assert!(vault.certificate(ARN).is_ok());
        place.write("shop.key", &vec![b'x'; 1024 * 1024 + 1], 0o600);
        let line = vault.certificate(ARN).expect_err("too long");
        assert!(line.contains("shop.key") && line.ends_with("it has more than 1048576 bytes"), "{line}");
        let object = File::create(place.at("bucket/list.crl")).expect("made");
        object.set_len(OBJECT_BYTES_MAX).expect("it takes no room");
        assert!(vault.object("bucket", "list.crl", None).is_ok());
        object.set_len(OBJECT_BYTES_MAX + 1).expect("it takes no room");
        assert!(vault.object("bucket", "list.crl", None).is_err());
    }

    #[test]
    fn an_object_is_a_file_of_its_bucket_and_its_versions_are_beside_it() {
        let place = Place::new("object");
        place.write("bucket/ca/roots.pem", b"now", 0o600);
        place.write("bucket/ca/roots.pem@v1", b"then", 0o600);
        let vault = place.vault();
        assert_eq!(vault.object("bucket", "ca/roots.pem", None), Ok(b"now".to_vec()));
        assert_eq!(vault.object("bucket", "ca/roots.pem", Some("v1")), Ok(b"then".to_vec()));
        let line = vault.object("bucket", "ca/roots.pem", Some("v2")).expect_err("missing");
        assert!(line.contains("roots.pem@v2 for version v2 of s3://bucket/ca/roots.pem; "), "{line}");
        let line = vault.object("bucket", "other", None).expect_err("missing");
        assert!(line.contains("/bucket/other for s3://bucket/other; "), "{line}");
        let (mut watch, _) = vault.seen();
        place.write("bucket/other", b"", 0o600);
        assert!(!watch.look() && watch.look());
    }

    #[test]
    fn without_flags_the_line_says_which_would_help() {
        let vault = FileVault::new(Files::default());
        let line = vault.certificate(ARN).expect_err("none");
        assert_eq!(line, "no certificate files were given: --certificates DIR or --certificate NAME=CHAIN.pem,KEY.pem");
        assert!(vault.object("b", "k", None).expect_err("none").contains("--bucket-root DIR"));
        assert!(vault.seen().0.is_empty());
    }
}
