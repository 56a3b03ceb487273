//! Instructions. *Dockerfile reference*: each variant is the section of its name.

/// One instruction. Words are as they are written: quotes and variables still in them, except where
/// they were JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its first line, from 1.
    pub line: u32,
    /// Its flags, in order.
    pub flags: Vec<Flag>,
    /// What it does.
    pub kind: Kind,
    /// The texts that follow it.
    pub heredocs: Vec<Heredoc>,
}

/// `--name=value` or `--name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Without the hyphens.
    pub name: String,
    /// What follows the `=`.
    pub value: Option<String>,
}

/// `<<NAME` and the lines up to `NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// What ends it.
    pub name: String,
    /// The number before `<<`: the file descriptor that reads it.
    pub descriptor: Option<u32>,
    /// Whether variables are replaced in it: its name has no quotes.
    pub expand: bool,
    /// Whether tabs at the beginnings of lines mean nothing: `<<-NAME`.
    pub chomp: bool,
    /// Its lines.
    pub content: String,
}

/// A command, as a shell reads it or as words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// One line for a shell, continuation lines joined.
    Shell(String),
    /// JSON words that no shell reads.
    Exec(Vec<String>),
}

/// What `COPY` and `ADD` copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Where from: paths, patterns, addresses for `ADD`, `<<NAME` for a text. At least one.
    pub sources: Vec<String>,
    /// Where to.
    pub destination: String,
}

/// What an instruction does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `FROM image AS name`.
    From {
        /// An image or a stage.
        image: String,
        /// The name of this stage.
        name: Option<String>,
    },
    /// `ARG name=default …`.
    Arg(Vec<(String, Option<String>)>),
    /// `ENV name=value …`.
    Env(Vec<(String, String)>),
    /// `LABEL name=value …`.
    Label(Vec<(String, String)>),
    /// `RUN`.
    Run(Form),
    /// `CMD`.
    Cmd(Form),
    /// `ENTRYPOINT`.
    Entrypoint(Form),
    /// `SHELL`.
    Shell(Vec<String>),
    /// `COPY`.
    Copy(Transfer),
    /// `ADD`.
    Add(Transfer),
    /// `WORKDIR`.
    Workdir(String),
    /// `USER`.
    User(String),
    /// `STOPSIGNAL`.
    StopSignal(String),
    /// `MAINTAINER`, which is deprecated.
    Maintainer(String),
    /// `EXPOSE`.
    Expose(Vec<String>),
    /// `VOLUME`.
    Volume(Vec<String>),
    /// `HEALTHCHECK CMD …`; none for `HEALTHCHECK NONE`.
    Healthcheck(Option<Form>),
    /// `ONBUILD`: what images made from this one do.
    Onbuild(Box<Instruction>),
}

impl Kind {
    /// The instruction's name, upper case.
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::From { .. } => "FROM",
            Self::Arg(_) => "ARG",
            Self::Env(_) => "ENV",
            Self::Label(_) => "LABEL",
            Self::Run(_) => "RUN",
            Self::Cmd(_) => "CMD",
            Self::Entrypoint(_) => "ENTRYPOINT",
            Self::Shell(_) => "SHELL",
            Self::Copy(_) => "COPY",
            Self::Add(_) => "ADD",
            Self::Workdir(_) => "WORKDIR",
            Self::User(_) => "USER",
            Self::StopSignal(_) => "STOPSIGNAL",
            Self::Maintainer(_) => "MAINTAINER",
            Self::Expose(_) => "EXPOSE",
            Self::Volume(_) => "VOLUME",
            Self::Healthcheck(_) => "HEALTHCHECK",
            Self::Onbuild(_) => "ONBUILD",
        }
    }
}

impl Instruction {
    /// The value of a flag that is given once.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|flag| flag.name == name).and_then(|flag| flag.value.as_deref())
    }
}
