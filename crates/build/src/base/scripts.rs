//! What maintainer scripts would have done.

use std::collections::BTreeSet;
use std::fmt;

use lightship_packages::deb::{Script, ScriptKind};

use super::alternatives::registered;

/// A maintainer script that dpkg would have run when it installed the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRun {
    /// Whose.
    pub package: String,
    /// Which.
    pub script: ScriptKind,
    /// What it would have done, as far as its words tell: nobody ran it.
    pub effect: Effect,
}

/// What a script would have done on a new system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that an image has.
    Nothing(String),
    /// Something that was done here instead: what.
    Reproduced(String),
    /// Something that nobody did: each is a clause. Whoever needs it has to do it.
    Missing(Vec<String>),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(why) => f.write_str(why),
            Self::Reproduced(what) => write!(f, "reproduced: {what}"),
            Self::Missing(what) => write!(f, "not done: {}", what.join("; ")),
        }
    }
}

/// Scripts that were read by a person: the start of the package's name, the script, what became of it.
const KNOWN: &[(&str, ScriptKind, Known)] = &[
    ("base-files", ScriptKind::Preinst, Known::Done("the links of the merged /usr")),
    ("base-files", ScriptKind::Postinst, Known::Done("folders, and links from /var to /run")),
    ("ca-certificates", ScriptKind::Postinst, Known::Done("the bundle of certificates")),
    ("dash", ScriptKind::Postinst, Known::Done("the link /bin/sh")),
    ("libc-bin", ScriptKind::Postinst, Known::Done("nsswitch.conf and the loader's cache")),
    ("libc6", ScriptKind::Preinst, Known::Nothing("checks the running kernel before an upgrade")),
    ("libc6", ScriptKind::Postinst, Known::Nothing("restarts services after an upgrade")),
    ("libgssapi-krb5-2", ScriptKind::Postinst, Known::Nothing("moves a file after an upgrade")),
    ("libpython3.", ScriptKind::Postinst, Known::Done("sitecustomize.py, which the package has")),
    (
        "netbase",
        ScriptKind::Postinst,
        Known::Nothing("writes /etc/hosts, which a container's runtime writes, and /etc/networks"),
    ),
    ("python3.", ScriptKind::Preinst, Known::Nothing("remembers that byte code is to be made")),
    (
        "python3.",
        ScriptKind::Postinst,
        Known::Done("the folder for distributions; byte code is decided for the whole image"),
    ),
    ("python3", ScriptKind::Preinst, Known::Nothing("tidies up after older versions")),
    (
        "python3",
        ScriptKind::Postinst,
        Known::Nothing("makes byte code for hooks of package management, which are left out"),
    ),
    (
        "readline-common",
        ScriptKind::Postinst,
        Known::Nothing("copies keys for a person at a prompt to /etc/inputrc"),
    ),
    ("tzdata", ScriptKind::Postinst, Known::Done("the time zone is UTC")),
];

