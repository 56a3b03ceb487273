//! The Python of an image: where it is, and where it wants distributions. It is asked in the sandbox, as the
//! interpreter that `pip` would run under in a Dockerfile.

use std::time::Duration;

use lightship_codec::tar::RootPath;
use lightship_packages::wheel::Scheme;

use super::{Error, Names};
use crate::base::Python;
use crate::resolve::{Interpreter, Job, Word};

/// What [`ask`] wants to know, a line each (*sysconfig, Installation paths*); then where it looks for
/// distributions, whether those folders are there or not.
const QUESTION: &str = "\
import site, sys, sysconfig
paths = sysconfig.get_paths()
print('.'.join(map(str, sys.version_info[:3])))
print(sys.executable)
for name in 'stdlib', 'platstdlib', 'purelib', 'platlib', 'scripts', 'include', 'data':
    print(paths[name])
for folder in site.getsitepackages():
    print(folder)
";

/// No answer has more lines.
const MOST_LINES: usize = 64;

/// The program that `python3` means along a search path, or `python` where nothing is called so.
pub fn find(names: &Names, search_path: &str) -> Option<String> {
    let folders = || search_path.split(':').filter(|folder| folder.starts_with('/'));
    ["python3", "python"].into_iter().find_map(|name| {
        let mut programs =
            folders().map(|folder| format!("{}/{name}", folder.trim_end_matches('/')));
        programs.find(|program| names.program(program).is_some())
    })
}

/// Asks the interpreter where it installs to. Gives the folders that it looks for distributions in as well.
pub(super) fn ask(
    interpreter: &dyn Interpreter,
    program: &str,
    names: &Names,
    image: &str,
) -> Result<(Python, Vec<RootPath>), Error> {
    let job = Job {
        attempt: "ask the image's Python where packages go",
        command: vec![Word::Python, "-I".into(), "-c".into(), QUESTION.into()],
        environment: vec![("LC_ALL".to_owned(), "C.UTF-8".into())],
        shared: Vec::new(),
        network: false,
        time: Duration::from_mins(1),
    };
    let ran = interpreter
        .run(&job)
        .map_err(|source| Error::Python { image: image.to_owned(), source: Box::new(source) })?;
    let wrong = |reason: String| Error::Answer { image: image.to_owned(), reason };
    if !ran.success {
        let complaint = lightship_net::printable(ran.stderr.trim(), 300);
        return Err(wrong(format!("{program} {}: {complaint}", ran.end)));
    }
    understand(&ran.stdout, names).map_err(wrong)
}

fn understand(answer: &str, names: &Names) -> Result<(Python, Vec<RootPath>), String> {
    let lines: Vec<&str> = answer.lines().take(MOST_LINES).collect();
    let [
        version,
        executable,
        stdlib,
        platstdlib,
        purelib,
        platlib,
        scripts,
        include,
        data,
        sites @ ..,
    ] = &lines[..]
    else {
        return Err(format!("it answered `{}`", lightship_net::printable(answer, 200)));
    };
    let place = |path: &str| {
        let parsed = RootPath::parse(path.as_bytes()).ok().filter(|_| path.starts_with('/'));
        let parsed = parsed.ok_or_else(|| {
            format!("it names the folder `{}`", lightship_net::printable(path, 200))
        })?;
        Ok::<_, String>(names.land(&parsed))
    };
    let mut sites = sites.iter().map(|path| place(path)).collect::<Result<Vec<_>, _>>()?;
    let (purelib, platlib) = (place(purelib)?, place(platlib)?);
    for wanted in [&purelib, &platlib] {
        if !sites.contains(wanted) {
            return Err(format!("it installs into {wanted}, where it does not look"));
        }
    }
    let mut seen = Vec::new();
    sites.retain(|site| {
        !seen.contains(site) && {
            seen.push(site.clone());
            true
        }
    });
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return Err(format!("it says to be `{}`", lightship_net::printable(version, 60)));
    };
    let (stdlib, platstdlib) = (place(stdlib)?, place(platstdlib)?);
    let dynload = platstdlib.join(b"lib-dynload").map_err(|error| error.to_string())?;
    let mut library = vec![stdlib, platstdlib, dynload];
    library.dedup();
    let scheme = Scheme {
        purelib,
        platlib,
        scripts: place(scripts)?,
        headers: place(include)?,
        data: place(data)?,
        interpreter: (*executable).to_owned(),
    };
    let program = names.program(executable).ok_or_else(|| {
        format!(
            "it says to be `{}`, which is no program",
            lightship_net::printable(executable, 200)
        )
    })?;
    let full_version = (*version).to_owned();
    let version = (major, minor);
    Ok((Python { version, full_version, executable: program, library, scheme }, sites))
}
