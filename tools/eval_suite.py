"""Run a suite of few-shot tests, benchmarks x shot selectors x shots x seeds, and write one table.

    python tools/eval_suite.py SUITE [CHECKPOINT] [--work-dir DIR] [--protocol NAME] [--cfg-options KEY=VALUE ...]

SUITE is a config like configs/suites/emoji-scenes.py. Every run lies in a folder of its own below DIR; finished ones are
read back and a broken one is continued, so the same command continues where it stopped. DIR then holds the table
(table.md, table.csv, table.json) and a plot of score against shots (scores.svg).
"""

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suite', help='path of the suite config')
    parser.add_argument('checkpoint', nargs='?', help='path or URL; not needed where the weights ship')
    parser.add_argument('--work-dir', type=Path, help='folder of all runs [work_dirs/<suite>]')
    parser.add_argument(
        '--protocol', metavar='NAME', help='published protocol: flamingo, openflamingo_v1, openflamingo_v2'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action='extend', default=[], metavar='KEY=VALUE', help='override every config'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of any error')
    args = parser.parse_args()
    from mmflamingo.engine.config import cli, options, outputs
    from mmflamingo.engine.errors import RunError
    from mmflamingo.engine.suite.report import make_rows, write_report
    from mmflamingo.engine.suite.suite import Suite

    with cli.user_errors(args.debug):
        folder = (args.work_dir or Path('work_dirs') / Path(args.suite).stem).expanduser()
        outputs.check_folder('--work-dir', folder)
        suite = Suite(args.suite, args.checkpoint, folder, args.protocol, options.parse_options(args.cfg_options))
        cells = list(suite.cells())
        results = {}
        for number, cell in enumerate(cells, 1):
            print(f'[{number}/{len(cells)}] {cell}', flush=True)
            results[cell] = suite.run(cell)
        rows = make_rows(results, {name: benchmark['score'] for name, benchmark in suite.benchmarks.items()})
        protocols = {str(cell): result.protocol for cell, result in results.items() if result.protocol}
        print(f'\n{write_report(rows, protocols, folder)}\nTable and plot: {folder}')
        failed = sum(result.error is not None for result in results.values())
        if failed:
            raise RunError(f'{failed} of {len(cells)} runs failed, see the table; the same command tries them again.')


if __name__ == '__main__':
    main()
