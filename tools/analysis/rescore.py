"""Score the predictions of a finished test again, without the model.

    python tools/analysis/rescore.py RUN [--config CONFIG]

RUN is the run's folder. Its metrics are the ones of the run, or those of CONFIG's `test_evaluator`. The scores in
`results.json` and those of the samples in `predictions.jsonl` are replaced.
"""

import argparse
import json
from pathlib import Path

from mmengine.registry import init_default_scope

from mmflamingo.engine.config import cli
from mmflamingo.engine.errors import MissingFilesError, RunError
from mmflamingo.engine.testing import report
from mmflamingo.engine.testing.journal import journal_files
from mmflamingo.engine.testing.loop import RESULTS_NAME
from mmflamingo.engine.testing.predictions import FILE_NAME, read_records, to_line, to_plain, write_whole
from mmflamingo.engine.testing.scoring import score
from mmflamingo.registry import METRICS


def rescore(folder: Path, config: str | None = None) -> dict[str, float]:
    """Score a run's predictions again and write the scores down.

    Args:
        folder: The run's folder.
        config: Path of a config whose metrics to take; the run's own without it.

    Raises:
        MissingFilesError: There are no predictions or no results.
        RunError: The run isn't finished, or a metric failed; the scores of the others are written all the same.
    """
    for name in (FILE_NAME, RESULTS_NAME):
        if journal_files(folder):
            raise RunError(f'The run in {folder} is not finished: tools/test.py --resume finishes and scores it.')
        if not (folder / name).is_file():
            raise MissingFilesError(f'{folder} holds no {name}: give the folder of a finished run of tools/test.py.')
    results = json.loads((folder / RESULTS_NAME).read_text(encoding='utf-8'))
    if config:
        results['evaluator'] = cli.load_config(config).test_evaluator
    evaluators = results['evaluator'] if isinstance(results['evaluator'], list) else [results['evaluator']]
    init_default_scope('mmflamingo')
    records = list(read_records(folder / FILE_NAME))
    metrics, failures = score(records, [METRICS.build(dict(metric)) for metric in evaluators])
    results |= {'metrics': metrics, 'failed_metrics': failures}
    write_whole(folder / FILE_NAME, ''.join(map(to_line, records)))
    text = json.dumps(results, indent=1, ensure_ascii=False, default=to_plain)
    write_whole(folder / RESULTS_NAME, text)
    if failures:
        raise RunError(f'{", ".join(failures)} failed (see above); other scores: {metrics or "none"}.')
    return metrics


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('run', type=Path, help='folder with predictions.jsonl and results.json')
    parser.add_argument('--config', help='take the metrics of this config instead of those of the run')
    parser.add_argument('--debug', action='store_true', help='show the traceback of any error')
    args = parser.parse_args()
    with cli.user_errors(args.debug):
        print(f'\n{report.metrics_table(rescore(args.run, args.config))}\n')


if __name__ == '__main__':
    main()
