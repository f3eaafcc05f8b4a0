"""What the soak draws: random configurations, some of them wrong on purpose."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from soak_checks import Drawn, judge

from ofa_bench.predictors import CostTable

__all__ = [
    "Draw",
]

SPACES: Mapping[str, Sequence[str]] = {
    "mbv3": ("note10", "macs", "cpu_onnx"),
    "compofa": ("note10", "macs", "cpu_onnx"),
    "resnet50d": ("macs", "cpu_onnx"),
    "proxyless": ("macs", "cpu_onnx"),
}
"""Each space with the devices that have a table for it."""

PYMOO = ("nsga2", "sms_emoa", "spea2")
"""Strategies that cross by pymoo's operator."""

WRONG = (
    "repeats=0", "seed=-1", "threads=0", "evolution.population_size=0", "evolution.mutate_prob=1.5", "epeats=2",
    "evolution.constraint=sfot", "evolution.mutate_prob=much", "budget.generations=0", "budget.warm_generations=[]",
    "budget.warm_generations=root", "strategy=vanila", "space=mbv4", "device=nowhere", "predictor=none", "+nothing=1",
    "targets.values=[nan]", "targets.values=[]", "targets.values=[-5]", "targets.values=[1e-9]", "targets.unit=furlong",
    "targets.first=0", "+strategy.nothing=1", "~evolution", "strategy._target_=os.path", "device.guard_band=maybe",
    "predictor=member predictor.member=5", "strategy=exhaustive space=mbv3", "strategy=top_down strategy.order=up",
    "strategy=bottom_up strategy.warm_start.share=0", "strategy=top_down strategy.warm_start.from=nowhere",
    "strategy=joint strategy.noise=-1", "strategy=nsga2 ++strategy.population_size=1", "space=compofa space.kernels=no",
    "targets.start=1 targets.stop=null", "targets=range targets.count=0", "targets=quantiles targets.quantiles=[1]",
)  # fmt: skip
"""What must be refused, whatever else is configured."""


