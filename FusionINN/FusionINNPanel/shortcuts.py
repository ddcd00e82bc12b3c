"""The keys of the module: as in Segment Editor, there while the module is on screen and gone with it, none of Slicer's own."""
from __future__ import annotations  # the names of mrml load their files when they are used, and not before

from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

# As in Segment Editor digits choose, Space switches, Q and W go to the previous and the next segment. Escape belongs to Slicer's views.
KEYS = ("Space", "1", "2", "3", "4", "Q", "W")


def helpText() -> str:
    """The keys and what they do, for the module's help."""
    does = {"Space": _("blink on or off"), "1": _("six views"), "2": _("six views and 3-D"), "3": _("lightbox"), "4": _("histograms"),
            "Q": _("to the previous segment"), "W": _("to the next segment")}
    rows = "".join(f"<tr><td><b>{key}</b>&nbsp;</td><td>{does[key]}</td></tr>" for key in KEYS)
    return _("<p>Keys while this module is open:</p>") + f"<table>{rows}</table>"


class Shortcuts:
    """The keys on Slicer's main window. does: for each of KEYS what to call."""

    def __init__(self, does: dict[str, Callable[[], None]]) -> None:
        self._does = does
        self._shortcuts: list = []

    def install(self) -> None:
        """The module is on screen. Without a main window there are no keys."""
        window = slicer.util.mainWindow()
        if window is None or self._shortcuts:
            return
        for key in KEYS:
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.connect("activated()", self._does[key])
            self._shortcuts.append(shortcut)

    def remove(self) -> None:
        """The module is left: each key does again what it did before."""
        for shortcut, key in zip(self._shortcuts, KEYS):
            shortcut.disconnect("activated()", self._does[key])
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []
