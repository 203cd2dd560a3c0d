"""Makes the file that ships of a training checkpoint: model weights alone, in float16.

    python tools/converters/publish_model.py CONFIG CHECKPOINT OUT [--adapter]

With --adapter the parts that the config loads from files of their own are left out, and loaded from there again.

The parts that the config loads from files of their own and freezes must come out of the training as they went in; their
digests are kept in the file's `meta`, where a test compares them with the weights.
"""

import argparse
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from mmflamingo import __version__
from mmflamingo.engine.config.cli import load_config, user_errors
from mmflamingo.engine.loading.fit import load_state_dict_strictly
from mmflamingo.engine.loading.safe import read_state_dict
from mmflamingo.engine.loading.saving import check_checkpoint_output, save_checkpoint
from mmflamingo.engine.testing.file_digests import digest_file
from mmflamingo.models.checkpoints.fit import is_finite
from mmflamingo.registry import MODELS


def digest(state_dict: Mapping[str, Tensor], prefix: str) -> str:
    """SHA-256 of all tensors below `prefix`, as float16, in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(name for name in state_dict if name.startswith(prefix)):
        total.update(name.encode() + state_dict[name].half().contiguous().numpy().tobytes())
    return total.hexdigest()


def to_half(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float16 copies of float tensors; tensors that share their memory still do.

    Raises:
        ValueError: A weight is NaN, or larger than float16 can hold.
    """
    copies: dict[tuple, Tensor] = {}
    for name, value in state_dict.items():
        if value.is_floating_point() and not is_finite(value, torch.float16):
            raise ValueError(f'{name} has NaN, or a weight that float16 cannot hold: it is not published.')
        copies.setdefault(_place(value), value.half() if value.is_floating_point() else value)
    return {name: copies[_place(value)] for name, value in state_dict.items()}


def _place(value: Tensor) -> tuple:
    """The same for tensors that are the same part of the same memory."""
    return value.data_ptr(), value.shape, value.stride(), value.dtype


def without(state_dict: Mapping[str, Tensor], prefixes: Iterable[str]) -> dict[str, Tensor]:
    """What lies below none of the prefixes."""
    parts = tuple(f'{prefix}.' for prefix in prefixes)
    return {name: value for name, value in state_dict.items() if not name.startswith(parts)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('out', type=Path)
    parser.add_argument('--adapter', action='store_true', help='only what no file of its own brings')
    args = parser.parse_args()
    with user_errors():
        check_checkpoint_output(args.out, args.checkpoint)
        model = MODELS.build(load_config(args.config).model)
        frozen = {prefix: digest(model.state_dict(), prefix) for prefix in model.loaded_prefixes()}
        trained = read_state_dict(args.checkpoint)
        load_state_dict_strictly(model, trained, args.checkpoint, assign=True)
        for prefix in frozen:
            if digest(trained, prefix) != frozen[prefix]:
                raise ValueError(f'{prefix} in {args.checkpoint} is not what the config loads: it was trained.')
        meta = {'mmflamingo_version': __version__, 'frozen_sha256': frozen}
        if args.adapter:
            trained = without(trained, frozen)
        save_checkpoint({'meta': meta, 'state_dict': to_half(trained)}, args.out)
        print(f'{args.out}: {args.out.stat().st_size / 1e6:.1f} MB; unchanged by the training: {", ".join(frozen)}')
        print(f'SHA256 for metafile.yml: {digest_file(args.out)}')


if __name__ == '__main__':
    main()
