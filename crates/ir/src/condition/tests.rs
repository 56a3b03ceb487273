//! What the SDK writes, what people write, and what makes no sense.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::exchange::Inputs;
use crate::plan::ArtifactType;

fn given(parameters: &Value) -> Exchange {
    let map = parameters.as_object().unwrap();
    let parameters = map.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let metadata = json!({"accuracy": 0.95}).as_object().unwrap().clone();
    let model = Artifact {
        name: "model".into(),
        kind: ArtifactType::generic(),
        uri: "s3://bucket/model".into(),
        metadata,
        custom_path: None,
    };
    let artifacts = [("model".to_owned(), vec![model])].into_iter().collect();
    Exchange { inputs: Inputs { parameters, artifacts }, ..Exchange::default() }
}

fn holds(condition: &str, parameters: &Value) -> Result<bool, String> {
    let condition = Condition::parse(condition).map_err(|error| error.to_string())?;
    condition.holds(&given(parameters)).map_err(|error| error.to_string())
}

/// A step may look at a whole list, so steps alone bound nothing.
#[test]
fn lists_cost_what_is_looked_at_of_them() {
    let list: Vec<u32> = (0..100_000).collect();
    let text = "x".repeat(1 << 20);
    let given = json!({"l": list, "t": text});
    let of = |condition: &str| {
        let names = condition.replace('L', "inputs.parameter_values['l']");
        holds(&names.replace('T', "inputs.parameter_values['t']"), &given)
    };
    assert_eq!(of("L.all(x, size(L) > 0)"), Ok(true), "its size is known without looking");
    for long in ["L.all(x, x in L)", "L.all(x, L == L)", "L.all(x, T == T)"] {
        assert_eq!(of(long), Err(ConditionError::TooLong.to_string()), "{long}");
    }
    assert!(of("L.all(x, L)").unwrap_err().len() < 200);
    assert_eq!(of("3 in L && L == L && T == T"), Ok(true));
}

#[test]
fn what_the_sdk_writes() {
    let p = |name: &str| format!("inputs.parameter_values['pipelinechannel--{name}']");
    let values = json!({
        "pipelinechannel--flip": "heads",
        "pipelinechannel--n": 7,
        "pipelinechannel--text": "7",
        "pipelinechannel--yes": true,
        "pipelinechannel--double": 5000.0,
    });
    let cases = [
        (format!("{} == 'heads'", p("flip")), true),
        (format!("!({} == 'heads') && {} == 'tails'", p("flip"), p("flip")), false),
        (format!("!({} == 'heads') && !({} == 'tails')", p("flip"), p("flip")), false),
        (format!("int({}) > 5", p("text")), true),
        (format!("int({}) <= 5", p("n")), false),
        (format!("{} == true", p("yes")), true),
        (format!("!(int({}) % 2 == 0)", p("double")), false),
        (format!("{} == 7", p("n")), true),
        (format!("{} == '7'", p("n")), false),
        (format!("{} != \"tails\"", p("flip")), true),
    ];
    for (condition, expected) in cases {
        assert_eq!(holds(&condition, &values), Ok(expected), "{condition}");
    }
}

#[test]
fn what_people_write() {
    let values = json!({"n": 3, "t": "abc", "l": [1, 2, 3], "m": {"a": {"b": 1}}, "z": null, "j": "[1,{\"k\":\"v\"}]"});
    let truths = [
        "inputs.artifacts['model'][0].properties['accuracy'] * 100 > 90",
        "inputs.artifacts['model'].artifacts[0].metadata.accuracy == 0.95",
        "inputs.parameters['n'] in [1, 2, 3] && inputs.parameters.t.startsWith('a')",
        "size(inputs.parameters.l) == 3 && inputs.parameters.l[2] == 3.0",
        "has(inputs.parameters.m.a) && !has(inputs.parameters.m.x)",
        "'a' in inputs.parameters.m && inputs.parameters.m['a']['b'] == 1",
        "inputs.parameters.z == null",
        "parseJson(inputs.parameters.j)[1].k == 'v'",
        "inputs.parameters.l.all(x, x > 0) && inputs.parameters.l.exists(x, x == 2)",
        "inputs.parameters.l.filter(x, x > 1).map(x, x * 2) == [4, 6]",
        "inputs.parameters.l.exists_one(x, x == 1)",
        "inputs.parameters.t.matches('^a.c$') && inputs.parameters.t.contains('b') && 'abc'.endsWith('c')",
        "1 + 2 * 3 - 8 / 4 == 5 && 7 % 4 == 3 && -(2) == 0 - 2",
        "1.5 + 1 == 2.5 && 1e3 == 1000 && 0x10 == 16 && .5 < 1",
        "(true ? 'a' : 'b') == 'a' && (false ? 1 : true ? 2 : 3) == 2",
        "string(3.0) == '3' && double('2.5') == 2.5 && bool('true') && int(2.9) == 2",
        r#""\u00e9\n" == 'é
'"#,
        "r'\\n' == '\\\\n' && '''it's''' == \"it's\"",
        "true || inputs.parameters.missing == 1",
        "inputs.parameters.missing == 1 || true",
        "!(inputs.parameters.missing == 1 && false)",
        "{'a': 1, 'b': [2]}.b[0] == 2 // and a comment",
        "size('é') == 1 && 'b' > 'a' && false < true",
    ];
    for condition in truths {
        let condition = condition.replace("'é\n'", "'é\\n'");
        assert_eq!(holds(&condition, &values), Ok(true), "{condition}");
    }
}

