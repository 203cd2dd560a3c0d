"""Score the predictions of a finished test again, without the model.

    python tools/analysis/rescore.py RUN [--config CONFIG]

RUN is the run's folder. Its metrics are the ones of the run, or those of CONFIG's `test_evaluator`. If none fails, the
scores in `results.json` and those of the samples in `predictions.jsonl` are replaced. A run may come from anybody, so
metrics that read or write files are only taken from CONFIG.
"""

import argparse
from pathlib import Path

from mmflamingo.engine.config import cli
from mmflamingo.engine.errors import ConfigError
from mmflamingo.engine.testing.report import metrics_table
from mmflamingo.engine.testing.rescoring import rescore


def evaluator_of(config: str | None) -> object:
    """The metrics of a config; None without one.

    Raises:
        ConfigError: It has none.
    """
    if config is None:
        return None
    cfg = cli.load_config(config)
    if not cfg.get('test_evaluator'):
        raise ConfigError(f'{config} has no test_evaluator: give a config of a test.')
    return cfg.test_evaluator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('run', type=Path, help='folder with predictions.jsonl and results.json')
    parser.add_argument('--config', help='take the metrics of this config instead of those of the run')
    parser.add_argument('--debug', action='store_true', help='show the traceback of any error')
    args = parser.parse_args()
    with cli.user_errors(args.debug):
        print(f'\n{metrics_table(rescore(args.run, evaluator_of(args.config))["metrics"])}\n')


if __name__ == '__main__':
    main()
