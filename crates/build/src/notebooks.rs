//! What was found out about files, noted so that it is found out once.
//!
//! Pruning, native code and byte code read thousands of files of packages to answer questions that depend
//! on nothing but their bytes. A lock that changed in one line asks nearly all of them again. Notebooks
//! keep the answers in a folder, a file for each question and package; losing it costs time and nothing
//! else.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lightship_base::{Digest, Sha256, Timestamp};
use lightship_packages::parcel::{Content, PackageId};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, utimensat};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A question about a file that its bytes answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name of its folder.
    pub name: &'static str,
    /// Changes whenever the same bytes would be answered differently, or in another form.
    pub rules: u32,
}

/// Answers of earlier runs, and those of this one. Clones share them. Without a folder nothing is kept.
#[derive(Debug, Clone, Default)]
pub struct Notebooks(Option<Arc<Shelf>>);

#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    books: Mutex<HashMap<(Question, PackageId), Arc<Book>>>,
}

/// The answers for one package.
#[derive(Debug)]
struct Book {
    path: PathBuf,
    /// Read when the first question comes.
    known: OnceLock<HashMap<Digest, String>>,
    new: Mutex<HashMap<Digest, String>>,
}

/// A book with more answers begins anew: it has those of many versions of the same files.
const MOST_ANSWERS: usize = 1 << 17;
/// No book is larger.
const MOST_BYTES: u64 = 64 << 20;

impl Notebooks {
    /// Keeps answers below a folder, which is made where it is missing.
    pub fn at(folder: PathBuf) -> Self {
        Self(Some(Arc::new(Shelf { folder, books: Mutex::default() })))
    }

    /// Removes answers about packages that nobody asked about since a moment, as far as that can be done.
    pub fn forget(&self, before: Timestamp) {
        let Some(kept) = &self.0 else { return };
        for folder in entries(&kept.folder) {
            for book in entries(&folder) {
                let used = fs::metadata(&book).and_then(|about| about.modified());
                let used = used.ok().and_then(|used| Timestamp::try_from(used).ok());
                if used.is_some_and(|used| used < before) {
                    let _ = fs::remove_file(&book);
                }
            }
        }
    }

    /// The answer for a file of a package: as noted, else as found now. A content whose bytes nobody can
    /// name without reading them is asked each time, and so is one for which finding fails.
    pub fn ask<T, E>(
        &self,
        question: Question,
        package: &PackageId,
        content: &Content,
        find: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
    {
        self.ask_at(question, package, (content, b""), find)
    }

    /// Like [`Notebooks::ask`], for an answer that also depends on where the file is.
    pub fn ask_at<T, E>(
        &self,
        question: Question,
        package: &PackageId,
        (content, place): (&Content, &[u8]),
        find: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned,
    {
        let (Some(kept), Some(identity)) = (&self.0, content.identity()) else { return find() };
        let key = if place.is_empty() { identity } else { placed(&identity, place) };
        let book = kept.book(question, package);
        if let Some(answer) = book.answer(&key) {
            return Ok(answer);
        }
        let answer = find()?;
        book.note(key, &answer);
        Ok(answer)
    }
}

fn placed(identity: &Digest, place: &[u8]) -> Digest {
    let mut key = Sha256::new();
    key.update(identity.to_string().as_bytes());
    key.update(place);
    key.finish()
}

impl Shelf {
    fn book(&self, question: Question, package: &PackageId) -> Arc<Book> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let book = books.entry((question, package.clone())).or_insert_with(|| {
            let folder = self.folder.join(format!("{}-{}", question.name, question.rules));
            // A package's name and version are anybody's words, and no path.
            let name = Digest::of(format!("{package:?}").as_bytes()).hex();
            let path = folder.join(name);
            Arc::new(Book { path, known: OnceLock::new(), new: Mutex::default() })
        });
        Arc::clone(book)
    }
}

impl Drop for Shelf {
    /// Writes what was found out. Where that fails it is found out again: nobody has to be told.
    fn drop(&mut self) {
        let books = self.books.get_mut().unwrap_or_else(PoisonError::into_inner);
        for book in books.values() {
            let _ = book.write();
        }
    }
}

impl Book {
    fn answer<T: DeserializeOwned>(&self, key: &Digest) -> Option<T> {
        let known = self.known.get_or_init(|| read(&self.path).unwrap_or_default());
        let text = known.get(key).cloned().or_else(|| {
            self.new.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
        })?;
        serde_json::from_str(&text).ok()
    }

