//! Whether files have changed that something was made of. Nothing is read here: a file that was replaced or written to
//! has another number, size or time.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait between two looks. A change is found out within the promised five seconds also when it takes
/// [`LOOKS_MAX`] looks.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many looks in a row may see something new each time before it is taken as it is: somebody writes all the time.
const LOOKS_MAX: u32 = 3;

/// The files that were read, and those that were looked for, as they were then.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    files: BTreeMap<PathBuf, Stamp>,
    /// What the last look saw, if that was something new; and the how manieth in a row it was.
    news: Option<(Vec<Stamp>, u32)>,
}

/// A file at one time. Whatever happens to it makes another stamp; no file has `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<[i128; 6]>);

impl Stamp {
    /// Of an open file.
    pub(crate) fn of(file: &Metadata) -> Stamp {
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        let modified = nanos(file.mtime(), file.mtime_nsec());
        // Unlike the other, it cannot be set back.
        let changed = nanos(file.ctime(), file.ctime_nsec());
        let [device, number, mode, size] = [file.dev(), file.ino(), file.mode().into(), file.size()].map(i128::from);
        Stamp(Some([device, number, mode, size, modified, changed]))
    }

    /// Of whatever a path leads to now.
    pub(crate) fn at(path: &Path) -> Stamp {
        fs::metadata(path).map_or(Stamp(None), |file| Stamp::of(&file))
    }
}

impl Watch {
    /// That file was looked at, and this is how it was.
    pub(crate) fn add(&mut self, path: &Path, stamp: Stamp) {
        // If it was read twice, what was seen first may be what is in use.
        self.files.entry(path.to_owned()).or_insert(stamp);
    }

    /// Whether there is anything to look at.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Looks at all files: whether it is time to read them again. That is so when some have changed and two looks in a row
    /// saw the same, since who replaces a certificate and its key does it one after the other.
    pub(crate) fn look(&mut self) -> bool {
        let seen: Vec<Stamp> = self.files.keys().map(|path| Stamp::at(path)).collect();
        if seen.iter().eq(self.files.values()) {
            self.news = None;
            return false;
        }
        let (rests, looks) = match &self.news {
            Some((before, looks)) => (*before == seen, looks + 1),
            None => (false, 1),
        };
        self.news = Some((seen, looks));
        rests || looks >= LOOKS_MAX
    }

