"""Training data: interleaved sequences of shots and a query whose text is learned."""

from array import array
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Sequence
from itertools import accumulate
from random import Random
from typing import Any

from mmengine.dataset import Compose
from torch.utils.data import Dataset

from mmflamingo.registry import DATASETS

from .base import FlamingoDataset, Record, build_transforms, check_same_writing, record_key, scoped, some
from .shots.few_shot import attach_shots, drop_image
from .shots.shot_selection import ShotPool


@DATASETS.register_module()
class InterleavedDataset(Dataset):
    """Sequences of 0 to N shots and a query with `output`, made anew in every epoch.

    All shots of a sequence come from the query's source and never show the query's image. They are

    - the first ones of the query's own list (`support_question_ids` or `support_image_ids`): an
      episode;
    - else, if the text to learn has a `group`, texts of the same group;
    - else any of the source.

    The item of an index depends on `seed`, the epoch and the index alone. An index past the length
    stands for a later epoch (`epoch * len(dataset) + index`): `EpochSampler` yields such, so no
    worker has to be told the epoch.

    Args:
        sources: Each a dataset config, or `dict(dataset=config, num_shots=..., shots_probs=...,
            text_only_prob=..., texts_per_image=...)` to override the arguments below for this source. A few-shot
            set gives its support set as shots, a plain one all its records.
        num_shots: Numbers of shots to choose from; fewer are used where a group or a list holds
            fewer.
        shots_probs: Their probabilities; equal by default.
        text_only_prob: Probability that all shots of an item lose their images.
        texts_per_image: Each shot may be followed by others of its image, without showing it again, up to this
            number of texts an image: several questions about a picture cost less than as many pictures.
        weights: Shares of the sources in an epoch; by default each record is the query once. Epoch
            after epoch a source goes through its records in a seeded order, whatever its share.
        length: Items in an epoch; the number of records of all sources by default.
        seed: Names every choice.
        pipeline: Transforms, as configs or callables.
    """

    def __init__(
        self,
        sources: Sequence[dict | FlamingoDataset],
        num_shots: Sequence[int] = (0, 1, 2, 4),
        shots_probs: Sequence[float] | None = None,
        text_only_prob: float = 0.0,
        texts_per_image: int = 1,
        weights: Sequence[float] | None = None,
        length: int | None = None,
        seed: int = 0,
        pipeline: Sequence = (),
    ) -> None:
        if not sources:
            raise ValueError('InterleavedDataset needs at least one source.')
        defaults = {'text_only_prob': text_only_prob, 'texts_per_image': texts_per_image, 'seed': seed}
        shots = {'num_shots': num_shots, 'shots_probs': shots_probs}
        self.seed = seed
        self.sources = [_Source(**defaults | _with_shots(source, shots)) for source in sources]
        sizes = [len(source) for source in self.sources]
        weights = sizes if weights is None else list(weights)
        if len(weights) != len(sources) or min(weights) <= 0:
            raise ValueError(f'weights={weights} must be {len(sources)} positive numbers, one a source.')
        self.length = sum(sizes) if length is None else length
        if self.length < 1:
            raise ValueError(f'length={length} must be positive.')
        self._bounds = [round(self.length * part / sum(weights)) for part in accumulate(weights)]
        self.pipeline = Compose(build_transforms(pipeline))

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, idx: int) -> Any:
        return self.pipeline(self.get_data_info(idx))

    def get_data_info(self, idx: int) -> Record:
        """Return the training record of an index, as the pipeline receives it.

        Args:
            idx: `epoch * len(self) + index`; a negative index counts from the end of epoch 0.
        """
        epoch, index = divmod(idx if idx >= 0 else range(self.length)[idx], self.length)
        number = bisect_right(self._bounds, index)
        start = self._bounds[number - 1] if number else 0
        share = self._bounds[number] - start
        rng = Random(f'{self.seed}-{epoch}-{index}')
        return self.sources[number].make_item(epoch * share + index - start, rng)


