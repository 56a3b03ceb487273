//! One pattern, and whether a path matches it. Time is linear in pattern times path, whatever both are.

/// A compiled pattern. Four kinds, as moby has: three of them are mere comparisons of text, and they
/// differ from what a pattern language would say in corners that files out there may rely on.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    kind: Kind,
    /// The text up to the first character that is special: every match begins with it.
    literal: String,
}

#[derive(Debug, Clone)]
enum Kind {
    /// This very path.
    Exact(String),
    /// `text**`: whatever begins so.
    Prefix(String),
    /// `**text`: whatever ends so; where text begins with a slash, it alone too.
    Suffix(String),
    /// Everything else.
    Tokens(Vec<Token>),
}

#[derive(Debug, Clone)]
enum Token {
    /// This character.
    Char(char),
    /// `?`: one, but no slash.
    One,
    /// `*`: any number, but no slash.
    Many,
    /// `**` at the end: anything.
    Rest,
    /// `**/` or `**`: nothing, or anything that ends with a slash.
    Folders,
    /// `[a-z]`, `[^a-z]`.
    Class { negated: bool, ranges: Vec<(char, char)> },
    /// `^`: the beginning. Moby makes regular expressions and forgets to escape it.
    Start,
}

impl Glob {
    /// Compiles one that has been cleaned and is not empty.
    pub(super) fn new(pattern: &str) -> Result<Self, &'static str> {
        let chars: Vec<char> = pattern.chars().collect();
        let tokens = tokens(&chars)?;
        let special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '\\');
        let plain = pattern.split(special).next().unwrap_or_default();
        let first = pattern.find(special);
        let kind = match first {
            None => Kind::Exact(pattern.to_owned()),
            Some(0) if pattern.starts_with("**") && !pattern[2..].contains(special) => {
                Kind::Suffix(pattern[2..].to_owned())
            }
            Some(at) if &pattern[at..] == "**" => Kind::Prefix(plain.to_owned()),
            Some(_) => Kind::Tokens(tokens),
        };
        let literal = plain.split('^').next().unwrap_or_default().to_owned();
        Ok(Self { kind, literal })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.kind {
            Kind::Exact(text) => path == text,
            Kind::Prefix(text) => path.starts_with(text.as_str()),
            Kind::Suffix(text) => {
                path.ends_with(text.as_str()) || text.strip_prefix('/') == Some(path)
            }
            Kind::Tokens(tokens) => path.starts_with(&self.literal) && run(tokens, path),
        }
    }

    /// Whether every match is below a folder: the pattern begins with its name.
    pub(super) fn names_below(&self, folder: &str) -> bool {
        self.literal.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether something below a folder may match, or the folder itself.
    pub(super) fn may_match_below(&self, folder: &str) -> bool {
        let inside = format!("{folder}/");
        self.literal.starts_with(&inside) || inside.starts_with(&self.literal)
    }
}

fn tokens(chars: &[char]) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            '*' if chars.get(at) == Some(&'*') => {
                at += 1;
                if chars.get(at) == Some(&'/') {
                    at += 1;
                }
                tokens.push(if at == chars.len() { Token::Rest } else { Token::Folders });
            }
            '*' => tokens.push(Token::Many),
            '?' => tokens.push(Token::One),
            '[' => tokens.push(class(chars, &mut at)?),
            '\\' => {
                let escaped = chars.get(at).ok_or("nothing follows the `\\`")?;
                tokens.push(Token::Char(*escaped));
                at += 1;
            }
            '^' => tokens.push(Token::Start),
            c => tokens.push(Token::Char(c)),
        }
    }
    Ok(tokens)
}

/// What is in brackets. *Go, `path/filepath.Match`*.
fn class(chars: &[char], at: &mut usize) -> Result<Token, &'static str> {
    const OPEN: &str = "a `[` has no `]`";
    let negated = chars.get(*at) == Some(&'^');
    *at += usize::from(negated);
    let mut ranges = Vec::new();
    loop {
        if chars.get(*at) == Some(&']') && !ranges.is_empty() {
            *at += 1;
            return Ok(Token::Class { negated, ranges });
        }
        let low = class_char(chars, at)?;
        let mut high = low;
        if chars.get(*at) == Some(&'-') {
            *at += 1;
            high = class_char(chars, at)?;
        }
        if *at >= chars.len() {
            return Err(OPEN);
        }
        if low > high {
            return Err("a range in `[]` runs backwards");
        }
        ranges.push((low, high));
    }
}

fn class_char(chars: &[char], at: &mut usize) -> Result<char, &'static str> {
    let next = |at: usize| chars.get(at).copied().ok_or("a `[` has no `]`");
    let mut c = next(*at)?;
    match c {
        '-' | ']' => return Err("`-` and `]` in `[]` need a `\\` before them"),
        '\\' => {
            *at += 1;
            c = next(*at)?;
        }
        _ => {}
    }
    *at += 1;
    Ok(c)
}

/// Follows all ways through the pattern at once: `open[p]` says that the tokens so far can match the
/// first `p` characters.
fn run(tokens: &[Token], path: &str) -> bool {
    let path: Vec<char> = path.chars().collect();
    let mut open = vec![false; path.len() + 1];
    open[0] = true;
    for token in tokens {
        open = step(token, &open, &path);
    }
    open[path.len()]
}

fn step(token: &Token, open: &[bool], path: &[char]) -> Vec<bool> {
    let mut next = vec![false; open.len()];
    let mut reached = false;
    for p in 0..open.len() {
        // The character before this position, and whether the way to it was open.
        let before = p.checked_sub(1).map(|q| (path[q], open[q]));
        let one = |fits: &dyn Fn(char) -> bool| before.is_some_and(|(c, open)| open && fits(c));
        next[p] = match token {
            Token::Char(wanted) => one(&|c| c == *wanted),
            Token::One => one(&|c| c != '/'),
            Token::Class { negated, ranges } => {
                one(&|c| ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated)
            }
            Token::Many => open[p] || (p > 0 && next[p - 1] && path[p - 1] != '/'),
            Token::Rest => open[p] || reached,
            Token::Folders => open[p] || (reached && before.is_some_and(|(c, _)| c == '/')),
            Token::Start => open[p] && p == 0,
        };
        reached |= open[p];
    }
    next
}
