//! What holds for the texts inside a pipeline, and for what a task writes: nothing panics or takes for ever, and what was
//! read says again what was written.
//!
//! An input is several texts, one in each line: each is tried as everything that a text can be.

use std::collections::BTreeMap;

use lightship_ir::condition::{Condition, Selector};
use lightship_ir::exchange::{Exchange, Inputs, Outputs, Written, collect};
use lightship_ir::template::{Argument, Constant, Context, Facts, Template};
use lightship_ir::value::ParameterType;
use lightship_ir::{Outputs as Declared, quantity};
use serde_json::{Value, json};

pub(crate) fn check(input: &[u8]) {
    account(input);
    let Ok(text) = std::str::from_utf8(input) else { return };
    let values =
        ["n", "a", "pipelinechannel--x"].map(|name| (name.to_owned(), json!({"k": [1, "two"]})));
    let mut inputs = Inputs { parameters: values.into(), artifacts: BTreeMap::new() };
    inputs.parameters.insert("i".to_owned(), json!(7));
    inputs.parameters.insert("s".to_owned(), json!(text));
    let exchange = Exchange { inputs, ..Exchange::default() };
    for line in text.lines().take(LINES) {
        expressions(line, &exchange);
        templates(line, &exchange);
        for (kind, _) in ParameterType::ALL {
            // What is of a type stays so.
            if let Ok(value) = kind.parsed(line) {
                assert_eq!(kind.coerced(value.clone()).as_ref(), Ok(&value), "{line:?}");
            }
        }
        let _ = (quantity::cpu(line), quantity::memory(line), quantity::count(line));
    }
}

/// More lines are more of the same.
const LINES: usize = 8;

fn expressions(line: &str, exchange: &Exchange) {
    if let Ok(condition) = Condition::parse(line) {
        assert_eq!(condition.source(), line);
        let once = condition.holds(exchange);
        assert_eq!(once, condition.holds(exchange), "{line:?}");
        let _ = condition.inputs();
    }
    if let Ok(selector) = Selector::parse(line) {
        assert_eq!(selector.source(), line);
        for value in [json!({"k": 1}), json!("{\"k\": [1]}"), Value::Null] {
            let _ = selector.select(&value);
        }
    }
}

fn templates(line: &str, exchange: &Exchange) {
    let facts = Facts::default();
    let declared = lightship_ir::Inputs::default();
    let context = Context { exchange, facts: &facts, declared: &declared };
    let lenient = Template::lenient(line);
    assert_eq!(lenient.text(), line);
    let _ = lenient.render(&context);
    if let Ok(template) = Template::parse(line) {
        assert_eq!(template.text(), line);
        if template.is_literal() {
            assert_eq!(template.render(&context).as_deref(), Ok(line));
        }
    }
    for argument in Argument::parse(line).into_iter().chain([Argument::lenient(line)]) {
        assert_eq!(argument.source(), line);
        let _ = argument.render(&context);
    }
    let value = serde_json::from_str(line).unwrap_or_else(|_| json!([line, {"a": line}]));
    if let Ok(constant) = Constant::parse(&value) {
        let rendered = constant.render(&context);
        if let Some(literal) = constant.literal() {
            assert_eq!(rendered.as_ref(), Ok(literal));
        }
    }
}

/// What a task writes about its outputs, and into the file of a parameter.
fn account(input: &[u8]) {
    let parameters = ParameterType::ALL.iter().map(|(kind, name)| ((*name).to_owned(), *kind));
    let declared = Declared { parameters: parameters.collect(), ..Declared::default() };
    let exchange = Exchange { outputs: Outputs::below("/root", &declared), ..Exchange::default() };
    let files = declared.parameters.keys().map(|name| (name.clone(), input.to_vec()));
    let files: BTreeMap<_, _> = files.collect();
    for account in [Some(input.to_vec()), None] {
        let written = Written { account, parameters: files.clone() };
        match collect(&declared, &exchange, &written) {
            Ok(produced) => assert_eq!(produced.parameters.len(), declared.parameters.len()),
            Err(errors) => assert!(!errors.is_empty()),
        }
    }
}
