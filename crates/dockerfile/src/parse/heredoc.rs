//! Which texts follow an instruction. *`BuildKit`, `heredocsFromLine`*.

use super::words;
use crate::instruction::{Form, Heredoc, Instruction, Kind};

/// The heredocs that an instruction announces, in order, still without their lines.
pub(super) fn announced(instruction: &Instruction, escape: char) -> Vec<Heredoc> {
    let kind = match &instruction.kind {
        Kind::Onbuild(inner) => &inner.kind,
        kind => kind,
    };
    match kind {
        Kind::Run(Form::Shell(line)) => {
            let words = words::split(line, escape);
            words.iter().filter_map(|word| read(word, escape)).collect()
        }
        Kind::Copy(transfer) | Kind::Add(transfer) => {
            transfer.sources.iter().filter_map(|word| read(word, escape)).collect()
        }
        Kind::Run(Form::Exec(_))
        | Kind::From { .. }
        | Kind::Arg(_)
        | Kind::Env(_)
        | Kind::Label(_)
        | Kind::Cmd(_)
        | Kind::Entrypoint(_)
        | Kind::Shell(_)
        | Kind::Workdir(_)
        | Kind::User(_)
        | Kind::StopSignal(_)
        | Kind::Maintainer(_)
        | Kind::Expose(_)
        | Kind::Volume(_)
        | Kind::Healthcheck(_)
        | Kind::Onbuild(_) => Vec::new(),
    }
}

/// `3<<-"NAME"`.
fn read(word: &str, escape: char) -> Option<Heredoc> {
    let (descriptor, rest) = word.split_once("<<")?;
    if !descriptor.bytes().all(|b| b.is_ascii_digit()) || rest.contains('<') {
        return None;
    }
    let (chomp, written) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (name, length) = words::unquoted(written, escape)?;
    if name.is_empty() || length < written.len() {
        return None;
    }
    let expand = name == written;
    let descriptor = descriptor.parse().ok();
    Some(Heredoc { name, descriptor, expand, chomp, content: String::new() })
}
