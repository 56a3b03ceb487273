//! Which instruction made which layer.

use crate::spec::{Config, HistoryEntry};

/// One line of an image's past: an instruction, its layer, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What the builder noted; `None` for a layer that nothing is said about.
    pub entry: Option<HistoryEntry>,
    /// The layer's position, bottom 0; `None` for an instruction that made none.
    pub layer: Option<usize>,
}

/// An image's past, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Instructions and layers, joined.
    pub steps: Vec<Step>,
    /// How many layers the history speaks of; differs from their number where tools were careless.
    pub claimed_layers: usize,
    /// How many layers there are.
    pub layers: usize,
}

impl History {
    /// Joins a config's history with `layers` layers, from the bottom up.
    ///
    /// *OCI image-spec 1.1, config.md* makes history optional. Where the numbers disagree, tools have
    /// appended layers without a word (the upper layers then have no instruction) or squashed without
    /// correcting the past (the upper instructions then have no layer): the bottom is what can be
    /// trusted, and [`History::agrees`] says that the rest is a guess.
    pub fn of(config: &Config, layers: usize) -> Self {
        let mut next = 0..layers;
        let mut steps: Vec<Step> = (config.history.iter())
            .map(|entry| Step {
                entry: Some(entry.clone()),
                layer: if entry.empty_layer { None } else { next.next() },
            })
            .collect();
        steps.extend(next.map(|layer| Step { entry: None, layer: Some(layer) }));
        let claimed_layers = config.history.iter().filter(|entry| !entry.empty_layer).count();
        Self { steps, claimed_layers, layers }
    }

    /// Whether history and layers tell the same story. No history at all contradicts nothing.
    pub fn agrees(&self) -> bool {
        self.claimed_layers == self.layers || self.steps.iter().all(|step| step.entry.is_none())
    }

    /// The instruction that made a layer, as a person would write it.
    pub fn instruction(&self, layer: usize) -> Option<String> {
        let step = self.steps.iter().find(|step| step.layer == Some(layer))?;
        step.entry.as_ref().and_then(Step::words)
    }
}

impl Step {
    /// The instruction, as a person would write it.
    pub fn instruction(&self) -> Option<String> {
        self.entry.as_ref().and_then(Self::words)
    }

    fn words(entry: &HistoryEntry) -> Option<String> {
        let text = entry.created_by.as_deref().or(entry.comment.as_deref())?;
        let text = instruction(text);
        (!text.is_empty()).then_some(text)
    }
}

/// Undoes what builders do to an instruction before they note it: `/bin/sh -c #(nop)  CMD ["sh"]` is
/// `CMD ["sh"]`, `|1 V=2 /bin/sh -c make` is `RUN make`, `RUN /bin/sh -c make # buildkit` is `RUN make`.
pub fn instruction(created_by: &str) -> String {
    let text = collapse(created_by);
    let text = text.strip_suffix("# buildkit").map_or(text.as_str(), str::trim_end);
    let (was_run, rest) = match text.strip_prefix("RUN ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = strip_arguments(rest);
    match rest.strip_prefix("/bin/sh -c") {
        Some(command) => match command.trim_start().strip_prefix("#(nop)") {
            Some(instruction) => instruction.trim_start().to_owned(),
            None => format!("RUN {}", command.trim_start()),
        },
        None if was_run => format!("RUN {rest}"),
        None => rest.to_owned(),
    }
}

/// `|2 A=1 B=2 /bin/sh -c …`: the build arguments of a classic builder stand in front.
fn strip_arguments(text: &str) -> &str {
    let counted = text.strip_prefix('|').and_then(|rest| rest.split_once(' '));
    match counted {
        Some((count, _)) if count.parse::<u32>().is_ok() => {
            text.find("/bin/sh -c").map_or(text, |at| &text[at..])
        }
        _ => text,
    }
}

/// Continuation lines and tabs become single blanks: an instruction is one line in a table.
fn collapse(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.extend(word.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builders_dialects_become_dockerfile_words() {
        let cases = [
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]"),
            ("/bin/sh -c #(nop) ADD file:1f in / ", "ADD file:1f in /"),
            ("/bin/sh -c apt-get update \t&& rm x", "RUN apt-get update && rm x"),
            ("|2 A=1 B=two /bin/sh -c make", "RUN make"),
            ("RUN /bin/sh -c pip install x # buildkit", "RUN pip install x"),
            ("RUN |1 V=3 /bin/sh -c make # buildkit", "RUN make"),
            ("COPY . /app # buildkit", "COPY . /app"),
            ("umoci insert", "umoci insert"),
            ("RUN [\"make\"]", "RUN [\"make\"]"),
        ];
        for (noted, expected) in cases {
            assert_eq!(instruction(noted), expected);
        }
    }

    fn config(history: &str) -> Config {
        let text = format!(
            r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}},"history":[{history}]}}"#
        );
        Config::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn history_and_layers_may_disagree_either_way() {
        let two = config(
            r#"{"created_by":"ADD a"},{"created_by":"ENV b","empty_layer":true},{"created_by":"COPY c"}"#,
        );
        let history = History::of(&two, 2);
        assert!(history.agrees());
        assert_eq!(history.instruction(1).as_deref(), Some("COPY c"));

        let more_layers = History::of(&two, 3);
        assert!(!more_layers.agrees());
        assert_eq!(more_layers.instruction(2), None);
        assert_eq!(more_layers.steps.len(), 4);

        let fewer_layers = History::of(&two, 1);
        assert!(!fewer_layers.agrees());
        assert_eq!(fewer_layers.steps[2].layer, None);

        assert!(History::of(&config(""), 2).agrees());
    }
}
