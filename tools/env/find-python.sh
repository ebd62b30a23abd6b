#!/bin/sh
# Print the path of a CPython 3.12 that runs and can make virtual environments; a shim that fails does not count.
# PYTHON=/path/to/python3.12 in the environment is tried first.
set -u

probe='import sys
if sys.version_info[:2] != (3, 12): sys.exit(1)
import ensurepip, venv
print(sys.executable)'

without_venv=
for candidate in ${PYTHON:+"$PYTHON"} \
    python3.12 python3 python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3.12 \
    "$HOME"/.local/share/uv/python/cpython-3.12*/bin/python3.12 \
    /usr/local/bin/python3.12 /opt/python3.12/bin/python3.12 /opt/homebrew/bin/python3.12; do
    if found=$("$candidate" -c "$probe" 2>/dev/null); then
        printf '%s\n' "$found"
        exit 0
    fi
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then
        without_venv=$candidate
    fi
done

if [ -n "$without_venv" ]; then
    echo "$without_venv cannot make virtual environments: install its venv module (Debian: apt install python3.12-venv)" >&2
else
    cat >&2 <<'TEXT'
vectord needs Python 3.12, the version of the Lambda runtime, and none was found that runs.
  pyenv:          pyenv install 3.12
  Ubuntu 24.04:   apt install python3.12 python3.12-venv python3.12-dev
  Fedora:         dnf install python3.12-devel
  elsewhere:      make PYTHON=/path/to/python3.12 demo
TEXT
fi
exit 1
