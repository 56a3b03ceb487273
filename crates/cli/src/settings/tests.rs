//! Settings out of made-up environments.

use super::*;
use crate::render::Glyphs;

fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::read(&Environment::made_of(variables.iter().copied(), "/place"), None)
}

fn terminal(variables: &[(&str, &str)]) -> TerminalSettings {
    TerminalSettings::read(&Environment::made_of(variables.iter().copied(), "/place"))
}

#[test]
fn the_store_is_where_the_most_particular_wish_says() {
    let home = |variables: &[(&str, &str)]| read(variables).unwrap().home;
    let mut variables = vec![("HOME", "/home/ada")];
    assert_eq!(home(&variables), Path::new("/home/ada/.local/share/lightship"));
    variables.push(("XDG_DATA_HOME", "/data"));
    assert_eq!(home(&variables), Path::new("/data/lightship"));
    variables.push(("LIGHTSHIP_HOME", "here"));
    assert_eq!(home(&variables), Path::new("/place/here"));
    let environment = Environment::made_of(variables, "/place");
    let wished = Settings::read(&environment, Some(Path::new("/there"))).unwrap();
    assert_eq!(wished.home, Path::new("/there"));
    assert_eq!(wished.temporary, Path::new("/there/tmp"));
}

#[test]
fn a_relative_xdg_folder_is_ignored_and_an_empty_variable_is_not_set() {
    let odd = [("HOME", "/h"), ("XDG_DATA_HOME", "data"), ("LIGHTSHIP_HOME", "")];
    assert_eq!(read(&odd).unwrap().home, Path::new("/h/.local/share/lightship"));
    assert!(matches!(read(&[]), Err(SettingsError::NoHome)));
}

#[test]
fn a_named_file_of_credentials_is_the_only_one() {
    let files = |variables: &[(&str, &str)]| -> Vec<(String, Presence)> {
        let settings = read(variables).unwrap();
        let pair = |file: CredentialFile| (file.path.display().to_string(), file.presence);
        settings.credential_files.into_iter().map(pair).collect()
    };
    let mut variables = vec![("HOME", "/h"), ("XDG_RUNTIME_DIR", "/run/user/1")];
    let usual = [
        "/run/user/1/containers/auth.json",
        "/h/.config/containers/auth.json",
        "/h/.docker/config.json",
    ];
    let usual = usual.map(|path| (path.to_owned(), Presence::Optional));
    assert_eq!(files(&variables), usual);
    variables.push(("DOCKER_CONFIG", "/d"));
    assert_eq!(files(&variables), [("/d/config.json".to_owned(), Presence::Optional)]);
    variables.push(("REGISTRY_AUTH_FILE", "auth.json"));
    assert_eq!(files(&variables), [("/place/auth.json".to_owned(), Presence::Required)]);
}

#[test]
fn a_login_is_for_one_registry_and_stays_secret() {
    let place = ("LIGHTSHIP_REGISTRY", "registry.example:5000");
    let name = ("LIGHTSHIP_REGISTRY_USERNAME", "ada");
    let word = ("LIGHTSHIP_REGISTRY_PASSWORD", "analytical");
    let proxy = ("https_proxy", "http://ada:analytical@proxy:3128");
    let settings = read(&[("HOME", "/h"), place, name, word, proxy]).unwrap();
    let notes = notes(&settings);
    assert!(notes.contains("as ada") && notes.contains("https addresses"), "{notes}");
    assert!(!format!("{settings:?}{notes}").contains("analytical"));
    let login = settings.login.unwrap();
    assert_eq!((login.registry.as_str(), login.password.reveal()), (place.1, "analytical"));
    for parts in [vec![place], vec![name], vec![word], vec![name, word], vec![place, name]] {
        let error = read(&[vec![("HOME", "/h")], parts].concat()).unwrap_err();
        assert!(matches!(error, SettingsError::PartOfALogin { .. }));
        assert_eq!((error.category(), error.hints().len()), (Category::Usage, 1));
    }
    let environment = Environment::made_of([word], "/place");
    assert!(!format!("{environment:?}").contains("analytical"));
}

#[test]
fn small_letters_win_for_proxies() {
    let both = [("HOME", "/h"), ("http_proxy", "http://small"), ("HTTP_PROXY", "http://large")];
    let proxies = read(&both).unwrap().proxies;
    assert_eq!(proxies.http.unwrap().reveal(), "http://small");
    assert_eq!((proxies.https, proxies.none_for), (None, None));
}

#[test]
fn numbers_are_checked() {
    let with = |name, value| read(&[("HOME", "/h"), (name, value)]);
    assert_eq!(with("LIGHTSHIP_JOBS", "3").unwrap().jobs.unwrap().get(), 3);
    let epoch = with("SOURCE_DATE_EPOCH", "1700000000").unwrap();
    assert_eq!(epoch.clock().now().as_second(), 1_700_000_000);
    for (name, value) in [
        ("LIGHTSHIP_JOBS", "0"),
        ("LIGHTSHIP_JOBS", "many"),
        ("SOURCE_DATE_EPOCH", "-1"),
        ("SOURCE_DATE_EPOCH", "9999999999999999"),
        ("SOURCE_DATE_EPOCH", "2024-01-01"),
    ] {
        let error = with(name, value).unwrap_err();
        assert!(error.to_string().starts_with(name), "{error}");
        assert_eq!(error.category(), Category::Usage);
    }
}

#[test]
fn colors_and_glyphs_follow_the_conventions() {
    assert_eq!(terminal(&[]).color, None);
    assert_eq!(terminal(&[("CLICOLOR_FORCE", "1")]).color, Some(true));
    assert_eq!(terminal(&[("CLICOLOR_FORCE", "0")]).color, None);
    assert_eq!(terminal(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).color, Some(false));
    assert!(terminal(&[("TERM", "dumb")]).dumb && !terminal(&[("TERM", "xterm")]).dumb);
    assert_eq!(terminal(&[("LANG", "de_DE.UTF-8")]).glyphs, Glyphs::Unicode);
    assert_eq!(terminal(&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")]).glyphs, Glyphs::Ascii);
    assert_eq!(terminal(&[("COLUMNS", "132")]).columns, Some(132));
    assert_eq!(terminal(&[("COLUMNS", "0")]).columns, None);
}

#[test]
fn every_variable_is_in_the_table_once() {
    let mut names = Variable::ALL.map(Variable::name).to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Variable::ALL.len());
    // `VirtualEnv` is the last of the enum, so nothing is missing from the table.
    assert_eq!(Variable::VirtualEnv as usize + 1, Variable::ALL.len());
}

#[test]
fn named_certificates_that_are_missing_are_a_problem_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.pem");
    let settings = read(&[("HOME", "/h"), ("SSL_CERT_FILE", file.to_str().unwrap())]).unwrap();
    let certificates = settings.certificates.load();
    assert!(certificates.der.is_empty());
    assert!(certificates.problems.iter().any(|p| p.contains("none.pem")), "{certificates:?}");
    assert_eq!(read(&[("HOME", "/h")]).unwrap().certificates, CertificateSource::Machine);
}
