"""Says how many pictures and videos of a test could not be read."""

from pathlib import Path

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmflamingo.registry import HOOKS

from ..testing.predictions import FILE_NAME, bad_images, read_records

NAMED_FILES = 10


@HOOKS.register_module()
class BadImageHook(Hook):
    """Names in the log the first ten pictures and videos that a test went on without.

    A prediction lists them under `bad_images`, if the config lets a run go on with such files (`on_bad_image`); their number
    is among the metrics.
    """

    priority = 'HIGHEST'  # before the metrics are logged

    @master_only
    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        paths = bad_images(read_records(Path(runner.log_dir) / FILE_NAME))
        if not paths:
            return
        named = '\n'.join(f'  {path}' for path in paths[:NAMED_FILES])
        rest = len(paths) - NAMED_FILES
        more = f'\n  and {rest} more' if rest > 0 else ''
        runner.logger.warning(
            f'{len(paths)} pictures or videos could not be read, grey ones took their places:\n{named}{more}'
        )
