//! What help says beyond the options: examples, references, exit codes, environment.
//!
//! Kept as data, because two very different writers show it: `--help` (here) and the manual pages
//! (`commands::man`).

mod examples;

use std::fmt::Write as _;

use clap::builder::StyledStr;

use crate::exit_code::ExitCode;
use crate::render::style;
use crate::settings::Variable;

pub use examples::Example;

/// Examples come before the options: they are what most people came for. Clap calls what is shown
/// there `before-help`.
pub(super) const TEMPLATE: &str = "\
{about-with-newline}
{usage-heading} {usage}

{before-help}{all-args}{after-help}";

/// A headed part of a command's help.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its heading, such as `Examples`.
    pub title: &'static str,
    /// What is in it.
    pub body: Body,
}

/// What is in a section.
#[derive(Debug, Clone)]
pub enum Body {
    /// Command lines, each with what it is for.
    Examples(&'static [Example]),
    /// Words and what they mean, and perhaps a closing remark.
    Terms {
        /// Word and meaning.
        rows: Vec<(String, String)>,
        /// One paragraph.
        remark: Option<&'static str>,
    },
}

/// The sections of the command at `path` (`""` for the program itself, else such as
/// `image history`), in the order in which they are shown.
pub fn sections(path: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    if let Some(page) = examples::page(path) {
        sections.push(Section { title: "Examples", body: Body::Examples(page.examples) });
        if page.takes_references {
            sections.push(references());
        }
    }
    if path.is_empty() {
        sections.extend([exit_codes(), environment()]);
    }
    sections
}

/// Adds the sections to every command: examples to `-h`, all of them to `--help`.
pub(super) fn attach(command: clap::Command) -> clap::Command {
    attach_at(command, "")
}

fn attach_at(command: clap::Command, path: &str) -> clap::Command {
    let sections = sections(path);
    let command = command.mut_subcommands(|inner| {
        let deeper = format!("{path} {}", inner.get_name());
        attach_at(inner, deeper.trim_start())
    });
    let command = command.help_template(TEMPLATE);
    let Some((examples, rest)) = sections.split_first() else { return command };
    let command = command.before_help(StyledStr::from(in_terminal(examples).trim_end().to_owned()));
    if rest.is_empty() {
        return command;
    }
    let long = rest.iter().map(in_terminal).collect::<Vec<_>>().join("\n");
    command.after_help(remainder(rest)).after_long_help(StyledStr::from(long))
}

/// What `-h` leaves out.
fn remainder(rest: &[Section]) -> String {
    let titles: Vec<String> = rest.iter().map(|section| section.title.to_lowercase()).collect();
    format!("`--help` says more about options, and explains {}.", titles.join(", "))
}

/// How a person writes an image down: the one place that explains it.
fn references() -> Section {
    let rows = [
        ("oci:DIR[:TAG]", "an OCI image layout in a folder"),
        ("oci-archive:FILE[:TAG]", "an OCI image layout in one tar file"),
        ("docker-archive:FILE[:NAME:TAG]", "what `docker save` writes, today and long ago"),
        ("docker://REGISTRY/NAME[:TAG|@DIGEST]", "an image in a registry"),
        ("store:NAME[:TAG]", "an image in the local store"),
        ("store:sha256:DIGITS", "the same by the beginning of its digest, at least 6 digits"),
        (
            "anything else",
            "a path if it looks like one (./x, /x, x/); else a name in the local store if there \
             is such a one, or a path if something is there",
        ),
    ];
    let rows = rows.map(|(word, meaning)| (word.to_owned(), meaning.to_owned())).to_vec();
    let remark = "A folder with an `oci-layout` file is an image, any other folder is a project. \
                  Which archive a file is, and how layers are compressed, is read from the bytes.";
    Section { title: "References", body: Body::Terms { rows, remark: Some(remark) } }
}

fn exit_codes() -> Section {
    let rows = ExitCode::rows()
        .into_iter()
        .map(|(number, meaning)| (number, meaning.to_owned()))
        .collect();
    Section { title: "Exit codes", body: Body::Terms { rows, remark: None } }
}

fn environment() -> Section {
    let rows = Variable::ALL
        .into_iter()
        .filter_map(|variable| Some((variable.name().to_owned(), variable.meaning()?.to_owned())))
        .collect();
    Section { title: "Environment", body: Body::Terms { rows, remark: None } }
}

fn in_terminal(section: &Section) -> String {
    let heading = style::HEADING;
    let mut text = format!("{heading}{}:{heading:#}\n", section.title);
    match &section.body {
        Body::Examples(examples) => {
            let (dim, code) = (style::DIM, style::CODE);
            for example in *examples {
                let Example { line, says } = example;
                let _ = writeln!(text, "  {dim}# {says}{dim:#}\n  {code}{line}{code:#}");
            }
        }
        Body::Terms { rows, remark } => {
            terms(rows, &mut text);
            if let Some(remark) = remark {
                let _ = writeln!(text, "\n  {remark}");
            }
        }
    }
    text
}

/// Short words stand beside their meaning, long ones above it.
fn terms(rows: &[(String, String)], text: &mut String) {
    const BESIDE: usize = 12;
    let code = style::CODE;
    let widest = rows.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
    for (word, meaning) in rows {
        let _ = if widest <= BESIDE {
            writeln!(text, "  {code}{word:>widest$}{code:#}  {meaning}")
        } else {
            writeln!(text, "  {code}{word}{code:#}\n          {meaning}")
        };
    }
}
