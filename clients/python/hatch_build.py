"""Hook of hatchling: put the compiled native kernel into the wheel, if the machine that builds it can compile.

Otherwise the wheel is pure, and the engine computes with numpy. `HATCH_BUILD_NO_HOOKS=true` asks for that wheel.
"""

import importlib.util
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "vectord/index/kernels"
ENGINE = (3, 12)  # the oldest Python of the engine, and so of the kernel; the client runs on an older one
# native/ is a link to tools/native, as src/vectord is one to the layer. A source distribution has copies of both, so
# that the flags are stated once and a wheel is compiled with them wherever it is built.
COMPILER = "native/compiler.py"


class NotCompiled(Exception):
    """The wheel will be pure; the message says why."""


class NativeKernel(BuildHookInterface[Any]):
    """Compiles in a temporary folder: a library in the work tree may be older than its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the kernel to the wheel, and name in its tag what it was compiled for."""
        try:
            _require_platform()
            if version == "editable":  # Python will import the engine from the work tree
                self._compile(Path(self.root, "src", FOLDER))
                return
            self._temporary = tempfile.TemporaryDirectory(prefix="vectord-native-")  # lives as long as the hook
            kernel = self._compile(Path(self._temporary.name))
        except NotCompiled as reason:
            self.app.display_warning(f"The wheel has no native kernel, so that its engine uses numpy alone: {reason}")
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data.update(pure_python=False, tag=f"cp{ENGINE[0]}{ENGINE[1]}-abi3-{platform}")
        build_data["force_include"][str(kernel)] = f"{FOLDER}/{kernel.name}"

    def _compile(self, folder: Path) -> Path:
        """Compile the kernel into a folder, and import it: this processor may be older than the oldest supported."""
        spec = importlib.util.spec_from_file_location("compiler", Path(self.root, COMPILER))
        assert spec is not None and spec.loader is not None
        compiler = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(compiler)
        kernel = folder / f"native{compiler.SUFFIX}"
        try:
            compiler.compile_extension(Path(self.root, "src", FOLDER, "c", "native.c"), kernel, warnings=())
        except compiler.NoCompiler as missing:
            raise NotCompiled(f"this machine lacks {missing}") from missing
        except compiler.CompilerFailed as failure:
            raise NotCompiled(str(failure)) from failure
        script = "import sys; sys.path.insert(0, sys.argv[1]); import native"
        done = subprocess.run([sys.executable, "-I", "-c", script, folder], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            kernel.unlink()
            raise NotCompiled(f"it cannot be imported on this machine (status {done.returncode})\n{done.stderr}")
        return kernel


def _require_platform() -> None:
    if sys.version_info < ENGINE:
        raise NotCompiled("the engine needs Python 3.12")
    if sys.platform != "linux" or sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise NotCompiled("it is for CPython with the GIL, on Linux")
