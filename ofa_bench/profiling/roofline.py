"""A device that nobody has measured: the table of a roofline, over the layers of any space that has a supernet."""

import hashlib
import json
import re

from ofa_bench.devices.cost import CostTable
from ofa_bench.devices.roofline import DataSheet, LayerTerm, read_layers
from ofa_bench.devices.targets import draw_sample, find_quantiles
from ofa_bench.errors import InputError
from ofa_bench.spaces import DesignSpace, Subspace

__all__ = ["load_layers", "roofline_table"]


def roofline_table(
    space: DesignSpace,
    peak: float,
    bandwidth: float,
    overhead: float = 0.0,
    batch: int = 1,
    bytes: float = 4,  # noqa: A002
    name: str = "roofline",
) -> CostTable:
    """Return the table of a device by its data sheet (see ``DataSheet``), with the targets of ``targets=quantiles``.

    A subspace gets the table of its parent, with targets of its own.

    Args:
        space: the design space; its layers are those of its supernet.
        peak: arithmetic in GFLOP/s.
        bandwidth: of the memory, in GB/s.
        overhead: of each layer, in microseconds.
        batch: the number of images at a time.
        bytes: of a number.
        name: of the device.

    Raises:
        InputError: a value is not allowed, or the layers of the space are not known.
    """
    sheet = DataSheet(peak, bandwidth, overhead, batch, bytes)
    if not isinstance(name, str) or not re.fullmatch(r"[\w.+-]{1,40}", name):
        raise InputError(f"device.name={str(name)[:60]}: must be 1 to 40 letters, digits, or any of _ . + -")
    table = _make(space, sheet, name)
    table.targets = find_quantiles(table.cost(draw_sample(space)))
    return table


def load_layers(space: DesignSpace) -> list[LayerTerm]:
    """Return the layers of a space: the shipped list, or one that is counted now on its supernet.

    Raises:
        InputError: there is no list, and the space declares no supernet.
    """
    try:
        return read_layers(space.name)
    except FileNotFoundError:
        if not space.supernet:
            raise InputError(
                f"device=roofline: the layers of space {space.name} are not known: its class declares no supernet"
            ) from None
    from ofa_bench.profiling.layers import list_terms  # imported here, because torch takes long
    from ofa_bench.supernets.pieces import supernet

    return list_terms(supernet(space).slots())


def _make(space: DesignSpace, sheet: DataSheet, name: str) -> CostTable:
    if isinstance(space, Subspace):
        return _make(space.parent, sheet, name).within(space)
    terms = sheet.terms(load_layers(space))
    content = json.dumps([[term.places, term.values.tolist()] for term in terms])
    card = {
        "title": f"Roofline of the layers of space {space.name}, by a data sheet; nothing was measured",
        "source": "the roofline model (Williams, Waterman and Patterson, CACM 52(4), 2009)",
        **vars(sheet),
        "units": "peak in GFLOP/s, bandwidth in GB/s, overhead in microseconds a layer, bytes of a number",
    }
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    return CostTable(space, terms, name=name, unit=sheet.unit, sha256=sha256, card=card)
