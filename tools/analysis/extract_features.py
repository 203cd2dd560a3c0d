"""Compute the image features by which the shot selector 'rices' compares images, with any vision backbone.

    python tools/analysis/extract_features.py CONFIG [CHECKPOINT] --out FILE

Takes the images and the pipeline of CONFIG's test set and the vision backbone of its model. To choose the shots of one
model by the backbone of another: make the file with a config of the other, and name it in the first one's
`test_dataloader.dataset.shot_selector = dict(type='rices', features=FILE)`.
"""

import argparse

from mmflamingo.engine.config import cli
from mmflamingo.engine.config.outputs import check_file
from mmflamingo.engine.testing.shot_features import compute_features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config of a few-shot benchmark')
    parser.add_argument('checkpoint', nargs='?', help='path or URL of the weights')
    parser.add_argument('--out', required=True, help='file to write, .pt')
    parser.add_argument('--work-dir', help='where the log goes [work_dirs/<config>]')
    parser.add_argument(
        '--cfg-options', nargs='+', action='extend', default=[], metavar='KEY=VALUE', help='override the config'
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of any error')
    args = parser.parse_args()
    args.launcher = 'none'
    with cli.user_errors(args.debug):
        args.out = check_file('--out', args.out)
        cfg = cli.prepare_config(args)
        cfg.load_from = cli.resolve_checkpoint(args, cfg)
        cli.keep_sections(cfg, 'test')
        cli.check(cfg)
        runner = cli.build_runner(cfg)
        runner.load_or_resume()
        features = compute_features(runner.model.eval(), runner.test_dataloader)
        features.save(args.out)
        print(f'{len(features.image_ids)} vectors of {features.backbone} are in {args.out}.')


if __name__ == '__main__':
    main()
