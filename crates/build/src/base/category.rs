//! What of a package nothing in an image reads, by kind.

use std::fmt;
use std::str::FromStr;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::ItemKind;

/// A kind of files that is left out of an image, unless it is kept by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Single certificates; the bundle has them all.
    Certificates,
    /// Tables for `iconv(3)`. They stay where native code of a package calls it; UTF-8, UTF-16 and
    /// ASCII need none, and Python has codecs of its own.
    CharacterSets,
    /// What shells complete.
    Completions,
    /// Helpers of debuggers.
    Debugging,
    /// What programs that embed or extend Python are compiled with, of an interpreter from an archive.
    Development,
    /// Documentation but for licences.
    Docs,
    /// GNU info.
    Info,
    /// Translations, and locales but for C.UTF-8.
    Locales,
    /// What a person sees who logs in.
    Login,
    /// Manual pages.
    Man,
    /// Entries of desktops' menus.
    Menus,
    /// What package management keeps and asks: dpkg, apt, debconf, lintian, hooks for byte code.
    Packaging,
    /// Programs of packages that are there for their data, but for what Python runs.
    Programs,
    /// Programs in a language whose interpreter is not in the image.
    Scripts,
    /// What starts with a machine: units, init scripts, cron, log rotation, device rules.
    Services,
    /// Tests of Python itself, of an interpreter from an archive. Those of distributions have the same name.
    Tests,
    /// Tcl and Tk, `tkinter`, IDLE and turtle graphics, of an interpreter from an archive.
    Tk,
    /// The time zones a second time: counting leap seconds, and under another name.
    Zones,
}

impl Category {
    /// All of them, by name.
    pub const ALL: [Self; 18] = [
        Self::Certificates,
        Self::CharacterSets,
        Self::Completions,
        Self::Debugging,
        Self::Development,
        Self::Docs,
        Self::Info,
        Self::Locales,
        Self::Login,
        Self::Man,
        Self::Menus,
        Self::Packaging,
        Self::Programs,
        Self::Scripts,
        Self::Services,
        Self::Tests,
        Self::Tk,
        Self::Zones,
    ];

    /// As a user writes it: `character-sets`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::CharacterSets => "character-sets",
            Self::Completions => "completions",
            Self::Debugging => "debugging",
            Self::Development => "development",
            Self::Docs => "docs",
            Self::Info => "info",
            Self::Locales => "locales",
            Self::Login => "login",
            Self::Man => "man",
            Self::Menus => "menus",
            Self::Packaging => "packaging",
            Self::Programs => "programs",
            Self::Scripts => "scripts",
            Self::Services => "services",
            Self::Tests => "tests",
            Self::Tk => "tk",
            Self::Zones => "zones",
        }
    }

    /// Whether it is left out of a package that was asked for by name as well: whoever asks for
    /// `locales-all` wants locales, and nobody wants to hear of lintian.
    const fn of_asked(self) -> bool {
        match self {
            Self::Completions
            | Self::Debugging
            | Self::Development
            | Self::Docs
            | Self::Info
            | Self::Man
            | Self::Menus
            | Self::Packaging
            | Self::Scripts
            | Self::Services => true,
            Self::Certificates
            | Self::CharacterSets
            | Self::Locales
            | Self::Login
            | Self::Programs
            | Self::Tests
            | Self::Tk
            | Self::Zones => false,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no category of a base's files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of files that is left out of a base")]
pub struct UnknownCategory(String);

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|category| category.name() == text);
        found.ok_or_else(|| UnknownCategory(text.chars().take(80).collect()))
    }
}

