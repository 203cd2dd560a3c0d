"""What a reader expects of the entries of a file, and all that does not fit, in one message."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .fields import MISSING, Kind, Misfit, show

MOST_SHOWN = 10


@dataclass(frozen=True)
class Maybe:
    """A field that may hold null.

    Attributes:
        kind: Its kind otherwise.
        may_lack: It may be missing too.
        alike: All entries of a file have it or none, as those of a test split have no answers.
    """

    kind: Kind
    may_lack: bool = True
    alike: bool = False


def optional(kind: Kind) -> Maybe:
    """A field that any entry may lack."""
    return Maybe(kind)


def all_or_none(kind: Kind) -> Maybe:
    """A field that all entries of a file have, or none."""
    return Maybe(kind, alike=True)


def nullable(kind: Kind) -> Maybe:
    """A field that all entries have, but that may hold null."""
    return Maybe(kind, may_lack=False)


class Layout:
    """The fields of an entry.

    Args:
        fields: The kind of each field, or a `Maybe`. The first one tells entries apart in messages. Fields that are not
            named may hold anything.
    """

    def __init__(self, **fields: Kind | Maybe) -> None:
        self.key = next(iter(fields))
        maybes = {name: field for name, field in fields.items() if isinstance(field, Maybe)}
        self.required = [name for name in fields if name not in maybes or not maybes[name].may_lack]
        self._alike = [name for name, field in maybes.items() if field.alike]
        self._fields = [
            (name, getattr(field, 'kind', field), MISSING if name in self.required else None, name in maybes)
            for name, field in fields.items()
        ]

    def __call__(self, entry: Any) -> dict:
        """Read an entry in place, so that a layout is a kind itself.

        Raises:
            Misfit: A field is missing or has a value of another kind; `misfits` lists all such.
        """
        return self._read(entry, self._fields)

    def misfits(self, entry: Any) -> Iterator[Misfit]:
        """All that doesn't fit in an entry."""
        for field in self._fields if type(entry) is dict else [None]:
            try:
                self._read(entry, [field])
            except Misfit as misfit:
                yield misfit

    def unlike(self, entries: Sequence[Mapping]) -> Iterator[tuple[int, Misfit]]:
        """Entries that lack a field which others have, by their number."""
        for name in self._alike:
            absent = [number for number, entry in enumerate(entries) if entry.get(name) is None]
            if len(absent) < len(entries):
                allowed = f'there, as it is in {len(entries) - len(absent)} of {len(entries)} entries'
                yield from ((number, Misfit(allowed, MISSING, name)) for number in absent)

    def _read(self, entry: Any, fields: Sequence[tuple]) -> dict:
        if type(entry) is not dict:
            raise Misfit(f'an object with {", ".join(self.required)}', entry)
        for name, kind, default, may_be_null in fields:
            value = entry.get(name, default)
            if value is not None or not may_be_null:
                try:
                    entry[name] = kind(value)
                except Misfit as misfit:
                    raise misfit.within(name) from None
        return entry


class Account:
    """Collects what doesn't fit in files that are read together.

    Args:
        expected: The layout of the files in words, for the message.
    """

    def __init__(self, expected: str) -> None:
        self.expected = expected
        self._files: dict[str, list[str]] = {}

    def read(
        self,
        file: str,
        entries: Iterable[tuple[int | str, Any]],
        layout: Layout | None,
        make: Callable[[dict], Any] = lambda entry: entry,
    ) -> list:
        """Read the entries of a file.

        Args:
            file: Argument and path, for the message.
            entries: Places, which are numbers or texts for the message, and entries.
            layout: Their layout; None leaves it all to `make`.
            make: Makes what is returned of each entry that fits.
        """
        made, fitting = [], []
        for place, entry in entries:
            try:
                made.append(make(layout(entry) if layout else entry))
                fitting.append((place, entry))
            except Misfit as misfit:
                misfits = layout and list(layout.misfits(entry))
                self._note(file, place, entry, layout, misfits or [misfit])
            except (KeyError, TypeError, IndexError, AttributeError) as error:
                misfit = Misfit(f'as the reader expects ({type(error).__name__}: {error})', entry, 'the entry')
                self._note(file, place, entry, layout, [misfit])
        if layout:
            for number, misfit in layout.unlike([entry for _, entry in fitting]):
                self._note(file, *fitting[number], layout, [misfit])
        return made

    def check(self) -> None:
        """Raise if something didn't fit.

        Raises:
            ValueError: Lists the first misfits of each file.
        """
        if self._files:
            raise ValueError('\n'.join(self._describe(*item) for item in self._files.items()))

    def _note(self, file: str, place: int | str, entry: Any, layout: Layout | None, misfits: Iterable[Misfit]) -> None:
        key = entry.get(layout.key) if layout and isinstance(entry, dict) else None
        where = f'entry {place}' if isinstance(place, int) else place
        name = '' if key is None else f' ({layout.key} {show(key)})'
        self._files.setdefault(file, []).extend(f'{where}{name}: {misfit}' for misfit in misfits)

    def _describe(self, file: str, misfits: Sequence[str]) -> str:
        more = [f'and {len(misfits) - MOST_SHOWN} more'] if len(misfits) > MOST_SHOWN else []
        count = '1 value does' if len(misfits) == 1 else f'{len(misfits)} values do'
        head = f'{file} does not have the layout of {self.expected}; {count} not fit:'
        return '\n  '.join([head, *misfits[:MOST_SHOWN], *more])
