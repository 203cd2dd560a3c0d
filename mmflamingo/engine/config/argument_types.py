"""Do the values of a config have the types that a constructor states? Asked of classes whose statements are kept to."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

PACKAGES = ('mmflamingo', 'mmengine')
# What a value of a config may be, by the type that is stated. Values and statements of other types are not judged.
ACCEPTED = {
    NoneType: (NoneType,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
    dict: (Mapping,),
    Mapping: (Mapping,),
    list: (list, tuple),
    tuple: (list, tuple),
    Sequence: (list, tuple, str),
}
PLAIN = (NoneType, bool, int, float, str, Mapping, list, tuple)
NAMES = {NoneType: 'None', Mapping: 'dict', Sequence: 'list', tuple: 'list'}


def find_misfits(target: Callable, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each argument whose value has another type than `target` states, and what is allowed."""
    for key, value in given.items():
        parameter = _parameter(target, key)
        if parameter is None or not isinstance(value, PLAIN) or value is parameter.default:
            continue
        members = [_plain_type(member) for member in _members(parameter.annotation)]
        if None not in members and not any(fits(value, member) for member in members):
            yield key, ' or '.join(dict.fromkeys(map(type_name, members)))


def _parameter(target: Callable, key: str) -> inspect.Parameter | None:
    """An argument of the first constructor that has it; None if that is of another package, or there is none."""
    functions = [vars(cls).get('__init__') for cls in target.__mro__] if inspect.isclass(target) else [target]
    for function in filter(inspect.isfunction, functions):
        parameter = inspect.signature(function).parameters.get(key)
        if parameter is not None:
            return parameter if function.__module__.split('.')[0] in PACKAGES else None
    return None


def _members(stated: Any) -> Sequence[Any]:
    return get_args(stated) if get_origin(stated) in (Union, UnionType) else [stated]


def _plain_type(stated: Any) -> type | None:
    plain = get_origin(stated) or stated
    if plain is Sequence and get_args(stated) not in ((), (str,)):
        plain = list  # a text is a sequence of texts only
    return plain if plain in ACCEPTED else None


def type_name(member: type) -> str:
    """What a config's writer calls a type."""
    return NAMES.get(member, member.__name__)


def fits(value: Any, member: type) -> bool:
    """Whether a value of a config is one of a type; True and False are not numbers."""
    if isinstance(value, bool) and member is not bool:
        return False
    return isinstance(value, ACCEPTED[member])