/// Folders and files whose kind their place alone tells. `*` stands for any one component, or for any
/// end of the last one.
const PLACES: &[(&str, Category)] = &[
    ("etc/X11/Xsession.d", Category::Login),
    ("etc/apparmor.d", Category::Services),
    ("etc/apt", Category::Packaging),
    ("etc/bash_completion.d", Category::Completions),
    ("etc/ca-certificates", Category::Packaging),
    ("etc/cron.*", Category::Services),
    ("etc/default", Category::Services),
    ("etc/dpkg", Category::Packaging),
    ("etc/init", Category::Services),
    ("etc/init.d", Category::Services),
    ("etc/issue", Category::Login),
    ("etc/issue.net", Category::Login),
    ("etc/logcheck", Category::Services),
    ("etc/logrotate.d", Category::Services),
    ("etc/motd", Category::Login),
    ("etc/profile", Category::Login),
    ("etc/profile.d", Category::Login),
    ("etc/rc0.d", Category::Services),
    ("etc/rc1.d", Category::Services),
    ("etc/rc2.d", Category::Services),
    ("etc/rc3.d", Category::Services),
    ("etc/rc4.d", Category::Services),
    ("etc/rc5.d", Category::Services),
    ("etc/rc6.d", Category::Services),
    ("etc/rcS.d", Category::Services),
    ("etc/rsyslog.d", Category::Services),
    ("etc/skel", Category::Login),
    ("etc/sysctl.d", Category::Services),
    ("etc/systemd", Category::Services),
    ("etc/udev", Category::Services),
    ("etc/ufw", Category::Services),
    ("etc/update-motd.d", Category::Login),
    ("usr/bin/py3clean", Category::Packaging),
    ("usr/bin/py3compile", Category::Packaging),
    ("usr/bin/py3versions", Category::Packaging),
    ("usr/lib/*/gconv", Category::CharacterSets),
    ("usr/lib/apt", Category::Packaging),
    ("usr/lib/binfmt.d", Category::Services),
    ("usr/lib/debug", Category::Debugging),
    ("usr/lib/dpkg", Category::Packaging),
    ("usr/lib/locale", Category::Locales),
    ("usr/lib/lsb", Category::Services),
    ("usr/lib/mime/packages", Category::Packaging),
    ("usr/lib/modprobe.d", Category::Services),
    ("usr/lib/modules-load.d", Category::Services),
    ("usr/lib/python3*/EXTERNALLY-MANAGED", Category::Packaging),
    ("usr/lib/sysctl.d", Category::Services),
    ("usr/lib/systemd/system", Category::Services),
    ("usr/lib/systemd/system-generators", Category::Services),
    ("usr/lib/systemd/system-preset", Category::Services),
    ("usr/lib/systemd/user", Category::Services),
    ("usr/lib/systemd/user-preset", Category::Services),
    ("usr/lib/sysusers.d", Category::Services),
    ("usr/lib/tmpfiles.d", Category::Services),
    ("usr/lib/udev/rules.d", Category::Services),
    ("usr/share/app-install", Category::Menus),
    ("usr/share/applications", Category::Menus),
    ("usr/share/apport", Category::Packaging),
    ("usr/share/base-files", Category::Packaging),
    ("usr/share/bash-completion", Category::Completions),
    ("usr/share/binfmts", Category::Packaging),
    ("usr/share/bug", Category::Packaging),
    ("usr/share/ca-certificates", Category::Certificates),
    ("usr/share/debconf", Category::Packaging),
    ("usr/share/debhelper", Category::Packaging),
    ("usr/share/debianutils", Category::Packaging),
    ("usr/share/dh-python", Category::Packaging),
    ("usr/share/doc", Category::Docs),
    ("usr/share/doc-base", Category::Docs),
    ("usr/share/fish/vendor_completions.d", Category::Completions),
    ("usr/share/gdb", Category::Debugging),
    ("usr/share/i18n", Category::Locales),
    ("usr/share/info", Category::Info),
    ("usr/share/libc-bin", Category::Packaging),
    ("usr/share/linda", Category::Packaging),
    ("usr/share/lintian", Category::Packaging),
    ("usr/share/locale", Category::Locales),
    ("usr/share/man", Category::Man),
    ("usr/share/menu", Category::Menus),
    ("usr/share/pixmaps", Category::Menus),
    ("usr/share/python3", Category::Packaging),
    ("usr/share/reportbug", Category::Packaging),
    ("usr/share/zoneinfo/posix", Category::Zones),
    ("usr/share/zoneinfo/right", Category::Zones),
    ("usr/share/zsh/vendor-completions", Category::Completions),
    ("var/lib/dpkg", Category::Packaging),
];

