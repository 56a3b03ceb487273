//! What somebody sees who types `lightship` and nothing else.

use crate::common::TestEnvironment;

#[test]
fn the_first_screen_says_what_to_do() {
    insta::assert_snapshot!(TestEnvironment::new().run("").seen());
}

#[test]
fn it_fits_a_small_terminal_and_needs_no_home() {
    let environment = TestEnvironment::new();
    let run = environment.shell("env -i \"$LIGHTSHIP\"");
    assert_eq!(run.code(), 0);
    assert!(run.stdout.lines().all(|line| line.len() <= 80), "{}", run.stdout);
    assert!(run.stdout.lines().count() <= 24 && !run.stdout.contains('\u{1b}'));
}

#[test]
fn a_terminal_gets_colors_unless_it_is_dumb() {
    let mut environment = TestEnvironment::new();
    if !environment.shell("command -v script").status.success() {
        eprintln!("skipped: this machine has no `script` to make a terminal with");
        return;
    }
    let on_a_terminal = "script --quiet --return --command \"$LIGHTSHIP\" /dev/null";
    environment.set("TERM", "xterm");
    let run = environment.shell(on_a_terminal);
    assert_eq!(run.code(), 0);
    assert!(run.stdout.contains("\u{1b}["), "{}", run.stdout);
    environment.set("TERM", "dumb");
    assert!(!environment.shell(on_a_terminal).stdout.contains('\u{1b}'));
}

#[test]
fn colors_come_on_request_and_go_on_request() {
    let mut environment = TestEnvironment::new();
    let plain = environment.run("").stdout;
    let colored = environment.run("--color always").stdout;
    assert!(colored.contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
    environment.set("CLICOLOR_FORCE", "1");
    assert_eq!(environment.run("").stdout, colored);
    assert_eq!(environment.run("--color=never").stdout, plain);
    environment.set("NO_COLOR", "1");
    assert_eq!(environment.run("").stdout, plain);
}
