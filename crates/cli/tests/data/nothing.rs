//! Where there is nothing, and references that name nothing.

use crate::common::TestEnvironment;

#[test]
fn where_nothing_ran_there_is_nothing() {
    let environment = TestEnvironment::new();
    let home = |line: &str| environment.run(&format!("--quiet --home fresh {line}"));
    for (line, says) in [("artifacts ls", "no artifacts"), ("cache ls", "no results are kept")] {
        let run = home(line);
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""), "{line}");
        assert!(run.stdout.starts_with(says), "{line}: {}", run.stdout);
    }
    assert_eq!(
        home("cache rm --all").stdout,
        "forgot 0 results; the artifacts stay those of their runs\n"
    );
    for (line, says) in [
        ("artifacts show latest/train/model", "there are no runs yet"),
        ("artifacts show churn-1/train/model", "there is no run `churn-1`"),
        ("artifacts show model", "`model` names no artifact"),
        ("artifacts show sha256:12", "`sha256:12` names no artifact"),
        ("artifacts get 0123abcd -o x", "no artifact has a digest that begins with 0123abcd"),
        ("artifacts lineage s3://b/a", "no run made an artifact at s3://b/a"),
        ("artifacts ls --run nothing", "there is no run `nothing`"),
        ("runs compare a b", "there is no run `a`"),
        ("cache rm 0123abcd", "no result is kept whose key begins with 0123abcd"),
    ] {
        let run = home(line);
        assert_eq!((run.code(), run.stdout.as_str()), (2, ""), "{line}: {}", run.stderr);
        assert!(run.stderr.starts_with(&format!("error: {says}")), "{line}: {}", run.stderr);
        assert!(run.stderr.contains("try: "), "{line}: {}", run.stderr);
    }
    for line in ["cache rm", "cache rm --all --pipeline p", "runs compare a", "artifacts get x"] {
        assert_eq!(home(line).code(), 2, "{line}");
    }
}
