//! Completions and manual pages, judged by the programs that read them.

use std::fs;
use std::path::PathBuf;

use crate::common::TestEnvironment;

#[test]
fn completions_for_every_shell() {
    let environment = TestEnvironment::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = environment.run(&format!("completions {shell}"));
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
        for word in ["keep-layers", "docker", "squash"] {
            assert!(run.stdout.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn bash_reads_its_completions_and_completes() {
    let environment = TestEnvironment::new();
    let parse = environment.shell("\"$LIGHTSHIP\" completions bash | bash -n");
    assert_eq!((parse.code(), parse.stderr.as_str()), (0, ""));
    let complete = environment.shell(
        "source <(\"$LIGHTSHIP\" completions bash)
         COMP_WORDS=(lightship image sq) COMP_CWORD=2
         _lightship lightship sq image
         echo \"${COMPREPLY[@]}\"",
    );
    assert_eq!(complete.stdout, "squash\n", "{}", complete.stderr);
}

fn pages(environment: &TestEnvironment) -> Vec<PathBuf> {
    let run = environment.run("man deep/pages");
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
    let mut pages: Vec<PathBuf> = fs::read_dir(environment.work().join("deep/pages"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    assert!(run.stdout.starts_with(&format!("{} pages in deep/pages", pages.len())));
    pages
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let environment = TestEnvironment::new();
    let names: Vec<String> = pages(&environment)
        .iter()
        .map(|page| page.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn manual_pages_are_sound() {
    let environment = TestEnvironment::new();
    if !environment.shell("command -v man groff").status.success() {
        eprintln!("skipped: this machine has no man or no groff");
        return;
    }
    for page in pages(&environment) {
        let script = format!("man --warnings -E UTF-8 -l -Tutf8 {} > /dev/null", page.display());
        let run = environment.shell(&script);
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""), "{}", page.display());
    }
}

#[test]
fn pages_that_cannot_be_written_name_the_folder() {
    let environment = TestEnvironment::new();
    fs::write(environment.work().join("file"), "").unwrap();
    let run = environment.run("man file/pages");
    assert_eq!(run.code(), 3);
    insta::assert_snapshot!(run.stderr);
}
