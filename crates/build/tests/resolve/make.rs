//! Small distributions, and somebody to resolve them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lightship_base::Digest;
use lightship_build::resolve::{
    Error, Host, Interpreter, Request, Requirements, Resolution, Resolver, Source, Target, Upgrade,
    Uv,
};
use lightship_packages::fetch::NoLogins;
use lightship_packages::index::{Index, Place, Role};
use lightship_packages::lock::{DEFAULT_INDEX, Lock};
use tempfile::TempDir;

/// A folder with wheels, a repository beside it, and the tools to look at them.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    uv: Uv,
    host: Host,
    /// What that Python is.
    pub(crate) native: Target,
}

impl Bench {
    /// None, and a word about it, where a tool is missing.
    pub(crate) fn new() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "tests use the tools of the machine")]
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let Ok(uv) = Uv::find(&folders) else {
            skip("no uv along PATH");
            return None;
        };
        let python = folders.iter().map(|folder| folder.join("python3")).find(|p| p.is_file());
        let Some(python) = python else {
            skip("no python3 along PATH");
            return None;
        };
        let host = Host { python };
        let native = Target::of(&host).unwrap();
        Some(Self { folder: tempfile::tempdir().unwrap(), uv, host, native })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Puts a wheel into the folder `wheels`.
    pub(crate) fn wheel(&self, name: &str, version: &str, tag: &str, requires: &[&str]) -> Digest {
        let bytes = wheel(name, version, tag, requires);
        let path = self.path(&format!("wheels/{}", file_name(name, version, tag)));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        Digest::of(&bytes)
    }

    /// Puts a wheel into a repository, a folder with a page for each project.
    pub(crate) fn listed(&self, repository: &str, name: &str, version: &str, needs: &[&str]) {
        let file = file_name(name, version, "py3-none-any");
        let bytes = wheel(name, version, "py3-none-any", needs);
        let page = self.path(&format!("{repository}/{name}/index.html"));
        let digest = Digest::of(&bytes).hex();
        let before = std::fs::read_to_string(&page).unwrap_or_default();
        let link = format!("<a href=\"{file}#sha256={digest}\">{file}</a>\n");
        self.write(&format!("{repository}/{name}/index.html"), &(before + &link));
        std::fs::write(page.with_file_name(file), bytes).unwrap();
    }

    /// Such a repository, called like its folder.
    pub(crate) fn repository(&self, name: &str, role: Role) -> Index {
        let url = lightship_net::Url::from_directory_path(self.path(name)).unwrap();
        Index::new(name, Place::Repository(url), role)
    }

    /// Resolves from these indexes and no other.
    pub(crate) fn resolve_from(
        &self,
        indexes: &[Index],
        source: &Source,
    ) -> Result<Resolution, Error> {
        self.resolve_now(indexes, source, &Upgrade::Keep)
    }

    /// The same, with a wish for newer versions.
    pub(crate) fn resolve_now(
        &self,
        indexes: &[Index],
        source: &Source,
        upgrade: &Upgrade,
    ) -> Result<Resolution, Error> {
        let request = Request { source, target: &self.native, previous: None, upgrade };
        self.with_indexes(&self.host, indexes, |resolver| resolver.resolve(&request))
    }

    /// The folder of wheels.
    pub(crate) fn wheels(&self) -> Index {
        Index::new("wheelhouse", Place::Folder(self.path("wheels")), Role::Extra)
    }

    /// An empty repository, so that nobody asks any other.
    pub(crate) fn nothing(&self) -> Index {
        std::fs::create_dir_all(self.path("nothing")).unwrap();
        let url = lightship_net::Url::from_directory_path(self.path("nothing")).unwrap();
        Index::new(DEFAULT_INDEX, Place::Repository(url), Role::Default)
    }

    /// Hands a resolver to somebody.
    pub(crate) fn with_resolver<T>(
        &self,
        interpreter: &dyn Interpreter,
        work: impl FnOnce(&Resolver<'_>) -> T,
    ) -> T {
        self.with_indexes(interpreter, &[self.wheels(), self.nothing()], work)
    }

    fn with_indexes<T>(
        &self,
        interpreter: &dyn Interpreter,
        indexes: &[Index],
        work: impl FnOnce(&Resolver<'_>) -> T,
    ) -> T {
        let (cache, temporary) = (self.path("cache"), self.path("temporary"));
        let done = work(&Resolver {
            uv: &self.uv,
            interpreter,
            indexes,
            public: None,
            logins: &NoLogins,
            certificates: None,
            proxies: Vec::new(),
            cache: &cache,
            temporary: &temporary,
            offline: false,
        });
        assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "nothing is left behind");
        done
    }

    pub(crate) fn resolve_in(
        &self,
        interpreter: &dyn Interpreter,
        source: &Source,
        previous: Option<&Lock>,
        upgrade: &Upgrade,
        target: &Target,
    ) -> Result<Resolution, Error> {
        let request = Request { source, target, previous, upgrade };
        self.with_resolver(interpreter, |resolver| resolver.resolve(&request))
    }

    /// On this machine itself.
    pub(crate) fn resolve(
        &self,
        source: &Source,
        previous: Option<&Lock>,
        upgrade: &Upgrade,
        target: &Target,
    ) -> Result<Resolution, Error> {
        self.resolve_in(&self.host, source, previous, upgrade, target)
    }

    /// The same for requirements in a file.
    pub(crate) fn requirements(&self, text: &str) -> Result<Resolution, Error> {
        let file = self.write("project/requirements.txt", text);
        let requirements = Requirements::read(&[file], &|_| None)?;
        let source = Source::Requirements { requirements, project: None };
        self.resolve(&source, None, &Upgrade::Keep, &self.native)
    }
}

