//! Finds imports in a syntax tree: statements at any depth, and calls that import by a literal name.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Decorator, ElifElseClause, ExceptHandler, Expr, ExprCall, Stmt, StmtIf, StmtImport,
    StmtImportFrom, StmtTry, StmtWith,
};

use super::Guard;

/// So deep into a tree it looks. Python itself takes no more than a hundred blocks within each other, and
/// no more than two hundred brackets; nobody hides an import deeper.
const MAX_DEPTH: u32 = 500;

/// An import and the byte where it begins.
#[derive(Debug)]
pub(super) struct Found {
    /// Dots before the module's name.
    pub(super) level: u32,
    pub(super) module: String,
    pub(super) names: Vec<String>,
    pub(super) offset: u32,
    pub(super) guard: Option<Guard>,
    pub(super) in_function: bool,
}

/// What was found so far, and what surrounds the present statement.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) found: Vec<Found>,
    guards: Vec<Guard>,
    functions: u32,
    depth: u32,
}

impl Collector {
    /// Looks at a file's statements.
    pub(super) fn visit(&mut self, body: &[Stmt]) {
        for statement in body {
            self.visit_stmt(statement);
        }
    }

    fn add(&mut self, level: u32, module: &str, names: Vec<String>, offset: u32) {
        if level == 0 && matches!(module, "__future__" | "__main__" | "") {
            return;
        }
        // The strongest guard around it: what is never imported is not imported conditionally.
        let guard = [Guard::TypeChecking, Guard::Component, Guard::Caught, Guard::Condition]
            .into_iter()
            .find(|guard| self.guards.contains(guard));
        let in_function = self.functions > 0;
        let module = module.to_owned();
        self.found.push(Found { level, module, names, offset, guard, in_function });
    }

    fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            self.add(0, &alias.name, Vec::new(), import.range.start().to_u32());
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        let names = import.names.iter().map(|alias| alias.name.to_string()).collect();
        self.add(import.level, module, names, import.range.start().to_u32());
    }

    /// `importlib.import_module("x")` and `__import__("x")`.
    fn call(&mut self, call: &ExprCall) {
        let imports = match &*call.func {
            Expr::Name(name) => matches!(name.id.as_str(), "__import__" | "import_module"),
            Expr::Attribute(attribute) => attribute.attr.as_str() == "import_module",
            _ => false,
        };
        let (true, [Expr::StringLiteral(name), ..]) = (imports, &*call.arguments.args) else {
            return;
        };
        let module = name.value.to_str();
        if is_module_name(module) {
            self.add(0, module, Vec::new(), call.range_start.to_u32());
        }
    }

    fn guarded(&mut self, guard: Option<Guard>, look: impl FnOnce(&mut Self)) {
        self.guards.extend(guard);
        look(self);
        if guard.is_some() {
            self.guards.pop();
        }
    }

    fn branches(&mut self, statement: &StmtIf) {
        self.visit_expr(&statement.test);
        let mut guard = guard_of(&statement.test);
        self.guarded(guard, |this| this.visit(&statement.body));
        for ElifElseClause { test, body, .. } in &statement.elif_else_clauses {
            // What is not for type checkers is for everybody else; what is not for one platform is for
            // another.
            let before = guard.filter(|guard| *guard != Guard::TypeChecking);
            guard = test.as_ref().and_then(guard_of).or(before);
            if let Some(test) = test {
                self.visit_expr(test);
            }
            self.guarded(guard, |this| this.visit(body));
        }
    }

    fn attempt(&mut self, statement: &StmtTry) {
        let caught = statement.handlers.iter().any(catches_import_errors).then_some(Guard::Caught);
        self.guarded(caught, |this| this.visit(&statement.body));
        for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
            // Where one import is tried, the other is the way out: neither alone is needed.
            self.guarded(caught, |this| this.visit(&handler.body));
        }
        self.visit(&statement.orelse);
        self.visit(&statement.finalbody);
    }

    fn with(&mut self, statement: &StmtWith) {
        let suppressed = statement.items.iter().any(|item| match &item.context_expr {
            Expr::Call(call) => {
                last_name(&call.func) == Some("suppress")
                    && call.arguments.args.iter().any(is_import_error)
            }
            _ => false,
        });
        statement.items.iter().for_each(|item| self.visit_with_item(item));
        self.guarded(suppressed.then_some(Guard::Caught), |this| this.visit(&statement.body));
    }
}

