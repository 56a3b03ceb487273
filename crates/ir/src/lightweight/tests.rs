//! Steps as several SDKs compile them, and steps that only look like it.

use super::*;

const SOURCE: &str =
    "import kfp\nfrom kfp import dsl\n\ndef train(lr: float) -> str:\n    return 'ok'\n";
const RUN: &str = "program_path=$(mktemp -d)\n\nprintf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\"\n_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main                         --component_module_path                         \"$program_path/ephemeral_component.py\"                         \"$@\"\n";
const PIP: &str = "\nif ! [ -x \"$(command -v pip)\" ]; then\n    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install python3-pip\nfi\n\n";
const KFP: &str = "'kfp==2.17.0' '--no-deps' 'typing-extensions>=3.7.4,<5; python_version<\"3.9\"'";
const INSTALL: &str = "python3 -m pip install --quiet --no-warn-script-location";

fn step(script: &str, run: &str) -> Result<Lightweight, NotLightweight> {
    let command = ["sh", "-c", script, "sh", "-ec", run, SOURCE].map(str::to_owned);
    recognise(&command, &args())
}

fn args() -> Vec<String> {
    ["--executor_input", "{{$}}", "--function_to_execute", "train"].map(str::to_owned).to_vec()
}

#[test]
fn what_kfp_2_17_compiles() {
    let options = "--index-url https://a.example/simple --extra-index-url https://b.example --trusted-host a.example ";
    let script = format!(
        "{PIP}PIP_DISABLE_PIP_VERSION_CHECK=1 {INSTALL} {options}'pandas==2.2.0' 'scikit-learn'  &&  {INSTALL} {options}{KFP} && \"$0\" \"$@\"\n"
    );
    let found = step(&script, RUN).unwrap();
    assert_eq!(
        found.packages().collect::<Vec<_>>(),
        ["pandas==2.2.0", "scikit-learn", "typing-extensions>=3.7.4,<5; python_version<\"3.9\""]
    );
    assert_eq!(found.kfp().collect::<Vec<_>>(), ["kfp==2.17.0"]);
    let [user, sdk] = &found.installs[..] else { panic!("{:?}", found.installs) };
    assert!(!user.no_deps && sdk.no_deps && !found.venv);
    assert_eq!(user.index_url.as_deref(), Some("https://a.example/simple"));
    assert_eq!((user.extra_index_urls.len(), user.trusted_hosts.len()), (1, 1));
    let Program::Function { source, function, executor } = &found.program else { panic!() };
    assert_eq!(
        (source.as_str(), function.as_str(), executor.as_str()),
        (SOURCE, "train", "kfp.dsl.executor_main")
    );
}

#[test]
fn virtual_environments_are_known() {
    let venv = "\nexport PIP_DISABLE_PIP_VERSION_CHECK=1\ntmp=$(mktemp -d)\npython3 -m venv \"$tmp/venv\" --system-site-packages\n. \"$tmp/venv/bin/activate\"\n";
    for user in ["", &format!("{INSTALL} 'pandas'  && ")] {
        let script = format!(
            "{PIP}PIP_DISABLE_PIP_VERSION_CHECK=1 {user} {venv} {INSTALL} {KFP} && \"$0\" \"$@\"\n"
        );
        assert!(step(&script, RUN).unwrap().venv, "{script}");
    }
}

#[test]
fn what_older_sdks_compile() {
    let script = format!(
        "{PIP}PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet     --no-warn-script-location 'kfp==2.0.0-beta.16' && \"$0\" \"$@\"\n"
    );
    let run = RUN.replace("_KFP_RUNTIME=true ", "").replace("kfp.dsl.", "kfp.components.");
    let found = step(&script, &run).unwrap();
    assert!(
        matches!(&found.program, Program::Function { executor, .. } if executor == "kfp.components.executor_main")
    );
    let one = "PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip install --quiet --no-warn-script-location 'xgboost==1.1.1'";
    let script = format!("({one} || {one} --user) && \"$0\" \"$@\"");
    let command = ["sh", "-c", &script, "python3", "-u", "-c", "print(1)"].map(str::to_owned);
    let found = recognise(&command, &[]).unwrap();
    assert_eq!(found.installs.len(), 1);
    assert_eq!(found.command("python3"), ["python3", "-u", "-c", "print(1)"]);
    assert_eq!(found.kfp().count(), 0);
}

#[test]
fn without_anything_to_install_there_is_still_a_shell_to_lose() {
    let command = ["sh", "-ec", RUN, SOURCE].map(str::to_owned);
    let found = recognise(&command, &args()).unwrap();
    assert!(found.installs.is_empty());
}

