"""Train a model by a config.

python tools/train.py CONFIG [--work-dir DIR] [--resume [CHECKPOINT]] [--amp] [--auto-scale-lr]
"""

import argparse

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model by a config.')
    parser.add_argument('config', help='path of the config')
    parser.add_argument('--work-dir', help='where logs and checkpoints go [work_dirs/<config>]')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from this checkpoint; without a value, from the newest one in the work dir, or from load_from if '
        'there is none',
    )
    parser.add_argument('--amp', action='store_true', help='train in mixed precision')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the batch size over auto_scale_lr.base_batch_size',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='settings that override the config, e.g. train_dataloader.batch_size=8',
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='what starts ranks')
    parser.add_argument('--debug', action='store_true', help='show the traceback of any error')
    parser.add_argument('--local_rank', '--local-rank', type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmflamingo.engine import launch
    from mmflamingo.engine.config import cli

    with cli.user_errors(args.debug):
        cfg = cli.prepare_config(args)
        if args.resume:
            cfg.resume = args.resume
        if isinstance(cfg.get('resume'), str) and cfg.resume != 'auto':
            cfg.load_from = cfg.resume  # so that it is looked for before the model is built
        if args.amp:
            cli.use_amp_for_training(cfg)
        if args.auto_scale_lr:
            cli.scale_learning_rate(cfg)
        cli.keep_sections(cfg, 'train', 'val')
        cli.check(cfg)
        cli.build_runner(cfg).train()
        launch.leave_group()


if __name__ == '__main__':
    main()
