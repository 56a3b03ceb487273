"""Pipelines that the real SDK compiles in the tests: each construct of the SDK once, small enough to be run.

Whatever a run can be compared by is an output of its pipeline.
"""

from typing import Dict, List, NamedTuple, Optional

from kfp import dsl, kubernetes
from kfp.dsl import (
    HTML,
    Artifact,
    ClassificationMetrics,
    Dataset,
    Input,
    InputPath,
    Markdown,
    Metrics,
    Model,
    Output,
    OutputPath,
)

from helpers import BASE, TOOLS

@dsl.component(base_image=BASE)
def all_types(i: int, f: float, s: str, b: bool, l: List[int], d: Dict[str, float]) -> NamedTuple(
    "Everything", [("i", int), ("f", float), ("s", str), ("b", bool), ("l", List[int]), ("d", Dict[str, float])]
):
    """Each kind of parameter comes in and goes out again, changed."""
    from collections import namedtuple

    kinds = [type(value).__name__ for value in (i, f, s, b, l, d)]
    assert kinds == ["int", "float", "str", "bool", "list", "dict"], kinds
    out = namedtuple("Everything", ["i", "f", "s", "b", "l", "d"])
    return out(i + 1, f / 2, s + "é\n\"'{}$", not b, l + [4], {**d, "more": 0.5})


@dsl.pipeline
def parameters_of_all_types(
    i: int = 2, f: float = 3.5, s: str = "a b", b: bool = True, l: List[int] = [1, 2], d: Dict[str, float] = {"x": 1.0}
) -> NamedTuple("Everything", [("i", int), ("f", float), ("s", str), ("b", bool), ("l", List[int]), ("d", dict)]):
    """Values keep their types from the pipeline's inputs to its outputs."""
    made = all_types(i=i, f=f, s=s, b=b, l=l, d=d)
    again = all_types(
        i=made.outputs["i"],
        f=made.outputs["f"],
        s=made.outputs["s"],
        b=made.outputs["b"],
        l=made.outputs["l"],
        d=made.outputs["d"],
    )
    out = NamedTuple("Everything", [("i", int), ("f", float), ("s", str), ("b", bool), ("l", List[int]), ("d", dict)])
    return out(*(again.outputs[name] for name in "ifsbld"))


@dsl.component(base_image=BASE)
def write(text: str, data: Output[Dataset]):
    """A file and its metadata."""
    with open(data.path, "w") as file:
        file.write(text)
    data.metadata["length"] = len(text)


@dsl.component(base_image=BASE)
def write_folder(text: str, model: Output[Model]):
    """An artifact that is a folder."""
    import os

    os.makedirs(os.path.join(model.path, "deep"))
    for name in ("a.txt", "deep/b.txt"):
        with open(os.path.join(model.path, name), "w") as file:
            file.write(name + text)


@dsl.component(base_image=BASE)
def join(one: Input[Dataset], two: Input[Model], joined: Output[Artifact]) -> int:
    """Reads a file and a folder, with what is known about the file."""
    import os

    parts = [open(one.path).read()]
    for name in ("a.txt", "deep/b.txt"):
        parts.append(open(os.path.join(two.path, name)).read())
    with open(joined.path, "w") as file:
        file.write("|".join(parts))
    joined.metadata["from"] = one.metadata["length"]
    return int(one.metadata["length"])


Joined = NamedTuple("Joined", [("joined", Artifact), ("length", int)])


@dsl.pipeline
def artifacts(text: str = "hello") -> Joined:
    """Files, folders and metadata go from step to step."""
    data = write(text=text)
    model = write_folder(text=text)
    both = join(one=data.outputs["data"], two=model.outputs["model"])
    return Joined(both.outputs["joined"], both.outputs["Output"])


@dsl.component(base_image=BASE)
def old_style(text: str, lines: OutputPath("Dataset")):
    """Paths in place of artifacts."""
    with open(lines, "w") as file:
        file.write(text * 2)


