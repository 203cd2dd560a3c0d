"""What all datasets here share: registry-built pipelines, annotation files with clear errors."""

import gc
import os
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.fileio import LocalBackend, get_file_backend

from mmflamingo.files import check_regular
from mmflamingo.paths import below
from mmflamingo.registry import TRANSFORMS

from .fields import show
from .reading import read_json, read_json_lines, read_lines, read_table

Record = dict[str, Any]


class FlamingoDataset(BaseDataset):
    """Base of the sets that turn annotation files into records.

    A record is a plain dict with `task`, `sample_id`, `image_id`, `img_path`, `shots` and the
    fields of its task (see `FlamingoDataSample`). A subclass reads files in `load_data_list`, and
    says in `choose_output` and `as_shot` how a record becomes an example.

    Args:
        ann_file: Annotation file, absolute or below `data_root`.
        data_root: Folder of the dataset.
        data_prefix: `img_path` holds the folder of the images, absolute or below `data_root`.
        pipeline: Transforms, as configs or callables.
        task: Name of the prompt template; the class's own by default.
        kwargs: Further arguments of mmengine's BaseDataset (`test_mode`, `indices`, `lazy_init`,
            ...).
    """

    task: str
    layout = 'a JSON file'  # of the annotation file, for messages
    entries_are = 'questions'

    def __init__(
        self,
        ann_file: str = '',
        data_root: str = '',
        data_prefix: dict[str, str] | None = None,
        pipeline: Sequence = (),
        task: str | None = None,
        **kwargs,
    ) -> None:
        self.task = task or self.task
        if data_prefix and 'img_path' not in data_prefix:
            raise ValueError(
                f"data_prefix={data_prefix!r} needs the key 'img_path', the folder of the pictures or videos."
            )
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            data_prefix=data_prefix or {'img_path': ''},
            pipeline=build_transforms(pipeline),
            **kwargs,
        )

    def full_init(self) -> None:
        """Read the files, if that hasn't been done."""
        with _gc_paused():
            super().full_init()

    def get_query(self, idx: int) -> Record:
        """Return the idx-th record as the annotation files have it, without shots."""
        return super().get_data_info(idx)

    def get_data_info(self, idx: int) -> Record:
        """Return the idx-th record as the pipeline receives it."""
        return self.get_query(idx) | {'shots': []}

    def media_paths(self) -> list[str]:
        """Paths of all pictures and videos that the queries and their shots may show, each once."""
        return list(dict.fromkeys(self.get_query(i)['img_path'] for i in range(len(self))))

    @property
    def num_supports(self) -> int:
        """How many records shots may be drawn from; the set's own, unless it has a support set."""
        return len(self)

    def get_support(self, idx: int) -> Record:
        """Return the idx-th record that shots may be drawn from."""
        return self.get_query(idx)

    def choose_output(self, record: Record, rng: Random, group: Hashable = None) -> tuple[str, Hashable]:
        """Choose the text that a record teaches as an example.

        Args:
            record: One of this set's records.
            rng: The only source of randomness.
            group: Restricts the choice to texts of this group; None allows all.

        Returns:
            The text and its group (None if it has none).
        """
        raise NotImplementedError

    def as_shot(self, record: Record, output: str) -> Record:
        """Make an example with its image of a record and the text chosen for it."""
        raise NotImplementedError

    def has_output(self, record: Record) -> bool:
        """Say whether there is a text to choose."""
        raise NotImplementedError

    def groups(self, record: Record) -> set[Hashable]:
        """Return the groups of the record's texts."""
        return {record['group']} if 'group' in record else set()

    def load_annotations(self, path: str, argument: str, unique_names: bool = False) -> Any:
        """Load a JSON file; a missing or broken one is an error that says what to do.

        Args:
            path: The file, already joined with `data_root`.
            argument: Name of the argument that gave it.
            unique_names: No object may have a name twice; for files whose names are ids.
        """
        self._check_file(path, argument)
        return read_json(path, argument, unique_names)

    def load_list(self, path: str, argument: str, key: str = '') -> Iterator[tuple[int, Any]]:
        """Load a JSON list as pairs of number and entry; arguments and errors as of `load_annotations`.

        Args:
            path, argument: As of `load_annotations`.
            key: Where the file is an object that holds the list, its name.
        """
        content = self.load_annotations(path, argument)
        entries = content.get(key) if key and isinstance(content, dict) else content
        if not isinstance(entries, list):
            raise self._of_another_layout(path, argument)
        return self._some(enumerate(entries), len(entries), path, argument)

    def load_keyed(self, path: str, argument: str, key: str) -> Iterator[tuple[str, Any]]:
        """Load the entries of a JSON object whose names are ids; they get the name as `key`."""
        content = self.load_annotations(path, argument, unique_names=True)
        if not isinstance(content, dict):
            raise self._of_another_layout(path, argument)
        entries = (
            (f'entry {show(name)}', {**entry, key: name} if isinstance(entry, dict) else entry)
            for name, entry in content.items()
        )
        return self._some(entries, len(content), path, argument)

    def load_table(
        self, path: str, argument: str, columns: Sequence[str], together: Sequence[str], aliases: Mapping[str, str]
    ) -> Iterator[tuple[str, Any]]:
        """Load the rows of a CSV file as pairs of line and cells; empty cells are left out.

        Args:
            path, argument: As of `load_annotations`.
            columns: Columns that it must have.
            together: Columns of which it has all or none.
            aliases: Other names of columns, and the names that they get.
        """
        self._check_file(path, argument)
        names, rows = read_table(path, argument, aliases)
        needed = [*columns, *(together if set(together) & set(names) else ())]
        missing = [column for column in needed if column not in names]
        if missing:
            raise self._of_another_layout(
                path, argument, f': the columns {", ".join(missing)} are missing, it has {show(names)}'
            )
        return self._some(iter(rows), len(rows), path, argument)

    def load_lines(self, path: str, argument: str, with_blank: bool = False) -> list[tuple[int, str]]:
        """Load the lines of a text file with their numbers, see `read_lines`."""
        self._check_file(path, argument)
        return read_lines(path, argument, with_blank)

    def load_json_lines(self, path: str, argument: str) -> Iterator[tuple[str, Any]]:
        """Load one JSON value a line, as pairs of line and value; arguments as of `load_annotations`."""
        self._check_file(path, argument)
        return read_json_lines(path, argument)

    def _of_another_layout(self, path: str, argument: str, why: str = '') -> ValueError:
        return ValueError(
            f"{argument}: '{path}' does not have the layout of {type(self).__name__}, which is {self.layout}{why}."
        )

    def _some(self, entries: Iterator, count: int, path: str, argument: str) -> Iterator:
        if not count:
            raise ValueError(f"{argument}: '{path}' holds no {self.entries_are}. It must be {self.layout}.")
        return entries

    def _check_file(self, path: str, argument: str) -> None:
        if not path:
            raise ValueError(f'{type(self).__name__} needs {argument}, the path of a file.')
        if not isinstance(get_file_backend(path), LocalBackend):
            return
        if not os.path.exists(path):
            raise FileNotFoundError(
                f"{argument}: '{path}' does not exist (data_root='{self.data_root}'). "
                f'Put the file there, or correct data_root or {argument} in the config.'
            )
        try:
            check_regular(path)
        except ValueError as error:
            raise ValueError(f'{argument}: {error}') from error

    def _under_root(self, path: str) -> str:
        """The file that an argument names; empty where it names none."""
        return path and below(self.data_root, path)

    def _join_prefix(self) -> None:
        self.ann_file = self._under_root(self.ann_file)
        self.data_prefix = {name: below(self.data_root, folder) for name, folder in self.data_prefix.items()}


