//! Which archive goes before which (*`apt_preferences(5)`*): what the user's files pin, and suites that are
//! not for everyday use, such as backports.

use lightship_net::printable;

use super::archives::Archive;
use super::paragraph::{field, fields};
use super::release::Automatic;

/// What a version counts for where nobody says.
const USUAL: i16 = 500;

/// `NotAutomatic: yes`: only where nothing else has the package.
const NOT_AUTOMATIC: i16 = 1;

/// `ButAutomaticUpgrades: yes` besides.
const BUT_UPGRADES: i16 = 100;

/// The user's pins, in the order in which they count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins(Vec<Pin>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pin {
    /// Names of packages, or patterns of such; none of a record for all packages.
    packages: Vec<Pattern>,
    what: What,
    priority: i16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// Archives that say all of this of themselves; all archives where there is nothing to say.
    Release(Vec<(Field, Pattern)>),
    /// Archives on a host.
    Origin(Pattern),
    /// Versions.
    Version(Pattern),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Archive,
    Codename,
    /// Either of the two.
    Name,
    Version,
    Origin,
    Label,
    Component,
}

/// *glob(7)* with `*` and `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern(String);

/// One version of a package, as far as pins go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer<'a> {
    pub(super) name: &'a str,
    pub(super) source: &'a str,
    pub(super) version: &'a str,
    pub(super) archive: Option<&'a Archive>,
    pub(super) component: &'a str,
}

impl Pins {
    /// Reads files, in apt's order. A record that cannot be understood does not count: `problems` gets a
    /// line for each, with its file.
    pub fn parse<'f>(
        files: impl IntoIterator<Item = (&'f str, &'f str)>,
        problems: &mut Vec<String>,
    ) -> Self {
        let mut pins = Vec::new();
        for (file, text) in files {
            for record in records(text) {
                match pin(&record) {
                    Ok(found) => pins.push(found),
                    Err(reason) => problems.push(format!("{file}: {reason}; it does not count")),
                }
            }
        }
        Self(pins)
    }

    /// Whether nothing is pinned.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a version counts for. Zero and less: it is never installed.
    pub(super) fn priority(&self, offer: &Offer<'_>) -> i16 {
        let fits = |pin: &&Pin| pin.fits(offer);
        let own = self.0.iter().filter(|pin| !pin.packages.is_empty()).find(fits);
        let of_all = || self.0.iter().filter(|pin| pin.packages.is_empty()).find(fits);
        let pinned = own.or_else(of_all).map(|pin| pin.priority);
        pinned.unwrap_or_else(|| usual(offer.archive))
    }
}

/// What an archive's packages count for where nobody pins them.
pub(super) fn usual(archive: Option<&Archive>) -> i16 {
    match archive.map(|archive| archive.automatic) {
        None | Some(Automatic::Always) => USUAL,
        Some(Automatic::Upgrades) => BUT_UPGRADES,
        Some(Automatic::Never) => NOT_AUTOMATIC,
    }
}

impl Pin {
    fn fits(&self, offer: &Offer<'_>) -> bool {
        let named = |pattern: &Pattern| match pattern.0.strip_prefix("src:") {
            Some(source) => fits(source.as_bytes(), offer.source.as_bytes()),
            None => pattern.fits(offer.name),
        };
        (self.packages.is_empty() || self.packages.iter().any(named)) && self.what.fits(offer)
    }
}

impl What {
    fn fits(&self, offer: &Offer<'_>) -> bool {
        let Some(archive) = offer.archive else { return false };
        match self {
            Self::Version(version) => version.fits(offer.version),
            Self::Origin(host) => host.fits(archive.base.host_str().unwrap_or_default()),
            Self::Release(fields) => fields.iter().all(|(field, pattern)| {
                let is = |text: &Option<String>| text.as_deref().is_some_and(|it| pattern.fits(it));
                match field {
                    Field::Archive => is(&archive.class),
                    Field::Codename => is(&archive.codename),
                    Field::Name => is(&archive.class) || is(&archive.codename),
                    Field::Version => is(&archive.version),
                    Field::Origin => is(&archive.origin),
                    Field::Label => pattern.fits(&archive.label),
                    Field::Component => pattern.fits(offer.component),
                }
            }),
        }
    }
}

impl Pattern {
    /// What else apt understands, regular expressions and sets of characters, is refused and not misread.
    fn new(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_matches('"');
        if text.starts_with('/') || text.contains(['[', '\\']) {
            return Err(format!("the pattern `{}` is not understood", printable(text, 80)));
        }
        Ok(Self(text.to_owned()))
    }

    fn fits(&self, text: &str) -> bool {
        fits(self.0.as_bytes(), text.as_bytes())
    }
}

