"""A finished run in place of a new one: only if it is the same test."""

import logging
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmflamingo.datasets.base import scoped
from mmflamingo.registry import DATASETS

from ..errors import RunError
from . import protocol
from .journal import journal_files
from .rescoring import is_scored_by, rescore
from .results import RESULTS_NAME, read_results, read_run


def finished_run(cfg: Config) -> Path | None:
    """The newest finished run in a config's work dir; None if there is none.

    Where its predictions stand but its scores do not (other metrics, changed files of metrics, a metric that failed), it
    is scored again.

    Args:
        cfg: The config, with its `work_dir` and `load_from`.

    Raises:
        RunError: It is another test: other settings, weights, data or pictures; or it has changed since.
    """
    folders = sorted(path.parent for path in Path(cfg.work_dir).glob(f'*/{RESULTS_NAME}'))
    runs = [folder for folder in folders if not journal_files(folder)]  # with journals, it was killed while it wrote
    if not runs:
        return None
    folder, results = runs[-1], read_results(runs[-1])
    present = protocol.describe(cfg, cfg.load_from, DATASETS.build(scoped(cfg.test_dataloader.dataset)))
    if present['data']['features_sha256'] is None:  # of the set as built: a model computes them
        former = results['protocol'].get('data')
        present['data']['features_sha256'] = former.get('features_sha256') if isinstance(former, dict) else None
    complaint = f'{folder} is another test. Move it away, or give another folder:'
    for difference in protocol.check_same(results['protocol'], present, complaint):
        print_log(f'{folder} was measured with other code; {difference}', 'current', logging.WARNING)
    if not is_scored_by(results, cfg.test_evaluator):
        print_log(f'{folder} is scored again, as the metrics or files that they read have changed.', 'current')
        rescore(folder, cfg.test_evaluator)
    elif results['failed_metrics']:
        _try_again(folder, cfg.test_evaluator)
    read_run(folder)
    return folder


def _try_again(folder: Path, evaluator: object) -> None:
    """Score again by the same metrics, of which one had failed; the scores of the others stand, whatever happens."""
    try:
        rescore(folder, evaluator)
    except RunError as error:
        print_log(str(error), 'current', logging.WARNING)