#[test]
fn the_new_command_has_neither_pip_nor_shell() {
    let script = format!("{INSTALL} {KFP} && \"$0\" \"$@\"");
    let found = step(&script, RUN).unwrap();
    let command = found.command("python3");
    assert_eq!(
        (command[0].as_str(), command[1].as_str(), command[3].as_str()),
        ("python3", "-c", "kfp.dsl.executor_main")
    );
    assert_eq!(command[4], SOURCE);
    assert!(!command[2].contains("{{$") && !found.starts_shell());
    assert_eq!(found.args, args());
}

/// Scripts that do more than install packages that are known ahead of time.
const MORE: [&str; 23] = [
    "apt-get update && pip install 'x' && \"$0\" \"$@\"",
    "pip install -r requirements.txt && \"$0\" \"$@\"",
    "pip install ./wheel.whl && \"$0\" \"$@\"",
    "pip install \"$PACKAGE\" && \"$0\" \"$@\"",
    "pip install 'x' --target /opt && \"$0\" \"$@\"",
    "pip install 'x' && \"$0\" \"$@\" && rm -r /tmp/x",
    "pip install 'x' | tee log && \"$0\" \"$@\"",
    "pip install 'x && \"$0\" \"$@\"",
    "pip install `cat list` && \"$0\" \"$@\"",
    "pip install 'x'",
    "exec \"$0\" \"$@\"",
    "PIP_INDEX_URL=https://intern.example/simple python3 -m pip install 'x' && \"$0\" \"$@\"",
    "PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_TARGET=/opt pip install 'x' && \"$0\" \"$@\"",
    "pip install 'x' && TOKEN=y \"$0\" \"$@\"",
    "pip install --index-url \"$INDEX\" 'x' && \"$0\" \"$@\"",
    "pip install --extra-index-url={{$.inputs.parameters['i']}} 'x' && \"$0\" \"$@\"",
    "pip install --find-links ./wheels 'x' && \"$0\" \"$@\"",
    "pip install --find-links file:///wheels 'x' && \"$0\" \"$@\"",
    "pip install --index-url 'https://a.example\n--pre' 'x' && \"$0\" \"$@\"",
    "pip install 'x\nevil' && \"$0\" \"$@\"",
    "pip install --upgrade 'x' && \"$0\" \"$@\"",
    "pip install --index-url https://a.example 'x' && pip install 'y' && \"$0\" \"$@\"",
    "pip install 'x' && pip install --pre 'y' && \"$0\" \"$@\"",
];

#[test]
fn what_does_more_is_left_alone_and_the_reason_is_told() {
    let of = |script: &str| match step(script, RUN) {
        Ok(found) => panic!("{script}: {found:?}"),
        Err(reason) => format!("{script}\n  {reason}"),
    };
    let told: Vec<String> = MORE.into_iter().map(of).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
apt-get update && pip install 'x' && "$0" "$@"
  its script does more than install packages: `apt-get update`
pip install -r requirements.txt && "$0" "$@"
  pip's `-r` cannot be done ahead of time
pip install ./wheel.whl && "$0" "$@"
  pip's `./wheel.whl` cannot be done ahead of time
pip install "$PACKAGE" && "$0" "$@"
  pip's `$PACKAGE` cannot be done ahead of time
pip install 'x' --target /opt && "$0" "$@"
  pip's `--target` cannot be done ahead of time
pip install 'x' && "$0" "$@" && rm -r /tmp/x
  its script does more than install packages: `rm -r /tmp/x`
pip install 'x' | tee log && "$0" "$@"
  its script cannot be read: `|` is not followed
pip install 'x && "$0" "$@"
  its script cannot be read: a quote does not end
pip install `cat list` && "$0" "$@"
  its script cannot be read: ``` is not followed
pip install 'x'
  it installs nothing when it starts
exec "$0" "$@"
  it installs nothing when it starts
PIP_INDEX_URL=https://intern.example/simple python3 -m pip install 'x' && "$0" "$@"
  its script does more than install packages: `PIP_INDEX_URL=https://intern.example/simple python3 -m pip install x`
PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_TARGET=/opt pip install 'x' && "$0" "$@"
  its script does more than install packages: `PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_TARGET=/opt pip install x`
pip install 'x' && TOKEN=y "$0" "$@"
  its script does more than install packages: `TOKEN=y $0 $@`
pip install --index-url "$INDEX" 'x' && "$0" "$@"
  pip's `$INDEX` cannot be done ahead of time
pip install --extra-index-url={{$.inputs.parameters['i']}} 'x' && "$0" "$@"
  pip's `--extra-index-url={{$.inputs.parameters[i]}}` cannot be done ahead of time
pip install --find-links ./wheels 'x' && "$0" "$@"
  pip's `./wheels` cannot be done ahead of time
pip install --find-links file:///wheels 'x' && "$0" "$@"
  pip's `file:///wheels` cannot be done ahead of time
pip install --index-url 'https://a.example
--pre' 'x' && "$0" "$@"
  pip's `https://a.example --pre` cannot be done ahead of time
pip install 'x
evil' && "$0" "$@"
  pip's `x evil` cannot be done ahead of time
pip install --upgrade 'x' && "$0" "$@"
  pip's `--upgrade` cannot be done ahead of time
pip install --index-url https://a.example 'x' && pip install 'y' && "$0" "$@"
  it looks for `x` and for `y` at different places, or in different ways, which cannot be done at once
pip install 'x' && pip install --pre 'y' && "$0" "$@"
  it looks for `x` and for `y` at different places, or in different ways, which cannot be done at once
"#);
    let told_program = RUN.replace("_KFP_RUNTIME=true", "_KFP_RUNTIME=true PYTHONPATH=/x");
    assert!(matches!(
        step("pip install x && \"$0\" \"$@\"", &told_program),
        Err(NotLightweight::More(_))
    ));
    let plain = ["echo", "hello"].map(str::to_owned);
    assert_eq!(recognise(&plain, &[]), Err(NotLightweight::Plain));
    let sdk = ["sh", "-ec", RUN, SOURCE].map(str::to_owned);
    assert_eq!(recognise(&sdk, &[]), Err(NotLightweight::NoFunction));
    let more = RUN.replace("printf", "rm -rf / && printf");
    assert!(matches!(step("pip install x && \"$0\" \"$@\"", &more), Err(NotLightweight::More(_))));
    assert_eq!(recognise(&[], &[]), Err(NotLightweight::Plain));
}

#[test]
fn the_sdk_is_known_by_name_and_by_source() {
    let sdk = [
        "kfp==2.0.0",
        "kfp[kubernetes]",
        "KFP",
        "kfp @ https://x",
        "git+https://github.com/kubeflow/pipelines@master#subdirectory=sdk/python",
    ];
    let other = ["kfp-kubernetes==1.0", "kfpx", "pandas", "kfp_pipeline_spec"];
    assert!(sdk.iter().all(|requirement| pip::is_kfp(requirement)));
    assert!(!other.iter().any(|requirement| pip::is_kfp(requirement)));
}

#[test]
fn signs_of_a_shell_are_found() {
    let script = "pip install 'x' && \"$0\" \"$@\"";
    let command = |source: &str| ["sh", "-c", script, "sh", "-ec", RUN, source].map(str::to_owned);
    let source = "import os\n# os.system('no')\nos.system('ls')\nsubprocess.run('x', shell=True)\n";
    let found = recognise(&command(source), &args()).unwrap();
    assert_eq!(found.shell_uses().iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4]);
    assert!(recognise(&command(SOURCE), &args()).unwrap().shell_uses().is_empty());
}

#[test]
fn embedded_files_are_read() {
    use base64::Engine as _;
    let mut tar =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let notebook = r#"{"cells": [{"cell_type": "code", "source": ["!ls\n", "import os"]}, {"cell_type": "markdown", "source": "x"}]}"#;
    let mut header = tar::Header::new_ustar();
    header.set_size(notebook.len() as u64);
    header.set_cksum();
    tar.append_data(&mut header, "./n.ipynb", notebook.as_bytes()).unwrap();
    let archive = tar.into_inner().unwrap().finish().unwrap();
    let archive = base64::engine::general_purpose::STANDARD.encode(archive);
    let source = format!(
        "import kfp\n__KFP_EMBEDDED_ARCHIVE_B64 = '{archive}'\n__KFP_NOTEBOOK_REL_PATH = 'n.ipynb'\n"
    );
    let command = ["sh", "-ec", RUN, &source].map(str::to_owned);
    let found = recognise(&command, &args()).unwrap();
    let embedded = found.embedded().unwrap();
    assert_eq!(embedded.files().unwrap()[0].0, "n.ipynb");
    assert_eq!(embedded.notebook_source().unwrap(), "!ls\nimport os");
    assert_eq!(found.shell_uses(), [(0, "!ls".to_owned())]);
    let broken = ["sh", "-ec", RUN, "__KFP_EMBEDDED_ARCHIVE_B64 = 'AAAA'"].map(str::to_owned);
    assert!(recognise(&broken, &args()).unwrap().embedded().unwrap().files().is_err());
}