class Draw:
    """Draws one configuration.

    Args:
        rng: the only source of chance.
        threads: the most that a configuration may use.
        earlier: gives the folder of a space's record that a chain may start from.
    """

    def __init__(self, rng: np.random.Generator, threads: int, earlier: Callable[[str], Path]) -> None:
        self._rng, self._threads, self._earlier = rng, threads, earlier

    def configuration(self) -> Drawn:
        """Draw it all."""
        space = self._pick(*SPACES)
        elastic = space == "compofa" and self._one_in(3)
        name = space + ("_elastic" if elastic else "")
        device, words = self._pick(*SPACES[space]), [f"space={space}", "tracking=none", "progress=false"]
        words += [f"device={device}", *(["space.kernels=elastic"] if elastic else [])]
        guard = device == "cpu_onnx" and self._one_in(3)
        words += ["device.guard_band=true"] if guard else []
        words += self._predictor(space) + self._strategy(name)
        table = judge(name, device, guard)
        words += self._targets(table, few="strategy=ofa_reference" in words)
        words += [f"seed={self._whole(0, 10**6)}", f"lockstep={self._pick('true', 'false')}"]
        words += [f"threads={self._whole(1, self._threads)}"]
        bad = self._pick(*WRONG) if self._one_in(10) else ""
        keys = [word.partition("=")[0] for word in bad.split()]
        if bad:
            words = [word for word in words if word.partition("=")[0] not in keys]
            words = [word for word in words if not word.startswith(("targets", "strategy", "space.")) or not keys]
        return Drawn(words + bad.split(), name, bad, compiled=not self._one_in(4), twice=self._one_in(4))

    def _pick(self, *options: str) -> str:
        return options[int(self._rng.integers(len(options)))]

    def _one_in(self, n: int) -> bool:
        return bool(self._rng.integers(n) == 0)

    def _whole(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high + 1))

    def _share(self, low: float = 0.0, high: float = 1.0) -> float:
        return round(float(self._rng.uniform(low, high)), 3)

    def _predictor(self, space: str) -> list[str]:
        options = ["embedded"]
        if space != "proxyless":
            options += ["member", *(["official"] if os.environ.get("OFA_BENCH_ASSETS") else [])]
        option = self._pick(*options)
        return [f"predictor={option}", *([f"predictor.member={self._whole(1, 4)}"] if option == "member" else [])]

    def _strategy(self, space: str) -> list[str]:
        option = self._pick(
            "vanilla", "top_down", "bottom_up", "top_down", "bottom_up", "joint", "nsga2", "random", "local_search",
            "sms_emoa", "spea2", "map_elites", "differentiable", "tpe", "exhaustive" if space == "compofa" else "joint",
            "ofa_reference" if self._one_in(2) else "vanilla", "surrogate", "proxy",
        )  # fmt: skip
        reference = option == "ofa_reference"
        words = [f"strategy={option}", f"repeats={1 if reference else self._whole(1, 3)}"]
        words += [f"budget.generations={self._whole(1, 3 if reference else 20)}"]
        words += [f"budget.warm_generations={self._pick('sqrt', 'log', 'tenth', 'full', '3', '[4,2]')}"]
        words += [f"evolution.population_size={self._whole(8, 10) if reference else self._whole(2, 24)}"]
        words += [f"evolution.{key}={self._share(0.1)}" for key in ("mutation_ratio", "mutate_prob")]
        words += [
            f"evolution.parent_ratio={self._share(0.2)}",
            f"evolution.reference_compat={self._pick('true', 'false')}",
        ]
        if not reference:
            words += [
                f"evolution.initial_ratio={self._share(0.1)}",
                f"evolution.constraint={self._pick('hard', 'soft')}",
            ]
        return words + self._own(option, space)

    def _own(self, option: str, space: str) -> list[str]:
        """Draw a strategy's own parameters."""
        if option in ("top_down", "bottom_up"):
            return self._chain(space)
        if option == "surrogate":
            return self._surrogate(space)
        if option == "proxy":  # on a single device, its inner strategy
            inner = self._pick("joint", "vanilla", "bottom_up", "random")
            return [f"strategy.inner={inner}", f"strategy.proxy_targets={self._pick('null', '1', '30')}"]
        keys: dict[str, object] = {}
        shared = ("joint", *PYMOO, "map_elites", "random", "local_search", "differentiable")
        if option in shared and self._one_in(2):
            keys["evaluations"] = self._whole(1, 400)
        if option == "tpe":
            keys["evaluations"] = self._whole(1, 12)
        if option in PYMOO:
            keys["crossover_prob"] = self._share()
        if option == "differentiable":
            keys |= {"samples": self._whole(1, 5), "steps": self._whole(1, 100), "temperature": self._share(0.1)}
        if option == "joint":
            keys |= {"batch": self._whole(1, 30), "elites": self._whole(1, 10), "restart": self._whole(1, 200)}
            keys |= {"tries": self._whole(1, 12), "most_changes": self._whole(1, 60), "noise": self._share()}
        return [f"strategy.{key}={value}" for key, value in keys.items()]

    def _surrogate(self, space: str) -> list[str]:
        model = self._pick("process", "process", "linear", "network")
        keys: dict[str, object] = {"evaluations": self._whole(1, 150), "initial": self._whole(1, 60), "model": model}
        keys |= {"batch": self._whole(1, 40), "rounds": self._pick("null", "null", "0", "3"), "optimism": self._share()}
        inner = self._pick("joint", "nsga2", "random", "vanilla", "exhaustive" if space == "compofa" else "joint")
        keys |= {"inner": inner, "inner_evaluations": self._whole(1, 400), "again": self._pick("true", "false")}
        knows = ("mean", "optimistic", "expected_improvement") if model == "process" else ("mean",)
        keys["acquisition"] = self._pick(*knows)
        if model == "network":
            keys |= {"model.hidden": "[8]", "model.epochs": self._whole(1, 5)}
        return [f"strategy.{key}={value}" for key, value in keys.items()]

    def _chain(self, space: str) -> list[str]:
        words = [f"strategy.order={self._pick('ascending', 'descending', 'middle_out', 'random')}"]
        warm = {"seed": self._pick("best", "population", "none"), "prunings": self._whole(1, 4)}
        warm |= {"prune_resolution": self._pick("true", "false"), "from_best": self._whole(1, 12)}
        warm |= {"share": self._pick("null", str(self._share(0.01)))}
        if self._one_in(3):
            warm["from"] = f"'{self._earlier(space)}'"
        return words + [f"strategy.warm_start.{key}={value}" for key, value in warm.items()]

    def _targets(self, table: CostTable, *, few: bool) -> list[str]:
        """Draw targets of every kind; at least one can be met."""
        kind = self._pick("default", "quantiles", "range", "values", "values")
        if few or kind == "default":
            return ["targets=default", f"targets.first={self._whole(1, 2 if few else 10)}"]
        if kind == "quantiles":
            return ["targets=quantiles", f"targets.quantiles=[{self._share(0.01, 0.99)},{self._share(0.01, 0.99)}]"]
        low, high = table.minimum, table.maximum
        if kind == "range":
            ends = [f"{at}={low + self._share(0.02) * (high - low)!r}" for at in ("start", "stop")]
            count = self._pick("1", "2", "7", "100")
            words = ["targets=range", "targets.unit=null", f"targets.count={count}"]
            return words + [f"targets.{end}" for end in ends]
        edges = [low, float(np.nextafter(low, 0)), 0.5 * low, 2 * high, high]
        values = [low + self._share(0.02) * (high - low) for _ in range(self._whole(1, 6))]
        values += [edges[self._whole(0, len(edges) - 1)] for _ in range(self._whole(0, 2))]
        values += values[: self._whole(0, 2)]
        return ["targets=single", "targets.unit=null", f"targets.values={self._rng.permutation(values).tolist()}"]