#[derive(Clone, Copy)]
enum Known {
    Done(&'static str),
    Nothing(&'static str),
}

/// What commands in a script mean.
const COMMANDS: &[(&str, Meaning)] = &[
    ("addgroup", Meaning::Missing("makes a group")),
    ("adduser", Meaning::Missing("makes an account")),
    ("chgrp", Meaning::Missing("changes owners of files")),
    ("chmod", Meaning::Missing("changes modes of files")),
    ("chown", Meaning::Missing("changes owners of files")),
    ("cp", Meaning::Missing("copies files")),
    ("deb-systemd-helper", Meaning::Service),
    ("deb-systemd-invoke", Meaning::Service),
    ("dpkg-divert", Meaning::Missing("moves files of other packages")),
    ("dpkg-statoverride", Meaning::Missing("changes modes of files")),
    ("fc-cache", Meaning::Missing("makes the cache of fonts")),
    ("gdk-pixbuf-query-loaders", Meaning::Missing("lists image formats for GTK")),
    ("gio-querymodules", Meaning::Missing("lists modules for GIO")),
    ("glib-compile-schemas", Meaning::Missing("compiles GLib's schemas")),
    ("groupadd", Meaning::Missing("makes a group")),
    ("gtk-update-icon-cache", Meaning::Missing("makes the cache of icons")),
    ("install", Meaning::Missing("makes files")),
    ("invoke-rc.d", Meaning::Service),
    ("ldconfig", Meaning::Done("the loader's cache")),
    ("ln", Meaning::Missing("makes links")),
    ("locale-gen", Meaning::Missing("makes locales")),
    ("mkdir", Meaning::Missing("makes folders")),
    ("mv", Meaning::Missing("moves files")),
    ("py3compile", Meaning::Done("byte code is decided for the whole image")),
    ("pycompile", Meaning::Done("byte code is decided for the whole image")),
    ("systemctl", Meaning::Service),
    ("systemd-sysusers", Meaning::Missing("makes an account")),
    ("systemd-tmpfiles", Meaning::Missing("makes folders")),
    ("touch", Meaning::Missing("makes files")),
    ("ucf", Meaning::Missing("copies configuration files")),
    ("update-ca-certificates", Meaning::Done("the bundle of certificates")),
    ("update-catalog", Meaning::Missing("lists SGML catalogues")),
    ("update-fonts-alias", Meaning::Missing("lists fonts")),
    ("update-fonts-dir", Meaning::Missing("lists fonts")),
    ("update-icon-caches", Meaning::Missing("makes the cache of icons")),
    ("update-mime-database", Meaning::Missing("makes the database of file types")),
    ("update-rc.d", Meaning::Service),
    ("update-xmlcatalog", Meaning::Missing("lists XML catalogues")),
    ("useradd", Meaning::Missing("makes an account")),
    ("usermod", Meaning::Missing("changes an account")),
];

#[derive(Clone, Copy)]
enum Meaning {
    Done(&'static str),
    Missing(&'static str),
    Service,
}

/// What became of one script.
pub(super) fn judge(package: &str, script: &Script) -> Option<NotRun> {
    let effect = match script.kind {
        ScriptKind::Prerm | ScriptKind::Postrm => return None,
        ScriptKind::Config => Effect::Nothing("asks questions".to_owned()),
        ScriptKind::Preinst | ScriptKind::Postinst => {
            known(package, script.kind).unwrap_or_else(|| by_commands(&script.text))
        }
    };
    Some(NotRun { package: package.to_owned(), script: script.kind, effect })
}

fn known(package: &str, script: ScriptKind) -> Option<Effect> {
    let is_it = |(name, kind, _): &&(&str, ScriptKind, Known)| {
        let is_name = package == *name
            || package.strip_suffix("-minimal") == Some(name)
            || (name.ends_with('.')
                && package.strip_prefix(name).is_some_and(|rest| {
                    rest.trim_end_matches("-minimal").bytes().all(|b| b.is_ascii_digit())
                }));
        is_name && *kind == script
    };
    KNOWN.iter().find(is_it).map(|(.., known)| match known {
        Known::Done(what) => Effect::Reproduced((*what).to_owned()),
        Known::Nothing(what) => Effect::Nothing((*what).to_owned()),
    })
}

/// The first words of commands, without folders: not those that are only arguments or patterns.
fn commands(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split([';', '|', '&', '(', ')', '`']))
        .filter_map(command)
        .collect()
}

fn command(text: &str) -> Option<&str> {
    const KEYWORDS: [&str; 10] =
        ["if", "then", "elif", "else", "do", "while", "until", "!", "exec", "{"];
    let mut words = text.split_ascii_whitespace();
    let word = words.find(|word| !KEYWORDS.contains(word) && !word.contains('='))?;
    // A lone word before `)` or `|` is a pattern of `case`; dpkg's words are among them.
    if word == "install" && words.next().is_none() {
        return None;
    }
    word.trim_matches('"').rsplit('/').next()
}

fn by_commands(text: &str) -> Effect {
    let joined = text.replace("\\\n", " ");
    let words = commands(&joined);
    let (mut missing, mut done, mut service) = (BTreeSet::new(), BTreeSet::new(), false);
    for (_, meaning) in COMMANDS.iter().filter(|(command, _)| words.contains(command)) {
        match meaning {
            Meaning::Done(what) => drop(done.insert(*what)),
            Meaning::Missing(what) => drop(missing.insert(*what)),
            Meaning::Service => service = true,
        }
    }
    let alternatives = registered(text);
    if !alternatives.literal.is_empty() {
        done.insert("links for its alternatives");
    }
    if alternatives.computed > 0 {
        missing.insert("registers alternatives under computed names");
    }
    let owned = |set: BTreeSet<&str>| set.into_iter().map(str::to_owned).collect::<Vec<_>>();
    match (missing.is_empty(), done.is_empty()) {
        (false, _) => Effect::Missing(owned(missing)),
        (true, false) => Effect::Reproduced(owned(done).join("; ")),
        (true, true) if service => {
            Effect::Nothing("registers a service, and an image has no service manager".to_owned())
        }
        (true, true) => Effect::Nothing("does nothing that an image would have".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(package: &str, kind: ScriptKind, text: &str) -> String {
        let script = Script { kind, text: text.to_owned() };
        judge(package, &script).map_or("none".to_owned(), |not_run| not_run.effect.to_string())
    }

    #[test]
    fn known_scripts_are_told_by_their_package() {
        let post = |package| effect(package, ScriptKind::Postinst, "mkdir x");
        assert_eq!(post("tzdata"), "reproduced: the time zone is UTC");
        assert!(post("python3.11-minimal").contains("folder for distributions"));
        assert!(post("python3.13").contains("folder for distributions"));
        assert!(post("libpython3.11-minimal").contains("sitecustomize"));
        assert!(post("python3-minimal").contains("hooks of package management"));
        assert_eq!(post("python3.11-venv"), "not done: makes folders");
        assert_eq!(effect("tzdata", ScriptKind::Config, "x"), "asks questions");
        assert_eq!(effect("tzdata", ScriptKind::Prerm, "x"), "none");
    }

    #[test]
    fn others_are_told_by_their_commands() {
        let post = |text| effect("x", ScriptKind::Postinst, text);
        assert_eq!(
            post("if true; then adduser --system x; fi\n/bin/chown -R x /var/lib/x\n# mv a b\n"),
            "not done: changes owners of files; makes an account"
        );
        assert_eq!(
            post("if [ -x /usr/bin/deb-systemd-helper ]; then deb-systemd-helper unmask x; fi"),
            "registers a service, and an image has no service manager"
        );
        assert_eq!(
            post("update-alternatives --install /bin/a a /bin/b 1\nldconfig"),
            "reproduced: links for its alternatives; the loader's cache"
        );
        assert_eq!(
            post("update-alternatives --install /bin/$a a /bin/b 1"),
            "not done: registers alternatives under computed names"
        );
        assert_eq!(
            post("case $1 in install|upgrade) [ \"$1\" = install ] && ldconfig;; install) ;; esac"),
            "reproduced: the loader's cache"
        );
        assert_eq!(post("#!/bin/sh\nexit 0"), "does nothing that an image would have");
    }
}
