//! In which order apt tries the packages that would do for one alternative (2.6, `CompareProviders`).

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use memchr::memmem;

use crate::apt::index::{Index, Package, RecordId};

/// Fields in which names stand, in the order in which apt reads them.
const FIELDS: [&str; 10] = [
    "Package",
    "Pre-Depends",
    "Depends",
    "Conflicts",
    "Breaks",
    "Recommends",
    "Suggests",
    "Replaces",
    "Enhances",
    "Provides",
];

/// Where a name stands first: text, paragraph, field, place in it.
type Mention = (usize, usize, usize, usize);

/// Remembers what was looked up.
#[derive(Default)]
pub(super) struct Order {
    mentions: HashMap<RecordId, Option<Mention>>,
}

impl Order {
    /// Sorts the packages that would do for `target`.
    pub(super) fn sort(
        &mut self,
        index: &Index,
        target: &str,
        packages: &mut Vec<RecordId>,
        protected: impl Fn(RecordId) -> bool,
    ) {
        let rank = |id: RecordId| {
            let package = index.package(id);
            (
                !protected(id),
                package.name() != target,
                !package.is_essential(),
                !package.is_protected(),
                package.priority(),
            )
        };
        let mut ranked: Vec<_> = packages.iter().map(|id| (rank(*id), *id)).collect();
        ranked.sort_by(|(a, one), (b, other)| {
            a.cmp(b).then_with(|| self.later_mention(index, *one, *other))
        });
        *packages = ranked.into_iter().map(|(_, id)| id).collect();
    }

    /// Where nothing else decides, apt takes the one whose name it met last while it read the indexes.
    fn later_mention(&mut self, index: &Index, one: RecordId, other: RecordId) -> Ordering {
        Reverse(self.mention(index, one)).cmp(&Reverse(self.mention(index, other)))
    }

    fn mention(&mut self, index: &Index, id: RecordId) -> Option<Mention> {
        let find = || first_mention(index, index.package(id));
        *self.mentions.entry(id).or_insert_with(find)
    }
}

fn first_mention(index: &Index, package: Package<'_>) -> Option<Mention> {
    let finder = memmem::Finder::new(package.name());
    index.texts().enumerate().find_map(|(at, text)| {
        let mut best: Option<(usize, usize, usize)> = None;
        for hit in finder.find_iter(text.as_bytes()) {
            // Behind the paragraph of the first mention there is nothing to find.
            if best.is_some_and(|(paragraph, ..)| text[paragraph..hit].contains("\n\n")) {
                break;
            }
            if let Some(mention) = mention_at(text, hit, package.name().len()) {
                best = Some(best.map_or(mention, |known| known.min(mention)));
            }
        }
        best.map(|(paragraph, field, place)| (at, paragraph, field, place))
    })
}

/// Paragraph, field and place, if a whole name stands there.
fn mention_at(text: &str, hit: usize, length: usize) -> Option<(usize, usize, usize)> {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._".contains(byte);
    if bytes.get(hit + length).is_some_and(inner) || hit == 0 || inner(&bytes[hit - 1]) {
        return None;
    }
    let mut line = text[..hit].rfind('\n').map_or(0, |at| at + 1);
    while line > 0 && matches!(bytes[line], b' ' | b'\t') {
        line = text[..line - 1].rfind('\n').map_or(0, |at| at + 1);
    }
    let (name, value) = text[line..hit].split_once(':')?;
    let field = FIELDS.iter().position(|field| field.eq_ignore_ascii_case(name))?;
    // A name begins its item; what else looks like it stands behind a bracket.
    let begins = value.trim_end().is_empty() || value.trim_end().ends_with([',', '|']);
    let paragraph = text[..line].rfind("\n\n").map_or(0, |at| at + 2);
    begins.then_some((paragraph, field, hit))
}