class _Source:
    """One dataset as a source of sequences, with its shot pools made once."""

    def __init__(
        self,
        dataset: dict | FlamingoDataset,
        num_shots: Sequence[int],
        text_only_prob: float,
        texts_per_image: int,
        seed: int,
        shots_probs: Sequence[float] | None = None,
    ) -> None:
        if not num_shots or min(num_shots) < 0:
            raise ValueError(f'num_shots={num_shots!r} must list numbers, 0 or more.')
        if shots_probs is not None and len(shots_probs) != len(num_shots):
            raise ValueError(f'shots_probs={shots_probs} needs one number for each of num_shots={num_shots}.')
        if not 0 <= text_only_prob <= 1:
            raise ValueError(f'text_only_prob={text_only_prob} must lie between 0 and 1.')
        if texts_per_image < 1:
            raise ValueError(f'texts_per_image={texts_per_image} must be 1 or more.')
        self.dataset = DATASETS.build(scoped(dataset)) if isinstance(dataset, dict) else dataset
        self.num_shots = tuple(num_shots)
        self.shots_probs = shots_probs
        self.text_only_prob = text_only_prob
        self.texts_per_image = texts_per_image
        order = list(range(len(self.dataset)))
        Random(f'{seed}-order').shuffle(order)
        self._order = array('q', order)
        self._pools, self._by_id = self._index_supports(self._check_queries())

    def __len__(self) -> int:
        return len(self._order)

    def make_item(self, number: int, rng: Random) -> Record:
        """Make a training record.

        Args:
            number: Which query, counted over all epochs.
            rng: Chooses the text to learn, the number of shots and the shots.
        """
        query = self.dataset.get_query(self._order[number % len(self)])
        output, group = self.dataset.choose_output(query, rng)
        count = rng.choices(self.num_shots, self.shots_probs)[0]
        if 'support_ids' in query:
            chosen = [self._by_id[i] for i in query['support_ids'][:count]]
            shots = [self._make_shot(index, rng, None) for index in chosen]
        else:
            pool = self._pools.get(group, ShotPool(()))
            image_id = query['image_id']
            chosen = pool.draw(rng, min(count, pool.size_without(image_id)), image_id)
            shots = [shot for index in chosen for shot in self._shots_of_image(index, rng, group, pool)]
        if rng.random() < self.text_only_prob:
            shots = [drop_image(shot) for shot in shots]
        return attach_shots(query, shots) | {'output': output}

    def _shots_of_image(self, index: int, rng: Random, group: Hashable, pool: ShotPool) -> list[Record]:
        """The shot of an index, and others of its image that don't show it again."""
        shots = [self._make_shot(index, rng, group)]
        others = [other for other in pool.of_image(shots[0]['image_id']) if other != index]
        extra = rng.sample(others, min(self.texts_per_image - 1, len(others)))
        return shots + [drop_image(self._make_shot(other, rng, group)) for other in extra]

    def _make_shot(self, index: int, rng: Random, group: Hashable) -> Record:
        record = self.dataset.get_support(index)
        return self.dataset.as_shot(record, self.dataset.choose_output(record, rng, group)[0])

    def _check_queries(self) -> dict[Hashable, set[Hashable]]:
        """Check that queries have texts; return the listed support ids with the listing images."""
        without_output, listed = [], {}
        for index in self._order:
            query = self.dataset.get_query(index)
            if not self.dataset.has_output(query):
                without_output.append(query['sample_id'])
            for support_id in query.get('support_ids', ()):
                listed.setdefault(support_id, set()).add(query['image_id'])
        if without_output:
            raise ValueError(
                f'{len(without_output)} of {len(self)} training records have no caption or answer: '
                f'{some(without_output)}. '
                'Train on a split with annotations.'
            )
        return listed

    def _index_supports(
        self, listed: dict[Hashable, set[Hashable]]
    ) -> tuple[dict[Hashable, ShotPool], dict[Hashable, int]]:
        """Make the pool of each group (None: all supports) and the index of the listed ids."""
        entries: dict[Hashable, list] = {None: []}
        by_id, own, ids = {}, [], set()
        for index in range(self.dataset.num_supports):
            record = self.dataset.get_support(index)
            if not self.dataset.has_output(record):
                continue
            ids.add(record['sample_id'])
            for group in {None} | self.dataset.groups(record):
                entries.setdefault(group, []).append((record_key(record), index))
            if record['sample_id'] in listed:
                by_id[record['sample_id']] = index
                if record['image_id'] in listed[record['sample_id']]:
                    own.append(record['sample_id'])
        unknown = [support_id for support_id in listed if support_id not in by_id]
        if unknown or own:
            check_same_writing({*unknown, *ids}, 'support', 'The listed ids and those of the source')
            raise ValueError(
                f'Of {len(listed)} listed support ids, {len(unknown)} are not in the source '
                f'({some(unknown)}) and '
                f'{len(own)} show the image of a query that lists them ({some(own)}).'
            )
        return {group: ShotPool(pool) for group, pool in entries.items()}, by_id


def _with_shots(source: dict | FlamingoDataset, shots: dict) -> dict:
    """Bring both forms of a source into `dict(dataset=..., num_shots=..., ...)`.

    Probabilities belong to their numbers: a source with `num_shots` of its own inherits none.
    """
    if not isinstance(source, dict) or 'dataset' not in source:
        source = {'dataset': source}
    return dict(source) if 'num_shots' in source else shots | source
