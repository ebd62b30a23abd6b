"""Open an address in a browser with windows, if this machine has one."""

import os
import sys
import webbrowser
from threading import Thread

_SIGNS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def open_in_browser(url: str) -> None:
    """Open `url` in the background. Without a display nothing happens: a browser of text would take the terminal."""
    if sys.platform in {"darwin", "win32"} or any(os.environ.get(sign) for sign in _SIGNS):
        Thread(target=webbrowser.open, args=(url,), daemon=True).start()
