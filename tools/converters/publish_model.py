"""Makes the file that ships of a training checkpoint: model weights alone, in float16.

    python tools/converters/publish_model.py CONFIG CHECKPOINT OUT

The parts that the config loads from files of their own and freezes must come out of the training as they went in; their
digests are kept in the file's `meta`, where a test compares them with the weights.
"""

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from mmflamingo import __version__
from mmflamingo.engine.cli import load_config, user_errors
from mmflamingo.engine.safe_loading import read_checkpoint
from mmflamingo.registry import MODELS


def digest(state_dict: Mapping[str, Tensor], prefix: str) -> str:
    """SHA-256 of all tensors below `prefix`, as float16, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(name for name in state_dict if name.startswith(prefix)):
        total.update(name.encode() + state_dict[name].half().contiguous().numpy().tobytes())
    return total.hexdigest()


def to_half(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float16 copies; tensors that share their memory still do."""
    copies: dict[int, Tensor] = {}
    return {name: copies.setdefault(value.data_ptr(), value.half()) for name, value in state_dict.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('out', type=Path)
    args = parser.parse_args()
    with user_errors():
        model = MODELS.build(load_config(args.config).model)
        sources, trained = model.state_dict(), read_checkpoint(args.checkpoint)['state_dict']
        frozen = {}
        for prefix in model.loaded_prefixes():
            frozen[prefix] = digest(sources, prefix)
            if digest(trained, prefix) != frozen[prefix]:
                raise ValueError(f'{prefix} in {args.checkpoint} is not what the config loads: it was trained.')
        args.out.parent.mkdir(parents=True, exist_ok=True)
        meta = {'mmflamingo_version': __version__, 'frozen_sha256': frozen}
        torch.save({'meta': meta, 'state_dict': to_half(trained)}, args.out)
        print(f'{args.out}: {args.out.stat().st_size / 1e6:.1f} MB; unchanged by the training: {", ".join(frozen)}')


if __name__ == '__main__':
    main()
