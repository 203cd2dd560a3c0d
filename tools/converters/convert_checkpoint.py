"""Writes a checkpoint of one system in the layout of another.

    python tools/converters/convert_checkpoint.py IN OUT --to {mmflamingo,openmmlab,openflamingo_v1,openflamingo_v2}

IN is anything that tools/test.py loads: a file of any of these systems, `.pth`, `.pt` or `.safetensors`, or a folder of
one model's files. OUT, which is another file, is written by torch.save, or as flat safetensors if it ends so. Nothing but keys and shapes change;
what Flamingo has no use for (CLIP's ln_post and projection) is left out. To test a model, no conversion is needed.
"""

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from mmflamingo.engine.config.cli import user_errors
from mmflamingo.engine.errors import CheckpointError
from mmflamingo.engine.loading.safe import read_state_dict
from mmflamingo.engine.loading.saving import check_checkpoint_output, save_checkpoint
from mmflamingo.models.checkpoints import SYSTEMS, checkpoint_for, flamingo_state_dict
from mmflamingo.models.language.decoder_layers import DECODER_LAYERS

PARTS = ('vision_backbone.', 'resampler.', 'language_model.')


def find_layers_path(keys: Iterable[str]) -> str:
    """The path of the decoder layers, read off the keys of any of the systems.

    Raises:
        CheckpointError: The keys don't tell.
    """
    paths = '|'.join(sorted({re.escape(path) for path in DECODER_LAYERS.values()}))
    for key in keys:
        found = re.match(rf'(?:language_model\.lm|lang_encoder)\.({paths})\.\d+\.', key)
        if found:
            return found.group(1)
    raise CheckpointError(
        'The keys do not tell where the decoder layers of the language model are: give --layers-path, '
        f'one of {", ".join(sorted(set(DECODER_LAYERS.values())))}.'
    )


def convert(state_dict: dict, source: str, system: str, layers_path: str | None = None) -> dict:
    """What to save for `system`; `source` names the checkpoint in errors."""
    layers_path = layers_path or find_layers_path(state_dict)
    ours = flamingo_state_dict(state_dict, layers_path)
    strays = [key for key in ours if not key.startswith(PARTS)]
    if strays:
        raise CheckpointError(f'{source} is not a Flamingo of {", ".join(SYSTEMS)}: it has {", ".join(strays[:3])}.')
    return checkpoint_for(ours, system, layers_path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', metavar='IN', help='file, folder or URL')
    parser.add_argument('out', metavar='OUT', type=Path)
    parser.add_argument('--to', required=True, choices=SYSTEMS)
    parser.add_argument('--layers-path', help='path of the decoder layers, if the keys do not tell, e.g. model.layers')
    args = parser.parse_args()
    with user_errors():
        check_checkpoint_output(args.out, args.checkpoint)
        converted = convert(read_state_dict(args.checkpoint), args.checkpoint, args.to, args.layers_path)
        save_checkpoint(converted, args.out)
        print(f'{args.out}: {args.to}, {args.out.stat().st_size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