/// The one locale that every image has.
const LOCALE: &str = "usr/lib/locale/C.utf8";

/// Which kind something is by its place, unless it is needed. `asked`: whether its package was asked for
/// by name.
pub(super) fn of_place(path: &RootPath, kind: &ItemKind, asked: bool) -> Option<Category> {
    let (_, category) = PLACES.iter().find(|(rule, _)| is_within(path, rule))?;
    let is_kept = (*category == Category::Docs && is_licence(path, kind))
        || (*category == Category::Locales && is_within(path, LOCALE));
    (!is_kept && (!asked || category.of_asked())).then_some(*category)
}

/// Whether a path is what a rule names, or lies below it.
fn is_within(path: &RootPath, rule: &str) -> bool {
    let mut components = path.components();
    rule.split('/').all(|wanted| match (components.next(), wanted.strip_suffix('*')) {
        (Some(component), Some(start)) => component.starts_with(start.as_bytes()),
        (Some(component), None) => component == wanted.as_bytes(),
        (None, _) => false,
    })
}

/// `usr/share/doc/<package>/copyright` must go with the package (*Debian Policy, 12.5*); a package may
/// link its whole folder to that of another from the same source.
fn is_licence(path: &RootPath, kind: &ItemKind) -> bool {
    let parts: Vec<&[u8]> = path.components().collect();
    match (parts.as_slice(), kind) {
        ([b"usr", b"share", b"doc", _], ItemKind::Symlink(_)) => true,
        ([b"usr", b"share", b"doc", _, name], ItemKind::File { .. } | ItemKind::Symlink(_)) => {
            name.starts_with(b"copyright") || *name == b"NOTICE" || *name == b"NOTICE.gz"
        }
        (_, ItemKind::Folder { .. } | ItemKind::File { .. } | ItemKind::Symlink(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use lightship_packages::parcel::Content;

    use super::*;

    fn of(path: &str, asked: bool) -> Option<Category> {
        let kind = ItemKind::File { mode: 0o644, content: Content::bytes("") };
        of_place(&RootPath::parse(path.as_bytes()).unwrap(), &kind, asked)
    }

    #[test]
    fn names_are_read_back() {
        for category in Category::ALL {
            assert_eq!(category.name().parse(), Ok(category));
        }
        assert!(Category::ALL.is_sorted_by_key(|category| category.name()));
        assert!("dosc".parse::<Category>().is_err());
    }

    #[test]
    fn places_tell_kinds() {
        let cases = [
            ("usr/share/doc/a/changelog.gz", Some(Category::Docs)),
            ("usr/share/doc/a/copyright", None),
            ("usr/share/doc/a/examples/copyright", Some(Category::Docs)),
            ("usr/share/documents/x", None),
            ("usr/lib/locale/C.utf8/LC_CTYPE", None),
            ("usr/lib/locale/locale-archive", Some(Category::Locales)),
            ("usr/lib/x86_64-linux-gnu/gconv/UTF-7.so", Some(Category::CharacterSets)),
            ("usr/lib/x86_64-linux-gnu/libgconv.so", None),
            ("usr/lib/python3.11/EXTERNALLY-MANAGED", Some(Category::Packaging)),
            ("etc/cron.daily/x", Some(Category::Services)),
            ("etc/crontab", None),
            ("usr/share/zoneinfo/right/UTC", Some(Category::Zones)),
            ("usr/share/zoneinfo/UTC", None),
        ];
        for (path, category) in cases {
            assert_eq!(of(path, false), category, "{path}");
        }
        assert_eq!(of("usr/lib/locale/locale-archive", true), None);
        assert_eq!(of("usr/share/man/man1/x.1.gz", true), Some(Category::Man));
        let link = ItemKind::Symlink(b"gcc-12-base".to_vec());
        let path = RootPath::parse(b"usr/share/doc/libgcc-s1").unwrap();
        assert_eq!(of_place(&path, &link, false), None);
    }
}
