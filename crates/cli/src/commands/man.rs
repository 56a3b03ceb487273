//! `lightship man`: one manual page per command, made from the definitions.

use std::fs;
use std::io::{self, Write as _};

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::args::{self, Body, ManArgs, PROGRAM, Section};

use super::{Context, Error, Outcome};

/// Pages are wrapped by whoever shows them.
const UNWRAPPED: usize = 0;

pub(super) fn run(arguments: &ManArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let dir = &arguments.dir;
    fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    let pages = pages().map_err(Error::Output)?;
    for (name, bytes) in &pages {
        let path = dir.join(name);
        fs::write(&path, bytes).map_err(Error::io("write", &path))?;
    }
    if !context.global.quiet {
        let (count, dir) = (pages.len(), dir.display());
        writeln!(context.terminal.out, "{count} pages in {dir}; see `man -l {dir}/{PROGRAM}.1`")?;
    }
    Ok(Outcome::Fine)
}

/// File names and contents.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut root = args::command(UNWRAPPED);
    root.build();
    let mut pages = Vec::new();
    collect(&root, "", &mut pages)?;
    Ok(pages)
}

fn collect(
    command: &clap::Command,
    path: &str,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> io::Result<()> {
    pages.push(page(command, path)?);
    // `help` repeats the tree; `man` has a way of its own to find a page.
    let inner = command.get_subcommands().filter(|inner| inner.get_name() != "help");
    for command in inner.filter(|inner| !inner.is_hide_set()) {
        let deeper = format!("{path} {}", command.get_name());
        collect(command, deeper.trim_start(), pages)?;
    }
    Ok(())
}

fn page(command: &clap::Command, path: &str) -> io::Result<(String, Vec<u8>)> {
    let man = Man::new(command.clone())
        .source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")))
        .manual("Lightship Manual");
    let mut bytes = Vec::new();
    man.render_title(&mut bytes)?;
    man.render_name_section(&mut bytes)?;
    man.render_synopsis_section(&mut bytes)?;
    man.render_description_section(&mut bytes)?;
    man.render_options_section(&mut bytes)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut bytes)?;
    }
    let mut roff = Roff::new();
    for section in args::sections(path) {
        write_section(&mut roff, &section);
    }
    see_also(&mut roff, path);
    roff.to_writer(&mut bytes)?;
    Ok((man.get_filename(), bytes))
}

fn write_section(roff: &mut Roff, section: &Section) {
    // The heading that manual pages have for it.
    let title = match section.title {
        "Exit codes" => "EXIT STATUS".to_owned(),
        title => title.to_uppercase(),
    };
    roff.control("SH", [title.as_str()]);
    match &section.body {
        Body::Examples(examples) => {
            for example in *examples {
                roff.control("TP", []);
                roff.text([bold(example.line)]);
                roff.text([roman(example.says)]);
            }
        }
        Body::Terms { rows, remark } => {
            for (word, meaning) in rows {
                roff.control("TP", []);
                roff.text([bold(word)]);
                roff.text([roman(meaning)]);
            }
            if let Some(remark) = remark {
                roff.control("PP", []);
                roff.text([roman(*remark)]);
            }
        }
    }
}

/// The page one level up, where the rest is found.
fn see_also(roff: &mut Roff, path: &str) {
    let above = match path.rsplit_once(' ') {
        _ if path.is_empty() => return,
        Some((above, _)) => format!("{PROGRAM}-{}", above.replace(' ', "-")),
        None => PROGRAM.to_owned(),
    };
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold(above), roman("(1)")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_sections() {
        let pages = pages().unwrap();
        let text = |name: &str| {
            let page = pages.iter().find(|page| page.0 == name);
            let (_, bytes) = page.unwrap_or_else(|| panic!("no {name} in {pages:?}"));
            String::from_utf8(bytes.clone()).unwrap()
        };
        assert!(pages.len() > 20);
        let root = text("lightship.1");
        for heading in ["EXAMPLES", "REFERENCES", "\"EXIT STATUS\"", "ENVIRONMENT"] {
            assert!(root.contains(&format!(".SH {heading}\n")), "{heading} in {root}");
        }
        let squash = text("lightship-image-squash.1");
        assert!(squash.contains("keep\\-layers") && squash.contains("lightship\\-image"));
        assert!(!squash.contains('\u{1b}'));
        assert!(pages.iter().all(|page| !page.0.contains("help")));
    }
}
