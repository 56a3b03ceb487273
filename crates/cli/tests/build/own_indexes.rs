//! Requirements files that say themselves where packages are, and sources that look around.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use super::native_source::pack;
use super::stock::{Stocked, own_variable};
use super::{refusal, text};
use crate::common::TestEnvironment;

/// Writes a wheel of one module, which knows its name; beside a page with its digest, if a second word is there.
const WHEEL: &str = r#"
import base64, hashlib, os, sys, zipfile
folder, name = sys.argv[1:3]
os.makedirs(folder, exist_ok=True)
file, info = f"{name}-1.0-py3-none-any.whl", f"{name}-1.0.dist-info"
members = {
    f"{name}.py": f"name = {name!r}\n".encode(),
    f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
    f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
record = ""
for member, data in members.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    record += f"{member},sha256={digest},{len(data)}\n"
members[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
with zipfile.ZipFile(os.path.join(folder, file), "w") as archive:
    for member, data in members.items():
        archive.writestr(member, data)
digest = hashlib.sha256(open(os.path.join(folder, file), "rb").read()).hexdigest()
open(os.path.join(folder, "index.html"), "w").write(f'<a href="{file}#sha256={digest}">{file}</a>\n')
"#;

/// A server of a folder's files, on this machine.
struct Server(Child, String);

impl Server {
    fn of(environment: &TestEnvironment, folder: &Path) -> Self {
        let mut command = environment.command("python3");
        command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]);
        command.arg(folder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split_whitespace().skip_while(|word| *word != "port").nth(1).unwrap();
        Self(child, port.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn their_files_are_found_on_any_machine() {
    let Some(mut stocked) = Stocked::open() else { return };
    let work = stocked.environment.work();
    let wheel = |folder: &str, name: &str| {
        stocked.environment.peer("python3", &["-c", WHEEL, folder, name]);
    };
    wheel("wheels", "lain_beside");
    wheel("index/house-of-tests", "house_of_tests");
    let server = Server::of(&stocked.environment, &work.join("index"));
    let none_for = own_variable("NO_PROXY").map(|hosts| hosts + ",").unwrap_or_default();
    stocked.environment.set("NO_PROXY", &format!("{none_for}127.0.0.1"));
    stocked.environment.set("PASSWORD", "hunter2");
    let environment = &stocked.environment;
    let (home, copy) = (stocked.home(), work.join("elsewhere"));
    let (home, copy) = (home.display().to_string(), copy.display().to_string());
    environment.peer("cp", &["-a", "--reflink=auto", &home, &copy]);

    let project = work.join("own");
    fs::create_dir(&project).unwrap();
    let requirements = format!(
        "--find-links ../wheels\n--extra-index-url http://me:${{PASSWORD}}@127.0.0.1:{}/\nlain-beside\nhouse-of-tests\n",
        server.1
    );
    fs::write(project.join("requirements.txt"), &requirements).unwrap();
    let program =
        "import house_of_tests, lain_beside\nprint(house_of_tests.name, lain_beside.name)\n";
    fs::write(project.join("say.py"), program).unwrap();
    let built = environment.json(0, "build own -t own:v1");
    let run = environment.run("--quiet image run own:v1 -- python3 say.py");
    let said = (run.code(), run.stdout.as_str());
    assert_eq!(said, (0, "house_of_tests lain_beside\n"), "{}", run.stderr);
    let lock = fs::read_to_string(project.join("lightship.lock")).unwrap();
    for secret in ["hunter2", "127.0.0.1", "://"] {
        assert!(!lock.contains(secret), "{lock}");
    }
    assert!(lock.contains("index = \"requirements-1\""), "{lock}");

    // Another machine has this lock and nothing else.
    let there = environment.json(0, "--home elsewhere build own --locked -t own:v1");
    assert_eq!(text(&there, "digest"), text(&built, "digest"));

    let requirements = requirements.replace("PASSWORD", "NO_SUCH");
    fs::write(project.join("requirements.txt"), requirements).unwrap();
    let said = refusal(environment, 3, "build own -t own:v2");
    assert!(said.contains("requirements.txt:2: the environment has no variable NO_SUCH"), "{said}");
}

/// Fails where it finds what it should not, and says so.
const CURIOUS: &str = r#"
import base64, hashlib, os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    assert "NETRC" not in os.environ, "a variable"
    for place in ["/lightship/netrc", os.path.expanduser("~/.netrc"), "/root/.netrc"]:
        assert not os.path.exists(place), place
    info = "curious_of_tests-1.0.dist-info"
    members = {
        "curious_of_tests.py": b"value = 42\n",
        info + "/METADATA": b"Metadata-Version: 2.1\nName: curious_of_tests\nVersion: 1.0\n",
        info + "/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    members[info + "/RECORD"] = (record + info + "/RECORD,,\n").encode()
    with zipfile.ZipFile(os.path.join(folder, "curious_of_tests-1.0-py3-none-any.whl"), "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return "curious_of_tests-1.0-py3-none-any.whl"
"#;

const CURIOUS_PROJECT: &str = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\
    [project]\nname = \"curious_of_tests\"\nversion = \"1.0\"\ndynamic = [\"dependencies\"]\n";

#[test]
fn a_source_that_is_asked_what_it_needs_sees_no_logins_of_the_user() {
    let Some(mut stocked) = Stocked::open() else { return };
    let netrc = stocked.environment.work().join("netrc");
    let own = own_variable("NETRC").and_then(|path| fs::read_to_string(path).ok());
    let more = "machine files.invalid login me password hunter2\n";
    fs::write(&netrc, own.unwrap_or_default() + "\n" + more).unwrap();
    stocked.environment.set("NETRC", netrc.to_str().unwrap());
    let environment = &stocked.environment;
    let files = [("pyproject.toml", CURIOUS_PROJECT), ("backend.py", CURIOUS)];
    pack(
        &environment.work().join("sources/curious_of_tests-1.0.tar.gz"),
        "curious_of_tests-1.0",
        &files,
    );
    let project = environment.work().join("asking");
    fs::create_dir(&project).unwrap();
    let requirements = "--no-index\n--find-links ../sources\ncurious-of-tests\n";
    fs::write(project.join("requirements.txt"), requirements).unwrap();
    fs::write(project.join("say.py"), "import curious_of_tests\nprint(curious_of_tests.value)\n")
        .unwrap();
    let run = environment.run("--quiet lock asking");
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
}
