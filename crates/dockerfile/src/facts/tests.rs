//! Dockerfiles as projects have them, and what they tell.

use proptest::prelude::*;

use super::*;

fn told(text: &str) -> String {
    let facts = facts(&Dockerfile::parse(text).expect(text));
    let mut lines = Vec::new();
    let mut say = |line: u32, what: String| lines.push(format!("{line}: {what}\n"));
    if let Some(base) = &facts.base {
        say(base.line, format!("base {}", base.value.reference));
    }
    facts.apt.iter().for_each(|at| say(at.line, format!("apt {:?}", at.value)));
    facts.python.iter().for_each(|at| say(at.line, format!("python {:?}", at.value)));
    facts.env.iter().for_each(|(name, at)| say(at.line, format!("env {name}={}", at.value)));
    facts.labels.iter().for_each(|(name, at)| say(at.line, format!("label {name}={}", at.value)));
    facts.workdir.iter().for_each(|at| say(at.line, format!("workdir {}", at.value)));
    facts.user.iter().for_each(|at| say(at.line, format!("user {}", at.value)));
    facts.expose.iter().for_each(|at| say(at.line, format!("expose {}", at.value)));
    facts.entrypoint.iter().for_each(|at| say(at.line, format!("entrypoint {:?}", at.value)));
    facts.cmd.iter().for_each(|at| say(at.line, format!("cmd {:?}", at.value)));
    facts.stop_signal.iter().for_each(|at| say(at.line, format!("signal {}", at.value)));
    facts.volumes.iter().for_each(|at| say(at.line, format!("volume {}", at.value)));
    facts.copies.iter().for_each(|at| {
        let folder = if at.value.into_folder { "/" } else { "" };
        say(at.line, format!("copy {:?} -> {}{folder}", at.value.sources, at.value.destination));
    });
    facts.notes.iter().for_each(|at| say(at.line, format!("note {}", at.value)));
    lines.concat()
}

#[test]
fn a_plain_file() {
    insta::assert_snapshot!(told(
        r#"ARG VERSION=3.11
ARG BASE=python:${VERSION}-slim-bookworm
FROM $BASE
WORKDIR /srv
WORKDIR app
ENV MODE=fast HOME_OF=$MODE
ENV PATH="/srv/bin:$PATH" X=${Y:-none}
ARG PKGS="libgomp1 curl"
RUN set -eux; apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o Dpkg::Use-Pty=0 \
      libpq5=15.6-0 $PKGS 'ca-certificates' ./local.deb $UNKNOWN > /dev/null 2>&1 \
    && rm -rf /var/lib/apt/lists/* || (echo failed; exit 1)
RUN if true; then sudo apt install tini:amd64; fi # apt-get install nothing
COPY requirements/prod.txt /tmp/req.txt
RUN pip install --no-cache-dir -i https://mirror.invalid/simple -r /tmp/req.txt "numpy>=2" && python3 -m pip install -e .
COPY requirements.txt ./
RUN ["pip3", "install", "-rrequirements.txt"]
COPY --chown=1000 job.py churn/ .
ADD https://mirror.invalid/data.tar /data/
EXPOSE 8080 $MODE/UDP
LABEL a="b $MODE"
USER 1000
HEALTHCHECK CMD curl -f localhost
STOPSIGNAL SIGINT
VOLUME /data /cache
ENTRYPOINT ["python"]
CMD ["job.py"]
"#
    ));
}

#[test]
fn stages_hand_on_what_they_have() {
    insta::assert_snapshot!(told(
        r#"FROM python:3.12 AS builder
RUN apt-get update && apt-get install -y build-essential
WORKDIR /build
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen
COPY src ./src
COPY run.sh /opt/run.sh
FROM python:3.12-slim AS runtime
ENV A=1
RUN <<EOF
apt-get update
apt-get install -y \
    libgomp1
EOF
CMD ["old"]
FROM runtime
COPY --from=builder /build/.venv /venv
COPY --from=builder /build/src /app/src
COPY --from=0 /opt/run.sh /usr/bin/
COPY --from=nginx:1.25 /etc/nginx /etc/nginx
ENTRYPOINT exec python -m src
"#
    ));
}

#[test]
fn what_is_not_known_is_not_invented() {
    insta::assert_snapshot!(told(
        r#"ARG BASE
FROM ${BASE}
RUN for p in a b; do apt-get install -y $p; done; ./install.sh; echo apt-get install x
RUN pip install $(cat names) `cat more` "$X" && apt-get remove gcc && pip uninstall y
ENV A=$MISSING B=${A:?needed}
"#
    ));
}

#[test]
fn an_entry_point_takes_away_the_command_below_it_only() {
    let cmd = |text: &str| {
        let facts = facts(&Dockerfile::parse(text).unwrap());
        facts.cmd.map(|at| at.line)
    };
    assert_eq!(cmd("FROM x\nCMD [\"a\"]\nENTRYPOINT [\"b\"]\n"), Some(2));
    assert_eq!(cmd("FROM x AS y\nCMD [\"a\"]\nFROM y\nENTRYPOINT [\"b\"]\n"), None);
    assert_eq!(cmd("FROM x AS y\nCMD a\nFROM y\nCMD c\nENTRYPOINT [\"b\"]\n"), Some(4));
}

#[test]
fn the_churn_project() {
    let text = include_str!("../../../../examples/churn-pipeline/Dockerfile");
    insta::assert_snapshot!(told(text));
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "(RUN|ENV A=|COPY|ARG B=|WORKDIR|CMD) [\\PC\n]{0,80}") {
        if let Ok(file) = Dockerfile::parse(&format!("FROM x AS a\n{text}\nFROM a\nCOPY --from=0 / /\n")) {
            facts(&file);
        }
    }

    #[test]
    fn variables_do_not_explode(lines in prop::collection::vec("ENV [AB]=(\\$[AB]){1,8}", 0..40)) {
        let text = format!("FROM x\nENV A=a B=b\n{}\n", lines.join("\n"));
        facts(&Dockerfile::parse(&text).unwrap());
    }
}
