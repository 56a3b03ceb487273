//! `lightship image run` and `lightship doctor`, as users type them.

use std::sync::Arc;

use lightship_oci::Source;
use lightship_testkit::images::{ImageBuilder, file};
use serde_json::json;

use crate::common::TestEnvironment;
use crate::common::image::reconfigured;

const BUSYBOX: [&str; 2] = ["/usr/bin/busybox", "/bin/busybox"];

/// A static busybox with a user of its own, and what the image says should run.
pub(crate) fn busybox() -> Arc<dyn Source> {
    let program = BUSYBOX.iter().find_map(|path| std::fs::read(path).ok());
    let program = program.expect("install Debian's busybox-static");
    let image = ImageBuilder::new()
        .layer(|layer| {
            let size = program.len() as u64;
            let mut entry = file("bin/busybox", size);
            entry.mode = 0o755;
            let layer = layer.entry(entry, &program[..]).dir("tmp");
            let layer =
                layer.file("etc/passwd", b"root:x:0:0::/root:/bin/sh\napp:x:7:8::/home:/bin/sh\n");
            ["sh", "id", "echo", "cat", "env", "pwd", "sleep", "tty", "stty", "seq"]
                .into_iter()
                .fold(layer, |layer, name| layer.symlink(&format!("bin/{name}"), "busybox"))
        })
        .build();
    reconfigured(&image, |config| {
        config["config"] = json!({
            "Entrypoint": ["echo", "entry point:"],
            "Cmd": ["default"],
            "User": "app",
            "WorkingDir": "/srv/place",
            "Env": ["MODE=image"],
        });
    })
}

fn environment() -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.put("box", &*busybox());
    environment
}

#[test]
fn the_image_says_what_runs_and_the_command_line_says_otherwise() {
    let environment = environment();
    let says = |line: &str| {
        let run = environment.shell(&format!("$LIGHTSHIP --quiet image run {line}"));
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""), "{line}");
        run.stdout
    };
    assert_eq!(says("oci:box"), "entry point: default\n");
    assert_eq!(says("oci:box -- other words"), "entry point: other words\n");
    // As Docker's users type it.
    assert_eq!(says("--rm oci:box other -n words"), "entry point: other -n words\n");
    let script = "id -u; id -g; pwd; echo $MODE $HOME";
    let own = says(&format!("--entrypoint sh oci:box -- -c '{script}'"));
    assert_eq!(own, "7\n8\n/srv/place\nimage /home\n");
    let other = says(&format!(
        "--entrypoint sh -u 0 -w /tmp -e MODE=mine -e PASSED -e ABSENT oci:box -- -c '{script}'"
    ));
    assert_eq!(other, "0\n0\n/tmp\nmine /root\n");
}

#[test]
fn exit_codes_are_the_commands_own_or_tell_why_it_did_not_run() {
    let environment = environment();
    let code = |line: &str| environment.run(&format!("--quiet image run {line}")).code();
    let run =
        environment.shell("$LIGHTSHIP --quiet image run --entrypoint sh oci:box -- -c 'exit 9'");
    assert_eq!(run.code(), 9);
    let run = environment.shell("$LIGHTSHIP image run --entrypoint sh oci:box -- -c 'kill -9 $$'");
    assert_eq!(run.code(), 137);
    assert_eq!(run.stderr, "note: the command was ended by signal 9\n");
    assert_eq!(code("--timeout 0.2 --entrypoint sleep oci:box -- 100"), 124);
    assert_eq!(code("--entrypoint nothing oci:box"), 127);
    assert_eq!(code("--entrypoint /etc/passwd oci:box"), 126);
    assert_eq!(code("oci:nowhere"), 125);
    assert_eq!(code("--user nobody oci:box"), 125);
}

#[test]
fn streams_are_the_commands() {
    let environment = environment();
    let run = environment.shell(
        "printf 'from outside\\n' | $LIGHTSHIP image run -i --entrypoint cat oci:box; \
         printf unread | $LIGHTSHIP image run --entrypoint cat oci:box; \
         $LIGHTSHIP image run --entrypoint seq oci:box -- 1000000 | head -1",
    );
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("from outside\n1\n", ""));
}

#[test]
fn folders_of_this_machine_are_shown_as_asked() {
    let environment = environment();
    std::fs::create_dir(environment.work().join("data")).unwrap();
    std::fs::write(environment.work().join("data/file"), "outside").unwrap();
    let run = environment.shell(
        "$LIGHTSHIP image run -u 0 --volume data:/ro:ro --volume ./data:/cow:cow --tmpfs /m:1m \
         --entrypoint sh oci:box -- -c 'cat /ro/file; echo in > /cow/file; cat /cow/file; echo x > /ro/y; echo m > /m/x; cat /m/x'",
    );
    assert_eq!(run.stdout, "outsidein\nm\n", "{}", run.stderr);
    assert!(run.stderr.contains("Read-only file system"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(environment.work().join("data/file")).unwrap(), "outside");
    let wrong = environment.run("image run --volume data oci:box");
    assert_eq!(wrong.code(), 2);
}

#[test]
fn a_terminal_is_a_terminal() {
    let environment = environment();
    // `script` gives lightship a terminal of its own, as a person's shell would.
    let run = environment.shell(
        "script -qec 'stty rows 33 cols 99; $LIGHTSHIP image run -t --entrypoint sh oci:box -- -c \"tty; stty size\"' /dev/null",
    );
    assert_eq!(run.stdout.replace('\r', ""), "/dev/pts/0\n33 99\n", "{}", run.stderr);
}

#[test]
fn signals_reach_the_command() {
    let environment = environment();
    let run = environment.shell(
        "$LIGHTSHIP image run --entrypoint sh oci:box -- \
           -c 'trap \"echo told; exit 4\" TERM; echo ready; while :; do sleep 0.05; done' > out & \
         until grep -q ready out; do sleep 0.02; done; kill -TERM $!; wait $!; echo $?; cat out",
    );
    assert_eq!(run.stdout, "4\nready\ntold\n", "{}", run.stderr);
}

#[test]
fn the_doctor_tries_everything() {
    let environment = TestEnvironment::new();
    let report = environment.json(0, "--home home doctor");
    assert_eq!(report["schema"], "lightship.doctor/1");
    let matters: Vec<&str> = (report["matters"].as_array().unwrap().iter())
        .map(|matter| matter["matter"].as_str().unwrap())
        .collect();
    for matter in ["store", "users", "namespaces", "overlayfs", "memory", "filters"] {
        assert!(matters.contains(&matter), "{matter} is not in {matters:?}");
    }
    // What is not good says what to change.
    for matter in report["matters"].as_array().unwrap() {
        assert_eq!(matter["state"] == "good", matter["change"].is_null(), "{matter}");
    }
}
