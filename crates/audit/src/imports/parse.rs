//! One file: from its text to its imports.

use ruff_python_ast::PySourceType;
use ruff_python_parser::parse_unchecked_source;

use super::visit::{Collector, Found};
use super::{Import, MAX_FILE_BYTES, Place, SourceFile, Statement};

/// The imports of one file from elsewhere, or why they are not known.
pub(super) fn imports(file: &SourceFile) -> Result<Vec<Import>, String> {
    if file.text.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it has more than {MAX_FILE_BYTES} bytes"));
    }
    let lines = Lines::of(&file.text);
    // Relative ones lead to the project's own modules.
    let elsewhere = collect(&file.text)?.into_iter().filter(|found| found.level == 0);
    let placed = elsewhere.map(|found| Import {
        module: found.module,
        names: found.names,
        place: Place { file: file.path.clone(), line: lines.number(found.offset) },
        guard: found.guard,
        in_function: found.in_function,
    });
    Ok(placed.collect())
}

/// The imports of one text, relative ones too.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, String> {
    let statements = collect(text)?.into_iter().map(|found| Statement {
        level: found.level,
        module: found.module,
        names: found.names,
        guard: found.guard,
        in_function: found.in_function,
    });
    Ok(statements.collect())
}

fn collect(text: &str) -> Result<Vec<Found>, String> {
    if formatted_strings(text) > MAX_FORMATTED_STRINGS {
        return Err(format!("it has more than {MAX_FORMATTED_STRINGS} formatted strings"));
    }
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    if let Some(error) = parsed.errors().first() {
        let line = Lines::of(text).number(error.location.start().to_u32());
        return Err(format!("line {line} is no Python 3: {}", error.error));
    }
    let mut collector = Collector::default();
    collector.visit(&parsed.syntax().body);
    Ok(collector.found)
}

/// So many formatted strings are let through: nested in each other, the parser's time grows with the
/// square of their number.
const MAX_FORMATTED_STRINGS: usize = 3_000;

/// At least as many as there are: quotes after a letter that can stand before a formatted string.
fn formatted_strings(text: &str) -> usize {
    let starts = |three: &&[u8]| {
        matches!(
            three,
            [_, b'f' | b'F' | b't' | b'T', b'"' | b'\'']
                | [b'f' | b'F' | b't' | b'T', b'r' | b'R', b'"' | b'\'']
        )
    };
    text.as_bytes().windows(3).filter(starts).count()
}

/// Where lines begin.
struct Lines(Vec<u32>);

impl Lines {
    fn of(text: &str) -> Self {
        let starts = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        Self(std::iter::once(0).chain(starts).collect())
    }

    /// The number, from 1, of the line that holds this byte.
    fn number(&self, offset: u32) -> u32 {
        let line = self.0.partition_point(|start| *start <= offset);
        u32::try_from(line).expect("a file of at most MAX_FILE_BYTES has fewer lines")
    }
}
