//! `lightship verify` on images of busybox: commands, services, files, and what they may try.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use lightship_oci::Source;
use lightship_testkit::images::{ImageBuilder, file};
use serde_json::{Value, json};

use crate::common::image::reconfigured;
use crate::common::{Run, TestEnvironment};

/// A static busybox that runs these words.
fn busybox(command: &[&str]) -> Arc<dyn Source> {
    let program = ["/usr/bin/busybox", "/bin/busybox"].iter().find_map(|path| fs::read(path).ok());
    let program = program.expect("install Debian's busybox-static");
    let executable = |path: &str, bytes: &[u8]| {
        let mut entry = file(path, bytes.len() as u64);
        entry.mode = 0o755;
        entry
    };
    let image = ImageBuilder::new()
        .layer(|layer| {
            let layer = layer.entry(executable("bin/busybox", &program), &program[..]);
            let layer = layer
                .dir("tmp")
                .file("etc/passwd", b"root:x:0:0::/:/bin/sh\napp:x:7:8::/:/bin/sh\n");
            ["sh", "id", "echo", "cat", "sleep", "yes", "httpd", "printf", "seq", "true", "false"]
                .into_iter()
                .fold(layer, |layer, name| layer.symlink(&format!("bin/{name}"), "busybox"))
        })
        .layer(|layer| {
            layer
                .file("www/index.html", b"all is well\n")
                .entry(executable("srv/start.sh", b"#!/bin/sh\n"), &b"#!/bin/sh\n"[..])
                .symlink("srv/now", "../www")
                .symlink("srv/loop", "loop")
                .symlink("srv/gone", "/nowhere")
        })
        .build();
    reconfigured(&image, |config| config["config"] = json!({"Cmd": command}))
}

fn environment(command: &[&str]) -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.put("box", &*busybox(command));
    environment
}

/// Writes checks, makes them, and hands back what a person sees, times left out.
fn checked(environment: &TestEnvironment, checks: &str) -> String {
    fs::write(environment.work().join("checks.toml"), checks).unwrap();
    seen(&environment.run("--quiet verify oci:box --checks checks.toml"))
}

/// What a person sees, without times and what depends on the machine's control groups.
fn seen(run: &Run) -> String {
    let text = run.seen();
    let kept = text.lines().map(|line| {
        let timed = line.strip_suffix(" s)").and_then(|line| line.rsplit_once(" ("));
        timed.map_or_else(|| line.to_owned(), |(line, _)| line.to_owned()) + "\n"
    });
    kept.filter(|line| !line.starts_with("note: ")).collect()
}

#[test]
fn commands_are_judged_by_their_ends_and_their_output() {
    let text = checked(
        &environment(&["true"]),
        r#"
[[verify.check]]
name = "all is as it shall be"
run = ["sh", "-c", "echo value 42; echo warned >&2; exit 3"]
exit_code = 3
stdout = ['^value \d+$', 'value']
not_stdout = "Traceback"
stderr = "warned"

[[verify.check]]
run = ["sh", "-c", "echo value x; echo first >&2; echo last >&2; exit 2"]
stdout = '^value \d+$'
not_stderr = "last"

[[verify.check]]
run = "id"
user = "app"
stdout = 'uid=7\(app\)'

[[verify.check]]
run = ["sh", "-c", "echo $GREETING"]
environment = { GREETING = "good day" }
stdout = "good day"

[[verify.check]]
run = "printenv"

[[verify.check]]
run = ["sh", "-c", "kill -SEGV $$"]
"#,
    );
    insta::assert_snapshot!(text);
}

#[test]
fn what_hangs_floods_or_draws_is_bounded_and_harmless() {
    let environment = environment(&["true"]);
    let text = checked(
        &environment,
        r#"
[[verify.check]]
name = "hangs and ignores signals"
run = ["sh", "-c", "trap '' TERM; echo waiting; while :; do sleep 1; done"]
timeout = "0.5s"

[[verify.check]]
name = "prints much"
run = ["sh", "-c", "echo first; seq 1 3000000; echo last; exit 1"]
stdout = ['^first$', '^last$', 'never']

[[verify.check]]
name = "draws"
run = ["printf", '\033]0;owned\007\000\377\n\033[2J']
stdout = "never"

[[verify.check]]
name = "leaves a daemon"
run = ["sh", "-c", "sleep 1000 & echo left"]
stdout = "left"
"#,
    );
    insta::assert_snapshot!(text);
    let left = fs::read_dir(
        environment.work().parent().unwrap().join("home/.local/share/lightship/sandboxes"),
    );
    let names: Vec<_> = left.unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| name == "gate"), "{names:?}");
}

#[test]
fn services_are_started_asked_and_stopped() {
    let text = checked(
        &environment(&["httpd", "-f", "-p", "8080", "-h", "/www"]),
        r#"
[[verify.check]]
http = 8080
body = "^all is well$"

[[verify.check]]
name = "several have the same port"
http = 8080
path = "/missing"
status = 404

[[verify.check]]
http = 8080
path = "/missing"

[[verify.check]]
http = 8080
body = "all is lost"

[[verify.check]]
http = 8081
wait = "0.5s"

[[verify.check]]
http = 8080
start = ["sh", "-c", "echo cannot start >&2; exit 7"]

[[verify.check]]
name = "slow to start"
http = 8080
start = ["sh", "-c", "sleep 1; exec httpd -f -p 127.0.0.1:8080 -h /www"]

[[verify.check]]
name = "only the newer protocol"
http = 8080
start = "httpd -f -p [::1]:8080 -h /www"
"#,
    );
    insta::assert_snapshot!(text);
}

