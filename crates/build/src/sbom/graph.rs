//! What needs what.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What one component needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency {
    #[serde(rename = "ref")]
    pub(super) component: String,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) depends_on: BTreeSet<String>,
}

/// The graph, by reference, with `top` above what nobody else needs. Packages that need each other in a
/// circle, and that nobody outside of it needs, hang from the first of them: nothing is left floating.
pub(super) fn below(top: &str, edges: BTreeMap<String, BTreeSet<String>>) -> Vec<Dependency> {
    let needed: BTreeSet<&String> =
        edges.iter().flat_map(|(from, to)| to.iter().filter(move |one| *one != from)).collect();
    let mut first: BTreeSet<String> =
        edges.keys().filter(|one| !needed.contains(one)).cloned().collect();
    let mut reached = BTreeSet::new();
    for one in &first {
        reach(one, &edges, &mut reached);
    }
    for one in edges.keys() {
        if !reached.contains(one.as_str()) {
            reach(one, &edges, &mut reached);
            first.insert(one.clone());
        }
    }
    let top = Dependency { component: top.to_owned(), depends_on: first };
    let rest = edges.into_iter();
    let rest = rest.map(|(component, depends_on)| Dependency { component, depends_on });
    std::iter::once(top).chain(rest).collect()
}

/// Notes everything that can be reached from `start`, which may be deep: no recursion.
fn reach<'a>(
    start: &str,
    edges: &'a BTreeMap<String, BTreeSet<String>>,
    reached: &mut BTreeSet<&'a str>,
) {
    let mut waiting: Vec<&str> = vec![start];
    while let Some(one) = waiting.pop() {
        let Some((one, next)) = edges.get_key_value(one) else { continue };
        if reached.insert(one) {
            waiting.extend(next.iter().map(String::as_str));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        let edges = edges.iter().map(|(from, to)| {
            ((*from).to_owned(), to.iter().map(|one| (*one).to_owned()).collect())
        });
        below("top", edges.collect())
            .into_iter()
            .map(|one| (one.component, one.depends_on.into_iter().collect()))
            .collect()
    }

    #[test]
    fn the_top_is_above_what_nobody_needs() {
        let found = graph(&[("a", &["b"]), ("b", &[]), ("c", &["b", "c"])]);
        assert_eq!(found[0], ("top".to_owned(), vec!["a".to_owned(), "c".to_owned()]));
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn circles_do_not_float() {
        let found = graph(&[("a", &["b"]), ("b", &["a"]), ("c", &[]), ("x", &["x"])]);
        assert_eq!(found[0].1, ["a", "c", "x"]);
        assert_eq!(graph(&[]), [("top".to_owned(), Vec::new())]);
    }
}
