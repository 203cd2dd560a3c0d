"""Test a model by a config: predict, score, and keep every prediction.

python tools/test.py CONFIG [CHECKPOINT] [--work-dir DIR] [--resume] [--out FILE] [--show-dir DIR] [--amp]
"""

import argparse
from pathlib import Path

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a model by a config.')
    parser.add_argument('config', help='path of the config')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='path or URL; not needed where the weights ship with the repository (metafile.yml)',
    )
    parser.add_argument('--work-dir', help='where log and predictions go, in a folder a run [work_dirs/<config>]')
    parser.add_argument('--out', metavar='FILE', help='write the results to this file too')
    parser.add_argument(
        '--out-item',
        choices=('metrics', 'pred'),
        default='metrics',
        help='what --out holds: metrics (.json, .yaml, .pkl) or predictions (.jsonl, .json, .pkl)',
    )
    parser.add_argument('--show-dir', metavar='DIR', help='draw the first 50 samples into this folder')
    parser.add_argument(
        '--resume', action='store_true', help='go on with the newest broken run in the work dir, if there is one'
    )
    parser.add_argument('--amp', action='store_true', help='predict in mixed precision')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='settings that override the config, e.g. test_dataloader.batch_size=4',
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='what starts ranks')
    parser.add_argument('--debug', action='store_true', help='show the traceback of any error')
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmflamingo.engine import launch
    from mmflamingo.engine.config import cli
    from mmflamingo.engine.config.options import merge_options
    from mmflamingo.engine.config.sections import RUNNER_KEYS
    from mmflamingo.engine.testing import report

    with cli.user_errors(args.debug):
        if args.out:
            args.out = report.check_out_file(args.out, args.out_item)
        cfg = cli.prepare_config(args)
        cfg.load_from = cli.resolve_checkpoint(args, cfg)
        cfg.resume = False
        cli.keep_sections(cfg, 'test')
        if args.amp:
            cli.use_amp_for_testing(cfg)
        if args.resume:
            merge_options(cfg, {'test_cfg.resume': True}, RUNNER_KEYS)
        if args.show_dir:
            hook = {'type': 'VisualizationHook', 'out_dir': args.show_dir}
            merge_options(cfg, {'default_hooks.visualization': hook}, RUNNER_KEYS)
        cli.check(cfg)
        runner = cli.build_runner(cfg)
        metrics = runner.test()
        if runner.rank == 0:
            log_dir = Path(runner.log_dir)
            predictions = log_dir / 'predictions.jsonl'
            if args.out:
                report.write_out_file(args.out, args.out_item, metrics, predictions)
            print(f'\n{report.metrics_table(metrics)}\n')
            print(f'Predictions: {predictions}\nLog:         {log_dir / log_dir.name}.log')
        launch.leave_group()


if __name__ == '__main__':
    main()
