"""Compiles the loops of searches into the wheel, which is then one of this platform, for every version of Python.

Without a C compiler (``CC``, else ``cc``) the wheel is one of all platforms, and the loops are compiled at first use.
"""

import os
import runpy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags


class CompiledLoops(BuildHookInterface[Any]):
    """Adds the library to a wheel, but not to an editable installation, whose source may change."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the library, before the files of the wheel are collected."""
        if version == "editable":
            return
        compiling = runpy.run_path(str(Path(self.root, "ofa_bench/search/compiling.py")))
        try:
            content = compiling["compile_source"]()
        except OSError as error:
            self.app.display_warning(f"the wheel has no compiled loops: {error}")
            return
        self.folder = TemporaryDirectory()  # until the wheel is written
        made = Path(self.folder.name, "kernels.so")
        made.write_bytes(content)
        build_data["force_include"][str(made)] = str(compiling["packaged_library"]().relative_to(self.root))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"


def _platform() -> str:
    """Return the platform for which the compiler compiles: that of cibuildwheel's variable, else this machine's."""
    given = os.environ.get("_PYTHON_HOST_PLATFORM", "").replace("-", "_").replace(".", "_")
    return given or next(tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux")))
