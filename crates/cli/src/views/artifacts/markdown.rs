//! Markdown for a terminal: headings, emphasis, lists, code, tables. Links are written out.

use anstyle::{Effects, Style};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::spans::{Span, table, wrapped};
use crate::render::text::{printable, printable_lines};
use crate::render::{Glyphs, Look, style};

/// Lists and quotes within each other that are indented further.
const DEEPEST: usize = 8;

/// Its lines, harmless for a terminal, each indented by two columns.
pub(super) fn lines(text: &str, look: &Look) -> Vec<String> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer::new(look);
    for event in Parser::new_ext(text, options) {
        writer.event(event);
    }
    writer.flush();
    while writer.lines.last().is_some_and(String::is_empty) {
        writer.lines.pop();
    }
    writer.lines
}

/// What surrounds a line.
enum Around {
    /// A list; the number of its next item, where it counts.
    List(Option<u64>),
    /// Somebody else's words.
    Quote,
}

struct Writer<'l> {
    look: &'l Look,
    lines: Vec<String>,
    spans: Vec<Span>,
    around: Vec<Around>,
    /// What stands before the next line, in place of as much indentation.
    bullet: Option<String>,
    styles: Vec<Style>,
    links: Vec<String>,
    code: Option<String>,
    rows: Option<Vec<Vec<Vec<Span>>>>,
}

