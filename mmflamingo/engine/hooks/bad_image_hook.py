"""Says how many images of a test could not be read."""

from itertools import chain
from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmflamingo.registry import HOOKS

from ..testing.predictions import FILE_NAME, read_records

NAMED_FILES = 10


@HOOKS.register_module()
class BadImageHook(Hook):
    """Counts the images that a test went on without.

    A prediction lists them under `bad_images`, if the config lets a run go on with such files.
    Their number is added to the metrics as `bad_images`, and the first ten are named in the log.
    """

    priority = 'HIGHEST'  # before the metrics are logged

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        records = read_records(Path(runner.log_dir) / FILE_NAME)
        paths = dict.fromkeys(chain.from_iterable(record.get('bad_images') or () for record in records))
        if not paths:
            return
        metrics['bad_images'] = len(paths)
        named = '\n'.join(f'  {path}' for path in list(paths)[:NAMED_FILES])
        rest = len(paths) - NAMED_FILES
        more = f'\n  and {rest} more' if rest > 0 else ''
        runner.logger.warning(f'{len(paths)} images could not be read, grey ones took their places:\n{named}{more}')
