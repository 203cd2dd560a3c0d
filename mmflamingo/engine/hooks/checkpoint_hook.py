"""Writes checkpoints so that there is a whole one at any moment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook as MMEngineCheckpointHook
from mmengine.runner import Runner

from mmflamingo.registry import HOOKS

from ..testing.plain_json import write_whole
from ..training.saving import remove_drafts
from ..training.start import LAST_NAME


@HOOKS.register_module()
class CheckpointHook(MMEngineCheckpointHook):
    """mmengine's CheckpointHook, where a file is removed only after the one that replaces it is there.

    `last_checkpoint` holds a path relative to the work dir, so that a copied folder names its own checkpoint, and the best
    checkpoint of a resumed training is that in its own folder.
    """

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        if is_main_process() and isinstance(self.file_backend, LocalBackend):
            remove_drafts(Path(self.out_dir))
        if getattr(self, 'best_ckpt_path', None):
            self.best_ckpt_path = self._in_out_dir(self.best_ckpt_path)
        for name, path in getattr(self, 'best_ckpt_path_dict', {}).items():
            self.best_ckpt_path_dict[name] = path and self._in_out_dir(path)

    def _in_out_dir(self, path: str) -> str:
        return self.file_backend.join_path(self.out_dir, Path(str(path)).name)

    def _save_checkpoint(self, runner: Runner) -> None:
        with self._removing_last():
            super()._save_checkpoint(runner)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if hasattr(self, 'file_backend'):  # not in a validation by itself
            with self._removing_last():
                super()._save_best_checkpoint(runner, metrics)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        super()._save_checkpoint_with_step(runner, step, meta)
        if is_main_process():
            write_whole(Path(runner.work_dir) / LAST_NAME, os.path.relpath(self.last_ckpt, runner.work_dir))

    @contextmanager
    def _removing_last(self) -> Iterator[None]:
        """Put off the removal of files until the new ones are written."""
        backend, self.file_backend = self.file_backend, _RemovingLast(self.file_backend)
        outdated = self.file_backend.outdated
        try:
            yield
        finally:
            self.file_backend = backend
        bests = [getattr(self, 'best_ckpt_path', None), *getattr(self, 'best_ckpt_path_dict', {}).values()]
        for path in set(outdated) - {self.last_ckpt, *bests}:
            backend.remove(path)


class _RemovingLast:
    """A file backend that notes which files are to be removed; folders never are."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self.outdated: list[str] = []

    def isdir(self, path: str) -> bool:
        return False

    def remove(self, path: str) -> None:
        self.outdated.append(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)
