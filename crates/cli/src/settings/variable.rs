//! Every environment variable that Lightship reads. The enum is the table: nothing can be read that
//! `lightship --help` does not know.

/// One environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// Where the local store is.
    LightshipHome,
    /// How many threads work at once.
    LightshipJobs,
    /// Where apt's configuration is.
    LightshipApt,
    /// A registry login: which registry it is for.
    Registry,
    /// A registry login: the user's name.
    RegistryUsername,
    /// A registry login: the password or token.
    RegistryPassword,
    /// The moment that new documents carry.
    SourceDateEpoch,
    /// Podman's way to name a file of credentials.
    RegistryAuthFile,
    /// Docker's way to name the folder of its `config.json`.
    DockerConfig,
    /// Proxy for `http:` addresses.
    HttpProxy,
    /// Proxy for `https:` addresses.
    HttpsProxy,
    /// Addresses that need no proxy.
    NoProxy,
    /// File of certificate authorities.
    SslCertFile,
    /// Folder of certificate authorities.
    SslCertDir,
    /// No colours, please.
    NoColor,
    /// Colours, please, also into pipes.
    ClicolorForce,
    /// Folder for temporary files.
    Tmpdir,
    /// Where programs are: credential helpers are looked for here.
    Path,
    /// The user's home folder.
    Home,
    /// *XDG Base Directory Specification*: the user's data.
    XdgDataHome,
    /// *XDG Base Directory Specification*: the user's configuration.
    XdgConfigHome,
    /// *XDG Base Directory Specification*: what lives as long as the login.
    XdgRuntimeDir,
    /// What kind of terminal this is.
    Term,
    /// How wide the terminal is, where it cannot be asked.
    Columns,
    /// Character set, strongest.
    LcAll,
    /// Character set.
    LcCtype,
    /// Character set, weakest.
    Lang,
    /// Pip's default index.
    PipIndexUrl,
    /// Pip's further indexes.
    PipExtraIndexUrl,
    /// Pip's pages of links and folders.
    PipFindLinks,
    /// Pip's file of certificate authorities.
    PipCert,
    /// Pip's settings file, before all others.
    PipConfigFile,
    /// Uv's default index.
    UvDefaultIndex,
    /// Uv's further indexes.
    UvIndex,
    /// Uv's default index, by its older name.
    UvIndexUrl,
    /// Uv's further indexes, by their older name.
    UvExtraIndexUrl,
    /// Uv's pages of links and folders.
    UvFindLinks,
    /// Where logins by host are, in place of `~/.netrc`.
    Netrc,
    /// The folder of the active virtual environment.
    VirtualEnv,
}

