//! `lightship artifacts get`: a copy of an artifact's content, which is what its task left there or is not made.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use lightship_base::HashingWriter;
use lightship_engine::Content;
use lightship_exec::{content_of, place};

use super::FindError;
use super::content::open;
use super::find::{Found, find};
use crate::args::ArtifactGetArgs;
use crate::commands::pipeline::record::Record;
use crate::commands::{Context, Error, Outcome};
use crate::render::text::printable;

pub(super) fn run(args: &ArtifactGetArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let Found { entry, content, .. } = find(&record, &args.artifact.reference)?;
    let uri = entry.uri;
    let Some(was) = content else { return Err(FindError::Empty { uri }.into()) };
    let path = place(&uri).map(Path::to_owned);
    let Some(from) = path else { return Err(FindError::Elsewhere { uri }.into()) };
    let is_folder = match fs::symlink_metadata(&from) {
        Ok(about) if about.is_dir() => true,
        Ok(about) if about.is_file() => false,
        Ok(_) => return Err(FindError::Changed { uri, was: was.digest, now: None }.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(FindError::Gone { uri }.into());
        }
        Err(error) => return Err(Error::io("read", &from)(error)),
    };
    let source = Source { uri, from, was };
    if args.output.as_os_str() == "-" {
        if is_folder {
            return Err(FindError::Folder { uri: source.uri }.into());
        }
        source.print(&mut context.terminal.out.exact())?;
        return Ok(Outcome::Fine);
    }
    source.copy(&args.output, args.force)?;
    if !context.global.quiet {
        let place = args.output.display().to_string();
        let text = format!("{}: {}, {}\n", printable(&place), was.size, was.digest);
        context.terminal.out.write_all(text.as_bytes())?;
    }
    Ok(Outcome::Fine)
}

/// Where a copy is made from, and what it must be.
struct Source {
    uri: String,
    from: PathBuf,
    was: Content,
}

impl Source {
    /// What is printed cannot be taken back. So a file that has not even the size is not begun, and another one ends
    /// in an error.
    fn print(&self, out: &mut dyn Write) -> Result<(), Error> {
        let mut file = open(&self.from).map_err(Error::io("read", &self.from))?;
        let size = file.metadata().map_err(Error::io("read", &self.from))?.len();
        if size != self.was.size.bytes() {
            return Err(self.changed(content_of(&self.from).ok().flatten()));
        }
        let mut writer = HashingWriter::new(out);
        io::copy(&mut file, &mut writer)?;
        writer.flush()?;
        let (digest, ..) = writer.finish();
        if digest == self.was.digest {
            Ok(())
        } else {
            Err(self.changed(Some(Content { digest, ..self.was })))
        }
    }

    /// Copies beside the target, looks at what was copied, and puts it in its place: all of it or nothing.
    fn copy(&self, to: &Path, force: bool) -> Result<(), Error> {
        let exists = fs::symlink_metadata(to).is_ok();
        if exists && !force {
            return Err(FindError::Exists { path: to.to_owned() }.into());
        }
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let beside = tempfile::Builder::new().prefix(".lightship-").tempdir_in(parent);
        let beside = beside.map_err(Error::io("create a folder in", parent))?;
        let copied = beside.path().join("artifact");
        copy_all(&self.from, &copied).map_err(Error::io("copy", &self.from))?;
        let now = content_of(&copied).map_err(Error::io("read", &copied))?;
        if now != Some(self.was) {
            return Err(self.changed(now));
        }
        let old = beside.path().join("old");
        if exists {
            fs::rename(to, &old).map_err(Error::io("replace", to))?;
        }
        fs::rename(&copied, to).map_err(|error| {
            // What was there before comes back.
            if exists {
                let _ = fs::rename(&old, to);
            }
            Error::io("write", to)(error)
        })
    }

    fn changed(&self, now: Option<Content>) -> Error {
        let now = now.map(|content| content.digest);
        FindError::Changed { uri: self.uri.clone(), was: self.was.digest, now }.into()
    }
}

/// A file, or a folder with all that counts in it: files, folders and links, which are not followed.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    let about = fs::symlink_metadata(from)?;
    if about.is_dir() {
        fs::create_dir(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy_all(&from.join(&name), &to.join(&name))?;
        }
    } else if about.is_file() {
        let mut file = open(from)?;
        let mut copy = fs::File::create_new(to)?;
        io::copy(&mut file, &mut copy)?;
        // Whoever copies it owns it; nothing of it runs as somebody else.
        copy.set_permissions(fs::Permissions::from_mode(about.mode() & 0o777 | 0o600))?;
        copy.sync_all()?;
    } else if about.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    }
    // What is none of these is not part of the content; the digest of the copy shows whether that was so.
    Ok(())
}

#[cfg(test)]
mod tests {
    use lightship_base::Diagnose as _;

    use super::*;

    fn source(from: &Path) -> Source {
        let was = content_of(from).unwrap().unwrap();
        Source { uri: from.display().to_string(), from: from.to_owned(), was }
    }

    #[test]
    fn a_copy_is_whole_and_the_same_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("model/inner")).unwrap();
        fs::write(at("model/inner/weights"), "1234").unwrap();
        symlink("/nowhere", at("model/link")).unwrap();
        let model = source(&at("model"));
        model.copy(&at("copy"), false).unwrap();
        assert_eq!(fs::read(at("copy/inner/weights")).unwrap(), b"1234");
        assert_eq!(fs::read_link(at("copy/link")).unwrap(), Path::new("/nowhere"));

        // What is there stays, unless somebody insists.
        fs::write(at("file"), "mine").unwrap();
        let error = model.copy(&at("file"), false).unwrap_err();
        assert!(error.to_string().ends_with("file exists"), "{error}");
        assert!(error.hints()[0].to_string().contains("--force"));
        model.copy(&at("file"), true).unwrap();
        assert!(at("file").is_dir());

        // What was changed since does not arrive, and what was there is still there.
        fs::write(at("model/inner/weights"), "4321").unwrap();
        fs::write(at("kept"), "mine").unwrap();
        let error = model.copy(&at("kept"), true).unwrap_err();
        assert!(error.to_string().contains("was changed since its task made it"), "{error}");
        assert_eq!(fs::read(at("kept")).unwrap(), b"mine");
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["copy", "file", "kept", "model"], "nothing is left over");
    }

    #[test]
    fn what_is_printed_is_compared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        fs::write(&path, "1,2\n").unwrap();
        let data = source(&path);
        let mut out = Vec::new();
        data.print(&mut out).unwrap();
        assert_eq!(out, b"1,2\n");
        for (changed, printed) in [("3,4\n", "3,4\n"), ("longer\n", "")] {
            fs::write(&path, changed).unwrap();
            let mut out = Vec::new();
            let error = data.print(&mut out).unwrap_err();
            assert!(error.to_string().contains("was changed since"), "{error}");
            assert_eq!(out, printed.as_bytes());
        }
    }
}