@dsl.component(base_image=BASE)
def old_reader(lines: InputPath("Dataset"), count: OutputPath(int)):
    """A parameter that is written to a file."""
    with open(count, "w") as file:
        file.write(str(len(open(lines).read())))


@dsl.pipeline
def paths(text: str = "abc") -> int:
    """Steps that know paths only."""
    made = old_style(text=text)
    return old_reader(lines=made.outputs["lines"]).outputs["count"]


@dsl.component(base_image=BASE)
def judge(
    numbers: Output[Metrics], curves: Output[ClassificationMetrics], page: Output[HTML], notes: Output[Markdown]
):
    """What pages and terminals show."""
    numbers.log_metric("accuracy", 0.5)
    curves.log_confusion_matrix(["a", "b"], [[1, 2], [3, 4]])
    curves.log_roc_curve([0.0, 0.5, 1.0], [0.0, 0.9, 1.0], [0.9, 0.5, 0.1])
    for artifact, text in ((page, "<b>x</b>"), (notes, "# x")):
        with open(artifact.path, "w") as file:
            file.write(text)


@dsl.pipeline
def metrics() -> NamedTuple("Shown", [("numbers", Metrics), ("curves", ClassificationMetrics), ("page", HTML)]):
    """Metrics live in metadata."""
    made = judge()
    out = NamedTuple("Shown", [("numbers", Metrics), ("curves", ClassificationMetrics), ("page", HTML)])
    return out(made.outputs["numbers"], made.outputs["curves"], made.outputs["page"])


@dsl.component(base_image=BASE)
def add(a: int, b: int = 10) -> int:
    """A sum."""
    return a + b


@dsl.pipeline
def inner(a: int, twice: bool = False) -> int:
    """A pipeline that is a part of others; it has a default of its own."""
    with dsl.If(twice == True):  # noqa: E712
        once = add(a=a, b=a)
    with dsl.Else():
        other = add(a=a)
    return dsl.OneOf(once.output, other.output)


@dsl.pipeline
def nested(a: int = 1) -> NamedTuple("Both", [("plain", int), ("doubled", int)]):
    """Pipelines in a pipeline, with a default left and one replaced."""
    plain = inner(a=a)
    doubled = inner(a=plain.output, twice=True)
    out = NamedTuple("Both", [("plain", int), ("doubled", int)])
    return out(plain.output, doubled.output)


@dsl.component(base_image=BASE)
def say(text: str) -> str:
    """The text."""
    return text


@dsl.pipeline
def branches(n: int = 2) -> str:
    """One branch of three runs; later ones see its value."""
    with dsl.If(n == 1):
        one = say(text="one")
    with dsl.Elif(n == 2):
        two = say(text="two")
    with dsl.Else():
        other = say(text="other")
    word = dsl.OneOf(one.output, two.output, other.output)
    return say(text=word).output


@dsl.component(base_image=BASE)
def total(numbers: List[int]) -> int:
    """A sum."""
    return int(sum(numbers))


@dsl.pipeline
def loops(items: List[int] = [1, 2, 3]) -> int:
    """A loop within a loop; what it gave is one list."""
    with dsl.ParallelFor(items=items, parallelism=2) as item:
        doubled = add(a=item, b=item)
        with dsl.ParallelFor(items=[10, 20]) as other:
            pair = add(a=doubled.output, b=other)
    return total(numbers=dsl.Collected(pair.output)).output


@dsl.pipeline
def sums(n: int) -> int:
    """A pipeline with a loop of its own."""
    with dsl.ParallelFor(items=[10, 20]) as other:
        pair = add(a=n, b=other)
    return total(numbers=dsl.Collected(pair.output)).output


@dsl.pipeline
def loop_of_pipelines() -> int:
    """A loop whose rounds are pipelines with loops."""
    with dsl.ParallelFor(items=[1, 2, 3]) as item:
        one = sums(n=item)
    return total(numbers=dsl.Collected(one.output)).output


