//! Settings of pip and uv, from files and variables of our own.

use lightship_packages::fetch::Logins as _;

use super::*;

struct Machine(tempfile::TempDir);

impl Machine {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn read(&self, variables: &[(&str, &str)]) -> PythonSettings {
        let home = self.0.path().join("home");
        let mut all = vec![("HOME", home.to_str().unwrap())];
        all.extend(variables);
        let environment = Environment::made_of(all, "/srv/project");
        PythonSettings::read(&environment, Some(&self.0.path().join("project"))).unwrap()
    }
}

/// Indexes that are not this machine's own.
fn told(settings: &PythonSettings) -> Vec<String> {
    settings.indexes.iter().map(|index| format!("{index:?}")).collect()
}

fn login(settings: &PythonSettings, url: &str) -> Option<String> {
    use base64::Engine as _;
    let secret = settings.logins.for_url(&url.parse().unwrap())?;
    let encoded = secret.expose().strip_prefix("Basic ")?.to_owned();
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    Some(String::from_utf8(bytes).unwrap())
}

#[test]
fn uv_goes_before_pip_and_variables_before_files() {
    let machine = Machine::new(&[
        (
            "home/.config/pip/pip.conf",
            "[global]\nindex-url = http://pip-user.invalid/simple\nextra-index-url =\n    http://a.invalid\n    http://b.invalid\n[list]\nindex-url = http://not.invalid\n",
        ),
        ("home/.pip/pip.conf", "[install]\nfind_links = wheels http://page.invalid/links\n"),
        (
            "home/.config/uv/uv.toml",
            "[[index]]\nname = \"corp\"\nurl = \"http://corp.invalid/simple\"\n[[index]]\nurl = \"http://uv-default.invalid\"\ndefault = true\n",
        ),
        (
            "project/pyproject.toml",
            "[[tool.uv.index]]\nname = \"cpu\"\nurl = \"http://cpu.invalid\"\nexplicit = true\n",
        ),
    ]);
    let home = machine.0.path().join("home");
    let wheels = format!("links-1 (Extra, {})", home.join(".pip/wheels").display());
    let expected = [
        "cpu (Named, http://cpu.invalid/)",
        "corp (Extra, http://corp.invalid/simple)",
        "extra-1 (Extra, http://a.invalid/)",
        "extra-2 (Extra, http://b.invalid/)",
        &wheels,
        "links-2 (Extra, http://page.invalid/links)",
        "default (Default, http://uv-default.invalid/)",
    ];
    assert_eq!(told(&machine.read(&[])), expected);
    let settings = machine.read(&[
        ("UV_DEFAULT_INDEX", "house=http://first.invalid/simple"),
        ("PIP_INDEX_URL", "http://pip.invalid/simple"),
        ("UV_INDEX", "corp=http://other.invalid http://a.invalid"),
    ]);
    let told = told(&settings);
    assert_eq!(
        told[..2],
        ["corp (Extra, http://other.invalid/)", "extra-1 (Extra, http://a.invalid/)"]
    );
    assert_eq!(told.last().unwrap(), "house (Default, http://first.invalid/simple)");
    assert_eq!(settings.default_index().unwrap().label, "house");
}

#[test]
fn the_projects_own_indexes_go_first() {
    let machine = Machine::new(&[]);
    let settings =
        machine.read(&[("PIP_INDEX_URL", "http://pip.invalid/simple"), ("PIP_FIND_LINKS", "here")]);
    let url = |text: &str| Place::Repository(text.parse().unwrap());
    let first = vec![
        Index::new("default", url("http://ours.invalid"), Role::Default),
        Index::new("gpu", url("http://gpu.invalid"), Role::Named),
    ];
    assert_eq!(
        told(&settings.with_first(first)),
        [
            "gpu (Named, http://gpu.invalid/)",
            "links-1 (Extra, /srv/project/here)",
            "default (Default, http://ours.invalid/)"
        ]
    );
}

#[test]
fn logins_are_for_their_servers_and_never_shown() {
    let machine = Machine::new(&[(
        "home/.netrc",
        "# ours\nmachine files.invalid login me password hunter2\nmacdef init\n machine evil.invalid login x password y\n\nmachine quoted.invalid login \"a b\" password #5\n",
    )]);
    let settings = machine.read(&[
        ("UV_INDEX", "My-Corp=http://corp.invalid:8080/simple"),
        ("UV_INDEX_MY_CORP_USERNAME", "robot"),
        ("UV_INDEX_MY_CORP_PASSWORD", "hunter2"),
        ("PIP_INDEX_URL", "https://user:hunter2%40@pip.invalid/simple"),
    ]);
    assert_eq!(login(&settings, "https://pip.invalid/files/x").unwrap(), "user:hunter2@");
    assert_eq!(login(&settings, "http://corp.invalid:8080/x").unwrap(), "robot:hunter2");
    assert_eq!(login(&settings, "https://files.invalid/x").unwrap(), "me:hunter2");
    assert_eq!(login(&settings, "https://quoted.invalid/x").unwrap(), "a b:#5");
    for other in ["http://pip.invalid/x", "http://corp.invalid/x", "https://evil.invalid/x"] {
        assert_eq!(login(&settings, other), None, "{other}");
    }
    assert!(!format!("{settings:?}").contains("hunter2"));
    let named = "https://me:hunter3@named.invalid/simple".parse().unwrap();
    let named = Index::new("requirements-1", Place::Repository(named), Role::Extra);
    let settings = settings.with_logins_of(&[named]);
    assert_eq!(login(&settings, "https://named.invalid/files/x").unwrap(), "me:hunter3");
}

#[test]
fn a_malformed_file_is_named() {
    let machine = Machine::new(&[("home/.config/uv/uv.toml", "[[index]\n")]);
    let home = machine.0.path().join("home");
    let environment = Environment::made_of([("HOME", home.to_str().unwrap())], "/");
    let error = PythonSettings::read(&environment, None).unwrap_err().to_string();
    assert!(error.contains("uv.toml"), "{error}");
}
