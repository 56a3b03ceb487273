//! From TOML to a [`Lock`].

use super::reader::{Reader, Table, Value};
use super::{
    BaseImage, BuildRequirement, DEFAULT_INDEX, Deb, Error, Inputs, Interpreter, Lock, LockedFile,
    MAX_BYTES, PlatformName, Python, Sdist, Suite, VERSION, Wheel,
};
use crate::MOST_PACKAGES;

pub(super) fn lock(text: &str, file: &str) -> Result<Lock, Error> {
    if text.len() as u64 > MAX_BYTES {
        let message = format!("it has more than {MAX_BYTES} bytes");
        return Err(Error::Invalid { file: file.to_owned(), line: 1, message, hint: None });
    }
    let reader = Reader::new(file, text);
    let document = reader.parse()?;
    let top = reader.top(&document);
    version(&top, file)?;
    top.only(&[
        "version",
        "platforms",
        "inputs",
        "python",
        "suite",
        "image",
        "interpreter",
        "deb",
        "wheel",
        "sdist",
        "build-deb",
    ])?;
    let lock = Lock {
        inputs: top.table("inputs")?.map(|table| inputs(&table)).transpose()?.unwrap_or_default(),
        platforms: platforms(&top)?,
        python: top.table("python")?.map(|table| python(&table)).transpose()?,
        suite: top.table("suite")?.map(|table| suite(&table)).transpose()?,
        images: each(&top, "image", image)?,
        interpreters: each(&top, "interpreter", interpreter)?,
        debs: each(&top, "deb", deb)?,
        wheels: each(&top, "wheel", wheel)?,
        sdists: each(&top, "sdist", sdist)?,
        build_debs: each(&top, "build-deb", deb)?,
    };
    Ok(lock)
}

/// The version comes first: in a newer format, keys that we do not know are no mistakes.
fn version(top: &Table<'_>, file: &str) -> Result<(), Error> {
    let value = top.need("version")?;
    match value.number()? {
        VERSION => Ok(()),
        0 => Err(value.error("there is no version 0 of the format")),
        version => Err(Error::Newer { file: file.to_owned(), version }),
    }
}

fn each<'a, T>(
    top: &Table<'a>,
    key: &'a str,
    read: impl Fn(&Table<'a>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    top.tables(key, MOST_PACKAGES)?.iter().map(read).collect()
}

fn inputs(table: &Table<'_>) -> Result<Inputs, Error> {
    let mut inputs = Inputs::new();
    for (name, value) in table.values() {
        inputs.insert(name, value.text()?);
    }
    Ok(inputs)
}

fn platforms(table: &Table<'_>) -> Result<Vec<PlatformName>, Error> {
    let Some(value) = table.get("platforms") else { return Ok(Vec::new()) };
    value.array()?.into_iter().map(Value::parsed).collect()
}

fn python(table: &Table<'_>) -> Result<Python, Error> {
    table.only(&["implementation", "version", "chosen"])?;
    Ok(Python {
        implementation: table.text("implementation")?,
        version: table.text("version")?,
        chosen: table.text("chosen")?,
    })
}

fn suite(table: &Table<'_>) -> Result<Suite, Error> {
    table.only(&["distribution", "codename", "version"])?;
    Ok(Suite {
        distribution: table.text("distribution")?,
        codename: table.text("codename")?,
        version: table.optional_text("version")?,
    })
}

fn image(table: &Table<'_>) -> Result<BaseImage, Error> {
    table.only(&["platform", "reference", "digest"])?;
    Ok(BaseImage {
        platform: table.need("platform")?.parsed()?,
        reference: table.need("reference")?.text()?.to_owned(),
        digest: table.digest("digest")?,
    })
}

fn interpreter(table: &Table<'_>) -> Result<Interpreter, Error> {
    table.only(&["platform", "file", "sha256", "size"])?;
    Ok(Interpreter { platform: table.need("platform")?.parsed()?, file: file(table)? })
}

fn deb(table: &Table<'_>) -> Result<Deb, Error> {
    table.only(&[
        "name",
        "version",
        "architecture",
        "file",
        "size",
        "sha256",
        "archive",
        "depends",
        "reason",
        "platforms",
    ])?;
    Ok(Deb {
        name: table.text("name")?,
        version: table.text("version")?,
        architecture: table.text("architecture")?,
        file: table.text("file")?,
        size: table.need("size")?.number()?,
        sha256: table.digest("sha256")?,
        archive: table.text("archive")?,
        depends: table.texts("depends")?,
        reason: table.text("reason")?,
        platforms: platforms(table)?,
    })
}

fn wheel(table: &Table<'_>) -> Result<Wheel, Error> {
    table.only(&["name", "version", "file", "size", "sha256", "index", "depends", "platforms"])?;
    Ok(Wheel {
        name: table.text("name")?,
        version: table.text("version")?,
        file: file(table)?,
        index: index(table)?,
        depends: table.texts("depends")?,
        platforms: platforms(table)?,
    })
}

fn sdist(table: &Table<'_>) -> Result<Sdist, Error> {
    table.only(&[
        "name",
        "version",
        "file",
        "size",
        "sha256",
        "index",
        "depends",
        "platforms",
        "build",
        "built",
    ])?;
    let built = table.table("built")?.map(|built| {
        built.only(&["file", "size", "sha256"])?;
        file(&built)
    });
    Ok(Sdist {
        name: table.text("name")?,
        version: table.text("version")?,
        file: file(table)?,
        index: index(table)?,
        depends: table.texts("depends")?,
        platforms: platforms(table)?,
        build: each(table, "build", build_requirement)?,
        built: built.transpose()?,
    })
}

fn build_requirement(table: &Table<'_>) -> Result<BuildRequirement, Error> {
    table.only(&["name", "version", "file", "size", "sha256", "index"])?;
    Ok(BuildRequirement {
        name: table.text("name")?,
        version: table.text("version")?,
        file: file(table)?,
        index: index(table)?,
    })
}

fn file(table: &Table<'_>) -> Result<LockedFile, Error> {
    Ok(LockedFile {
        name: table.text("file")?,
        sha256: table.digest("sha256")?,
        size: table.size("size")?,
    })
}

/// The default index goes without saying.
fn index(table: &Table<'_>) -> Result<String, Error> {
    Ok(table.optional_text("index")?.unwrap_or_else(|| DEFAULT_INDEX.to_owned()))
}