impl<'a> Visitor<'a> for Collector {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        match statement {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::If(statement) => self.branches(statement),
            Stmt::Try(statement) => self.attempt(statement),
            Stmt::With(statement) => self.with(statement),
            Stmt::FunctionDef(function) => {
                let component = function.decorator_list.iter().any(makes_component);
                self.functions += 1;
                self.guarded(component.then_some(Guard::Component), |this| {
                    visitor::walk_stmt(this, statement);
                });
                self.functions -= 1;
            }
            _ => visitor::walk_stmt(self, statement),
        }
        self.depth -= 1;
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        if let Expr::Call(call) = expression {
            self.call(call);
        }
        visitor::walk_expr(self, expression);
        self.depth -= 1;
    }
}

/// Whether a text is a module's whole name: `a.b.c`, each an identifier.
pub fn is_module_name(text: &str) -> bool {
    !text.is_empty()
        && text.split('.').all(|part| {
            let mut letters = part.chars();
            letters.next().is_some_and(|first| first == '_' || first.is_alphabetic())
                && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
        })
}

/// What a condition says about when its body is for.
fn guard_of(test: &Expr) -> Option<Guard> {
    if mentions(test, 0, &|name, _| name == "TYPE_CHECKING") {
        return Some(Guard::TypeChecking);
    }
    let about_the_machine = |name: &str, of: Option<&str>| match of {
        Some("sys") => {
            matches!(name, "platform" | "version_info" | "hexversion" | "implementation")
        }
        Some("os") => name == "name",
        Some("platform") => true,
        _ => name == "find_spec",
    };
    mentions(test, 0, &about_the_machine).then_some(Guard::Condition)
}

/// Whether a name (and the name that it is an attribute of) in an expression is as wished.
fn mentions(expression: &Expr, depth: u32, wished: &dyn Fn(&str, Option<&str>) -> bool) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    let within = |inner: &Expr| mentions(inner, depth + 1, wished);
    match expression {
        Expr::Name(name) => wished(&name.id, None),
        Expr::Attribute(attribute) => {
            wished(&attribute.attr, last_name(&attribute.value)) || within(&attribute.value)
        }
        Expr::Compare(compare) => within(&compare.left) || compare.comparators.iter().any(within),
        Expr::BoolOp(operation) => operation.values.iter().any(within),
        Expr::UnaryOp(operation) => within(&operation.operand),
        Expr::Subscript(subscript) => within(&subscript.value),
        Expr::Call(call) => within(&call.func) || call.arguments.args.iter().any(within),
        _ => false,
    }
}

/// The last component of `a.b.c`.
fn last_name(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(&name.id),
        Expr::Attribute(attribute) => Some(&attribute.attr),
        _ => None,
    }
}

fn catches_import_errors(handler: &ExceptHandler) -> bool {
    let ExceptHandler::ExceptHandler(handler) = handler;
    handler.type_.as_deref().is_none_or(is_import_error)
}

/// `ImportError`, what derives from it, what it derives from, and tuples with any of these.
fn is_import_error(expression: &Expr) -> bool {
    const NAMES: [&str; 4] = ["ImportError", "ModuleNotFoundError", "Exception", "BaseException"];
    match expression {
        Expr::Tuple(tuple) => {
            tuple.elts.iter().any(|one| last_name(one).is_some_and(|name| NAMES.contains(&name)))
        }
        other => last_name(other).is_some_and(|name| NAMES.contains(&name)),
    }
}

/// `@component`, `@dsl.component(...)`, `@create_component_from_func`.
fn makes_component(decorator: &Decorator) -> bool {
    let name = match &decorator.expression {
        Expr::Call(call) => last_name(&call.func),
        other => last_name(other),
    };
    name.is_some_and(|name| name.ends_with("component") || name == "create_component_from_func")
}
