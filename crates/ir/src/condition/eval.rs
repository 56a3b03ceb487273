//! Works out expressions (*CEL language definition, Evaluation*).

use std::sync::Arc;

use super::ConditionError;
use super::functions;
use super::parser::Expr;
use super::value::Cel;

/// More than any condition takes; macros over long lists within each other are what could take for ever.
const MAX_STEPS: u32 = 1_000_000;
/// What all steps together may look at: values, or 64 bytes of texts. One step may compare lists as long as a parameter
/// can be.
const MAX_WORK: u64 = 20_000_000;
/// What it costs to understand a pattern.
const PATTERN: u64 = 10_000;

type Result<T = Cel> = std::result::Result<T, ConditionError>;

/// The value of an expression; `variables` is a map.
pub(super) fn evaluate(expr: &Expr, variables: &Cel) -> Result {
    Scope { variables, local: Vec::new(), steps: 0, work: MAX_WORK }.eval(expr)
}

struct Scope<'v> {
    variables: &'v Cel,
    /// Variables of macros, innermost last.
    local: Vec<(String, Cel)>,
    steps: u32,
    /// What is left of [`MAX_WORK`].
    work: u64,
}

impl Scope<'_> {
    fn eval(&mut self, expr: &Expr) -> Result {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(ConditionError::TooLong);
        }
        match expr {
            Expr::Null => Ok(Cel::Null),
            Expr::Bool(value) => Ok(Cel::Bool(*value)),
            Expr::Int(value) => Ok(Cel::Int(*value)),
            Expr::Double(value) => Ok(Cel::Double(*value)),
            Expr::String(text) => Ok(Cel::text(text.as_str())),
            Expr::Name(name) => self.variable(name),
            Expr::List(items) => self.all(items).map(Cel::list),
            Expr::Map(entries) => self.map(entries),
            Expr::Field(of, field) => functions::field(&self.eval(of)?, field),
            Expr::Index(of, index) => functions::index(&self.eval(of)?, &self.eval(index)?),
            Expr::Not(inner) => match self.eval(inner)? {
                Cel::Bool(value) => Ok(Cel::Bool(!value)),
                other => Err(operands("!", &[&other])),
            },
            Expr::Negate(inner) => functions::negate(&self.eval(inner)?),
            Expr::Binary("&&", a, b) => self.logic(a, b, "&&", false),
            Expr::Binary("||", a, b) => self.logic(a, b, "||", true),
            Expr::Binary(operator, a, b) => {
                let (a, b) = (self.eval(a)?, self.eval(b)?);
                self.charge([&a, &b])?;
                functions::binary(operator, &a, &b)
            }
            Expr::Choice(condition, then, otherwise) => match self.eval(condition)? {
                Cel::Bool(true) => self.eval(then),
                Cel::Bool(false) => self.eval(otherwise),
                other => Err(operands("?", &[&other])),
            },
            Expr::Call(of, name, arguments) => self.call(of.as_deref(), name, arguments),
        }
    }

    /// All of these values will be looked at.
    fn charge<'c>(&mut self, values: impl IntoIterator<Item = &'c Cel>) -> Result<()> {
        let enough = values.into_iter().all(|value| value.weigh(&mut self.work));
        if enough { Ok(()) } else { Err(ConditionError::TooLong) }
    }

    fn function(&mut self, name: &str, arguments: &[Cel]) -> Result {
        match (name, arguments) {
            // These look at nothing inside.
            ("size", [Cel::List(_) | Cel::Map(_)]) | ("dyn", _) => {}
            ("matches", _) => {
                self.charge(arguments)?;
                self.work = self.work.checked_sub(PATTERN).ok_or(ConditionError::TooLong)?;
            }
            (_, arguments) => self.charge(arguments)?,
        }
        functions::call(name, arguments)
    }

    fn all(&mut self, items: &[Expr]) -> Result<Vec<Cel>> {
        items.iter().map(|item| self.eval(item)).collect()
    }

    fn variable(&self, name: &str) -> Result {
        let local = self.local.iter().rev().find(|(local, _)| local == name);
        if let Some((_, value)) = local {
            return Ok(value.clone());
        }
        let found = match self.variables {
            Cel::Map(map) => map.get(name).cloned(),
            _ => None,
        };
        found.ok_or_else(|| ConditionError::Variable(name.to_owned()))
    }

    fn map(&mut self, entries: &[(Expr, Expr)]) -> Result {
        let mut map = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            match self.eval(key)? {
                Cel::String(key) => map.push((key.as_ref().to_owned(), self.eval(value)?)),
                other => {
                    self.charge([&other])?;
                    return Err(ConditionError::Conversion {
                        value: other.shown(),
                        wanted: "key of a map",
                    });
                }
            }
        }
        Ok(Cel::map(map))
    }

    /// One side that decides is enough, even where the other has no value (*CEL, Logical operators*).
    fn logic(&mut self, a: &Expr, b: &Expr, operator: &'static str, decides: bool) -> Result {
        let side = |value: Result| match value {
            Ok(Cel::Bool(value)) => Ok(value),
            Ok(other) => Err(operands(operator, &[&other])),
            Err(error) => Err(error),
        };
        let left = side(self.eval(a));
        if left == Ok(decides) {
            return Ok(Cel::Bool(decides));
        }
        let right = side(self.eval(b));
        if right == Ok(decides) {
            return Ok(Cel::Bool(decides));
        }
        left?;
        right.map(Cel::Bool)
    }

    fn call(&mut self, of: Option<&Expr>, name: &str, arguments: &[Expr]) -> Result {
        match (of, name, arguments) {
            (None, "has", [Expr::Field(of, field)]) => {
                let of = self.eval(of)?;
                Ok(Cel::Bool(functions::field(&of, field).is_ok()))
            }
            (
                Some(of),
                "all" | "exists" | "exists_one" | "filter" | "map",
                [Expr::Name(var), body],
            ) => {
                let of = self.eval(of)?;
                self.macro_over(of, name, var, body)
            }
            (None, _, _) => {
                let values = self.all(arguments)?;
                self.function(name, &values)
            }
            (Some(of), _, _) => {
                let mut values = vec![self.eval(of)?];
                values.extend(self.all(arguments)?);
                self.function(name, &values)
            }
        }
    }

    /// *CEL language definition, Macros*: over the items of a list, or the keys of a map.
    fn macro_over(&mut self, of: Cel, name: &str, var: &str, body: &Expr) -> Result {
        let items = match of {
            Cel::List(items) => items,
            Cel::Map(map) => Arc::new(map.keys().map(|key| Cel::text(key.as_str())).collect()),
            other => return Err(ConditionError::Function(format!("{name} of {}", other.kind()))),
        };
        let (mut kept, mut mapped, mut failed) = (Vec::new(), Vec::new(), None);
        for item in items.iter() {
            self.local.push((var.to_owned(), item.clone()));
            let value = self.eval(body);
            self.local.pop();
            match value {
                Ok(Cel::Bool(true)) if name != "map" => kept.push(item.clone()),
                Ok(Cel::Bool(false)) if name == "all" => return Ok(Cel::Bool(false)),
                Ok(Cel::Bool(false)) if name != "map" => {}
                Ok(value) if name == "map" => mapped.push(value),
                Ok(other) if failed.is_none() => {
                    self.charge([&other])?;
                    failed = Some(ConditionError::NotBoolean(other.shown()));
                }
                Ok(_) => {}
                Err(ConditionError::TooLong) => return Err(ConditionError::TooLong),
                Err(error) => failed = Some(error),
            }
        }
        match (name, failed) {
            ("exists", _) if !kept.is_empty() => Ok(Cel::Bool(true)),
            (_, Some(error)) => Err(error),
            ("all" | "exists", None) => Ok(Cel::Bool(kept.len() == items.len() && name == "all")),
            ("exists_one", None) => Ok(Cel::Bool(kept.len() == 1)),
            ("map", None) => Ok(Cel::list(mapped)),
            (_, None) => Ok(Cel::list(kept)),
        }
    }
}

pub(super) fn operands(operator: &'static str, operands: &[&Cel]) -> ConditionError {
    let kinds: Vec<&str> = operands.iter().map(|operand| operand.kind()).collect();
    ConditionError::Operands { operator, operands: kinds.join(" and ") }
}
