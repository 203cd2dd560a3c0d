"""Writing checkpoints: beside the old file, then in its place."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from mmflamingo.files import check_output, replacing


def save_checkpoint(checkpoint: Mapping, out: str | Path) -> None:
    """Writes a checkpoint, as a whole or not at all.

    Args:
        checkpoint: Of plain data and tensors.
        out: By torch.save; or, if it ends in `.safetensors`, flat, and without two names of one tensor's memory.

    Raises:
        ValueError: The path cannot be written, or safetensors cannot hold the checkpoint.
    """
    if Path(out).suffix != '.safetensors':
        with replacing(out) as draft:
            torch.save(checkpoint, draft)
        return
    tensors = _only_tensors(checkpoint, out)
    with replacing(out) as draft:
        save_file({key: value.clone(memory_format=torch.contiguous_format) for key, value in tensors.items()}, draft)


def check_checkpoint_output(out: str | Path, source: str | Path) -> None:
    """Checks before the work that a checkpoint can be written to `out`, and that it isn't made of that very file.

    Args:
        out: The file to be written.
        source: File, folder or URL of the checkpoint that is read.

    Raises:
        ValueError: See `check_output`.
    """
    source = Path(source).expanduser()
    check_output(out, source.iterdir() if source.is_dir() else [source])


def _only_tensors(checkpoint: Mapping, out: str | Path) -> Mapping[str, Tensor]:
    """The one state dict of a checkpoint."""
    tensors = checkpoint if _is_flat(checkpoint) else next(iter(checkpoint.values()), None)
    if checkpoint is not tensors and (len(checkpoint) > 1 or not isinstance(tensors, Mapping) or not _is_flat(tensors)):
        raise ValueError(
            f'{out}: safetensors hold tensors only, not {", ".join(checkpoint)}; let the name end in .pth.'
        )
    return tensors


def _is_flat(checkpoint: Mapping) -> bool:
    return all(isinstance(value, Tensor) for value in checkpoint.values())
