//! Command lines that make no sense, and exit codes.

use crate::common::TestEnvironment;

#[test]
fn what_is_unknown_or_incomplete_is_usage() {
    let environment = TestEnvironment::new();
    for line in [
        "adit x",
        "audit",
        "audit x --fail-on fatal",
        "audit x --top 0",
        "audit x --platform linux",
        "image",
        "image squash x",
        "image squash x -o y --base b --from-layer abcdef12",
        "image convert x -o y",
        "image convert x -o y --compression zstd --manifest docker",
        "image copy a b --platform linux/amd64 --all-platforms",
        "image rm",
        "image tag app NOT/lower",
        "completions tcsh",
        "--quiet --verbose audit x",
    ] {
        let run = environment.run(line);
        assert_eq!((run.code(), run.stdout.as_str()), (2, ""), "{line}: {}", run.stderr);
        assert!(!run.stderr.is_empty(), "{line}");
    }
}

#[test]
fn complaints_say_what_is_wrong_and_what_is_near() {
    let environment = TestEnvironment::new();
    insta::assert_snapshot!("unknown_command", environment.run("adit app.tar").seen());
    insta::assert_snapshot!(
        "zstd_in_docker",
        environment.run("image convert a -o b --compression zstd --manifest docker").seen()
    );
}

#[test]
fn version_and_help_are_fine() {
    let environment = TestEnvironment::new();
    let version = environment.run("--version");
    assert_eq!(version.code(), 0);
    assert_eq!(version.stdout, format!("lightship {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(environment.run("help image squash").code(), 0);
}
