//! Every help screen, as a person sees it in 80 columns.

use crate::common::TestEnvironment;

fn help_of(path: &str) -> String {
    let run = TestEnvironment::new().run(&format!("{path} --help"));
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""), "{path}");
    run.stdout
}

#[test]
fn long_help() {
    insta::assert_snapshot!("lightship", help_of(""));
    for path in [
        "audit",
        "build",
        "lock",
        "vendor",
        "init",
        "verify",
        "sbom",
        "image",
        "image history",
        "image diff",
        "image squash",
        "image convert",
        "image validate",
        "image copy",
        "image pull",
        "image push",
        "image save",
        "image load",
        "image ls",
        "image rm",
        "image tag",
        "runs",
        "runs ls",
        "runs show",
        "runs logs",
        "runs graph",
        "runs cancel",
        "runs rerun",
        "runs rm",
        "store",
        "store df",
        "store gc",
        "store verify",
        "artifacts",
        "artifacts ls",
        "artifacts show",
        "artifacts get",
        "artifacts lineage",
        "cache",
        "cache ls",
        "cache rm",
        "runs compare",
        "completions",
        "man",
    ] {
        insta::assert_snapshot!(path.replace(' ', "_"), help_of(path));
    }
}

#[test]
fn short_help_fits_one_screen() {
    let environment = TestEnvironment::new();
    for path in ["", "audit", "image", "image squash", "image copy", "runs", "store gc"] {
        let run = environment.run(&format!("{path} -h"));
        assert_eq!(run.code(), 0);
        assert!(run.stdout.lines().count() <= 50, "{path}: {}", run.stdout.lines().count());
        assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    }
    insta::assert_snapshot!("short_audit", environment.run("audit -h").stdout);
}

#[test]
fn the_table_of_exit_codes_and_the_references_are_in_help() {
    let help = help_of("");
    for word in
        ["Exit codes:", "125-127", "70", "References:", "docker-archive:", "SOURCE_DATE_EPOCH"]
    {
        assert!(help.contains(word), "{word} in {help}");
    }
}
