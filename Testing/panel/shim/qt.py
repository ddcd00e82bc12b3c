"""PythonQt's module `qt` on PySide6, as far as scripted modules need it.

PythonQt shows Qt properties as plain attributes (`button.enabled = True`, `label.text`), `objectName` as `name`, and connects signals by
their C++ signature (`button.connect("clicked(bool)", f)`). Classes that do the same are made here from PySide6's, each when it is first
asked for. As strict as PythonQt where mistakes would hide: unknown attributes and signals raise.
"""
import inspect
import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

WITHOUT_PROPERTIES = ("QApplication", "QCoreApplication", "QGuiApplication")
VIRTUAL_METHODS = ("sizeHint", "minimumSizeHint")  # also properties, but Qt itself calls them as methods
custom_widgets: dict[str, type] = {}
"""Stand-ins for widgets of CTK and Slicer, by the class name that .ui files have."""
_classes: dict[type, type] = {}


class _LikeItsBase(type(QtCore.QObject)):
    """`isinstance(button, qt.QWidget)` holds, although the classes made here are no subclasses of one another."""

    def __instancecheck__(cls, instance) -> bool:
        base = cls.__dict__.get("_qt_class")
        return isinstance(instance, base) if base else super().__instancecheck__(instance)

    def __subclasscheck__(cls, other) -> bool:
        base = cls.__dict__.get("_qt_class")
        return issubclass(other, base) if base else super().__subclasscheck__(other)


class _Property:
    """A Qt property as an attribute. On the class itself, the static method of that name stays: `qt.QTimer.singleShot(...)`."""

    def __init__(self, name: str):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return getattr(owner._qt_class, self.name, self)
        value = QtCore.QObject.property(instance, self.name)
        return tuple(value) if isinstance(value, list) else value  # as PythonQt does

    def __set__(self, instance, value) -> None:
        if not QtCore.QObject.setProperty(instance, self.name, value):
            raise AttributeError(f"cannot set {self.name} = {value!r} on {type(instance).__name__}")


class Connections:
    """What is connected to an object. As in PythonQt, a connection holds the function, and with a bound method its object, until it is
    undone or the sender is gone: PySide6 by itself would forget the object."""

    of: dict[int, list] = {}
    """(class of the sender, signal, slot), by the sender's identity."""

    @classmethod
    def add(cls, sender, signal: str, slot) -> None:
        identity = id(sender)
        if identity not in cls.of:
            cls.of[identity] = []
            sender.destroyed.connect(lambda *gone: cls.of.pop(identity, None))
        cls.of[identity].append((type(sender).__name__, signal, slot))
        find_signal(sender, signal).connect(slot)

    @classmethod
    def remove(cls, sender, signal: str, slot) -> None:
        for entry in [entry for entry in cls.of.get(id(sender), []) if entry[1] == signal and slot in (None, entry[2])]:
            cls.of[id(sender)].remove(entry)
            find_signal(sender, signal).disconnect(entry[2])

    @classmethod
    def timers(cls) -> list:
        """The slots of all timers that are connected."""
        return [entry[2] for entries in cls.of.values() for entry in entries if entry[0] == "QTimer"]


class _PythonQtObject:
    """What PythonQt adds to every object."""

    def __getattribute__(self, name: str):
        if name == "connect":  # PySide6 looks these two up by itself, past any override
            return lambda signal, slot: Connections.add(self, signal, slot)
        if name == "disconnect":
            return lambda signal, slot=None: Connections.remove(self, signal, slot)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value) -> None:
        if type(self) in _classes.values() and not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        super().__setattr__(name, value)

    def findChildren(self, kind=QtCore.QObject, name: str | None = None):
        kind = kind.__dict__.get("_qt_class", kind)
        return QtCore.QObject.findChildren(self, kind, name) if name else QtCore.QObject.findChildren(self, kind)

    def className(self) -> str:
        return type(self).__name__

    def delete(self) -> None:
        self.deleteLater()


def find_signal(sender, signature: str):
    """The signal of a C++ signature. Raises AttributeError where the object has none of that name with these arguments."""
    name = signature.partition("(")[0]
    signal = getattr(sender, name, None)
    meta = sender.metaObject()
    methods = [meta.method(index) for index in range(meta.methodCount())]
    known = {bytes(method.methodSignature()).decode() for method in methods if method.methodType() == QtCore.QMetaMethod.MethodType.Signal}
    known |= set(getattr(type(sender), "signals", ()))  # signatures with VTK types, which PySide6 cannot know
    wanted = bytes(QtCore.QMetaObject.normalizedSignature(signature)).decode()
    if signal is None or wanted not in known:
        raise AttributeError(f"{type(sender).__name__} has no signal {signature}; it has {sorted(s for s in known if s.startswith(name))}")
    return signal


def like_python_qt(base: type) -> type:
    """A Qt class the way PythonQt shows it."""
    if base not in _classes:
        meta = base.staticMetaObject
        names = [meta.property(index).name() for index in range(meta.propertyCount())]
        members = {name: _Property(name) for name in names if name not in VIRTUAL_METHODS}
        members |= {"name": _Property("objectName"), "_qt_class": base}
        _classes[base] = _LikeItsBase(base.__name__, (_PythonQtObject, base), members)
    return _classes[base]


class QUiLoader(QtUiTools.QUiLoader):
    """Loads .ui files with the classes of this module, and connects what the file connects."""

    def createWidget(self, class_name: str, parent=None, name: str = ""):
        kind = custom_widgets.get(class_name)
        if kind is None and hasattr(QtWidgets, class_name):
            kind = like_python_qt(getattr(QtWidgets, class_name))
        if kind is None:
            raise RuntimeError(f"there is no stand-in for the widget class {class_name}")
        widget = kind(parent) if parent is not None else kind()
        widget.setObjectName(name)
        return widget

    def load(self, file, parent=None):
        root = ElementTree.parse(file.fileName()).getroot()
        connections = root.find("connections")
        root.remove(connections)  # signals with VTK types are unknown to PySide6's loader: connected below
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        widget = super().load(buffer, parent)
        for connection in connections:
            sender, receiver = (_child(widget, connection.findtext(end)) for end in ("sender", "receiver"))
            find_signal(sender, connection.findtext("signal")).connect(getattr(receiver, connection.findtext("slot").partition("(")[0]))
        return widget


def _child(widget, name: str):
    found = widget if widget.objectName == name else QtCore.QObject.findChild(widget, QtCore.QObject, name)
    if found is None:
        raise RuntimeError(f"the .ui file connects {name!r}, which it does not have")
    return found


def __getattr__(name: str):
    for module in (QtWidgets, QtGui, QtCore):
        found = getattr(module, name, None)
        if found is not None:
            is_object = inspect.isclass(found) and issubclass(found, QtCore.QObject) and name not in WITHOUT_PROPERTIES
            return like_python_qt(found) if is_object else found
    raise AttributeError(f"qt has no {name}")
