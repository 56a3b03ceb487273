//! Dockerfiles as people write them, and what is said about those that are none.

use proptest::prelude::*;

use crate::{Dockerfile, Form, Kind, PartKind};

/// Every part on a line of its own.
fn dump(text: &str) -> String {
    let file = Dockerfile::parse(text).expect(text);
    let parts = file.parts().iter().map(|part| match &part.kind {
        PartKind::Blank => format!("{} blank\n", part.line),
        PartKind::Comment => format!("{} comment\n", part.line),
        PartKind::Directive { name, value } => format!("{} {name} is {value}\n", part.line),
        PartKind::Instruction(one) => {
            let flags = one.flags.iter().map(|flag| match &flag.value {
                Some(value) => format!(" [{}={value}]", flag.name),
                None => format!(" [{}]", flag.name),
            });
            let flags: String = flags.collect();
            let heredocs: String =
                one.heredocs.iter().map(|text| format!("\n    {text:?}")).collect();
            format!("{}{flags} {:?}{heredocs}\n", part.line, one.kind)
        }
    });
    parts.collect()
}

const EVERYTHING: &str = r#"# syntax=docker/dockerfile:1
# escape=\
# check=skip=all

# a comment
ARG BASE=python:3.11
from --platform=$BUILDPLATFORM ${BASE} As build
ARG ONE TWO=2 THREE="a b"
ENV A=1 B="two words" C=three\ words D=
ENV OLD the old way = fine
LABEL "org.example.a"="b c" x=y
RUN apt-get update \
    # a comment inside
    && apt-get install -y \

      gcc
RUN --mount=type=cache,target=/root/.cache --network="none" ["pip", "install", "x"]
RUN <<EOF
pip install a
EOF
RUN cat <<-"END" > /x && cat 3<<TWO
	$not replaced
	END
two
TWO
COPY --from=build --chown=1:1 a b /dst/
COPY ["with space", "/dst"]
ADD --checksum=sha256:00 https://mirror.invalid/x.tar.gz /x
COPY <<a.txt <<"b.txt" /texts/
one
a.txt
b.txt
SHELL ["/bin/bash", "-c"]
WORKDIR /app
USER 1000:1000
EXPOSE 80 53/udp
VOLUME ["/data"]
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD curl -f http://localhost/ || exit 1
HEALTHCHECK NONE
ONBUILD COPY . /app
MAINTAINER somebody
ENTRYPOINT ["python"]
CMD python job.py
CMD [not json]
"#;

#[test]
fn every_instruction_has_its_meaning() {
    insta::assert_snapshot!(dump(EVERYTHING));
}

#[test]
fn corners_of_the_grammar() {
    let text = "\u{feff}# escape=`\r\nFROM x\r\nRUN a `\r\n  b\r\nRUN c``\r\nRUN C:\\\r\nRUN x <<<here\nRUN echo <<\nCMD\n";
    insta::assert_snapshot!(dump(text));
    // Directives end at the first line that is none.
    let late = Dockerfile::parse("# hello\n# escape=`\nFROM x\nRUN a \\\n b").unwrap();
    assert_eq!(late.escape(), '\\');
    assert!(matches!(late.parts()[1].kind, PartKind::Comment));
    // The end of the file ends everything but a heredoc.
    let open = Dockerfile::parse("FROM x\nRUN a \\").unwrap();
    let last = open.instructions().last().unwrap();
    assert_eq!(last.kind, Kind::Run(Form::Shell("a".to_owned())));
}

#[test]
fn stages_go_by_name_and_number() {
    let file =
        Dockerfile::parse("ARG A\nFROM a AS Build\nRUN x\nFROM build\nRUN y\nRUN z\n").unwrap();
    let stages = file.stages();
    assert_eq!(stages.len(), 2);
    assert!(stages[0].is("BUILD") && stages[0].is("0") && !stages[0].is("1"));
    assert_eq!((stages[1].image, stages[1].instructions().count()), ("build", 2));
    assert_eq!(file.global().count(), 1);
}

#[test]
fn mistakes_are_told_with_their_lines() {
    let texts = [
        "",
        "# only a comment",
        "RUN x\nFROM y",
        "FROM",
        "FROM a b",
        "FROM a AS",
        "FRON a",
        "FROM a\n\nCOPYY . .",
        "FROM a\nCOPY .",
        "FROM a\nENV",
        "FROM a\nENV A",
        "FROM a\nENV A=1 B",
        "FROM a\nRUN",
        "FROM a\nSHELL sh -c",
        "FROM a\nHEALTHCHECK CURL",
        "FROM a\nONBUILD ONBUILD RUN x",
        "FROM a\nONBUILD FROM x",
        "FROM a\nRUN <<EOF\nx",
        "FROM a\nRUN --mount=\"x y",
        "# escape=x\nFROM a",
        "# syntax=x\n# syntax=y\nFROM a",
    ];
    let told: String =
        texts.map(|text| Dockerfile::parse(text).expect_err(text).to_string() + "\n").concat();
    insta::assert_snapshot!(told);
}

/// Lines as Dockerfiles have them, in an order that none has.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("FROM x AS a".to_owned()),
        Just("RUN a \\".to_owned()),
        Just("  && b".to_owned()),
        Just("RUN <<EOF".to_owned()),
        Just("EOF".to_owned()),
        Just("# comment".to_owned()),
        Just("# escape=`".to_owned()),
        Just("ENV A=\"b".to_owned()),
        Just("COPY --from=a . .".to_owned()),
        Just(String::new()),
        "\\PC{0,20}",
    ];
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("")];
    prop::collection::vec((line, end).prop_map(|(line, end)| line + end), 0..12)
        .prop_map(|lines| format!("FROM base\n{}", lines.concat()))
}

proptest! {
    #[test]
    fn no_byte_is_lost(text in lines()) {
        if let Ok(file) = Dockerfile::parse(&text) {
            let mut at = 0;
            for part in file.parts() {
                prop_assert_eq!(part.span.start, at);
                prop_assert_eq!(part.line as usize, 1 + text[..at].matches('\n').count());
                at = part.span.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC*") {
        drop(Dockerfile::parse(&text));
    }
}
