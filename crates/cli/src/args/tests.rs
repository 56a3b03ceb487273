//! The definitions agree with themselves, and every example can be typed.

use super::*;

fn parse_line(line: &str) -> Result<Cli, clap::Error> {
    // What the shell would take for itself.
    let words = line.split_whitespace().take_while(|word| *word != ">");
    parse(words.map(OsString::from).collect(), 80)
}

fn image(line: &str) -> ImageCommand {
    match parse_line(line).unwrap().command {
        Some(Command::Image(command)) => command,
        other => panic!("no image command: {other:?}"),
    }
}

fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let deeper = format!("{path} {}", inner.get_name()).trim_start().to_owned();
        if inner.has_subcommands() {
            leaves(inner, &deeper, found);
        } else {
            found.push(deeper);
        }
    }
}

#[test]
fn the_definitions_are_consistent() {
    command(80).debug_assert();
}

#[test]
fn every_command_has_examples_and_every_example_parses() {
    let mut paths = vec![String::new()];
    leaves(&Cli::command(), "", &mut paths);
    assert!(paths.len() > 15, "{paths:?}");
    for path in paths {
        let sections = sections(&path);
        let Some(Section { body: help::Body::Examples(examples), .. }) = sections.first() else {
            panic!("`{path}` has no examples")
        };
        for example in *examples {
            assert!(example.line.starts_with(format!("{PROGRAM} {path}").trim_end()));
            assert!(example.line.len() <= 78 && example.says.len() <= 76, "{}", example.line);
            parse_line(example.line).unwrap_or_else(|error| panic!("{}: {error}", example.line));
        }
    }
}

#[test]
fn a_squash_keeps_one_thing() {
    let keep = |options: &str| match image(&format!("lightship image squash a -o b {options}")) {
        ImageCommand::Squash(squash) => squash.keep.wish(),
        other => panic!("no squash: {other:?}"),
    };
    assert_eq!(keep(""), Keep::DetectedBase);
    assert_eq!(keep("--base c"), Keep::Base("c".to_owned()));
    assert_eq!(keep("--keep-layers 0"), Keep::Lowest(0));
    assert_eq!(keep("--from-layer sha256:abcdef"), Keep::Below("abcdef".parse().unwrap()));
    let two = parse_line("lightship image squash a -o b --base c --keep-layers 1").unwrap_err();
    assert_eq!(two.kind(), ErrorKind::ArgumentConflict);
}

#[test]
fn platforms_are_one_all_or_the_hosts() {
    let wish = |options: &str| match image(&format!("lightship image copy a b {options}")) {
        ImageCommand::Copy(copy) => copy.platforms.wish(),
        other => panic!("no copy: {other:?}"),
    };
    assert_eq!(wish(""), PlatformWish::Host);
    assert_eq!(wish("--all-platforms"), PlatformWish::All);
    let arm = "linux/arm64".parse().unwrap();
    assert_eq!(wish("--platform linux/arm64"), PlatformWish::Only(arm));
    assert!(parse_line("lightship image copy a b --all-platforms --platform linux/arm64").is_err());
}

#[test]
fn docker_has_no_zstd() {
    let line = "lightship image convert a -o b --manifest docker --compression";
    assert!(parse_line(&format!("{line} gzip")).is_ok());
    let refused = parse_line(&format!("{line} zstd:3")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ArgumentConflict);
    assert!(refused.to_string().contains("lightship image convert"), "{refused}");
    assert!(parse_line("lightship image convert a -o b").is_err(), "nothing to convert");
}

#[test]
fn a_docker_archive_holds_one_platform() {
    let line = "lightship image save app -o app.tar --all-platforms --archive-format";
    assert!(parse_line(&format!("{line} oci")).is_ok());
    let refused = parse_line(&format!("{line} docker")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ArgumentConflict);
}

#[test]
fn top_is_a_number_or_all() {
    assert_eq!("all".parse(), Ok(Top::All));
    assert!("0".parse::<Top>().is_err() && "-1".parse::<Top>().is_err());
    let rows = [1, 2, 3];
    assert_eq!(Top::All.of(&rows), (&rows[..], 0));
    assert_eq!("2".parse::<Top>().unwrap().of(&rows), (&rows[..2], 1));
    assert_eq!(Top::default().of(&rows), (&rows[..], 0));
}

#[test]
fn a_layer_is_named_by_the_beginning_of_its_digest() {
    let layer: LayerId = "3f29a1c0b77e".parse().unwrap();
    assert!(layer.is_start_of(&format!("3f29a1c0b77e{}", "0".repeat(52))));
    assert!(!layer.is_start_of(&"0".repeat(64)));
    for text in ["", "3f29", "3F29A1C0", "latest", "sha256:"] {
        assert!(text.parse::<LayerId>().is_err(), "{text}");
    }
}

#[test]
fn color_is_known_before_parsing() {
    let wish =
        |line: &str| color_wish(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>());
    assert_eq!(wish("lightship audit x --color never"), ColorWish::Never);
    assert_eq!(wish("lightship --color=always audit"), ColorWish::Always);
    assert_eq!(wish("lightship --color sometimes"), ColorWish::Auto);
    assert_eq!(wish("lightship -- --color never"), ColorWish::Auto);
    assert_eq!(wish("lightship --colors never"), ColorWish::Auto);
}

#[test]
fn the_words_for_severities_are_those_of_policy() {
    for word in ["info", "warning", "error"] {
        let cli = parse_line(&format!("lightship audit x --fail-on {word}")).unwrap();
        let Some(Command::Audit(audit)) = cli.command else { panic!("no audit") };
        assert_eq!(audit.fail_on.unwrap().to_string(), word);
    }
}