@dsl.component(base_image=BASE)
def concatenate(parts: Input[List[Dataset]], whole: Output[Dataset]):
    """All of them, in order."""
    with open(whole.path, "w") as file:
        file.write(",".join(open(part.path).read() for part in parts))


@dsl.pipeline
def collected_artifacts() -> Dataset:
    """The artifacts of all rounds of a loop."""
    with dsl.ParallelFor(items=["x", "y", "z"]) as item:
        made = write(text=item)
    return concatenate(parts=dsl.Collected(made.outputs["data"])).outputs["whole"]


@dsl.component(base_image=BASE)
def records() -> List[Dict[str, str]]:
    """A list that a loop goes over."""
    return [{"name": "a", "word": "first"}, {"name": "b", "word": "second"}]


@dsl.component(base_image=BASE)
def together(words: List[str]) -> str:
    """All words."""
    return " ".join(words)


@dsl.pipeline
def loop_over_records() -> str:
    """Parts of items, of a list that a step made."""
    with dsl.ParallelFor(items=records().output) as item:
        one = say(text=item.word)
    return together(words=dsl.Collected(one.output)).output


@dsl.component(base_image=BASE)
def fail(text: str) -> str:
    """Fails with its text."""
    raise RuntimeError(text)


@dsl.component(base_image=BASE)
def report(status: dsl.PipelineTaskFinalStatus, seen: Output[Artifact]):
    """Notes how it ended."""
    with open(seen.path, "w") as file:
        file.write("%s %s" % (status.state, bool(status.error_message)))


@dsl.pipeline
def exit_after_failure(text: str = "no"):
    """The exit task runs, and the run stays failed."""
    with dsl.ExitHandler(report()):
        fail(text=text)


@dsl.pipeline
def exit_after_success(text: str = "yes"):
    """The exit task runs as well."""
    with dsl.ExitHandler(report()):
        say(text=text)


@dsl.component(base_image=BASE)
def after_failure(text: str = "default") -> str:
    """What it was given, or that it was given nothing."""
    return text + "!"


@dsl.pipeline
def ignored_failure() -> str:
    """A step that runs although what it takes from failed: its own default stands in."""
    broken = fail(text="broken")
    return after_failure(text=broken.output).ignore_upstream_failure().output


@dsl.component(base_image=BASE)
def fails_at_first(folder: str) -> int:
    """Succeeds the third time; the count is in a folder that stays."""
    import os

    path = os.path.join(folder, "count")
    count = int(open(path).read()) + 1 if os.path.exists(path) else 1
    with open(path, "w") as file:
        file.write(str(count))
    if count < 3:
        raise RuntimeError("not yet")
    return count


@dsl.pipeline
def retried() -> int:
    """Three attempts, on a volume that outlives each."""
    task = fails_at_first(folder="/kept").set_retry(num_retries=3, backoff_duration="0s")
    task.set_caching_options(False)
    kubernetes.mount_pvc(task, pvc_name="kept", mount_path="/kept")
    return task.output


@dsl.component(base_image=BASE)
def length(data: Input[Dataset]) -> int:
    """How much text there is."""
    return len(open(data.path).read())


@dsl.pipeline
def imported(uri: str) -> int:
    """A file that was there before."""
    data = dsl.importer(artifact_uri=uri, artifact_class=Dataset, reimport=False, metadata={"who": "me"})
    return length(data=data.output).output


@dsl.container_component
def container(name: str, greeting: dsl.OutputPath(str), log: Output[Artifact], title: Optional[str] = None):
    """Placeholders, joined and left out."""
    return dsl.ContainerSpec(
        image=TOOLS,
        command=["sh", "-c", 'printf "%s" "$*" > "$0"; mkdir -p "$(dirname "$1")"; printf "%s" "$2" > "$1"'],
        args=[
            greeting,
            log.path,
            dsl.ConcatPlaceholder(["Dear ", dsl.IfPresentPlaceholder("title", then="Dr", else_="Mx"), " ", name]),
            dsl.IfPresentPlaceholder("title", then=["with", title], else_=["without"]),
        ],
    )