/// Backtracks to the last `*` only, so that it takes at most the product of both lengths.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place, mut star) = (0, 0, None);
    while place < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[place] => {
                at += 1;
                place += 1;
            }
            Some(_) | None => match star {
                Some((before, from)) => {
                    star = Some((before, from + 1));
                    at = before + 1;
                    place = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// The records of a file; what has only comments and explanations is none.
fn records(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for line in text.lines() {
        if line.trim().is_empty() {
            all.push(String::new());
        } else if let Some(last) = all.last_mut() {
            *last += line;
            last.push('\n');
        }
    }
    let says = |record: &String| {
        fields(record).any(|field| !field.name.eq_ignore_ascii_case("explanation"))
    };
    all.retain(says);
    all
}

fn pin(record: &str) -> Result<Pin, String> {
    let need = |name: &str| field(record, name).ok_or_else(|| format!("a record has no `{name}`"));
    let names = need("Package")?;
    let packages = match names.split_whitespace().collect::<Vec<_>>()[..] {
        ["*"] => Vec::new(),
        ref words => words.iter().map(|word| Pattern::new(word)).collect::<Result<_, _>>()?,
    };
    let what = what(need("Pin")?)?;
    if packages.is_empty() && matches!(what, What::Version(_)) {
        return Err("`Pin: version` is for packages that are named".to_owned());
    }
    let priority = need("Pin-Priority")?;
    // apt refuses zero as well.
    match priority.parse() {
        Ok(0) | Err(_) => Err(format!("`{}` is no priority", printable(priority, 40))),
        Ok(priority) => Ok(Pin { packages, what, priority }),
    }
}

fn what(text: &str) -> Result<What, String> {
    let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match kind {
        "version" if !rest.is_empty() => Ok(What::Version(Pattern::new(rest)?)),
        "origin" => Ok(What::Origin(Pattern::new(rest)?)),
        "release" if rest == "*" => Ok(What::Release(Vec::new())),
        "release" if !rest.is_empty() => {
            let parts = rest.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(release).collect::<Result<_, _>>().map(What::Release)
        }
        _ => Err(format!("`Pin: {}` is not understood", printable(text, 80))),
    }
}

fn release(part: &str) -> Result<(Field, Pattern), String> {
    let Some((key, value)) = part.split_once('=') else {
        let number = part.starts_with(|c: char| c.is_ascii_digit());
        let field = if number { Field::Version } else { Field::Name };
        return Ok((field, Pattern::new(part)?));
    };
    let field = match key.trim().to_ascii_lowercase().as_str() {
        "a" => Field::Archive,
        "n" => Field::Codename,
        "v" => Field::Version,
        "o" => Field::Origin,
        "l" => Field::Label,
        "c" => Field::Component,
        _ => {
            let part = printable(part, 80);
            return Err(format!("`{part}` of a release is not understood"));
        }
    };
    Ok((field, Pattern::new(value)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(class: &str, automatic: Automatic) -> Archive {
        Archive {
            label: "Debian".to_owned(),
            suite: class.to_owned(),
            version: Some("12.11".to_owned()),
            codename: Some(format!("bookworm{}", class.trim_start_matches("stable"))),
            base: "http://mirror.invalid/debian/".parse().unwrap(),
            origin: Some("Debian".to_owned()),
            class: Some(class.to_owned()),
            automatic,
        }
    }

    fn of(text: &str, name: &str, version: &str, archive: &Archive) -> i16 {
        let mut problems = Vec::new();
        let pins = Pins::parse([("preferences", text)], &mut problems);
        assert_eq!(problems, Vec::<String>::new());
        let component = "main";
        let archive = Some(archive);
        pins.priority(&Offer { name, source: "openssl", version, archive, component })
    }

    #[test]
    fn suites_count_as_they_say_where_nothing_is_pinned() {
        let told = [Automatic::Always, Automatic::Upgrades, Automatic::Never]
            .map(|automatic| of("", "a", "1", &archive("stable", automatic)));
        assert_eq!(told, [500, 100, 1]);
    }

    #[test]
    fn records_count_as_apt_has_it() {
        let text = "Explanation: ours\n of two lines\nPackage: *\nPin: release a=stable-backports, o=Debian\n\
                    Pin-Priority: 600\n\n# one\nPackage: python3* src:openssl\nPin: version 3.0.1*\nPin-Priority: 1001\n\n\
                    Package: bad\nPin: origin \"mirror.invalid\"\nPin-Priority: -1\n\n\
                    Package: *\nPin: release bookworm\nPin-Priority: 700\n";
        let (stable, backports) = (
            archive("stable", Automatic::Always),
            archive("stable-backports", Automatic::Upgrades),
        );
        assert_eq!(of(text, "a", "3.0.15", &backports), 1001, "the source's name");
        assert_eq!(of(text, "a", "1", &backports), 600);
        assert_eq!(of(text, "a", "1", &stable), 700);
        let all = "Package: *\nPin: release *\nPin-Priority: 7\n";
        assert_eq!(of(all, "a", "1", &backports), 7);
        let number = "Package: b\n a\nPin: release 12*\nPin-Priority: 8\n";
        assert_eq!(of(number, "a", "1", &backports), 8);
        assert_eq!(of(text, "bad", "1", &stable), -1);
        assert_eq!(of(text, "python3.11", "3.0.12", &stable), 1001);
        let component = "Package: *\nPin: release c=main\nPin-Priority: 5\n";
        assert_eq!(of(component, "a", "1", &stable), 5);
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let mut problems = Vec::new();
        let text = "Package: /x/\nPin: release a=b\nPin-Priority: 1\n\nPackage: a\nPin: moon b\nPin-Priority: 1\n\n\
                    Package: a\nPin: release a=b\nPin-Priority: many\n\nPin-Priority: 1\n\n\
                    Package: *\nPin: version 1\nPin-Priority: 1\n\nPackage: a\nPin: release\nPin-Priority: 1\n\n\
                    Package: a\nPin: release n=b\nPin-Priority: 0\n";
        assert_eq!(Pins::parse([("p", text)], &mut problems), Pins::default());
        assert_eq!(problems.len(), 7, "{problems:?}");
    }

    #[test]
    fn patterns_end() {
        let text = "a".repeat(2000);
        assert!(!fits(format!("{}b", "*a".repeat(500)).as_bytes(), text.as_bytes()));
        assert!(fits(b"a*?b**", b"axxb"));
        assert!(!fits(b"a?", b"a"));
    }
}
