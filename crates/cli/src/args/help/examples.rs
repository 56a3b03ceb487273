//! Examples for every command. A test parses each of them with the real definitions.

/// One command line and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// As typed.
    pub line: &'static str,
    /// What it is for: a few words, no full stop.
    pub says: &'static str,
}

/// What a command's help adds to its options.
pub(super) struct Page {
    path: &'static str,
    pub(super) examples: &'static [Example],
    pub(super) takes_references: bool,
}

/// The page of the command at `path`.
pub(super) fn page(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.path == path)
}

const fn example(line: &'static str, says: &'static str) -> Example {
    Example { line, says }
}

/// A command that takes references of any kind.
const fn any(path: &'static str, examples: &'static [Example]) -> Page {
    Page { path, examples, takes_references: true }
}

/// A command that takes something more particular.
const fn own(path: &'static str, examples: &'static [Example]) -> Page {
    Page { path, examples, takes_references: false }
}

const PAGES: &[Page] = &[
    any(
        "",
        &[
            example("lightship build", "a lean image of the project in this folder"),
            example("lightship audit app.tar", "what is in an image, what of it is waste, and why"),
            example("lightship verify oci:lean", "prove that it still works"),
            example(
                "lightship image copy oci:lean docker://localhost:5000/app:lean",
                "send an image somewhere",
            ),
        ],
    ),
    any(
        "audit",
        &[
            example(
                "lightship audit docker-archive:app.tar",
                "where every byte came from, and which are waste",
            ),
            example(
                "lightship audit docker://localhost:5000/app:1.4 --top 30",
                "an image in a registry, with longer tables",
            ),
            example("lightship audit app.tar --format json", "the same for a program"),
            example(
                "lightship audit app.tar --fail-on error",
                "in CI: exit code 1 if something like a leaked key is found",
            ),
        ],
    ),
    own(
        "build",
        &[
            example("lightship build", "the project in this folder, into the local store"),
            example("lightship build --dry-run", "which packages, which layers; nothing is built"),
            example("lightship build service -o oci:service", "another folder, and an OCI layout"),
            example("lightship build --locked", "in CI: fail where the lock is out of date"),
        ],
    ),
    own(
        "bake",
        &[
            example(
                "lightship bake pipeline.yaml -o baked.yaml",
                "images into the local store, and the pipeline that names them",
            ),
            example(
                "lightship bake pipeline.yaml -o baked.yaml --push localhost:5000/team",
                "the same for any Kubeflow that reaches this registry",
            ),
            example("lightship bake p.yaml -o baked.yaml --verify", "and run each step's imports"),
        ],
    ),
    own(
        "run",
        &[
            example("lightship run pipeline.yaml -p rounds=3", "with a parameter"),
            example("lightship run pipeline.yaml --no-cache", "every task anew"),
            example(
                "lightship run pipeline.yaml --cache-ttl 7d --explain-cache",
                "results of this week only, and why the other tasks ran",
            ),
        ],
    ),
    own(
        "runs compare",
        &[example(
            "lightship runs compare churn-1a2b latest",
            "what differs between an earlier run and the last one",
        )],
    ),
    own(
        "artifacts ls",
        &[
            example("lightship artifacts ls", "what runs made, the newest first"),
            example("lightship artifacts ls --run latest --type Model", "models of the last run"),
        ],
    ),
    own(
        "artifacts show",
        &[
            example(
                "lightship artifacts show latest/train/metrics",
                "an output of a task of the last run",
            ),
            example(
                "lightship artifacts show latest/for-loop-1[3]/train/model --check",
                "of a task in a loop; read it to see whether it is still the same",
            ),
        ],
    ),
    own(
        "artifacts get",
        &[
            example("lightship artifacts get latest/train/model -o model", "into a file or folder"),
            example("lightship artifacts get sha256:4f1a9c -o -", "to standard output, by digest"),
        ],
    ),
    own(
        "artifacts lineage",
        &[
            example(
                "lightship artifacts lineage latest/train/model",
                "what it was made of, and what was made of it",
            ),
            example(
                "lightship artifacts lineage latest/train/model --up --format mermaid",
                "the first half, to be drawn",
            ),
        ],
    ),
    own("cache ls", &[example("lightship cache ls --check", "which results are still good")]),
    own(
        "cache rm",
        &[
            example("lightship cache rm 4f1a9c0b27de", "one result: its task runs the next time"),
            example("lightship cache rm --older-than 30d", "all that are old"),
        ],
    ),
    own(
        "lock",
        &[
            example("lightship lock", "make the lock, or bring it up to date"),
            example("lightship lock --upgrade", "take the newest versions that fit"),
            example(
                "lightship lock --check",
                "in CI: exit code 1 if the lock is missing or out of date",
            ),
        ],
    ),
    own(
        "vendor",
        &[
            example("lightship vendor packages", "everything that the lock names"),
            example(
                "lightship vendor packages --project service",
                "of another; `build --vendor packages` reads it",
            ),
        ],
    ),
    own(
        "init",
        &[
            example("lightship init --print", "what was found out, and where"),
            example("lightship init", "the same as a file to change"),
        ],
    ),
    own(
        "doctor",
        &[
            example("lightship doctor", "what works here, and what to change"),
            example("lightship doctor --format json", "for a program"),
        ],
    ),
    any(
        "verify",
        &[
            example("lightship verify app.tar", "the entry point starts, and the imports work"),
            example("lightship verify . --image oci:app", "a project's checks, in its image"),
            example(
                "lightship verify . --record",
                "and byte code of what they load, in the next build",
            ),
            example(
                "lightship verify oci:app --run /app/smoke-test --http 8080/health",
                "a command and a service",
            ),
            example("lightship verify oci:app --checks smoke.toml --format json", "for a program"),
        ],
    ),
    any(
        "sbom",
        &[
            example("lightship sbom churn", "what an image has, for a person"),
            example(
                "lightship sbom docker://localhost:5000/app:1.4 --format json > app.cdx.json",
                "for a scanner",
            ),
        ],
    ),
    any(
        "image history",
        &[
            example("lightship image history app.tar", "each instruction and what it weighs"),
            example(
                "lightship image history docker://localhost:5000/app --platform linux/arm64",
                "one platform of several",
            ),
        ],
    ),
    any(
        "image diff",
        &[
            example("lightship image diff app.tar oci:lean", "what squashing changed"),
            example(
                "lightship image diff store:app:1.3 store:app:1.4 --top all",
                "everything that differs between two versions",
            ),
        ],
    ),
    any(
        "image squash",
        &[
            example(
                "lightship image squash app.tar -o oci:lean",
                "keep the base as it is detected",
            ),
            example(
                "lightship image squash app.tar -o oci:lean --base oci:base",
                "keep the layers that both images have",
            ),
            example(
                "lightship image squash app.tar -o oci-archive:lean.tar --keep-layers 3",
                "keep the lowest three layers",
            ),
            example(
                "lightship image squash app.tar -o oci:lean --from-layer 3f29a1c0b77e",
                "merge this layer and all above it; `image history` shows digests",
            ),
        ],
    ),
    any(
        "image convert",
        &[
            example(
                "lightship image convert app.tar -o oci:app --compression zstd:19",
                "as small as it gets",
            ),
            example(
                "lightship image convert oci:app -o oci:b --compression gzip --manifest docker",
                "for tools that know neither OCI nor zstd",
            ),
        ],
    ),
    any(
        "image run",
        &[
            example("lightship image run app.tar", "what the image itself says should run"),
            example(
                "lightship image run oci:app -- python -c 'import pandas'",
                "another command in it",
            ),
            example(
                "lightship image run --volume ./data:/data:ro --memory 2g oci:app",
                "with data of this machine, within limits",
            ),
            example(
                "lightship image run -it --entrypoint sh oci:app",
                "look around in it; what you change is gone afterwards",
            ),
        ],
    ),
    any(
        "image validate",
        &[
            example(
                "lightship image validate app.tar",
                "everything that is wrong with it, if anything",
            ),
            example(
                "lightship image validate docker://localhost:5000/app --all-platforms",
                "every platform of an index",
            ),
        ],
    ),
    any(
        "image copy",
        &[
            example(
                "lightship image copy app.tar docker://localhost:5000/app:1.4",
                "from an archive to a registry",
            ),
            example(
                "lightship image copy docker://localhost:5000/app oci:a --platform linux/arm64",
                "one platform, into a folder",
            ),
            example(
                "lightship image copy docker://localhost:5000/app oci:app --all-platforms",
                "every platform of an index",
            ),
        ],
    ),
    own(
        "image pull",
        &[
            example("lightship image pull localhost:5000/app:1.4", "into the local store"),
            example(
                "lightship image pull localhost:5000/app:1.4 --name app",
                "under a shorter name",
            ),
        ],
    ),
    own(
        "image push",
        &[
            example("lightship image push localhost:5000/app:1.4", "to the registry in its name"),
            example("lightship image push app localhost:5000/app:1.5", "to another place"),
        ],
    ),
    own(
        "image save",
        &[
            example("lightship image save app -o app.tar", "an OCI archive"),
            example(
                "lightship image save app -o app.tar --archive-format docker",
                "for `docker load`",
            ),
        ],
    ),
    own(
        "image load",
        &[
            example(
                "lightship image load -i app.tar",
                "all images, under their names in the archive",
            ),
            example("lightship image load -i app.tar --name app:1.4", "under another name"),
            example("lightship image load -i all.tar --image app:1.4", "one of several"),
        ],
    ),
    own("image ls", &[example("lightship image ls", "names, digests and sizes")]),
    own(
        "image rm",
        &[example(
            "lightship image rm app:1.3 app:1.4",
            "remove names; `lightship store gc` then frees the bytes",
        )],
    ),
    own("image tag", &[example("lightship image tag app:1.4 app:stable", "a second name")]),
    own(
        "runs ls",
        &[
            example("lightship runs ls", "the newest runs"),
            example("lightship runs ls --state failed --limit 100", "those that failed"),
        ],
    ),
    own(
        "runs show",
        &[
            example("lightship runs show", "the latest run, task by task"),
            example("lightship runs show churn-7f3a --format json", "another one, for a program"),
        ],
    ),
    own(
        "runs logs",
        &[
            example("lightship runs logs latest train", "what the task `train` printed"),
            example("lightship runs logs latest --follow", "all tasks, as they print"),
            example("lightship runs logs 7f3a for-loop-1[3]/train --attempt 1", "one attempt"),
        ],
    ),
    own(
        "runs graph",
        &[
            example("lightship runs graph pipeline.yaml", "which tasks follow which"),
            example("lightship runs graph latest --format mermaid", "of a run, for Markdown"),
        ],
    ),
    own(
        "runs cancel",
        &[example("lightship runs cancel latest --wait", "end it, and wait until it has ended")],
    ),
    own("runs pause", &[example("lightship runs pause latest", "start nothing more")]),
    own("runs unpause", &[example("lightship runs unpause latest", "go on")]),
    own(
        "runs resume",
        &[example("lightship runs resume latest", "after a crash: what is finished stays so")],
    ),
    own("runs retry", &[example("lightship runs retry latest", "only what failed")]),
    own(
        "runs rerun",
        &[
            example("lightship runs rerun latest train", "this task, and what depends on it"),
            example(
                "lightship runs rerun latest train --pipeline fixed.yaml",
                "the same with changed code",
            ),
        ],
    ),
    own(
        "runs wait",
        &[example("lightship runs wait latest --timeout 1h", "in a script: until it has ended")],
    ),
    own(
        "runs rm",
        &[
            example("lightship runs rm churn-7f3a", "one run, with logs and artifacts"),
            example("lightship runs rm --older-than 30d --dry-run", "what that would free"),
            example("lightship runs rm --all --results --yes", "all runs and all they made"),
        ],
    ),
    own("store df", &[example("lightship store df", "what is there, and what gc would free")]),
    own(
        "store gc",
        &[
            example("lightship store gc --dry-run", "what would be removed"),
            example("lightship store gc", "remove it"),
        ],
    ),
    own(
        "store verify",
        &[example(
            "lightship store verify --remove-corrupt",
            "after a power cut or on a doubtful disk",
        )],
    ),
    own(
        "completions",
        &[
            example(
                "lightship completions bash > lightship",
                "for bash; put it into ~/.local/share/bash-completion/completions",
            ),
            example(
                "lightship completions zsh > ~/.zfunc/_lightship",
                "for zsh, where `fpath` has that folder",
            ),
            example(
                "lightship completions fish > ~/.config/fish/completions/lightship.fish",
                "for fish",
            ),
        ],
    ),
    own(
        "man",
        &[
            example("lightship man ~/.local/share/man/man1", "where `man lightship` finds them"),
            example("lightship man pages", "into any folder; then `man -l pages/lightship.1`"),
        ],
    ),
];