#[test]
fn what_makes_no_sense_says_why() {
    let values = json!({"n": 3, "t": "abc"});
    let of = |condition: &str| match holds(condition, &values) {
        Ok(value) => panic!("{condition} is {value}"),
        Err(error) => format!("{condition}\n  {error}"),
    };
    let told: Vec<String> = [
        "",
        "1 +",
        "(1 == 1",
        "a b",
        "'open",
        "1 == 1 ===",
        "@",
        "f(1)",
        "inputs.parameters['x'] == 1",
        "x == 1",
        "int('abc') == 1",
        "1 < 'a'",
        "inputs.parameters.t",
        "1 / 0 == 1",
        "9223372036854775807 + 1 == 0",
        "1 && true",
        "'a'.matches('(')",
        "99999999999999999999 == 1",
        "inputs.parameters.t[0] == 'a'",
        "{1: 2} == {}",
        "'\\q' == ''",
        "b'bytes' == ''",
    ]
    .into_iter()
    .map(of)
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"

  column 1: expected a value
1 +
  column 4: expected a value
(1 == 1
  column 8: expected `)`
a b
  column 3: expected an operator or the end
'open
  column 6: a text has no end
1 == 1 ===
  column 10: `=` means nothing here
@
  column 1: `@` means nothing here
f(1)
  there is no function `f(a number)` for these arguments
inputs.parameters['x'] == 1
  there is no key `x`
x == 1
  there is no variable `x`
int('abc') == 1
  "abc" is no integer
1 < 'a'
  `<` does not go with a number and a text
inputs.parameters.t
  its value is "abc" and neither true nor false
1 / 0 == 1
  the result of `/` is no number
9223372036854775807 + 1 == 0
  the result of `+` is no number
1 && true
  `&&` does not go with a number
'a'.matches('(')
  `"("` is no regular expression
99999999999999999999 == 1
  column 1: this number is not one of 64 bits
inputs.parameters.t[0] == 'a'
  `[]` does not go with a text and a number
{1: 2} == {}
  1 is no key of a map
'\q' == ''
  column 3: there is no such escape
b'bytes' == ''
  column 2: expected an operator or the end
"#);
}

#[test]
fn nothing_is_too_deep_or_too_long() {
    for condition in [
        "(".repeat(100_000),
        "!".repeat(100_000),
        "-".repeat(60_000) + "1",
        "[".repeat(5000),
        "1".to_owned() + &"+1".repeat(30_000),
        "a".to_owned() + &".b".repeat(30_000),
        "1".to_owned() + &" ? 1".repeat(9000),
    ] {
        assert!(Condition::parse(&condition).is_err(), "{}", &condition[..40]);
    }
    let list = format!("[{}]", vec!["1"; 900].join(","));
    let slow = format!("{list}.all(a, {list}.all(b, {list}.all(c, a == b)))");
    assert_eq!(holds(&slow, &json!({})), Err("it takes too many steps".to_owned()));
}

#[test]
fn selectors_take_a_part() {
    let select = |selector: &str, value: &Value| {
        Selector::parse(selector).unwrap().select(value).map_err(|error| error.to_string())
    };
    let struct_value = json!({"A_a": "heads", "B_b": [1, 2.5], "c": {"d": true}});
    assert_eq!(select(r#"parseJson(string_value)["A_a"]"#, &struct_value), Ok(json!("heads")));
    assert_eq!(select(r#"parseJson(string_value)["B_b"]"#, &struct_value), Ok(json!([1, 2.5])));
    assert_eq!(select("struct_value.c.d", &struct_value), Ok(json!(true)));
    let text = json!(r#"{"a": 1}"#);
    assert_eq!(select(r#"parseJson(string_value)["a"]"#, &text), Ok(json!(1)));
    assert_eq!(select("size(list_value)", &json!([1, 2])), Ok(json!(2)));
    let error = select(r#"parseJson(string_value)["x"]"#, &text).unwrap_err();
    assert_eq!(error, "there is no key `x`");
    assert!(select("parseJson(string_value)", &json!("not json")).unwrap_err().contains("no JSON"));
}

#[test]
fn it_names_the_inputs_that_it_asks_for() {
    let condition = "inputs.parameter_values['a'] == 1 && int(inputs.parameters.b) > inputs.artifacts['c'][0].x";
    let condition = Condition::parse(condition).unwrap();
    assert_eq!(condition.inputs(), (vec!["a", "b"], vec!["c"]));
}

#[test]
fn it_is_stored_as_its_text() {
    let condition = Condition::parse("1 == 1").unwrap();
    let stored = serde_json::to_string(&condition).unwrap();
    assert_eq!(stored, "\"1 == 1\"");
    assert_eq!(serde_json::from_str::<Condition>(&stored).unwrap(), condition);
    assert!(serde_json::from_str::<Condition>("\"1 ==\"").is_err());
}

/// A naive model: expressions over integers and booleans whose values Rust works out.
#[derive(Debug, Clone)]
enum Model {
    Number(i64),
    Less(Box<Model>, Box<Model>),
    Plus(Box<Model>, Box<Model>),
    And(Box<Model>, Box<Model>),
    Not(Box<Model>),
}

impl Model {
    fn text(&self) -> String {
        match self {
            Self::Number(value) => format!("({value})"),
            Self::Less(a, b) => format!("({} < {})", a.number_text(), b.number_text()),
            Self::Plus(a, b) => format!("({} + {})", a.number_text(), b.number_text()),
            Self::And(a, b) => format!("({} && {})", a.truth_text(), b.truth_text()),
            Self::Not(a) => format!("!{}", a.truth_text()),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Plus(..))
    }

    fn number_text(&self) -> String {
        if self.is_number() { self.text() } else { format!("({} ? 1 : 0)", self.text()) }
    }

    fn truth_text(&self) -> String {
        if self.is_number() { format!("({} > 0)", self.text()) } else { self.text() }
    }

    fn number(&self) -> i64 {
        match self {
            Self::Number(value) => *value,
            Self::Plus(a, b) => a.number() + b.number(),
            Self::Less(..) | Self::And(..) | Self::Not(_) => i64::from(self.truth()),
        }
    }

    fn truth(&self) -> bool {
        match self {
            Self::Number(_) | Self::Plus(..) => self.number() > 0,
            Self::Less(a, b) => a.number() < b.number(),
            Self::And(a, b) => a.truth() && b.truth(),
            Self::Not(a) => !a.truth(),
        }
    }
}

fn models() -> impl Strategy<Value = Model> {
    let leaf = (-100_i64..100).prop_map(Model::Number);
    leaf.prop_recursive(5, 40, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        let boxed = |(a, b)| (Box::new(a), Box::new(b));
        prop_oneof![
            pair.clone().prop_map(boxed).prop_map(|(a, b)| Model::Less(a, b)),
            pair.clone().prop_map(boxed).prop_map(|(a, b)| Model::Plus(a, b)),
            pair.prop_map(boxed).prop_map(|(a, b)| Model::And(a, b)),
            inner.prop_map(|a| Model::Not(Box::new(a))),
        ]
    })
}

proptest! {
    #[test]
    fn it_agrees_with_a_naive_model(model in models()) {
        prop_assert_eq!(holds(&model.truth_text(), &json!({})), Ok(model.truth()));
    }

    #[test]
    fn texts_come_back_as_they_were(text in "\\PC*") {
        let literal = Value::from(text.as_str()).to_string();
        let condition = format!("inputs.parameters.t == {literal}");
        prop_assert_eq!(holds(&condition, &json!({"t": text})), Ok(true));
    }
}
