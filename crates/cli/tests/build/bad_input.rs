//! Projects, locks and machines that are not as they should be: each is told what is wrong, and nothing is
//! left half done.

use std::fs;

use super::stock::Stocked;
use super::{blob, refusal, spoil, text, wheel, write_project};

#[test]
fn each_mistake_is_told_and_leaves_nothing() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let folder = environment.work().join("bad");
    let fails = |code: i32, requirements: &str, settings: &str, words: &[&str]| {
        write_project(&folder, requirements);
        fs::write(folder.join("lightship.toml"), settings).unwrap();
        let said = refusal(environment, code, "build bad -t bad:v1");
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        assert!(said.lines().count() < 12, "{said}");
        assert!(!folder.join("lightship.lock").exists(), "{said}");
    };
    let unsatisfiable = ["the requirements cannot be met", "six==1.16.0", "six>=1.17"];
    fails(3, "six==1.16.0\nsix>=1.17\n", "", &unsatisfiable);
    let unknown = ["lightship.toml:2", "`verison`", "write `version`"];
    fails(2, "six\n", "[python]\nverison = \"3.11\"\n", &unknown);

    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("pylock.toml"), "lock-version = \"1.0\"\ncreated-by = \"x\"\n").unwrap();
    let other = ["`no-deps` in lightship.toml means nothing", "pylock.toml"];
    fails(2, "six\n", "[python]\nrequirements = [\"pylock.toml\"]\nno-deps = [\"six\"]\n", &other);
    fs::remove_file(folder.join("pylock.toml")).unwrap();

    // No suite has such an old one. What the suite has instead is what its lock says.
    let lock = fs::read_to_string(stocked.project().join("lightship.lock")).unwrap();
    let of_lock = |table: &str, key: &str| {
        let (_, entry) = lock.split_once(&format!("[{table}]\n")).unwrap();
        let line = entry.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).unwrap();
        line.trim_matches('"').to_owned()
    };
    let (suite, python) = (of_lock("suite", "codename"), of_lock("python", "version"));
    let series = python.rsplit_once('.').unwrap().0;
    let settings = format!("[base]\nsuite = \"{suite}\"\n[python]\nversion = \"3.1\"\n");
    let offer = format!("{suite} has {series}");
    fails(2, "six\n", &settings, &["Python 3.1 is in no suite", &offer]);

    let list = environment.json(0, "image ls");
    assert_eq!(list["images"].as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn a_machine_without_archives_is_told_what_to_set() {
    let Some(mut stocked) = Stocked::open() else { return };
    let nothing = stocked.environment.work().join("nothing");
    fs::create_dir(&nothing).unwrap();
    stocked.environment.set("LIGHTSHIP_APT", nothing.to_str().unwrap());
    write_project(&stocked.environment.work().join("new"), "six\n");
    let said = refusal(&stocked.environment, 2, "build new -t new:v1");
    assert!(said.contains("no archive of a distribution is configured"), "{said}");
    assert!(said.contains("LIGHTSHIP_APT"), "{said}");
    // Who has a lock and all that it names needs none.
    let built = stocked.environment.json(0, "build project --locked -t app:v3");
    assert_eq!(text(&built, "digest"), text(&stocked.report, "digest"));
}

#[test]
fn what_does_not_have_its_digest_is_not_built_with() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let lock = stocked.project().join("lightship.lock");
    let right = fs::read_to_string(&lock).unwrap();
    let (file, digits) = wheel(&lock, "six");
    let other =
        format!("{}{}", &digits[..60], if digits.ends_with("0000") { "1111" } else { "0000" });

    fs::write(&lock, right.replace(&digits, &other)).unwrap();
    let wrong = fs::read_to_string(&lock).unwrap();
    let run = environment.run("--quiet build project --locked -t bad:v1");
    assert!(matches!(run.code(), 3 | 4), "{}", run.stderr);
    assert!(run.stderr.starts_with("error: ") && run.stderr.contains(&file), "{}", run.stderr);
    assert_eq!(fs::read_to_string(&lock).unwrap(), wrong, "a locked build mends nothing");
    assert_eq!(environment.run("image validate bad:v1").code(), 3, "nothing half done");
    assert_eq!(environment.run("store verify").code(), 0);
    fs::write(&lock, &right).unwrap();
    let built = environment.json(0, "build project --locked -t app:v1");
    assert_eq!(text(&built, "digest"), text(&stocked.report, "digest"));

    // The same file, spoilt on this machine's disk.
    spoil(&blob(&stocked.home(), &digits));
    stocked.forget_results();
    let run = environment.run("--quiet build project --locked -t app:v1 --compression none");
    assert_eq!(run.code(), 3);
    let told = format!("error: the local store's copy of {file} is damaged\n");
    assert!(run.stderr.starts_with(&told), "{}", run.stderr);
    assert!(run.stderr.contains("store verify --remove-corrupt"), "{}", run.stderr);
    assert_eq!(environment.run("store verify --remove-corrupt").code(), 1);
    environment.json(0, "build project --locked -t app:v4 --compression none");
    let files = environment.json(0, "image diff app:v1 app:v4")["files"]["changes"].clone();
    assert_eq!(files, serde_json::json!([]), "fetched again, the same as before");
}
