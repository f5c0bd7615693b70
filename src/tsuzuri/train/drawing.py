"""The pictures in a run folder."""
from typing import Any

from tsuzuri.train.folder import RunFolder


def draw_run(run: RunFolder, model: Any) -> None:
    """Write ``curves.png`` from the metrics, and ``graph.svg``: the computation of one training step."""
    from tsuzuri.graph import graph_of, save
    from tsuzuri.plots import curves
    records = run.logged()
    series = {"training": [(r["step"], r["loss"]) for r in records if "loss" in r],
              "validation": [(r["step"], r["valid_loss"]) for r in records if r.get("valid_loss") is not None]}
    curves({name: points for name, points in series.items() if points}, run.folder / "curves.png", measure=run.measure)
    loss, _, _ = model.training_loss(*run.batches()[0], state=None, rng=None)
    save(graph_of(loss, names=model), run.folder / "graph.svg")
