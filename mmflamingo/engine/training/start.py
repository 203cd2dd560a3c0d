"""Where a training starts: from a checkpoint of its own, from other weights, or from none."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CheckpointError, ConfigError, RunError
from ..loading.safe import read_checkpoint

AUTO = 'auto'
LAST_NAME = 'last_checkpoint'
NUMBERED = re.compile(r'(\d+)\.pth$')
TRAINING_STATE = ('meta', 'state_dict', 'message_hub')


@dataclass
class Start:
    """How a training starts.

    Attributes:
        path: Path or URL of the checkpoint; None starts with what the model is built with.
        resumes: Whether the training of that checkpoint is continued; else its weights alone are taken.
        warnings: What the user should know, in sentences.
    """

    path: str | None
    resumes: bool
    warnings: list[str] = field(default_factory=list)


def choose_start(
    resume: bool | str, load_from: str | None, work_dir: Path, is_finished: Callable[[Mapping], bool]
) -> Start:
    """Decide from which checkpoint a training starts.

    Args:
        resume: The config's `resume`. False: from `load_from`. 'auto': from the newest checkpoint in the work dir, or from
            `load_from` where there is none. A path: from this checkpoint. True: as 'auto', but a `load_from` that lies in
            the work dir is continued, and so is one that holds an unfinished training where the work dir holds none, as in
            mmengine.
        load_from: The config's `load_from`.
        work_dir: Folder of the training.
        is_finished: Whether nothing is left to train after a checkpoint with this `meta`.

    Raises:
        ConfigError: `resume` is none of these.
        CheckpointError: The checkpoint to continue holds no training.
        RunError: None of the checkpoints in the work dir can be continued.
    """
    if not isinstance(resume, bool | str) or resume == '':
        raise ConfigError(f"resume is {resume!r}: give True, False, 'auto' or the path of a checkpoint.")
    if resume is False:
        return Start(load_from, False, _warn_of_earlier(work_dir))
    if isinstance(resume, str) and resume != AUTO:
        return _continue(resume)
    if resume is True and load_from and Path(load_from).resolve().parent == work_dir.resolve():
        return _continue(load_from)
    newest = find_newest(work_dir)
    if newest is not None:
        return newest
    if resume is True and load_from and _is_unfinished(read_checkpoint(load_from), is_finished):
        return _continue(load_from)
    source = f'from the weights of {load_from}' if load_from else 'anew'
    return Start(load_from, False, [f'{work_dir} holds no checkpoint to resume: the training starts {source}.'])


def find_newest(work_dir: Path) -> Start | None:
    """The checkpoint that a training in this folder continues: the last one that is sound.

    `last_checkpoint` names it. Where that file is missing, or what it names is missing or broken, the checkpoint with the
    highest number counts.

    Returns:
        None if there is no checkpoint at all.

    Raises:
        RunError: There are checkpoints, but none is sound.
    """
    problems = []
    for path in _candidates(work_dir):
        try:
            start = _continue(str(path))
        except (CheckpointError, OSError) as error:
            problems.append(str(error))
            continue
        if problems:
            start.warnings += [*problems, f'The training continues from {path}.']
        return start
    if problems:
        tried = '\n  '.join(problems)
        raise RunError(
            f'No checkpoint in {work_dir} can be resumed:\n  {tried}\n'
            'Move them away to start anew, or name another one: --resume CHECKPOINT.'
        )
    return None


def _continue(path: str) -> Start:
    """Continue the training of a checkpoint.

    Raises:
        CheckpointError: It can't be read, or holds no training.
    """
    checkpoint = read_checkpoint(path)
    gaps = _gaps(checkpoint)
    if gaps:
        raise CheckpointError(
            f'{path} holds no training that could be continued (no {", ".join(gaps)}). '
            'To start from its weights, set load_from to it, without --resume CHECKPOINT.'
        )
    no_optimizer = [f'{path} holds no state of the optimizer, which starts anew.']
    return Start(path, True, [] if 'optimizer' in checkpoint else no_optimizer)


def _gaps(checkpoint: Mapping) -> list[str]:
    """What a checkpoint lacks to be continued."""
    missing = [key for key in TRAINING_STATE if not isinstance(checkpoint.get(key), Mapping)]
    return missing or [f'meta.{key}' for key in ('epoch', 'iter') if not isinstance(checkpoint['meta'].get(key), int)]


def _is_unfinished(checkpoint: Mapping, is_finished: Callable[[Mapping], bool]) -> bool:
    return not _gaps(checkpoint) and not is_finished(checkpoint['meta'])


def _candidates(work_dir: Path) -> list[Path]:
    """Checkpoints that a training in this folder may continue, the best first."""
    named = last_checkpoint(work_dir)
    folders = [work_dir] if named is None else [named.parent, work_dir]
    numbered = [path for folder in folders for path in _numbered(folder)]
    return list(dict.fromkeys([named, *numbered] if named else numbered))


def last_checkpoint(work_dir: Path) -> Path | None:
    """The checkpoint that `last_checkpoint` names.

    mmengine writes the path of the folder in which it was made there; in a copied folder this is another one, so the file
    of this name in this folder goes first, and absolute paths are never followed.
    """
    try:
        text = (work_dir / LAST_NAME).read_text(encoding='utf-8').strip()
    except (OSError, UnicodeDecodeError):
        return None
    if not text:
        return None
    here = work_dir / Path(text).name
    return here if here.exists() or Path(text).is_absolute() else work_dir / text


def _numbered(folder: Path) -> list[Path]:
    """Checkpoints with a number in their names, the highest first."""
    paths = [path for path in folder.glob('*.pth') if NUMBERED.search(path.name) and not path.name.startswith('best_')]
    return sorted(paths, key=lambda path: int(NUMBERED.search(path.name)[1]), reverse=True)


def _warn_of_earlier(work_dir: Path) -> list[str]:
    earlier = _numbered(work_dir)
    if not earlier:
        return []
    return [
        f'{work_dir} holds checkpoints of an earlier training, up to {earlier[0].name}: this one overwrites those of the '
        'same names. --resume would continue that training.'
    ]
