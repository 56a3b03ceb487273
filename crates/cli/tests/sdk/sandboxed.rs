//! The SDK that is prepared once, for whom has none.

use std::fs;

use super::Sdk;

#[test]
fn a_pipeline_compiles_without_a_sdk_on_the_machine() {
    let Some(sdk) = Sdk::open() else { return };
    let work = sdk.environment.work();
    // Nothing of this machine that `--python` does not name has the SDK. The folder's own modules are there; nothing in
    // it can be written.
    let own = "from kfp import dsl, kubernetes\n\
               import helpers\n\
               import os\n\
               assert not os.access(os.path.dirname(os.path.abspath(__file__)), os.W_OK)\n\
               @dsl.component(base_image=helpers.BASE)\n\
               def one() -> str:\n    return 'one'\n\
               @dsl.pipeline\n\
               def p() -> str:\n    return one().output\n";
    fs::write(work.join("own.py"), own).unwrap();
    let run = sdk.environment.run("--quiet bake own.py -o own.yaml");
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
    // Now that it is prepared, nothing has to be fetched.
    let run = sdk.environment.run("--quiet bake own.py -o own.yaml --offline");
    assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
    let text = fs::read_to_string(work.join("own.yaml")).unwrap();
    assert!(text.contains("localhost/steps/"), "{text}");

    fs::write(work.join("own.py"), own.replace("import helpers", "import nothing_like_it"))
        .unwrap();
    let said = crate::build::refusal(&sdk.environment, 3, "bake own.py -o own.yaml");
    assert!(said.contains("own.py, line 2: import nothing_like_it"), "{said}");
    assert!(said.contains("--sdk-image"), "{said}");
}