impl Variable {
    /// All of them, in the order in which help lists them.
    pub const ALL: [Self; 39] = [
        Self::LightshipHome,
        Self::LightshipJobs,
        Self::LightshipApt,
        Self::Registry,
        Self::RegistryUsername,
        Self::RegistryPassword,
        Self::RegistryAuthFile,
        Self::DockerConfig,
        Self::SourceDateEpoch,
        Self::HttpProxy,
        Self::HttpsProxy,
        Self::NoProxy,
        Self::SslCertFile,
        Self::SslCertDir,
        Self::NoColor,
        Self::ClicolorForce,
        Self::Tmpdir,
        Self::Path,
        Self::Home,
        Self::XdgDataHome,
        Self::XdgConfigHome,
        Self::XdgRuntimeDir,
        Self::Term,
        Self::Columns,
        Self::LcAll,
        Self::LcCtype,
        Self::Lang,
        Self::PipIndexUrl,
        Self::PipExtraIndexUrl,
        Self::PipFindLinks,
        Self::PipCert,
        Self::PipConfigFile,
        Self::UvDefaultIndex,
        Self::UvIndex,
        Self::UvIndexUrl,
        Self::UvExtraIndexUrl,
        Self::UvFindLinks,
        Self::Netrc,
        Self::VirtualEnv,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LightshipHome => "LIGHTSHIP_HOME",
            Self::LightshipJobs => "LIGHTSHIP_JOBS",
            Self::LightshipApt => "LIGHTSHIP_APT",
            Self::Registry => "LIGHTSHIP_REGISTRY",
            Self::RegistryUsername => "LIGHTSHIP_REGISTRY_USERNAME",
            Self::RegistryPassword => "LIGHTSHIP_REGISTRY_PASSWORD",
            Self::SourceDateEpoch => "SOURCE_DATE_EPOCH",
            Self::RegistryAuthFile => "REGISTRY_AUTH_FILE",
            Self::DockerConfig => "DOCKER_CONFIG",
            Self::HttpProxy => "HTTP_PROXY",
            Self::HttpsProxy => "HTTPS_PROXY",
            Self::NoProxy => "NO_PROXY",
            Self::SslCertFile => "SSL_CERT_FILE",
            Self::SslCertDir => "SSL_CERT_DIR",
            Self::NoColor => "NO_COLOR",
            Self::ClicolorForce => "CLICOLOR_FORCE",
            Self::Tmpdir => "TMPDIR",
            Self::Path => "PATH",
            Self::Home => "HOME",
            Self::XdgDataHome => "XDG_DATA_HOME",
            Self::XdgConfigHome => "XDG_CONFIG_HOME",
            Self::XdgRuntimeDir => "XDG_RUNTIME_DIR",
            Self::Term => "TERM",
            Self::Columns => "COLUMNS",
            Self::LcAll => "LC_ALL",
            Self::LcCtype => "LC_CTYPE",
            Self::Lang => "LANG",
            Self::PipIndexUrl => "PIP_INDEX_URL",
            Self::PipExtraIndexUrl => "PIP_EXTRA_INDEX_URL",
            Self::PipFindLinks => "PIP_FIND_LINKS",
            Self::PipCert => "PIP_CERT",
            Self::PipConfigFile => "PIP_CONFIG_FILE",
            Self::UvDefaultIndex => "UV_DEFAULT_INDEX",
            Self::UvIndex => "UV_INDEX",
            Self::UvIndexUrl => "UV_INDEX_URL",
            Self::UvExtraIndexUrl => "UV_EXTRA_INDEX_URL",
            Self::UvFindLinks => "UV_FIND_LINKS",
            Self::Netrc => "NETRC",
            Self::VirtualEnv => "VIRTUAL_ENV",
        }
    }

    /// An older spelling, in small letters, which wins where both are set: that is what curl does, and
    /// people's machines are set up for curl.
    pub const fn other_spelling(self) -> Option<&'static str> {
        match self {
            Self::HttpProxy => Some("http_proxy"),
            Self::HttpsProxy => Some("https_proxy"),
            Self::NoProxy => Some("no_proxy"),
            Self::LightshipHome
            | Self::LightshipJobs
            | Self::LightshipApt
            | Self::Registry
            | Self::RegistryUsername
            | Self::RegistryPassword
            | Self::SourceDateEpoch
            | Self::RegistryAuthFile
            | Self::DockerConfig
            | Self::SslCertFile
            | Self::SslCertDir
            | Self::NoColor
            | Self::ClicolorForce
            | Self::Tmpdir
            | Self::Path
            | Self::Home
            | Self::XdgDataHome
            | Self::XdgConfigHome
            | Self::XdgRuntimeDir
            | Self::Term
            | Self::Columns
            | Self::LcAll
            | Self::LcCtype
            | Self::Lang
            | Self::PipIndexUrl
            | Self::PipExtraIndexUrl
            | Self::PipFindLinks
            | Self::PipCert
            | Self::PipConfigFile
            | Self::UvDefaultIndex
            | Self::UvIndex
            | Self::UvIndexUrl
            | Self::UvExtraIndexUrl
            | Self::UvFindLinks
            | Self::Netrc
            | Self::VirtualEnv => None,
        }
    }

    /// What help says about it; `None` for those that mean what they mean everywhere.
    pub const fn meaning(self) -> Option<&'static str> {
        Some(match self {
            Self::LightshipHome => {
                "folder of the local store [default: lightship in $XDG_DATA_HOME or ~/.local/share]"
            }
            Self::LightshipJobs => "threads that work at once [default: one per processor]",
            Self::LightshipApt => {
                "folder of apt's sources.list, sources.list.d and keys [default: /etc/apt]"
            }
            Self::Registry => "the one registry (host or host:port) that the next two are for",
            Self::RegistryUsername => "user name for that registry",
            Self::RegistryPassword => "password or token for that registry; goes before any file",
            Self::RegistryAuthFile => "the one file of credentials to read, in Podman's form",
            Self::DockerConfig => {
                "folder whose config.json is the one file of credentials to read, in Docker's form"
            }
            Self::SourceDateEpoch => "the time, in seconds since 1970, that new documents carry",
            Self::HttpProxy => "proxy for http addresses",
            Self::HttpsProxy => "proxy for https addresses",
            Self::NoProxy => "hosts that need no proxy, separated by commas",
            Self::SslCertFile => "file of authorities to trust instead of the machine's own",
            Self::SslCertDir => "folder of authorities to trust instead of the machine's own",
            Self::NoColor => "no colours, if set",
            Self::ClicolorForce => "colours also into files and pipes, if set and not 0",
            Self::Tmpdir => "folder for temporary files [default: tmp in the folder of the store]",
            Self::Path
            | Self::Home
            | Self::XdgDataHome
            | Self::XdgConfigHome
            | Self::XdgRuntimeDir
            | Self::Term
            | Self::Columns
            | Self::LcAll
            | Self::LcCtype
            | Self::Lang
            | Self::PipIndexUrl
            | Self::PipExtraIndexUrl
            | Self::PipFindLinks
            | Self::PipCert
            | Self::PipConfigFile
            | Self::UvDefaultIndex
            | Self::UvIndex
            | Self::UvIndexUrl
            | Self::UvExtraIndexUrl
            | Self::UvFindLinks
            | Self::Netrc
            | Self::VirtualEnv => return None,
        })
    }
}
