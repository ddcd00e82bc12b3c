"""Stand-ins for the widgets of CTK that this project uses; other names can be imported and are empty widgets."""
import qt
from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSlider, QToolButton, QWidget

STEPS = 1000  # of a slider, from minimum to maximum
TITLE_HEIGHT = 24


def stand_in(kind: type) -> type:
    """Make a class known to the loader of .ui files."""
    qt.custom_widgets[kind.__name__] = kind
    return kind


@stand_in
class ctkCollapsibleButton(qt.QWidget):
    """A title that shows and hides what is below it."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._title = QToolButton(self)
        self._title.setCheckable(True)
        self._title.setChecked(True)
        self._title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._title.setArrowType(Qt.ArrowType.DownArrow)
        self._title.toggled.connect(self._on_toggled)
        self.setContentsMargins(2, TITLE_HEIGHT, 2, 2)

    def _on_toggled(self, is_open: bool) -> None:
        self._title.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        for child in QWidget.children(self):
            if isinstance(child, QWidget) and child is not self._title:
                child.setVisible(is_open)
        QWidget.setMaximumHeight(self, 16777215 if is_open else TITLE_HEIGHT + 2)
        self.contentsCollapsed.emit(not is_open)

    def resizeEvent(self, event) -> None:
        self._title.setGeometry(0, 0, event.size().width(), TITLE_HEIGHT - 2)

    def _set_text(self, text: str) -> None:
        self._title.setText(text)

    def _set_collapsed(self, collapsed: bool) -> None:
        self._title.setChecked(not collapsed)

    text = Property(str, lambda self: self._title.text(), _set_text)
    collapsed = Property(bool, lambda self: not self._title.isChecked(), _set_collapsed)


@stand_in
class ctkSliderWidget(qt.QWidget):
    """A slider with a number beside it."""

    valueChanged = Signal(float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._number, self._slider = QDoubleSpinBox(self), QSlider(Qt.Orientation.Horizontal, self)
        self._slider.setRange(0, STEPS)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._number)
        self._number.valueChanged.connect(self._on_number)
        self._slider.valueChanged.connect(lambda step: self._number.setValue(self.minimum + step / STEPS * (self.maximum - self.minimum)))

    def _on_number(self, value: float) -> None:
        self._slider.blockSignals(True)
        self._slider.setValue(round(STEPS * (value - self.minimum) / max(self.maximum - self.minimum, 1e-9)))
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)

    value = Property(float, lambda self: self._number.value(), lambda self, value: self._number.setValue(value))
    minimum = Property(float, lambda self: self._number.minimum(), lambda self, value: self._number.setMinimum(value))
    maximum = Property(float, lambda self: self._number.maximum(), lambda self, value: self._number.setMaximum(value))
    singleStep = Property(float, lambda self: self._number.singleStep(), lambda self, value: self._number.setSingleStep(value))
    decimals = Property(int, lambda self: self._number.decimals(), lambda self, value: self._number.setDecimals(value))


def __getattr__(name: str):
    if not name.startswith("ctk"):
        raise AttributeError(name)
    globals()[name] = type(name, (qt.QWidget,), {})  # the same class each time: Slicer compares types
    return globals()[name]
