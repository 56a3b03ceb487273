//! What is said where a file gives no pipeline.

use std::fs;

use super::{PYTHON, Sdk};
use crate::build::refusal;

/// What a refusal says, without what differs between machines.
fn said(sdk: &Sdk, code: i32, file: &str) -> String {
    let text = refusal(&sdk.environment, code, &format!("bake {file} -o refused.yaml"));
    text.replace(sdk.environment.work().to_str().unwrap(), "[work]")
}

#[test]
fn a_file_without_a_pipeline_says_why() {
    let Some(sdk) = Sdk::open() else { return };
    let work = sdk.environment.work();
    let python = format!("--python {PYTHON}");
    let write = |name: &str, text: &str| fs::write(work.join(name), text).unwrap();
    write("none.py", "from kfp import dsl\n");
    write("syntax.py", "from kfp import dsl\n\ndef f(:\n    pass\n");
    write("missing.py", "import helpers\nimport no_such_module\n");
    write("fails.py", "def ratio(a, b):\n    return a / b\n\n\nprint('noise')\nratio(1, 0)\n");
    write("ends.py", "import os\nprint('last words')\nos._exit(3)\n");
    write(
        "two.py",
        "from pipelines import inner\nfrom kfp import dsl\n\n@dsl.pipeline\ndef a():\n    inner(a=1)\n\n\
         @dsl.pipeline(name='the second')\ndef b():\n    inner(a=2)\n",
    );
    for (name, code, file) in [
        ("none", 3, format!("none.py {python}")),
        ("syntax", 3, format!("syntax.py {python}")),
        ("missing", 3, format!("missing.py {python}")),
        ("fails", 3, format!("fails.py {python}")),
        ("ends", 3, format!("ends.py {python}")),
        ("types", 3, format!("broken.py {python}")),
        ("several", 2, format!("two.py {python}")),
        ("unknown", 2, format!("two.py:c {python}")),
        ("no_file", 3, format!("not-there.py {python}")),
        ("no_python", 2, "none.py --python not-there".to_owned()),
    ] {
        insta::assert_snapshot!(name, said(&sdk, code, &file));
    }
    assert!(!work.join("refused.yaml").exists());
    // Of several, the one that is named; of one's own and an imported one, one's own.
    for file in ["two.py:b", "two.py --function b", "single.py"] {
        let run = sdk.environment.run(&format!("--quiet bake {file} {python} -o refused.yaml"));
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""), "{file}");
    }
}

#[test]
fn a_python_without_the_sdk_or_with_an_old_one_is_named() {
    let Some(sdk) = Sdk::open() else { return };
    let work = sdk.environment.work();
    fs::write(work.join("p.py"), "").unwrap();
    let text = refusal(&sdk.environment, 5, "bake p.py -o refused.yaml --python /usr/bin/python3");
    insta::assert_snapshot!(text);

    // An environment of the user's that has the first version's SDK, as far as its own word goes.
    let site = "import sysconfig; print(sysconfig.get_path('purelib'))";
    sdk.environment.peer("python3", &["-m", "venv", "--without-pip", "old"]);
    let site = sdk.environment.peer("old/bin/python", &["-c", site]);
    let facts = work.join(site.trim()).join("kfp-1.8.22.dist-info");
    fs::create_dir_all(&facts).unwrap();
    fs::write(facts.join("METADATA"), "Metadata-Version: 2.1\nName: kfp\nVersion: 1.8.22\n")
        .unwrap();
    insta::assert_snapshot!(said(&sdk, 5, "p.py --python old"));
}