@dsl.pipeline
def containers() -> NamedTuple("Said", [("with_title", Artifact), ("without", Artifact)]):
    """A container component, with and without its optional input."""
    one = container(name="Ada", title="Dr")
    two = container(name="Ada")
    out = NamedTuple("Said", [("with_title", Artifact), ("without", Artifact)])
    return out(one.outputs["log"], two.outputs["log"])


@dsl.component(base_image=BASE)
def optional(
    needed: str,
    text: str = "default",
    number: Optional[int] = None,
    data: Optional[Input[Dataset]] = None,
) -> str:
    """What is there."""
    return "%s %s %s %s" % (needed, text, number, data is None)


@dsl.pipeline
def optional_inputs(text: Optional[str] = None) -> NamedTuple("Three", [("a", str), ("b", str), ("c", str)]):
    """Inputs that are left out, given, or handed on as nothing."""
    a = optional(needed="a")
    b = optional(needed="b", text="given", number=3, data=write(text="x").outputs["data"])
    c = optional(needed="c", text=text)
    out = NamedTuple("Three", [("a", str), ("b", str), ("c", str)])
    return out(a.output, b.output, c.output)


@dsl.component(base_image=BASE, packages_to_install=["six"], use_venv=True)
def in_venv() -> str:
    """Its packages are in an environment of its own."""
    import six

    return six.ensure_str(b"six")


@dsl.pipeline
def own_environment() -> str:
    """A step that asks for a virtual environment."""
    return in_venv().output


@dsl.component(base_image=BASE)
def variable(name: str) -> str:
    """A variable's value."""
    import os

    return os.environ.get(name, "not set")


@dsl.pipeline
def variables() -> str:
    """Variables, requests and limits."""
    task = variable(name="GREETING").set_env_variable("GREETING", "hello").set_caching_options(False)
    task.set_cpu_request("100m").set_cpu_limit("1").set_memory_request("64Mi").set_memory_limit("512Mi")
    task.set_display_name("reads a variable")
    return task.output


@dsl.component(base_image=BASE)
def once() -> str:
    """Another value each time."""
    import uuid

    return uuid.uuid4().hex


@dsl.pipeline
def caching() -> NamedTuple("Two", [("kept", str), ("fresh", str)]):
    """One step may be taken from an earlier run, one may not."""
    kept = once()
    fresh = once().set_caching_options(False).set_display_name("fresh")
    out = NamedTuple("Two", [("kept", str), ("fresh", str)])
    return out(kept.output, fresh.output)


@dsl.component(base_image=BASE)
def on_kubernetes() -> str:
    """What of Kubernetes reaches a step."""
    import os

    kept = os.path.isdir("/data")
    return "%s %s %s" % (os.environ.get("TASK_POD", "") != "", kept, os.access("/data", os.W_OK))


@dsl.pipeline
def kubernetes_settings() -> str:
    """Volumes, fields of the pod, labels, a deadline."""
    task = on_kubernetes()
    kubernetes.mount_pvc(task, pvc_name="shared", mount_path="/data")
    kubernetes.use_field_path_as_env(task, env_name="TASK_POD", field_path="metadata.name")
    kubernetes.add_pod_label(task, label_key="team", label_value="churn")
    kubernetes.add_node_selector(task, "kind", "big")
    kubernetes.set_timeout(task, seconds=300)
    kubernetes.set_image_pull_policy(task, "IfNotPresent")
    return task.output


@dsl.pipeline
def secrets() -> str:
    """A secret and a config map, as variables and as files."""
    task = variable(name="PASSWORD")
    kubernetes.use_secret_as_env(task, secret_name="login", secret_key_to_env={"password": "PASSWORD"})
    kubernetes.use_secret_as_volume(task, secret_name="login", mount_path="/login")
    kubernetes.use_config_map_as_env(task, config_map_name="settings", config_map_key_to_env={"level": "LEVEL"})
    kubernetes.use_config_map_as_volume(task, config_map_name="settings", mount_path="/settings")
    return task.output