impl<'l> Writer<'l> {
    fn new(look: &'l Look) -> Self {
        Self {
            look,
            lines: Vec::new(),
            spans: Vec::new(),
            around: Vec::new(),
            bullet: None,
            styles: Vec::new(),
            links: Vec::new(),
            code: None,
            rows: None,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.say(&text, style::PLAIN),
            },
            // Markup within: what it says is told, what it would do is not done.
            Event::Html(text) | Event::InlineHtml(text) => {
                self.say(&super::html::lines(&text).join(" "), style::PLAIN);
            }
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.say(&text, style::CODE);
            }
            Event::FootnoteReference(name) => self.say(&format!("[{name}]"), style::DIM),
            Event::SoftBreak => self.say(" ", style::PLAIN),
            Event::HardBreak => self.flush(),
            Event::Rule => {
                let rule = self.look.glyphs.rule().repeat(self.room().min(40));
                self.push(&format!("{}{rule}{:#}", style::DIM, style::DIM));
                self.gap();
            }
            Event::TaskListMarker(done) => {
                self.say(if done { "[x] " } else { "[ ] " }, style::PLAIN);
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                let bold = style::HEADING;
                let underlined = Effects::BOLD | Effects::UNDERLINE;
                let main = Style::new().effects(underlined);
                self.styles.push(if level == HeadingLevel::H1 { main } else { bold });
            }
            Tag::BlockQuote(_) => self.around.push(Around::Quote),
            Tag::CodeBlock(kind) => {
                self.flush();
                let name = match kind {
                    CodeBlockKind::Fenced(name) if !name.is_empty() => Some(name),
                    CodeBlockKind::Fenced(_) | CodeBlockKind::Indented => None,
                };
                self.code = Some(name.map(|name| format!("{name}:\n")).unwrap_or_default());
            }
            Tag::List(first) => {
                self.flush();
                self.around.push(Around::List(first));
            }
            Tag::Item => {
                self.flush();
                let dot = if self.look.glyphs == Glyphs::Unicode { "•" } else { "-" };
                if let Some(Around::List(next)) = self.around.last_mut() {
                    self.bullet = Some(next.map_or(dot.to_owned(), |number| format!("{number}.")));
                    *next = next.map(|number| number + 1);
                }
            }
            Tag::Emphasis => self.styles.push(Style::new().effects(Effects::ITALIC)),
            Tag::Strong => self.styles.push(Style::new().effects(Effects::BOLD)),
            Tag::Strikethrough => self.styles.push(Style::new().effects(Effects::STRIKETHROUGH)),
            Tag::Link { dest_url, .. } => self.links.push(dest_url.into_string()),
            Tag::Image { dest_url, .. } => {
                self.say("[image: ", style::DIM);
                self.links.push(dest_url.into_string());
            }
            Tag::Table(_) => {
                self.flush();
                self.rows = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => {
                self.rows.get_or_insert_default().push(Vec::new());
            }
            Tag::Paragraph
            | Tag::HtmlBlock
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::TableCell
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                self.flush();
                self.gap();
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
            }
            TagEnd::BlockQuote(_) | TagEnd::List(_) => {
                self.flush();
                self.around.pop();
                self.gap();
            }
            TagEnd::CodeBlock => self.block(),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => drop(self.styles.pop()),
            TagEnd::Link => self.link(""),
            TagEnd::Image => self.link("]"),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.spans);
                if let Some(row) = self.rows.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                for line in table(&self.rows.take().unwrap_or_default(), self.look) {
                    self.push(&line);
                }
                self.gap();
            }
            TagEnd::Item
            | TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => self.flush(),
        }
    }

    fn say(&mut self, text: &str, look: Style) {
        let inner = self
            .styles
            .iter()
            .fold(look, |all, style| all.effects(all.get_effects() | style.get_effects()));
        self.spans.push(Span { text: printable(text).into_owned(), style: inner });
    }

    fn link(&mut self, end: &str) {
        let Some(link) = self.links.pop() else { return };
        let said = self.spans.last().is_some_and(|span| span.text == link);
        let text = if said || link.is_empty() { end.to_owned() } else { format!(" ({link}){end}") };
        self.say(&text, style::DIM);
    }

    fn block(&mut self) {
        let code = self.code.take().unwrap_or_default();
        let (dim, look) = (style::DIM, style::CODE);
        let bar = if self.look.glyphs == Glyphs::Unicode { "│" } else { "|" };
        for line in printable_lines(&code) {
            self.push(&format!("{dim}{bar}{dim:#} {look}{line}{look:#}"));
        }
        self.gap();
    }

    /// Columns for words.
    fn room(&self) -> usize {
        let indent = self.indent().len();
        self.look.width.map_or(100, |width| width.saturating_sub(indent)).clamp(20, 100)
    }

    fn indent(&self) -> String {
        let mut indent = "  ".to_owned();
        for around in self.around.iter().take(DEEPEST) {
            indent += match around {
                Around::Quote if self.look.glyphs == Glyphs::Unicode => "│ ",
                Around::Quote => "> ",
                Around::List(None) => "  ",
                Around::List(Some(_)) => "   ",
            };
        }
        indent
    }

    /// Writes what was said as a paragraph.
    fn flush(&mut self) {
        let spans = std::mem::take(&mut self.spans);
        for line in wrapped(&spans, self.room()) {
            self.push(&line);
        }
    }

    fn push(&mut self, line: &str) {
        let mut indent = self.indent();
        if let Some(bullet) = self.bullet.take() {
            let columns = bullet.chars().count() + 1;
            let keep = indent.chars().count().saturating_sub(columns);
            indent = indent.chars().take(keep).collect::<String>() + &bullet + " ";
        }
        self.lines.push(format!("{indent}{line}"));
    }

    fn gap(&mut self) {
        let inside = self.around.iter().any(|around| matches!(around, Around::List(_)));
        if !inside && self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(width: Option<usize>, glyphs: Glyphs) -> Look {
        Look { width, glyphs, live: false }
    }

    fn plain(text: &str, look: &Look) -> String {
        anstream::adapter::strip_str(&lines(text, look).join("\n")).to_string()
    }

    const PAGE: &str = "# Report *today*\n\nA paragraph with **bold**, `code` and [a link](https://example.org/x), \
        long enough to be wrapped somewhere.\n\n- one\n- two\n  1. inner\n  2. more\n- [x] done\n\n> quoted\n> words\n\n\
        ```python\nprint(1)\n    x\n```\n\n| name | value |\n|---|---|\n| accuracy | 0.9 |\n| f1 | `0.75` |\n\n---\n\
        ![chart](c.png) <b>tag</b>\n";

    #[test]
    fn a_page_is_laid_out() {
        insta::assert_snapshot!("unicode", plain(PAGE, &look(Some(60), Glyphs::Unicode)));
        insta::assert_snapshot!("ascii", plain(PAGE, &look(None, Glyphs::Ascii)));
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        let evil = "# a\u{1b}[2Jb\n\n`\u{7}` &#27;[31m \u{202e}x [l](\u{1b}]8;;u)\n\n```\u{9b}x\n\u{1b}c\n```\n\
            <p>\u{1b}[1m</p>\n\n|a\u{1b}|\n|-|\n|\u{8}|\n";
        let text = plain(evil, &look(None, Glyphs::Unicode));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(text.contains(r"a\u{1b}[2Jb") && text.contains(r"\u{202e}x"), "{text}");
    }

    #[test]
    fn deep_and_broken_pages_end() {
        let deep = "> ".repeat(2_000) + "x";
        assert!(plain(&deep, &look(Some(80), Glyphs::Ascii)).contains('x'));
        for page in ["", "|", "```", "[", "- \n  -", "<"] {
            assert!(lines(page, &look(Some(10), Glyphs::Ascii)).len() < 4, "{page}");
        }
    }
}
