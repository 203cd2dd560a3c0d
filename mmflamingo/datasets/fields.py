"""Kinds of values in annotation files.

A kind is a function that returns a value as records hold it, or raises `Misfit`. See `layouts` for what they make up.
"""

import math
import re
from collections.abc import Callable, Hashable
from reprlib import Repr
from typing import Any

Kind = Callable[[Any], Any]

MOST_CHARACTERS = 10_000  # of a text; a longer one is a fault of the file, and would cost every later step
MOST_OF_AN_ID = 1_000
LARGEST_ID = 2**63
LARGEST_EXACT = 2**53  # a float holds every whole number below it
WHOLE_CELL = re.compile(r'(-?\d+)\.0+')
CONTROL = re.compile(r'[\x00-\x1f\x7f]')
DIGITS = re.compile(r'-?\d{1,15}')

_short = Repr()
_short.maxstring = _short.maxother = _short.maxlong = 60
_short.maxlevel = 2


class Misfit(ValueError):
    """A value that its field does not take.

    Args:
        allowed: What the field takes, as in 'it must be ...'.
        found: The value.
        field: Name of the field, with the place in it.
    """

    def __init__(self, allowed: str, found: Any, field: str = '') -> None:
        self.allowed, self.found, self.field = allowed, found, field
        super().__init__(f'{field or "the value"} is {show(found)}, it must be {allowed}')

    def within(self, outer: str) -> 'Misfit':
        """The same, seen from what holds the field."""
        joint = '' if not self.field or self.field.startswith('[') else '.'
        return Misfit(self.allowed, self.found, f'{outer}{joint}{self.field}')


class _Missing:
    def __repr__(self) -> str:
        return 'missing'


MISSING = _Missing()


def show(value: Any) -> str:
    """A value of any size and depth in a few words."""
    if value is MISSING:
        return 'missing'
    if value is None:
        return 'null'
    return _short.repr(value)


def an_id(value: Any) -> int | str:
    """An id; pandas writes whole numbers as floats, so these are taken as what they were."""
    kind = type(value)
    if kind is int and -LARGEST_ID < value < LARGEST_ID:
        return value
    if kind is str and value.strip() and len(value) <= MOST_OF_AN_ID and _is_unicode(value):
        return value
    if kind is float and value.is_integer() and abs(value) < LARGEST_EXACT:
        return int(value)
    raise Misfit(f'an id, which is a whole number or a text of 1 to {MOST_OF_AN_ID:,} characters', value)


def whole_number(value: Any) -> int:
    """A whole number, which may be written as a float."""
    if type(value) is int and -LARGEST_ID < value < LARGEST_ID:
        return value
    if type(value) is float and value.is_integer() and abs(value) < LARGEST_EXACT:
        return int(value)
    raise Misfit('a whole number', value)


def seconds(value: Any) -> float:
    """A time, as a number or as the text of one."""
    try:
        time = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        time = math.nan
    if not (math.isfinite(time) and time >= 0):
        raise Misfit('a number of seconds, 0 or more', value)
    return time


def flag(value: Any) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise Misfit('true or false', value)
    return value


def any_text(value: Any) -> str:
    """A text that may be empty."""
    if type(value) is str and len(value) <= MOST_CHARACTERS and _is_unicode(value):
        return value
    if type(value) is str and len(value) > MOST_CHARACTERS:
        raise Misfit(f'a text of at most {MOST_CHARACTERS:,} characters, it has {len(value):,}', value)
    raise Misfit('a text (numbers too are written in quotes)', value)


def text(value: Any) -> str:
    """A text with more than white space in it."""
    if not any_text(value).strip():
        raise Misfit('a text that is not empty', value)
    return value


def file_name(value: Any) -> str:
    """Name of a file, perhaps with folders before it."""
    if CONTROL.search(text(value)):
        raise Misfit('the name of a file, without control characters', value)
    return value


def one_of(*values: Hashable) -> Kind:
    """Make the kind of a field that holds one of these values."""

    def kind(value: Any) -> Any:
        for known in values:
            if value == known and not isinstance(value, bool):
                return known
        raise Misfit(f'one of {", ".join(map(show, values))}', value)

    return kind


def list_of(kind: Kind, least: int = 0) -> Kind:
    """Make the kind of a list of values of a kind, of which there must be `least`."""

    def read(value: Any) -> list:
        if type(value) is not list or len(value) < least:
            raise Misfit(f'a list of at least {least}' if least else 'a list', value)
        return [_inside(kind, item, f'[{place}]') for place, item in enumerate(value)]

    return read


def mapping_of(kind: Kind) -> Kind:
    """Make the kind of a JSON object that has a value of a kind for every name."""

    def read(value: Any) -> dict:
        if type(value) is not dict:
            raise Misfit('a JSON object', value)
        return {name: _inside(kind, item, f'[{show(name)}]') for name, item in value.items()}

    return read


def references(value: Any) -> list[str] | None:
    """Texts of annotators, of which some may be empty; None where all are."""
    if type(value) is not list:
        raise Misfit('a list of texts', value)
    if set(map(type, value)) == {str}:
        joined = ''.join(value)
        if joined.isascii() and len(joined) <= MOST_CHARACTERS and joined.strip():
            return value
    items = [_inside(any_text, item, f'[{place}]') for place, item in enumerate(value)]
    return items if any(map(str.strip, items)) else None


def needed(kind: Kind) -> Kind:
    """Make the kind of references of which one must have a text."""

    def read(value: Any) -> list[str]:
        texts = kind(value)
        if texts is None:
            raise Misfit('a list with at least one text that is not empty', value)
        return texts

    return read


def answers(value: Any) -> list[str] | None:
    """References, as texts or as dicts with the text under `answer`."""
    if type(value) is list:
        value = [item.get('answer', MISSING) if type(item) is dict else item for item in value]
    return references(value)


def choices(value: Any) -> list[str]:
    """Texts to rank; those that are equal are right or wrong by their number."""
    return list_of(text, least=2)(value)


def cell(kind: Kind) -> Kind:
    """Make the kind of a CSV file's field, where every value is a text: whole numbers lose a `.0`."""

    def read(value: Any) -> Any:
        match = WHOLE_CELL.fullmatch(value.strip()) if type(value) is str else None
        plain = match[1] if match else value
        is_number = kind is whole_number and type(plain) is str and DIGITS.fullmatch(plain.strip())
        return kind(int(plain) if is_number else plain)

    return read


def _inside(kind: Kind, item: Any, place: str) -> Any:
    try:
        return kind(item)
    except Misfit as misfit:
        raise misfit.within(place) from None


def _is_unicode(value: str) -> bool:
    """Whether a text can be written to a file: it has no half of a surrogate pair."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