    /// The files were read again as `again` says, and that led to nothing: what they are now is known, and the next change
    /// of any of them is news.
    pub(crate) fn failed(&mut self, again: Watch) {
        self.news = None;
        for (path, stamp) in &mut self.files {
            *stamp = again.files.get(path).copied().unwrap_or_else(|| Stamp::at(path));
        }
        self.files.extend(again.files);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::ScratchDirectory;

    struct Directory(ScratchDirectory);

    impl Directory {
        fn new(name: &str) -> Directory {
            Directory(ScratchDirectory::new(&format!("watch-{name}")))
        }

        fn at(&self, name: &str) -> PathBuf {
            self.0.0.join(name)
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            fs::write(self.at(name), text).expect("written");
            self.at(name)
        }
    }

    fn watch(paths: &[&Path]) -> Watch {
        let mut watch = Watch::default();
        paths.iter().for_each(|path| watch.add(path, Stamp::at(path)));
        watch
    }

    #[test]
    fn a_change_is_told_at_the_second_look_that_sees_it() {
        let directory = Directory::new("second");
        let (one, other) = (directory.write("one", "1"), directory.write("other", "1"));
        let mut watch = watch(&[&one, &other]);
        assert!(!watch.look() && !watch.look());
        directory.write("one", "22");
        assert!(!watch.look(), "somebody may be writing still");
        assert!(watch.look());
    }

    #[test]
    fn what_goes_on_changing_is_told_at_the_third_look() {
        let directory = Directory::new("restless");
        let mut watch = watch(&[&directory.write("one", "1")]);
        let looks: Vec<bool> = (2..5)
            .map(|length| {
                directory.write("one", &"x".repeat(length));
                watch.look()
            })
            .collect();
        assert_eq!(looks, [false, false, true]);
    }

    #[test]
    fn a_file_of_the_same_size_and_age_that_took_the_place_of_another_is_a_change() {
        let directory = Directory::new("inode");
        let (one, new) = (directory.write("one", "1"), directory.write("new", "2"));
        let modified = fs::metadata(&one).and_then(|file| file.modified()).expect("its time");
        fs::File::options().write(true).open(&new).and_then(|file| file.set_modified(modified)).expect("set");
        let mut watch = watch(&[&one]);
        fs::rename(&new, &one).expect("moved");
        assert!(!watch.look() && watch.look());
    }

    #[test]
    fn a_file_that_was_written_to_is_a_change_also_if_its_age_is_set_back() {
        let directory = Directory::new("age");
        let one = directory.write("one", "1");
        let modified = fs::metadata(&one).and_then(|file| file.modified()).expect("its time");
        let mut watch = watch(&[&one]);
        // Longer than file systems take for a moment.
        std::thread::sleep(Duration::from_millis(50));
        directory.write("one", "2");
        fs::File::options().write(true).open(&one).and_then(|file| file.set_modified(modified)).expect("set");
        assert!(!watch.look() && watch.look());
    }

    #[test]
    fn files_that_come_go_or_get_other_permissions_are_changes() {
        use std::os::unix::fs::PermissionsExt;
        let directory = Directory::new("come");
        let (here, missing) = (directory.write("here", "1"), directory.at("missing"));
        let mut comes = watch(&[&here, &missing]);
        assert!(!comes.look());
        directory.write("missing", "");
        assert!(!comes.look() && comes.look());
        let mut goes = watch(&[&here]);
        fs::set_permissions(&here, fs::Permissions::from_mode(0o600)).expect("changed");
        let mut changes = watch(&[&here]);
        fs::set_permissions(&here, fs::Permissions::from_mode(0o640)).expect("changed");
        assert!(!changes.look() && changes.look());
        fs::remove_file(&here).expect("removed");
        assert!(!goes.look() && goes.look());
    }

    #[test]
    fn a_link_that_leads_elsewhere_is_a_change() {
        let directory = Directory::new("link");
        let (one, two, link) = (directory.write("1", "x"), directory.write("2", "x"), directory.at("link"));
        std::os::unix::fs::symlink(&one, &link).expect("linked");
        let mut watch = watch(&[&link]);
        fs::remove_file(&link).and_then(|()| std::os::unix::fs::symlink(&two, &link)).expect("linked");
        assert!(!watch.look() && watch.look());
    }

    #[test]
    fn what_led_to_nothing_is_not_told_again_until_something_changes_again() {
        let directory = Directory::new("failed");
        let (chain, key, new) = (directory.write("chain", "1"), directory.write("key", "1"), directory.at("new"));
        let mut watched = watch(&[&chain, &key]);
        directory.write("chain", "22");
        assert!(!watched.look() && watched.look());
        // The second reading came as far as the chain, and looked for a file of which the first did not know.
        directory.write("key", "22");
        watched.failed(watch(&[&chain, &new]));
        assert!(!watched.look() && !watched.look() && !watched.look());
        directory.write("key", "333");
        assert!(!watched.look() && watched.look());
        watched.failed(watch(&[&chain, &new]));
        directory.write("new", "");
        assert!(!watched.look() && watched.look());
    }

    #[test]
    fn of_two_looks_at_a_file_while_reading_the_first_counts() {
        let directory = Directory::new("twice");
        let path = directory.write("one", "1");
        let mut watch = watch(&[&path]);
        directory.write("one", "22");
        watch.add(&path, Stamp::at(&path));
        assert!(!watch.look() && watch.look());
    }
}
