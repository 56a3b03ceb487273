"""The evaluation as one HTML page without outside parts, so that it opens from any artifact store."""

from __future__ import annotations

from html import escape
from string import Template

from churn.evaluation import CLASSES, Evaluation

_SIDE = 260

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Churn model: evaluation</title>
<style>
 body { font: 15px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; color: #1c2733; }
 table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
 td, th { border: 1px solid #c9d3dd; padding: .3rem .8rem; text-align: right; }
 th { background: #eef3f7; text-align: left; }
 .bar { fill: #2f6f9f; } .curve { fill: none; stroke: #2f6f9f; stroke-width: 2; }
 .chance { stroke: #9aa7b3; stroke-dasharray: 4; } .frame { fill: none; stroke: #c9d3dd; }
</style>
<h1>Churn model: evaluation</h1>
<h2>Figures</h2>$metrics
<h2>ROC curve</h2>$curve
<h2>Confusion matrix</h2>$confusion
<h2>What the forest looks at</h2>$importances
</html>
""")


def render(evaluation: Evaluation) -> str:
    """Return the whole page."""
    return _PAGE.substitute(
        metrics=_metrics_table(evaluation.metrics),
        curve=_roc_svg(evaluation.false_positive_rate, evaluation.true_positive_rate),
        confusion=_confusion_table(evaluation.confusion),
        importances=_bars_svg(evaluation.importances),
    )


def _metrics_table(metrics: dict[str, float]) -> str:
    rows = (f"<tr><th>{escape(name)}</th><td>{value:.3f}</td></tr>" for name, value in metrics.items())
    return f"<table>{''.join(rows)}</table>"


def _confusion_table(confusion: list[list[int]]) -> str:
    head = "".join(f"<th>predicted: {name}</th>" for name in CLASSES)
    rows = (
        f"<tr><th>{name}</th>{''.join(f'<td>{count}</td>' for count in row)}</tr>"
        for name, row in zip(CLASSES, confusion, strict=True)
    )
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def _roc_svg(fpr: list[float], tpr: list[float]) -> str:
    points = " ".join(f"{x * _SIDE:.1f},{(1 - y) * _SIDE:.1f}" for x, y in zip(fpr, tpr, strict=True))
    return (
        f'<svg width="{_SIDE}" height="{_SIDE}" role="img" aria-label="ROC curve">'
        f'<rect class="frame" width="{_SIDE}" height="{_SIDE}"/>'
        f'<line class="chance" x1="0" y1="{_SIDE}" x2="{_SIDE}" y2="0"/>'
        f'<polyline class="curve" points="{points}"/></svg>'
    )


def _bars_svg(importances: dict[str, float], row: int = 22) -> str:
    longest = max(importances.values())
    bars = (
        f'<text x="0" y="{i * row + 15}">{escape(name)}</text>'
        f'<rect class="bar" x="210" y="{i * row + 3}" width="{weight / longest * 300:.1f}" height="{row - 6}"/>'
        for i, (name, weight) in enumerate(importances.items())
    )
    return f'<svg width="530" height="{len(importances) * row}" role="img">{"".join(bars)}</svg>'
