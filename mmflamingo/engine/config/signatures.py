"""Which arguments a class or function of a config takes."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import Parameter


@dataclass
class Accepted:
    """Arguments of a callable: their names, those without a default, and whether any others go."""

    names: set[str] = field(default_factory=set)
    required: set[str] = field(default_factory=set)
    anything: bool = False


def accepted_arguments(target: Callable) -> Accepted:
    """Arguments that `target` takes by name.

    Where an `__init__` hands its `**kwargs` to the next one by `super().__init__(**kwargs)`, the
    next one's arguments count too; where the `**kwargs` go elsewhere, any argument does.
    """
    if not inspect.isclass(target):
        return _read(target)
    accepted = Accepted()
    given: set[str] = set()  # what a subclass passes on itself
    for cls in target.__mro__:
        if '__init__' not in vars(cls) or cls is object:
            continue
        init = vars(cls)['__init__']
        own = _read(init)
        accepted.names |= own.names
        accepted.required |= own.required - given
        if not own.anything:
            return accepted
        call = _super_call(init)
        if call is None:
            accepted.anything = True
            return accepted
        given |= {keyword.arg for keyword in call.keywords if keyword.arg}
        if call.args:
            given |= _names_by_position(cls, target, len(call.args))
    return accepted


def _read(function: Callable) -> Accepted:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # built in, without a signature
        return Accepted(anything=True)
    accepted = Accepted()
    for parameter in parameters:
        if parameter.kind is Parameter.VAR_KEYWORD:
            accepted.anything = True
        elif parameter.kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY):
            if parameter.name == 'self':
                continue
            accepted.names.add(parameter.name)
            if parameter.default is Parameter.empty:
                accepted.required.add(parameter.name)
    return accepted


def _super_call(init: Callable) -> ast.Call | None:
    """The call `super().__init__(..., **kwargs)` in a constructor, if there is one."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
    except (OSError, TypeError, SyntaxError):
        return None
    kwargs = next(p.name for p in inspect.signature(init).parameters.values() if p.kind is p.VAR_KEYWORD)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func).split('(')[0] != 'super':
            continue
        if not (isinstance(node.func, ast.Attribute) and node.func.attr == '__init__'):
            continue
        if any(keyword.arg is None and ast.unparse(keyword.value) == kwargs for keyword in node.keywords):
            return node
    return None


def _names_by_position(cls: type, target: type, count: int) -> set[str]:
    """Names of the first `count` arguments of the constructor that `super()` is in `cls`."""
    mro = target.__mro__
    following = (c for c in mro[mro.index(cls) + 1 :] if '__init__' in vars(c))
    init = next(following).__init__
    names = [p.name for p in inspect.signature(init).parameters.values() if p.name != 'self']
    return set(names[:count])
