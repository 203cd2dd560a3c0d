"""What all datasets here share: registry-built pipelines, annotation files with clear errors."""

import gc
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from random import Random
from typing import Any

from mmengine.dataset import BaseDataset
from mmengine.fileio import LocalBackend, get_file_backend, get_text, join_path, load
from mmengine.utils import is_abs

from mmflamingo.registry import TRANSFORMS

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

    def load_annotations(self, path: str, argument: str) -> Any:
        """Load a JSON file; a missing or broken one is an error that says what to do.

        Args:
            path: The file, already joined with `data_root`.
            argument: Name of the argument that gave it.
        """
        self._check_file(path, argument)
        try:
            return load(path, file_format='json')
        except (JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{argument}: '{path}' is not valid JSON ({error}). Fetch the file again.") from error

    def load_lines(self, path: str, argument: str) -> list[str]:
        """Load the lines of a text file that aren't empty; arguments and errors as of `load_annotations`."""
        self._check_file(path, argument)
        try:
            lines = get_text(path).splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{argument}: '{path}' is not a text file ({error}). Fetch the file again.") from error
        return [line for line in lines if line.strip()]

    def _check_file(self, path: str, argument: str) -> None:
        if not path:
            raise ValueError(f'{type(self).__name__} needs {argument}, the path of a file.')
        if isinstance(get_file_backend(path), LocalBackend) and not LocalBackend().isfile(path):
            raise FileNotFoundError(
                f"{argument}: '{path}' does not exist (data_root='{self.data_root}'). "
                f'Put the file there, or correct data_root or {argument} in the config.'
            )

    def _under_root(self, path: str) -> str:
        """Join a relative path with `data_root`, as BaseDataset does with `ann_file`."""
        relative = path and self.data_root and not is_abs(path)
        return join_path(self.data_root, path) if relative else path


def build_transforms(pipeline: Sequence) -> list:
    """Build a pipeline's transforms."""
    return [TRANSFORMS.build(scoped(step)) if isinstance(step, dict) else step for step in pipeline]


def scoped(config: dict) -> dict:
    """Have a config's type looked for in this project first, whatever default scope is active."""
    return {'_scope_': 'mmflamingo', **config}


def record_key(record: Record) -> tuple:
    """Sort key that puts the records of an image side by side; ids may mix int and str."""
    image_id, sample_id = record['image_id'], record['sample_id']
    return isinstance(image_id, str), image_id, isinstance(sample_id, str), sample_id


def check_unique(ids: Iterable[Hashable], what: str, path: str) -> None:
    """Raise if an id comes twice, with the numbers."""
    counts = Counter(ids)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            f"'{path}': {len(twice)} of {len(counts)} {what} ids come more than once: "
            f'{some(twice)}. Each id must be unique in its file.'
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
    shown = ', '.join(repr(item) for item in items[:limit])
    return f'{shown}, ...' if len(items) > limit else shown


def one_line(text: str) -> str:
    """Text as it goes into a prompt: inner white space, line ends too, becomes single spaces."""
    return ' '.join(text.split())
