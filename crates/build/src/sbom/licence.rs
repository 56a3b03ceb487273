//! What packages say about their licences, as far as it can be said in a word. Nothing is guessed: a
//! word that means one licence of the SPDX list gets its identifier there, any other stays as it is, and
//! whole texts are left out.

use lightship_packages::python::Metadata;
use serde::{Deserialize, Serialize};

/// One licence of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Licence {
    /// An SPDX expression, as the package writes it.
    Expression(String),
    /// An identifier of the SPDX list.
    Id(String),
    /// What the package calls it.
    Name(String),
}

/// What is longer is no name.
const LONGEST_NAME: usize = 64;

/// A copyright file with more different licences than this is not worth listing.
const MOST_LICENCES: usize = 24;

/// The first line of a `License` that has more of them is a title, or the beginning of a text.
fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Of a Python distribution (*PEP 639; Core metadata specifications*): its expression; else what its
/// classifiers say without doubt; else the name that it gives; else what its classifiers say at all.
pub(super) fn of_python(metadata: &Metadata) -> Vec<Licence> {
    if let Some(expression) = metadata.license_expression.as_deref().filter(|one| is_name(one)) {
        return vec![Licence::Expression(expression.to_owned())];
    }
    let prefix = "License :: ";
    let classified: Vec<Licence> = (metadata.classifiers.iter())
        .filter_map(|classifier| classifier.strip_prefix(prefix))
        .filter_map(|path| path.rsplit(" :: ").next())
        .filter(|name| is_name(name) && *name != "OSI Approved")
        .map(|name| by_table(CLASSIFIERS, name))
        .collect();
    let named = metadata.license.as_deref().filter(|text| is_name(text) && *text != "UNKNOWN");
    let named = named.map(|name| by_table(IDENTIFIERS, name));
    let is_id = |licence: &Licence| matches!(licence, Licence::Id(_));
    let mut licences = match named {
        _ if !classified.is_empty() && classified.iter().all(is_id) => classified,
        Some(named) => vec![named],
        None => classified,
    };
    licences.sort();
    licences.dedup();
    licences
}

/// Of a Debian package (*Machine-readable debian/copyright file, version 1.0*): its short names, where
/// each is a single word. A list with one of them left out would be wrong, so then there is none.
pub(super) fn of_debian(copyright: &str) -> Vec<Licence> {
    let format = copyright.lines().next().unwrap_or_default().trim();
    if !format.contains("copyright-format/1.0") {
        return Vec::new();
    }
    let mut licences = Vec::new();
    for line in copyright.lines() {
        let Some(name) = line.strip_prefix("License:").map(str::trim) else { continue };
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b".+-~".contains(&byte);
        if !is_name(name) || !name.bytes().all(is_word) {
            return Vec::new();
        }
        licences.push(by_table(SHORT_NAMES, name));
    }
    licences.sort();
    licences.dedup();
    if licences.len() > MOST_LICENCES { Vec::new() } else { licences }
}

fn by_table(table: &[(&str, &str)], name: &str) -> Licence {
    let known = table.iter().find(|(word, _)| word.eq_ignore_ascii_case(name));
    match known {
        Some((_, id)) => Licence::Id((*id).to_owned()),
        None => Licence::Name(name.to_owned()),
    }
}