    fn note(&self, key: Digest, answer: &impl Serialize) {
        // Answers are on one line each: JSON breaks lines only where it is asked to.
        if let Ok(text) = serde_json::to_string(answer) {
            self.new.lock().unwrap_or_else(PoisonError::into_inner).insert(key, text);
        }
    }

    /// Replaces the file. Not made durable: a power failure costs answers, and a line that it cut is no
    /// answer.
    fn write(&self) -> io::Result<()> {
        let new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
        if new.is_empty() {
            return Ok(());
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let known = self.known.get().filter(|known| known.len() + new.len() <= MOST_ANSWERS);
        let mut text = String::new();
        for (key, answer) in known.into_iter().flatten().chain(new.iter()) {
            text.push_str(&key.hex());
            text.push(' ');
            text.push_str(answer);
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Lines of a digest and an answer. Anything else is passed over.
fn read(path: &Path) -> io::Result<HashMap<Digest, String>> {
    if fs::metadata(path)?.len() > MOST_BYTES {
        return Ok(HashMap::new());
    }
    let text = fs::read_to_string(path)?;
    let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: omit, last_modification: now };
    // What is used does not age; where that cannot be noted, it is found out again one day.
    let _ = utimensat(CWD, path, &times, AtFlags::empty());
    let lines = text.lines().filter_map(|line| {
        let (key, answer) = line.split_once(' ')?;
        Some((format!("sha256:{key}").parse().ok()?, answer.to_owned()))
    });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use lightship_packages::parcel::Origin;

    use super::*;

    const QUESTION: Question = Question { name: "length", rules: 1 };

    fn package() -> PackageId {
        let (name, version) = ("../a".to_owned(), "1/2".to_owned());
        PackageId { origin: Origin::Python, name, version }
    }

    /// The answer, and whether it had to be found.
    fn ask(books: &Notebooks, question: Question, bytes: &[u8]) -> (usize, bool) {
        let mut found = false;
        let answer = books.ask(question, &package(), &Content::bytes(bytes), || {
            found = true;
            Ok::<_, Infallible>(bytes.len())
        });
        let Ok(answer) = answer;
        (answer, found)
    }

    #[test]
    fn a_question_is_answered_once() {
        let folder = tempfile::tempdir().unwrap();
        let books = Notebooks::at(folder.path().join("facts"));
        assert_eq!(ask(&books, QUESTION, b"one"), (3, true));
        assert_eq!(ask(&books, QUESTION, b"one"), (3, false));
        drop(books);
        let books = Notebooks::at(folder.path().join("facts"));
        assert_eq!(ask(&books, QUESTION, b"one"), (3, false));
        assert_eq!(ask(&books, QUESTION, b"three"), (5, true));
        assert_eq!(ask(&books, Question { rules: 2, ..QUESTION }, b"one"), (3, true));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "names are no paths");
    }

    #[test]
    fn where_a_file_is_may_matter() {
        let folder = tempfile::tempdir().unwrap();
        let books = Notebooks::at(folder.path().to_owned());
        let content = Content::bytes(*b"x");
        let at = |place: &[u8]| {
            let answer = books.ask_at(QUESTION, &package(), (&content, place), || {
                Ok::<_, Infallible>(place.len())
            });
            let Ok(answer) = answer;
            answer
        };
        assert_eq!((at(b"a"), at(b"bb"), at(b"a")), (1, 2, 1));
    }

    #[test]
    fn a_damaged_book_is_no_book() {
        let folder = tempfile::tempdir().unwrap();
        let books = Notebooks::at(folder.path().to_owned());
        ask(&books, QUESTION, b"one");
        drop(books);
        let inner = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let book = std::fs::read_dir(inner).unwrap().next().unwrap().unwrap().path();
        for text in ["", "nonsense\n", "12 3\n", &"\u{0}".repeat(100)] {
            std::fs::write(&book, text).unwrap();
            let books = Notebooks::at(folder.path().to_owned());
            assert_eq!(ask(&books, QUESTION, b"one"), (3, true));
        }
    }
}
