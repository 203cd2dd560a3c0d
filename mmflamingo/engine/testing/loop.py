"""The loop of a test that survives whatever ends it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, zip_longest
from pathlib import Path
from time import process_time
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.runner import TestLoop as MMEngineTestLoop
from mmengine.runner.amp import autocast
from torch.utils.data import DataLoader

from mmflamingo.registry import LOOPS

from ..errors import RunError
from ..launch import on_main_rank
from ..preparation import prepare
from . import protocol
from .dealing import deal
from .journal import Journal, JournalContent, journal_files, read_journals
from .memory import free_cache, is_out_of_memory
from .plain_json import dumps, read_json, write_whole
from .predictions import FILE_NAME, Record, prediction_record
from .results import make_results, write_results
from .scoring import score


@LOOPS.register_module()
class TestLoop(MMEngineTestLoop):
    """mmengine's TestLoop, with a journal: predict what the journal lacks, then score what it holds.

    Predictions are written down as they are made (see `journal.Journal`). When all are there, rank 0 scores them as
    they stand in the journals, so that a run that was broken off and resumed, with another batch size or number of
    ranks, is scored as an unbroken one. The run's folder then holds `predictions.jsonl`, in the order of the dataset,
    and `results.json`: the scores, and the protocol they were measured under; the journals are removed.

    A batch that doesn't fit into memory is halved, and so are the following ones.

    Args:
        runner, dataloader, evaluator, fp16: As in mmengine.
        resume: Go on with the run whose journals lie in the log folder (`FlamingoRunner` chooses it).
    """

    def __init__(self, runner, dataloader, evaluator, fp16: bool = False, resume: bool = False) -> None:
        super().__init__(runner, dataloader, evaluator, fp16)
        self.folder = Path(runner.log_dir)
        self.resume = resume
        self._piece_size: int | None = None  # most samples that went through memory at once

    def run(self) -> dict[str, float]:
        """Test; gives the scores.

        Raises:
            MissingFilesError, RunError: As in `prepare`.
            RunError: The run to continue was another one, or no metric could score the
                predictions, which are kept.
        """
        self.runner.call_hook('before_test')
        self.runner.call_hook('before_test_epoch')
        self.runner.model.eval()
        prepare(self.runner._bare_model, self.dataloader, self.evaluator.metrics)
        self._protocol = on_main_rank(self._prepare_folder)
        self._digest = protocol.digest(self._protocol)
        self._batches = self._remaining_batches(on_main_rank(self._done))
        self.dataloader = _with_batches(self.dataloader, self._batches)
        self._journal = Journal(self.folder, self.runner.rank, self._digest)
        start = process_time()
        with self._account_of_a_break():
            for index, batch in enumerate(self.dataloader):
                self.run_iter(index, batch)
            self._journal.close()
            seconds = all_gather_object(process_time() - start)  # waits until all ranks have written all
            if len(seconds) > 1:
                self.runner.logger.info(f'Seconds of processor time, by rank: {" ".join(f"{s:.1f}" for s in seconds)}.')
            metrics, failures = on_main_rank(self._score)
        self.runner.call_hook('after_test_epoch', metrics=metrics)
        self._check_some_score(metrics, failures)
        self.runner.call_hook('after_test')
        return metrics

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Any) -> None:
        """Predict a batch and write it down."""
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        outputs = self._predict(data_batch, self._batches[idx])
        self.runner.call_hook('after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)

    def _prepare_folder(self) -> protocol.Protocol:
        """Compare or write the run's protocol; a run that continues keeps its own, under the present code."""
        described = protocol.describe(self.runner.cfg, self.runner._load_from, self.dataloader.dataset)
        path = self.folder / protocol.FILE_NAME
        if not self.resume:
            for file in journal_files(self.folder):  # of an earlier test by the same runner
                file.unlink()
        elif path.is_file():
            former = read_json(path)
            for difference in protocol.check_same(former, described):
                self.runner.logger.warning(f'The interrupted run had other code; {difference}')
            described = former | {'code': described['code']}
        write_whole(path, dumps(described, 'The protocol', indent=1))
        return described

    def _done(self) -> list[int]:
        """Which samples are predicted already."""
        content = self._journals()
        for complaint in content.complaints:
            self.runner.logger.warning(complaint)
        total = len(self.dataloader.dataset)
        if content.records:
            self.runner.logger.info(f'{len(content.records)} of {total} predictions are there already.')
        self.runner.logger.info(f'Predictions are written to {self.folder} as they are made.')
        return list(content.records)

    def _remaining_batches(self, done: Sequence[int]) -> list[list[int]]:
        """This rank's share of the batches, without what is done and without the sampler's filling."""
        dealt = all_gather_object([list(batch) for batch in self.dataloader.batch_sampler])
        seen, remaining = set(done), []
        for batch in filter(None, chain.from_iterable(zip_longest(*dealt))):
            new = [index for index in dict.fromkeys(batch) if index not in seen]
            seen.update(new)
            remaining += [new] if new else []
        cost = getattr(self.dataloader.batch_sampler, 'cost', len)
        return deal(remaining, cost, self.runner.world_size)[self.runner.rank]

    def _predict(self, batch: Any, indices: Sequence[int]) -> list:
        """Predict a batch in pieces that fit into memory, and write each piece down at once."""
        outputs: list = []
        while len(outputs) < len(indices):
            piece = slice(len(outputs), len(outputs) + (self._piece_size or len(indices)))
            samples = self._test_step(_cut(batch, piece, len(indices)))
            if samples is None:
                self._halve(len(indices[piece]))
                continue
            records = [prediction_record(sample.to_dict()) for sample in samples]
            self._journal.append(indices[piece], records)
            outputs += samples
        return outputs

    def _test_step(self, batch: Any) -> list | None:
        """Predict; None if that takes more memory than there is."""
        try:
            with autocast(enabled=self.fp16):
                return self.runner.model.test_step(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._memory_error = error.with_traceback(None)  # lets go of what the frames hold
            return None

    def _halve(self, size: int) -> None:
        free_cache()
        if size == 1:
            raise RunError(f'Even a single sample does not fit in memory: {self._memory_error}')
        self._piece_size = size // 2
        self.runner.logger.warning(f'Out of memory with {size} samples: continuing with {self._piece_size} at once.')

    @contextmanager
    def _account_of_a_break(self) -> Iterator[None]:
        """Say what is kept when the run breaks off, also by Ctrl-C."""
        try:
            yield
        except BaseException:
            self._journal.close()
            kept, total = len(self._journals().records), len(self.dataloader.dataset)
            self.runner.logger.warning(
                f'The run broke off: {kept} of {total} predictions are kept in {self.folder}. '
                'The same command with --resume continues from there.'
            )
            raise

    def _journals(self) -> JournalContent:
        return read_journals(self.folder, self._digest, len(self.dataloader.dataset))

    def _score(self) -> tuple[dict[str, float], dict[str, str]]:
        """Score what the journals hold, and write predictions and results; only then the journals may go."""
        records = self._records()
        metrics, failures = score(records, self.evaluator.metrics)
        results = make_results(records, metrics, failures, self.runner.cfg.get('test_evaluator'))
        write_results(self.folder, records, results | {'protocol': self._protocol})
        for file in [*journal_files(self.folder), self.folder / protocol.FILE_NAME]:
            file.unlink()
        return metrics, failures

    def _records(self) -> list[Record]:
        """All records in the order of the dataset."""
        content, total = self._journals(), len(self.dataloader.dataset)
        if len(content.records) < total:
            raise RunError(
                f'The journals in {self.folder} hold {len(content.records)} of {total} predictions '
                f'({"; ".join(content.complaints) or "some are missing"}). --resume predicts the others.'
            )
        return [content.records[index] for index in range(total)]

    def _check_some_score(self, metrics: Mapping[str, float], failures: Mapping[str, str]) -> None:
        """Raise if every metric failed."""
        if failures and not metrics.keys() - {'bad_images'}:
            what = '; '.join(f'{name}: {error}' for name, error in failures.items())
            raise RunError(
                f'No metric could score the predictions ({what}). They are kept in {self.folder / FILE_NAME}: '
                f'python tools/analysis/rescore.py {self.folder} scores them again.'
            )


def _with_batches(loader: DataLoader, batches: Sequence[Sequence[int]]) -> DataLoader:
    """The same data loader, for these batches of indices."""
    same = ('num_workers', 'collate_fn', 'pin_memory', 'timeout', 'worker_init_fn', 'multiprocessing_context')
    more = ('prefetch_factor', 'persistent_workers')
    settings = {name: getattr(loader, name) for name in same + more}
    return DataLoader(loader.dataset, batch_sampler=batches, **settings)


def _cut(batch: Any, piece: slice, size: int) -> Any:
    """Some samples of a collated batch."""
    if piece.stop - piece.start >= size:
        return batch
    return {name: values[piece] for name, values in batch.items()} if isinstance(batch, Mapping) else batch[piece]
