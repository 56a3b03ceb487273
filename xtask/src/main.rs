//! Chores of the workspace, run as `cargo xtask CHORE`. There is one so far: `tidy` holds the whole
//! repository to the house rules that no compiler and no lint knows.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command, not a library")]

mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask tidy    hold the repository to the house rules";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// 0: tidy; 1: something breaks a rule; 3: the repository could not be read.
fn tidy() -> ExitCode {
    let report = match tidy::run() {
        Ok(report) => report,
        Err(error) => {
            eprintln!("tidy: {error}");
            return ExitCode::from(3);
        }
    };
    for violation in &report.violations {
        eprintln!("{violation}");
    }
    for note in &report.notes {
        println!("tidy: {note}");
    }
    if report.violations.is_empty() {
        println!("tidy: {} files, {} crates: all in order", report.files, report.crates);
        ExitCode::SUCCESS
    } else {
        eprintln!("tidy: {} to mend", report.violations.len());
        ExitCode::FAILURE
    }
}