def build_transforms(pipeline: Sequence) -> list:
    """Build a pipeline's transforms."""
    return [TRANSFORMS.build(scoped(step)) if isinstance(step, dict) else step for step in pipeline]


def scoped(config: dict) -> dict:
    """Have a config's type looked for in this project first, whatever default scope is active."""
    return {'_scope_': 'mmflamingo', **config}


def record_key(record: Record) -> tuple:
    """Sort key that puts the records of an image side by side; ids may mix int and str, and come twice."""
    image_id, sample_id = record['image_id'], record['sample_id']
    return isinstance(image_id, str), image_id, isinstance(sample_id, str), sample_id, record.get('question') or ''


def check_unique(ids: Iterable[Hashable], what: str, path: str) -> None:
    """Raise if an id comes twice, with the numbers, or as a number and as a text."""
    counts = Counter(ids)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            f"'{path}': {len(twice)} of {len(counts)} {what} ids come more than once: "
            f'{some(twice)}. Each id must be unique in its file.'
        )
    check_same_writing(counts, what, f"'{path}'")


def check_same_writing(ids: Iterable[Hashable], what: str, where: str) -> None:
    """Raise if an id comes as a number and as a text, as 1 and '1', which would count as two.

    Args:
        ids: All ids.
        what: What they are ids of.
        where: The files they are from.
    """
    ids = set(ids)
    if len(set(map(type, ids))) < 2:
        return
    both = [i for i in ids if isinstance(i, int) and str(i) in ids]
    if both:
        raise ValueError(
            f'{where}: {len(both)} {what} ids are numbers in one place and texts in another, such as {min(both)} and '
            f"'{min(both)}'. Write them in the same way everywhere."
        )


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause garbage collection: walking millions of fresh JSON objects doubles the loading time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def some(items: Iterable, limit: int = 5) -> str:
    """List the first items for an error message."""
    items = list(items)
    shown = ', '.join(map(show, items[:limit]))
    return f'{shown}, ...' if len(items) > limit else shown


def not_blank(texts: Sequence[str]) -> list[str]:
    """Those that have more than white space."""
    return [text for text in texts if text.strip()]
