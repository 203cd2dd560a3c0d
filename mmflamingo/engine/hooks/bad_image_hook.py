"""Says how many images of a test could not be read."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmflamingo.registry import HOOKS

NAMED_FILES = 10


@HOOKS.register_module()
class BadImageHook(Hook):
    """Counts the images that a test went on without.

    A data sample lists them under `bad_images`, if the config lets a run go on with such files.
    Their number is added to the metrics as `bad_images`, and the first ten are named in the log.
    """

    priority = 'HIGHEST'  # before the metrics are logged

    def __init__(self) -> None:
        self._paths: dict[str, None] = {}

    def before_test_epoch(self, runner: Runner) -> None:
        self._paths.clear()

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence | None = None,
    ) -> None:
        for sample in outputs:
            self._paths.update(dict.fromkeys(sample.get('bad_images') or ()))

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        paths = dict.fromkeys(chain.from_iterable(all_gather_object(list(self._paths))))
        if not paths:
            return
        metrics['bad_images'] = len(paths)
        named = '\n'.join(f'  {path}' for path in list(paths)[:NAMED_FILES])
        rest = len(paths) - NAMED_FILES
        more = f'\n  and {rest} more' if rest > 0 else ''
        runner.logger.warning(f'{len(paths)} images could not be read, grey ones took their places:\n{named}{more}')
