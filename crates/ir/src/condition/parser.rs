//! What an expression says (*CEL language definition, Syntax*).

use super::ConditionError;
use super::lexer::{Token, tokens};

/// Deeper than anybody nests brackets, and shallow enough for the parser's recursion.
const MAX_DEPTH: usize = 64;
/// Operators, indices and calls of a whole expression.
const MAX_LINKS: usize = 2000;
/// How deep an expression may be once it is read, where a chain is as deep as it is long: what its evaluation's
/// recursion can bear on a small stack.
const MAX_HEIGHT: usize = 300;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    String(String),
    Name(String),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    /// `a.b`
    Field(Box<Expr>, String),
    /// `a[b]`
    Index(Box<Expr>, Box<Expr>),
    /// `f(x)`, or `a.f(x)`.
    Call(Option<Box<Expr>>, String, Vec<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
}

pub(super) fn parse(source: &str) -> Result<Expr, ConditionError> {
    let mut parser = Parser { tokens: tokens(source)?, at: 0, depth: 0, links: 0 };
    let expr = parser.expr()?;
    if *parser.peek() != Token::End {
        return Err(parser.wrong("expected an operator or the end"));
    }
    if expr.height() > MAX_HEIGHT {
        return Err(parser.wrong("the expression is nested too deeply"));
    }
    Ok(expr)
}

/// Operators, weakest first; those of one row are equally strong and go from left to right.
const LEVELS: [&[&str]; 5] =
    [&["||"], &["&&"], &["<=", ">=", "==", "!=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
    links: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn wrong(&self, what: &str) -> ConditionError {
        let last = self.tokens.last().map_or(1, |(_, column)| *column);
        let column = self.tokens.get(self.at).map_or(last, |(_, column)| *column);
        ConditionError::Syntax { column, what: what.to_owned() }
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Token::Sign(found) if *found == sign);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), ConditionError> {
        if self.sign(sign) { Ok(()) } else { Err(self.wrong(&format!("expected `{sign}`"))) }
    }

    /// Runs a part of the grammar that can contain itself.
    fn deeper<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, ConditionError>,
    ) -> Result<T, ConditionError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.wrong("the expression is nested too deeply"));
        }
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    fn link(&mut self) -> Result<(), ConditionError> {
        self.links += 1;
        if self.links > MAX_LINKS { Err(self.wrong("the expression is too long")) } else { Ok(()) }
    }

    fn expr(&mut self) -> Result<Expr, ConditionError> {
        self.deeper(|this| {
            let condition = this.binary(0)?;
            if !this.sign("?") {
                return Ok(condition);
            }
            let then = this.binary(0)?;
            this.expect(":")?;
            let otherwise = this.expr()?;
            Ok(Expr::Choice(Box::new(condition), Box::new(then), Box::new(otherwise)))
        })
    }

    fn binary(&mut self, level: usize) -> Result<Expr, ConditionError> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.operator(operators) {
            self.link()?;
            let right = self.binary(level + 1)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operator(&mut self, among: &[&'static str]) -> Option<&'static str> {
        let written = match self.peek() {
            Token::Sign(sign) => sign,
            Token::Name(name) if name == "in" => "in",
            _ => return None,
        };
        let found = among.iter().copied().find(|operator| *operator == written);
        self.at += usize::from(found.is_some());
        found
    }

    fn unary(&mut self) -> Result<Expr, ConditionError> {
        if self.sign("!") {
            return self.deeper(|this| this.unary().map(|inner| Expr::Not(Box::new(inner))));
        }
        if self.sign("-") {
            return self.deeper(|this| this.unary().map(|inner| Expr::Negate(Box::new(inner))));
        }
        self.member()
    }

    fn member(&mut self) -> Result<Expr, ConditionError> {
        let mut this = self.primary()?;
        loop {
            self.link()?;
            if self.sign(".") {
                let Token::Name(name) = self.peek().clone() else {
                    return Err(self.wrong("expected a name after the dot"));
                };
                self.at += 1;
                this = if self.sign("(") {
                    Expr::Call(Some(Box::new(this)), name, self.list(")")?)
                } else {
                    Expr::Field(Box::new(this), name)
                };
            } else if self.sign("[") {
                let index = self.expr()?;
                self.expect("]")?;
                this = Expr::Index(Box::new(this), Box::new(index));
            } else {
                return Ok(this);
            }
        }
    }

    fn primary(&mut self) -> Result<Expr, ConditionError> {
        let token = self.peek().clone();
        self.at += 1;
        match token {
            Token::Int(value) => Ok(Expr::Int(value)),
            Token::Double(value) => Ok(Expr::Double(value)),
            Token::String(value) => Ok(Expr::String(value)),
            Token::Sign("(") => {
                let inner = self.expr()?;
                self.expect(")").map(|()| inner)
            }
            Token::Sign("[") => self.list("]").map(Expr::List),
            Token::Sign("{") => self.map(),
            Token::Name(name) => match name.as_str() {
                "true" => Ok(Expr::Bool(true)),
                "false" => Ok(Expr::Bool(false)),
                "null" => Ok(Expr::Null),
                "in" => self.unexpected(),
                _ if self.sign("(") => Ok(Expr::Call(None, name, self.list(")")?)),
                _ => Ok(Expr::Name(name)),
            },
            Token::Sign(_) | Token::End => self.unexpected(),
        }
    }

    fn unexpected(&mut self) -> Result<Expr, ConditionError> {
        self.at -= 1;
        Err(self.wrong("expected a value"))
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expr>, ConditionError> {
        let mut items = Vec::new();
        while !self.sign(end) {
            items.push(self.expr()?);
            if !self.sign(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    fn map(&mut self) -> Result<Expr, ConditionError> {
        let mut entries = Vec::new();
        while !self.sign("}") {
            let key = self.expr()?;
            self.expect(":")?;
            entries.push((key, self.expr()?));
            if !self.sign(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expr::Map(entries))
    }
}

impl Expr {
    /// The literal keys that are looked up in these fields of `inputs`: `inputs.parameters['n']` gives `n`.
    pub(super) fn named<'e>(&'e self, fields: &[&str]) -> Vec<&'e str> {
        let mut found = Vec::new();
        self.walk(&mut |expr| {
            let (of, key) = match expr {
                Self::Index(of, key) => match &**key {
                    Self::String(key) => (of, key),
                    _ => return,
                },
                Self::Field(of, key) => (of, key),
                _ => return,
            };
            let inputs = |of: &Self| matches!(of, Self::Name(name) if name == "inputs");
            if matches!(&**of, Self::Field(of, field) if fields.contains(&field.as_str()) && inputs(of)) {
                found.push(key.as_str());
            }
        });
        found
    }

    fn walk<'e>(&'e self, each: &mut dyn FnMut(&'e Self)) {
        each(self);
        for part in self.parts() {
            part.walk(each);
        }
    }

    fn height(&self) -> usize {
        1 + self.parts().into_iter().map(Self::height).max().unwrap_or(0)
    }

    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Double(_)
            | Self::String(_)
            | Self::Name(_) => Vec::new(),
            Self::List(items) => items.iter().collect(),
            Self::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Self::Field(of, _) | Self::Not(of) | Self::Negate(of) => vec![of],
            Self::Index(a, b) | Self::Binary(_, a, b) => vec![a, b],
            Self::Call(of, _, arguments) => of.as_deref().into_iter().chain(arguments).collect(),
            Self::Choice(a, b, c) => vec![a, b, c],
        }
    }
}
