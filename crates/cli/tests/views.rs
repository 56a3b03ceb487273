//! What a person reads, of one small image that has a little of everything.

use lightship_testkit::images::{ImageBuilder, LayerBuilder};

use crate::common::TestEnvironment;
use crate::common::image::unique;

const SITE: &str = "usr/lib/python3.11/site-packages";

const DPKG: &str = "\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u10
";

fn base(layer: LayerBuilder) -> LayerBuilder {
    layer
        .file("bin/sh", &unique("sh", 125_688))
        .file("lib/libc.so.6", &unique("libc", 1_922_136))
        .file("etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n")
        .file("etc/ssl/cert.pem", &unique("cert", 214_000))
        .file("usr/share/man/man1/sh.1.gz", &unique("man", 31_000))
        .file("var/lib/dpkg/status", DPKG.as_bytes())
        .file("var/lib/dpkg/info/libc6:amd64.list", b"/lib/libc.so.6\n")
}

fn dependencies(layer: LayerBuilder) -> LayerBuilder {
    let path = |name: &str| format!("{SITE}/{name}");
    layer
        .file("root/.cache/pip/http/3/a/numpy.body", &unique("cache", 1_700_000))
        .file(&path("numpy/core.py"), &unique("numpy", 1_400_000))
        .file(&path("numpy/tests/test_core.py"), &unique("numpy tests", 310_000))
        .file(&path("numpy-2.0.0.dist-info/METADATA"), b"Name: numpy\nVersion: 2.0.0\n\n")
        .file(
            &path("numpy-2.0.0.dist-info/RECORD"),
            b"numpy/core.py,,\nnumpy/tests/test_core.py,,\nnumpy-2.0.0.dist-info/METADATA,,\n",
        )
        .file("usr/bin/gcc", &unique("gcc", 2_300_000))
        .file("etc/ssl/cert.pem", &unique("newer cert", 216_000))
}

fn program(layer: LayerBuilder) -> LayerBuilder {
    layer
        .file("app/main.py", &unique("main", 10_240))
        .file("app/model.bin", &unique("model", 640_000))
        .file("app/backup/model.bin", &unique("model", 640_000))
        .file("app/.env", b"PASSWORD=x\n")
}

const INSTALL: &str = "/bin/sh -c apt-get update && apt-get install -y gcc && pip install numpy==2.0.0 --index-url https://index.example/simple && apt-get clean # buildkit";

fn image() -> ImageBuilder {
    ImageBuilder::new()
        .layer(base)
        .history("/bin/sh -c #(nop) ADD file:3f2c1e in / ")
        .instruction("/bin/sh -c #(nop)  CMD [\"bash\"]")
        .instruction("WORKDIR /app")
        .layer(dependencies)
        .history(INSTALL)
        .layer(program)
        .history("COPY . /app # buildkit")
        .layer(|layer| layer.whiteout("usr/bin/gcc"))
        .history("RUN /bin/sh -c apt-get purge -y gcc # buildkit")
        .instruction("CMD [\"python\" \"main.py\"]")
}

/// What a command prints, as it looks in a pipe. Digests are left as they are: they depend on nothing
/// but the image.
fn shown(environment: &TestEnvironment, code: i32, line: &str) -> String {
    let run = environment.run(&format!("--quiet {line}"));
    assert_eq!((run.code(), run.stderr.as_str()), (code, ""), "{line}");
    run.stdout
}

#[test]
fn an_image_with_a_little_of_everything() {
    let environment = TestEnvironment::new();
    environment.layout("churn", image());
    insta::assert_snapshot!("audit", shown(&environment, 0, "audit oci:churn"));
    insta::assert_snapshot!("history", shown(&environment, 0, "image history oci:churn"));
    environment.layout("lean", ImageBuilder::new().layer(base).layer(program));
    let lean = shown(&environment, 0, "image diff oci:churn oci:lean");
    insta::assert_snapshot!("diff", lean);
    insta::assert_snapshot!("diff_same", shown(&environment, 0, "image diff oci:churn oci:churn"));
    insta::assert_snapshot!("validate", shown(&environment, 0, "image validate oci:churn"));
    let clean = ImageBuilder::new().layer(|layer| layer.file("app/main.py", b"print()\n"));
    environment.layout("clean", clean.history("COPY . /app"));
    insta::assert_snapshot!("audit_clean", shown(&environment, 0, "audit oci:clean"));
}

#[test]
fn the_store_and_what_moves() {
    let environment = TestEnvironment::new();
    let home = environment.work().join("home").display().to_string();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&home, "HOME");
    settings.bind(|| {
        let in_store = |line: &str| shown(&environment, 0, &format!("--home home {line}"));
        insta::assert_snapshot!("ls_empty", in_store("image ls"));
        environment.layout("churn", image());
        environment.layout("lean", ImageBuilder::new().layer(base).layer(program));
        let copy = environment.run("--home home image copy oci:churn store:team/churn:v1");
        insta::assert_snapshot!("copy", copy.stdout);
        in_store("image copy oci:lean store:lean");
        in_store("image tag lean team/lean:v2");
        insta::assert_snapshot!("ls", in_store("image ls"));
        insta::assert_snapshot!("df", in_store("store df"));
        insta::assert_snapshot!("rm", in_store("image rm team/churn:v1"));
        insta::assert_snapshot!("df_unused", in_store("store df"));
        insta::assert_snapshot!("gc", in_store("store gc"));
        insta::assert_snapshot!("verify", in_store("store verify"));
        insta::assert_snapshot!("save", in_store("image save lean -o lean.tar"));
        let squash = "image squash oci:churn -o oci:squashed --keep-layers 1";
        insta::assert_snapshot!("squash", in_store(squash));
        let convert = "image convert oci:churn -o oci:zstd --compression zstd:3";
        insta::assert_snapshot!("convert", in_store(convert));
    });
}