#[test]
fn files_are_looked_up_in_the_layers() {
    let text = checked(
        &environment(&["true"]),
        r#"
[[verify.check]]
name = "there"
files = [
  "/srv/now/index.html", "/srv/../bin/sh", "/",
  { path = "/srv/start.sh", mode = "0755", kind = "file" },
  { path = "/srv/now", kind = "link" },
  { path = "/srv/now", kind = "folder" },
]
absent = ["/usr/bin/gcc", "/etc/passwd/x"]

[[verify.check]]
name = "not there"
files = [
  "/model.pkl", "/srv/gone", "/srv/loop",
  { path = "/etc/passwd", mode = "0600" },
  { path = "/etc/passwd", kind = "folder" },
]
absent = ["/etc/passwd"]
"#,
    );
    insta::assert_snapshot!(text);
}

#[test]
fn entry_points_start_or_do_not() {
    let cases: [(&str, &[&str]); 5] = [
        ("service", &["sleep", "1000"]),
        ("job", &["echo", "done"]),
        ("arguments", &["sh", "-c", "echo 'usage: train --data FILE' >&2; exit 2"]),
        ("failing", &["sh", "-c", "echo 'wget: bad address db' >&2; exit 1"]),
        ("missing", &["/app/start"]),
    ];
    let environment = TestEnvironment::new();
    for (name, command) in cases {
        environment.put(name, &*busybox(command));
    }
    environment.put("nothing", &*busybox(&[]));
    let names = cases.map(|(name, _)| name);
    let text: String = (names.into_iter().chain(["nothing"]))
        .map(|name| seen(&environment.run(&format!("--quiet verify oci:{name}"))) + "\n")
        .collect();
    insta::assert_snapshot!(text);
}

#[test]
fn programs_read_everything() {
    let environment = environment(&["true"]);
    let report =
        environment.json(1, "verify oci:box --run true --run false --file /bin/sh --jobs 1");
    assert_eq!(report["schema"], "lightship.verify/1");
    assert_eq!(report["summary"], json!({"passed": 2, "failed": 1, "could_not_run": 0}));
    let verdicts = report["verdicts"].as_array().unwrap();
    let field = |name: &str| -> Vec<&Value> { verdicts.iter().map(|v| &v[name]).collect() };
    assert_eq!(field("status"), ["passed", "failed", "passed"]);
    assert_eq!(verdicts[1]["check"]["kind"], "command");
    assert_eq!(verdicts[1]["exit_code"], 1);
    assert_eq!(verdicts[1]["reasons"], json!(["it ended with code 1, not 0"]));
    assert_eq!(verdicts[0]["repeat"], "lightship image run --entrypoint true oci:box");
    assert!(verdicts[0]["seconds"].as_f64().is_some_and(|seconds| seconds < 30.0));
    assert_eq!(environment.json(0, "verify oci:box --run true")["passed"], true);
}

#[test]
fn what_makes_no_sense_is_said_before_anything_runs() {
    let environment = environment(&["true"]);
    fs::create_dir(environment.work().join("project")).unwrap();
    let lines = [
        "verify project",
        "verify oci:box --image oci:box",
        "verify oci:box --no-defaults",
        "verify oci:box --checks nowhere.toml",
        "verify oci:nowhere",
        "verify oci:box --http x",
        "verify oci:box --import os;exit()",
        "verify oci:box --file etc/passwd",
    ];
    let text: String = lines
        .iter()
        .map(|line| format!("$ lightship {line}\n{}\n", environment.run(line).seen()))
        .collect();
    insta::assert_snapshot!(text);
    let run = environment.shell("$LIGHTSHIP verify oci:box --run 'cat a | sort'");
    insta::assert_snapshot!("shell_words", run.seen());
}

#[test]
fn a_project_says_which_image_is_its() {
    let environment = environment(&["true"]);
    let project = environment.work().join("project");
    fs::create_dir(&project).unwrap();
    environment.put("project/image", &*busybox(&["true"]));
    let text = "[verify]\nimage = \"oci:image\"\ntimeout = 20\nmemory = \"200m\"\n[[verify.check]]\nrun = \"true\"\n";
    fs::write(project.join("lightship.toml"), text).unwrap();
    let report = environment.json(1, "verify project --file /nothing");
    assert_eq!(report["summary"], json!({"passed": 1, "failed": 1, "could_not_run": 0}));
    // What is named goes before what is written.
    assert_eq!(environment.json(0, "verify project --image oci:box")["image"], "oci:box");
}

#[test]
fn a_machine_that_cannot_find_out_says_so() {
    let environment = environment(&["true"]);
    // Root of a user namespace in which nobody may make mount namespaces.
    let run = environment.shell(
        "unshare --map-root-user sh -c 'echo 0 > /proc/sys/user/max_mnt_namespaces && \
           exec $LIGHTSHIP --quiet verify oci:box --run true --file /bin/sh'",
    );
    // How the kernel's refusal is worded is the sandbox's affair.
    insta::with_settings!({filters => vec![("(new namespaces: ).*", "$1[reason]")]}, {
        insta::assert_snapshot!(seen(&run));
    });
}

#[test]
fn an_ordinary_user_gets_the_same_verdicts() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return; // every other test was one of an ordinary user
    }
    let environment = environment(&["true"]);
    let run = environment.shell(
        "cd .. && chmod 755 . && cp $LIGHTSHIP work/lightship && chown -R 64999:64999 home work tmp && cd work && \
         printf '[[verify.check]]\\nhttp=8080\\nstart=\"httpd -f -p 8080 -h /www\"\\n' > checks.toml && \
         exec setpriv --reuid 64999 --regid 64999 --clear-groups ./lightship --quiet \
           verify oci:box --run true --run false --file /etc/passwd --checks checks.toml",
    );
    insta::assert_snapshot!(seen(&run));
}
