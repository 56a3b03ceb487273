from __future__ import annotations
import a.b as c, d
from . import sibling
from ..up import thing as other
try:
    import fast
except (ImportError, ModuleNotFoundError):
    fast = None
if TYPE_CHECKING:
    from typing import Any
async def f[T: int](x: T, /, *, y=lambda: 1) -> None:
    async with g() as (h, i):
        match x:
            case [1, *rest] | {"k": v, **kw} if (n := 1):
                import importlib; importlib.import_module("late.module")
type Alias[K] = dict[K, list[Alias]]
@component(base_image="python:3.11")
def step(p: str) -> str:
    import pandas
    return f"{p!r:>{10}} {'nested' + f'{p}'}"
try: pass
except* ValueError as group: __import__("dunder")