/// Trove classifiers that mean one licence. "BSD License" and "Apache Software License" do not: which
/// version or variant, they leave open.
const CLASSIFIERS: &[(&str, &str)] = &[
    ("MIT License", "MIT"),
    ("MIT No Attribution License (MIT-0)", "MIT-0"),
    ("ISC License (ISCL)", "ISC"),
    ("Mozilla Public License 1.1 (MPL 1.1)", "MPL-1.1"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
    ("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
    ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
    ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
    ("GNU Lesser General Public License v2 (LGPLv2)", "LGPL-2.0-only"),
    ("GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
    ("GNU Lesser General Public License v3 (LGPLv3)", "LGPL-3.0-only"),
    ("GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"),
    ("GNU Affero General Public License v3", "AGPL-3.0-only"),
    ("GNU Affero General Public License v3 or later (AGPLv3+)", "AGPL-3.0-or-later"),
    ("The Unlicense (Unlicense)", "Unlicense"),
    ("zlib/libpng License", "Zlib"),
    ("Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"),
    ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
];

/// Identifiers that authors write into `License`, in whatever case.
const IDENTIFIERS: &[(&str, &str)] = &[
    ("0BSD", "0BSD"),
    ("Apache-2.0", "Apache-2.0"),
    ("BSD-2-Clause", "BSD-2-Clause"),
    ("BSD-3-Clause", "BSD-3-Clause"),
    ("GPL-2.0-only", "GPL-2.0-only"),
    ("GPL-2.0-or-later", "GPL-2.0-or-later"),
    ("GPL-3.0-only", "GPL-3.0-only"),
    ("GPL-3.0-or-later", "GPL-3.0-or-later"),
    ("HPND", "HPND"),
    ("ISC", "ISC"),
    ("LGPL-2.1-only", "LGPL-2.1-only"),
    ("LGPL-2.1-or-later", "LGPL-2.1-or-later"),
    ("LGPL-3.0-only", "LGPL-3.0-only"),
    ("LGPL-3.0-or-later", "LGPL-3.0-or-later"),
    ("MIT", "MIT"),
    ("MIT-0", "MIT-0"),
    ("MIT-CMU", "MIT-CMU"),
    ("MPL-2.0", "MPL-2.0"),
    ("PSF-2.0", "PSF-2.0"),
    ("Unlicense", "Unlicense"),
    ("Zlib", "Zlib"),
    ("ZPL-2.1", "ZPL-2.1"),
];

/// Debian's short names that mean one licence (*version 1.0, License specification, Short name*).
const SHORT_NAMES: &[(&str, &str)] = &[
    ("Apache-2.0", "Apache-2.0"),
    ("Artistic-2.0", "Artistic-2.0"),
    ("BSD-2-clause", "BSD-2-Clause"),
    ("BSD-3-clause", "BSD-3-Clause"),
    ("CC0-1.0", "CC0-1.0"),
    ("Expat", "MIT"),
    ("GPL-1+", "GPL-1.0-or-later"),
    ("GPL-2", "GPL-2.0-only"),
    ("GPL-2+", "GPL-2.0-or-later"),
    ("GPL-3", "GPL-3.0-only"),
    ("GPL-3+", "GPL-3.0-or-later"),
    ("GFDL-1.3", "GFDL-1.3-only"),
    ("GFDL-1.3+", "GFDL-1.3-or-later"),
    ("ISC", "ISC"),
    ("LGPL-2", "LGPL-2.0-only"),
    ("LGPL-2+", "LGPL-2.0-or-later"),
    ("LGPL-2.1", "LGPL-2.1-only"),
    ("LGPL-2.1+", "LGPL-2.1-or-later"),
    ("LGPL-3", "LGPL-3.0-only"),
    ("LGPL-3+", "LGPL-3.0-or-later"),
    ("MPL-1.1", "MPL-1.1"),
    ("MPL-2.0", "MPL-2.0"),
    ("Zlib", "Zlib"),
];

/// Every identifier of the tables, for the test that holds them against the SPDX list.
#[cfg(test)]
pub(super) fn identifiers() -> impl Iterator<Item = &'static str> {
    [CLASSIFIERS, IDENTIFIERS, SHORT_NAMES].into_iter().flatten().map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use lightship_packages::python::parse_metadata;

    use super::*;

    fn python(headers: &str) -> Vec<Licence> {
        of_python(&parse_metadata(format!("Name: x\n{headers}\n").as_bytes()).unwrap())
    }

    fn id(text: &str) -> Licence {
        Licence::Id(text.to_owned())
    }

    fn name(text: &str) -> Licence {
        Licence::Name(text.to_owned())
    }

    #[test]
    fn the_clearest_word_wins() {
        let mit = "Classifier: License :: OSI Approved :: MIT License\n";
        let bsd = "Classifier: License :: OSI Approved :: BSD License\n";
        let both = "License-Expression: MIT OR Apache-2.0\nLicense: x\n".to_owned() + mit;
        assert_eq!(python(&both), [Licence::Expression("MIT OR Apache-2.0".to_owned())]);
        assert_eq!(python(&("License: see file\n".to_owned() + mit)), [id("MIT")]);
        assert_eq!(python(&("License: bsd-3-clause\n".to_owned() + bsd)), [id("BSD-3-Clause")]);
        assert_eq!(python(bsd), [name("BSD License")]);
        assert_eq!(python("License: Apache 2.0\n"), [name("Apache 2.0")]);
        let text = format!("License: {}\n", "Permission is hereby granted, ".repeat(9));
        assert_eq!(python(&text), []);
        assert_eq!(python("License: UNKNOWN\nClassifier: License :: OSI Approved\n"), []);
    }

    #[test]
    fn short_names_count_only_all_together() {
        let head = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";
        let of = |rest: &str| of_debian(&format!("{head}{rest}"));
        let simple =
            "Files: *\nLicense: GPL-2+\n text\n\nFiles: a\nLicense: Expat\n\nLicense: GPL-2+\n";
        assert_eq!(of(simple), [id("GPL-2.0-or-later"), id("MIT")]);
        assert_eq!(of("License: public-domain\n"), [name("public-domain")]);
        assert_eq!(of(&format!("{simple}License: GPL-2+ or Artistic\n")), []);
        assert_eq!(of_debian("This is the Debian package of x.\nLicense: GPL-2\n"), []);
    }
}
