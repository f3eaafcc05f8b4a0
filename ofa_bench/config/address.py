"""Computes the address of a cell: the folder of its results below the output folder."""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

from omegaconf import OmegaConf

from ofa_bench.config.schema import GROUPS, NO_RESULT, NO_RESULT_OF_SUPERNET, conf_dir
from ofa_bench.errors import InputError

__all__ = ["address"]


def address(
    choices: Mapping[str, str], overrides: Sequence[str], seed: int, swept: Mapping[str, str] | None = None
) -> str:
    """Return the folder of a cell's results: the chosen option of each group, the seed, and every other override.

    An experiment is named only if it sets more than options of groups and swept keys, which are named anyway. ``swept``
    are the keys that an experiment sweeps (``hydra.sweeper.params``): each must be among the overrides of a cell.

    Raises:
        InputError: a group has no chosen option, or an experiment is not run as the sweep that it is.

    Example: ``mbv3/note10/embedded/vanilla/sqrt/default/seed=0,repeats=10``.
    """
    missing = [group for group in GROUPS if group not in choices]
    if missing:
        raise InputError(f"{missing[0]}: choose an option of the group ({missing[0]}=<option>)")
    experiment, keys = choices.get("experiment"), [text.lstrip("+~").split("=")[0] for text in overrides]
    for key in swept or {}:
        if key not in keys:
            raise InputError(f"experiment={experiment}: sweeps {key}; put -m first, and run one experiment at a time")
    skipped = (*GROUPS, *NO_RESULT, "seed", *(["experiment"] if _only_sweeps(experiment) else []))
    plain = [text.lstrip("+~") for text in overrides if "@" not in text.partition("=")[0]]
    extra = [text for text in plain if re.split(r"[.=]", text)[0] not in skipped]
    extra += [text for text in plain if text.startswith(tuple(f"{group}." for group in GROUPS))]
    extra += [text.partition("@")[2] for text in overrides if "@" in text.partition("=")[0]]  # an option of a part
    if choices["predictor"] == "supernet":
        extra = [text for text in extra if not re.match(rf"predictor\.({'|'.join(NO_RESULT_OF_SUPERNET)})=", text)]
    # Without -m, Hydra writes True where it writes true with -m.
    extra = [re.sub(r"=(True|False)$", lambda value: value[0].lower(), text) for text in extra]
    last = ",".join([f"seed={seed}", *sorted(extra)])
    if len(last) > 120:  # a long value, such as a path, must not displace the other keys
        last = ",".join([f"seed={seed}", *(_cut(text, 36, 8) if len(text) > 45 else text for text in sorted(extra))])
    last = re.sub(r"[^\w.,=+~\-\[\]]", "_", last)
    if len(last) > 120:
        last = _cut(last, 100, 12)
    if len(last.encode()) > 200:  # characters may have several bytes; a file's name may have 255
        last = _cut(last, 40, 12)
    return "/".join([*(str(choices[group]) for group in GROUPS), last])


def _cut(text: str, most: int, digits: int) -> str:
    return f"{text[:most]}~{sha256(text.encode(errors='backslashreplace')).hexdigest()[:digits]}"


def _only_sweeps(experiment: str | None) -> bool:
    """Return whether an experiment is one of ours that sets only options of groups and Hydra's own keys."""
    path = conf_dir() / "experiment" / f"{experiment}.yaml"
    return path.is_file() and set(OmegaConf.load(path)) <= {"defaults", "hydra"}
