//! Of all that a failed command wrote, the lines that matter.

use lightship_sandbox::Network;

use super::Check;

/// So many of the last lines, where nothing better is known.
const LAST: usize = 5;
/// So many characters of a line.
const WIDEST: usize = 400;

const TRACEBACK: &str = "Traceback (most recent call last):";

/// The last line of a Python traceback, after the innermost place in code that is neither Python's nor
/// an installed package's; else the last lines of the complaints; else the last lines at all.
pub(super) fn lines(stdout: &str, stderr: &str) -> Vec<String> {
    traceback(stderr).or_else(|| traceback(stdout)).unwrap_or_else(|| {
        let last = last_lines(stderr);
        if last.is_empty() { last_lines(stdout) } else { last }
    })
}

/// Whether there is a Python traceback.
pub(super) fn has_traceback(text: &str) -> bool {
    text.contains(TRACEBACK)
}

/// The remark for a command that misses the network that nobody gave it.
pub(super) fn missing_network(stderr: &str, check: &Check) -> Option<String> {
    const SIGNS: [&str; 6] = [
        "Name or service not known",
        "Temporary failure in name resolution",
        "Could not resolve host",
        "Network is unreachable",
        "getaddrinfo failed",
        "bad address",
    ];
    let missed = check.around.network == Network::None && SIGNS.iter().any(|s| stderr.contains(s));
    missed.then(|| {
        "checks have no network but their own loopback; a check with `network = \"host\"` has this \
         machine's"
            .to_owned()
    })
}

/// Whether a file of Python source is Python's own or an installed package's.
pub(super) fn is_library(file: &str) -> bool {
    file.starts_with('<')
        || ["/site-packages/", "/dist-packages/", "/lib/python3", "/lib64/python3"]
            .iter()
            .any(|part| file.contains(part))
}

fn last_lines(text: &str) -> Vec<String> {
    let full = |line: &&str| !line.trim().is_empty();
    let mut last: Vec<String> = text.lines().rev().filter(full).take(LAST).map(cut).collect();
    last.reverse();
    last
}

fn traceback(text: &str) -> Option<Vec<String>> {
    let (_, last) = text.rsplit_once(TRACEBACK)?;
    let mut frames: Vec<Vec<&str>> = Vec::new();
    let mut lines = last.lines().skip(1);
    let exception = lines.by_ref().find(|line| {
        let is_frame = line.starts_with(' ') || line.is_empty();
        match frames.last_mut() {
            _ if line.starts_with("  File \"") => frames.push(vec![line]),
            Some(frame) if is_frame => frame.push(line),
            Some(_) | None => {}
        }
        !is_frame
    })?;
    let ours = |frame: &&Vec<&str>| {
        frame[0].trim_start().strip_prefix("File \"").is_some_and(|file| !is_library(file))
    };
    let innermost = frames.iter().rev().find(ours).or(frames.last());
    // Place and code; markers below the code say little where columns are cut.
    let place = innermost.into_iter().flat_map(|frame| frame.iter().take(2));
    Some(place.chain([&exception]).map(|line| cut(line)).collect())
}

/// A line of bearable length.
pub(super) fn cut(line: &str) -> String {
    match line.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_traceback_the_users_own_line_and_the_error() {
        let stderr = r#"warming up
Traceback (most recent call last):
  File "/usr/lib/python3.13/runpy.py", line 198, in _run_module_as_main
    return _run_code(code)
           ~~~~~~~~~^^^^^^
  File "/app/train.py", line 7, in <module>
    model = load("model.pkl")
  File "/usr/lib/python3/dist-packages/joblib/load.py", line 40, in load
    raise KeyError(name)
KeyError: 'model.pkl'
bye
"#;
        insta::assert_snapshot!(lines("much", stderr).join("\n"), @r#"
          File "/app/train.py", line 7, in <module>
            model = load("model.pkl")
        KeyError: 'model.pkl'
        "#);
    }

    #[test]
    fn of_anything_else_the_last_lines() {
        assert_eq!(lines("out\n", "a\nb\n\nc\nd\ne\nf\n"), ["b", "c", "d", "e", "f"]);
        assert_eq!(lines("out\n", " \n"), ["out"]);
        assert_eq!(lines("", ""), Vec::<String>::new());
        assert_eq!(lines("", &"é".repeat(9_000))[0].chars().count(), WIDEST + 1);
        // A traceback that was cut off in the middle.
        assert_eq!(lines("", "Traceback (most recent call last):\n  File \"a\"").len(), 2);
    }
}
