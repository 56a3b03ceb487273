//! What a Go binary says about its modules (*Go, package runtime/debug, `BuildInfo`*; the text is
//! what `go version -m` prints).

/// A module at a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// `github.com/spf13/cobra`.
    pub path: String,
    /// `v1.8.0`; `(devel)` where it was built from a working copy.
    pub version: String,
}

impl Module {
    /// The version, unless it says no more than that there is none.
    pub fn known_version(&self) -> Option<&str> {
        Some(self.version.as_str()).filter(|v| !v.is_empty() && *v != "(devel)")
    }
}

/// The parsed text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleInfo {
    /// `path`: the package of `main`.
    pub path: Option<String>,
    /// `mod`: the module that holds it.
    pub main: Option<Module>,
    /// `dep`, each replaced by what `=>` says where it does.
    pub dependencies: Vec<Module>,
    /// `build key=value`, such as `vcs.revision`.
    pub settings: Vec<(String, String)>,
}

/// Reads the lines; what is not known is passed over.
pub fn parse_module_info(text: &str) -> ModuleInfo {
    let mut info = ModuleInfo::default();
    // What a `=>` line replaces: the module named just before it.
    let mut last_is_main = false;
    for line in text.lines() {
        let mut columns = line.split('\t');
        let (keyword, first, second) =
            (columns.next().unwrap_or_default(), columns.next(), columns.next());
        let module = || {
            let version = second.unwrap_or_default().to_owned();
            first.filter(|p| !p.is_empty()).map(|path| Module { path: path.to_owned(), version })
        };
        match keyword {
            "path" => info.path = first.map(str::to_owned),
            "mod" => {
                info.main = module();
                last_is_main = true;
            }
            "dep" => {
                info.dependencies.extend(module());
                last_is_main = false;
            }
            "=>" => {
                let replaced =
                    if last_is_main { info.main.as_mut() } else { info.dependencies.last_mut() };
                if let (Some(replaced), Some(by)) = (replaced, module()) {
                    *replaced = by;
                }
            }
            "build" => info.settings.extend(first.and_then(setting)),
            _ => {}
        }
    }
    info
}

/// `key=value`; either may be quoted as a Go string, which we leave as it is.
fn setting(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    Some((key.to_owned(), value.to_owned()))
}

/// The release of the standard library that `go1.21.5 X:boringcrypto` means: `1.21.5`. `None` for a
/// compiler built from a working copy.
pub fn release_of(version: &str) -> Option<&str> {
    version.strip_prefix("go")?.split([' ', '-']).next().filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_their_replacements() {
        let info = parse_module_info(
            "path\texample.org/app/cmd/app\nmod\texample.org/app\t(devel)\t\ndep\tgithub.com/a/b\tv1.0.0\th1:x=\n=>\tgithub.com/fork/b\tv1.0.1\th1:y=\ndep\tgolang.org/x/sys\tv0.1.0\th1:z=\nbuild\t-compiler=gc\nbuild\tvcs.revision=abc\n",
        );
        assert_eq!(info.main.as_ref().unwrap().known_version(), None);
        let dependencies: Vec<String> =
            info.dependencies.iter().map(|m| format!("{}@{}", m.path, m.version)).collect();
        assert_eq!(dependencies, ["github.com/fork/b@v1.0.1", "golang.org/x/sys@v0.1.0"]);
        assert_eq!(info.settings[1], ("vcs.revision".into(), "abc".into()));
        assert_eq!(parse_module_info("=>\tx\ty\n\t\t\nmod"), ModuleInfo::default());
    }

    #[test]
    fn releases() {
        assert_eq!(release_of("go1.19.8"), Some("1.19.8"));
        assert_eq!(release_of("go1.21.5 X:boringcrypto"), Some("1.21.5"));
        assert_eq!(release_of("devel +abc"), None);
    }
}
