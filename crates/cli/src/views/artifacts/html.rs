//! The text of a page. No browser: what is not text goes, and nothing is obeyed or fetched.

use crate::render::text::printable;

/// Elements whose contents are no text for people.
const SILENT: [&str; 6] = ["script", "style", "head", "template", "svg", "noscript"];

/// Elements that stand on lines of their own.
const BLOCKS: [&str; 24] = [
    "address",
    "article",
    "blockquote",
    "br",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "p",
    "pre",
    "section",
    "table",
];

/// What stands for a character in a page: the few that every page has.
const ENTITIES: [(&str, char); 8] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("hellip", '…'),
];

/// The lines of a page's text, harmless for a terminal. None of them is empty.
pub(super) fn lines(page: &str) -> Vec<String> {
    let mut reader = Reader { lines: Vec::new(), line: String::new() };
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        reader.text(&rest[..at]);
        rest = reader.markup(&rest[at..]);
    }
    reader.text(rest);
    reader.end_line();
    reader.lines
}

struct Reader {
    lines: Vec<String>,
    line: String,
}

impl Reader {
    fn text(&mut self, text: &str) {
        let text = decoded(text);
        let begins = text.starts_with(char::is_whitespace);
        for (at, word) in text.split_whitespace().enumerate() {
            if (at > 0 || begins) && !self.line.is_empty() && !self.line.ends_with(' ') {
                self.line.push(' ');
            }
            self.line += word;
        }
        if text.ends_with(char::is_whitespace) && !self.line.is_empty() && !self.line.ends_with(' ')
        {
            self.line.push(' ');
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.trim().is_empty() {
            self.lines.push(printable(line.trim_end()).into_owned());
        }
    }

    /// What begins with `<`; gives what is behind it. A `<` that begins nothing is text.
    fn markup<'t>(&mut self, text: &'t str) -> &'t str {
        if let Some(comment) = text.strip_prefix("<!--") {
            return comment.find("-->").map_or("", |end| &comment[end + 3..]);
        }
        let begins = text[1..].chars().next();
        if !begins.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            self.text("&lt;");
            return &text[1..];
        }
        let Some(end) = end_of_tag(text) else { return "" };
        let (inner, rest) = (&text[1..end], &text[end + 1..]);
        let closing = inner.starts_with('/');
        let name: String = inner
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if !closing && !inner.ends_with('/') && SILENT.contains(&name.as_str()) {
            return after_element(rest, &name);
        }
        self.element(&name, closing);
        rest
    }

    fn element(&mut self, name: &str, closing: bool) {
        match name {
            "li" | "tr" => {
                self.end_line();
                if name == "li" && !closing {
                    self.line.push_str("- ");
                }
            }
            "td" | "th" if closing => self.line.push_str("   "),
            "ul" | "ol" | "body" | "html" | "title" => self.end_line(),
            name if BLOCKS.contains(&name) => self.end_line(),
            _ => {}
        }
    }
}

/// Where a tag ends: at the first `>` that is in no quotes.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().skip(1).find_map(|(at, c)| {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => return Some(at),
            (Some(_) | None, _) => {}
        }
        None
    })
}

/// What is behind the end of an element whose contents do not count.
fn after_element<'t>(text: &'t str, name: &str) -> &'t str {
    let mut rest = text;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        let is_it = rest.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
        if is_it {
            return rest.find('>').map_or("", |end| &rest[end + 1..]);
        }
    }
    ""
}

fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out += &rest[..at];
        rest = &rest[at + 1..];
        let end = rest.char_indices().take(12).find(|(_, c)| *c == ';').map(|(end, _)| end);
        match end.and_then(|end| Some((end, entity(&rest[..end])?))) {
            Some((end, c)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => out.push('&'),
        }
    }
    out + rest
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(number);
    }
    ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_everything_else_goes() {
        let page = "<!DOCTYPE html><html><head><title>no</title><style>p{}</style></head><body>\
            <h1>Report&nbsp;&amp; more</h1><!-- <p>hidden</p> --><p>One <b>bold</b>\n  word, 1 < 2 &lt;3\
            <script>alert('</p>'); if (a < b) {}</script></p><ul><li>first<li>second</li></ul>\
            <table><tr><th>name</th><th>value</th></tr><tr><td>a</td><td title=\"a > b\">1</td></tr>\
            </table>end";
        assert_eq!(
            lines(page),
            [
                "Report & more",
                "One bold word, 1 < 2 <3",
                "- first",
                "- second",
                "name   value",
                "a   1",
                "end"
            ]
        );
    }

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        let page = "a&#27;[31m&#x1b;]0;t&#7;b\u{9b}2J&#x202e;<p>\u{1b}[2J&#xD800;&#99999999;&bad;&";
        let lines = lines(page);
        assert!(lines.iter().all(|line| line.chars().all(|c| !c.is_control())), "{lines:?}");
        assert!(lines[0].starts_with(r"a\u{1b}[31m\u{1b}]0;t\u{7}b"), "{lines:?}");
        assert!(lines[1].ends_with("&#xD800;&#99999999;&bad;&"), "{lines:?}");
    }

    #[test]
    fn what_is_cut_off_ends() {
        for page in
            ["<", "<a", "<a href=\"", "<!-- x", "<script>x", "<script>x</scr", "</", "&#", "<é>"]
        {
            assert!(lines(page).len() <= 1, "{page}");
        }
        assert_eq!(lines("a <3 b"), ["a <3 b"]);
    }
}