/// Says why a test does nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(crate) fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// `name version: needs` for each wheel.
pub(crate) fn told(resolution: &Resolution) -> Vec<String> {
    let wheels = resolution.wheels.iter();
    let told = wheels.map(|wheel| {
        let depends = wheel.depends.join(" ");
        format!("{} {} [{}] {}", wheel.name, wheel.version, depends, wheel.index)
    });
    told.collect::<BTreeSet<_>>().into_iter().collect()
}

pub(crate) fn file_name(name: &str, version: &str, tag: &str) -> String {
    format!("{}-{version}-{tag}.whl", name.replace('-', "_"))
}

/// A wheel with nothing in it but its metadata.
fn wheel(name: &str, version: &str, tag: &str, requires: &[&str]) -> Vec<u8> {
    let info = format!("{}-{version}.dist-info", name.replace('-', "_"));
    let requires: String = requires.iter().map(|line| format!("Requires-Dist: {line}\n")).collect();
    let metadata = format!(
        "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: more\n{requires}"
    );
    let wheel = format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n");
    let record = ["METADATA", "WHEEL", "RECORD"].map(|file| format!("{info}/{file},,\n")).concat();
    stored_zip(&[
        (format!("{info}/METADATA"), metadata.into_bytes()),
        (format!("{info}/WHEEL"), wheel.into_bytes()),
        (format!("{info}/RECORD"), record.into_bytes()),
    ])
}

/// *APPNOTE.TXT 6.3.10, 4.3*: members stored as they are.
fn stored_zip(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let size = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        fields.extend(crc32(bytes).to_le_bytes());
        fields.extend([size, size].concat());
        fields.extend([length, [0, 0]].concat());
        let offset = u32::try_from(out.len()).unwrap().to_le_bytes();
        out.extend(b"PK\x03\x04");
        out.extend(&fields);
        out.extend([name.as_bytes(), bytes].concat());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(offset);
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    let offset = u32::try_from(out.len()).unwrap().to_le_bytes();
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].concat());
    out.extend([size, offset].concat());
    out.extend([0, 0]);
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    };
    !bytes.iter().fold(!0, step)
}

/// A file as an address.
pub(crate) fn address(path: &Path) -> String {
    lightship_net::Url::from_file_path(path).unwrap().into()
}
