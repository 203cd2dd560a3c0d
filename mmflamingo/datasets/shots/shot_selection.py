"""Which supports become the shots of a query, and in which order."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from random import Random
from typing import Any

from mmflamingo.files import check_regular
from mmflamingo.paths import below
from mmflamingo.registry import SHOT_SELECTORS

from ..base import Record, check_same_writing, record_key, scoped, some
from ..fields import an_id, list_of, mapping_of
from ..layouts import Account
from ..reading import read_json

ORDERS = ('selected', 'reversed', 'shuffled')
CANDIDATES = ('supports', 'listed')


class ShotSelector:
    """Chooses the shots of each query among the supports.

    A choice depends on the query, the supports and the generator alone, so it is the same in any batch, worker or rank.

    Args:
        order: Of the shots in the prompt: 'selected' as the selector gives them, 'reversed', or 'shuffled' at random.
        among: The candidates: all 'supports', or those that are 'listed' for the query in the annotation file.

    Raises:
        ValueError: An argument is unknown.
    """

    def __init__(self, order: str = 'selected', among: str = 'supports') -> None:
        for name, value, known in (('order', order, ORDERS), ('among', among, CANDIDATES)):
            if value not in known:
                raise ValueError(f'{type(self).__name__}: {name}={value!r} is not known; choose one of {known}.')
        self.order = order
        # Any support may be listed, so `num_support_examples` doesn't cut the support set down.
        self.takes_all_supports = among == 'listed'
        self.lists = SupportLists()

    def prepare(self, queries: Sequence[Record], supports: Sequence[Record], count: int) -> None:
        """Look at both sets once.

        Args:
            queries: All queries.
            supports: All supports; shots are indices into them.
            count: How many shots each query gets.

        Raises:
            ValueError: Some query can't have that many.
        """
        if self.takes_all_supports:
            self.lists.check(queries, supports, count)
            self._supports = supports
            self._index_of = {record['sample_id']: index for index, record in enumerate(supports)}
        elif count > len(supports):
            raise ValueError(
                f'{count} shots a query need {count} supports, but the support set holds {len(supports)}. '
                'Ask for fewer shots or enlarge num_support_examples.'
            )

    def select(self, query: Record, count: int, rng: Random) -> list[int]:
        """Choose `count` supports, none of them with the query's image; the most wanted first."""
        raise NotImplementedError

    def candidates(self, query: Record) -> list[int]:
        """The supports that are listed for a query, in the order of the list; none with its own image."""
        known = [self._index_of[i] for i in (self.lists.of(query) or ()) if i in self._index_of]
        return [index for index in known if self._supports[index]['image_id'] != query['image_id']]

    def arrange(self, shots: Sequence[Any], rng: Random) -> list[Any]:
        """Bring chosen shots into the order of the prompt."""
        shots = list(shots)
        if self.order == 'shuffled':
            rng.shuffle(shots)
        return shots[::-1] if self.order == 'reversed' else shots


def build_selector(config: str | dict) -> ShotSelector:
    """Build a selector from its name or config.

    Raises:
        ValueError: It is unknown.
    """
    config = {'type': config} if isinstance(config, str) else config
    SHOT_SELECTORS.import_from_location()
    if config.get('type') not in SHOT_SELECTORS:
        names = sorted(SHOT_SELECTORS.module_dict)
        raise ValueError(f'shot_selector={config.get("type")!r} is not known; choose one of {names}.')
    return SHOT_SELECTORS.build(scoped(config))


@SHOT_SELECTORS.register_module('random')
class RandomShots(ShotSelector):
    """Draws shots at random, fresh ones for each query.

    Args:
        order, among: As of ShotSelector.
    """

    def prepare(self, queries: Sequence[Record], supports: Sequence[Record], count: int) -> None:
        super().prepare(queries, supports, count)
        self._pool = ShotPool((record_key(record), i) for i, record in enumerate(supports))

    def select(self, query: Record, count: int, rng: Random) -> list[int]:
        if self.takes_all_supports:
            return rng.sample(self.candidates(query), count)
        return self._pool.draw(rng, count, query['image_id'])


@SHOT_SELECTORS.register_module('listed')
class ListedShots(ShotSelector):
    """Takes the first of the supports that are listed for a query.

    Args:
        file: JSON object with the ids of the supports for the id of each query. Without it, queries list their supports
            themselves, under `support_image_ids` or `support_question_ids` in the annotation file.
        order: As of ShotSelector.
    """

    def __init__(self, file: str | None = None, order: str = 'selected') -> None:
        super().__init__(order, among='listed')
        self.lists = SupportLists(file)

    def select(self, query: Record, count: int, rng: Random) -> list[int]:
        return self.candidates(query)[:count]


@SHOT_SELECTORS.register_module('class_balanced')
class ClassBalancedShots(ShotSelector):
    """Draws equally many shots of each class; where that doesn't come out even, the classes with one more are drawn too.

    Args:
        label: Field of a record that holds its class.
        classes: The classes to draw from; None takes all that the supports have.
        order: As of ShotSelector; 'selected' cycles through the classes.
    """

    def __init__(
        self, label: str = 'majority_answer', classes: Sequence | None = None, order: str = 'shuffled'
    ) -> None:
        super().__init__(order)
        self.label = label
        self.classes = classes

    def prepare(self, queries: Sequence[Record], supports: Sequence[Record], count: int) -> None:
        members = defaultdict(list)
        for index, record in enumerate(supports):
            if self.label not in record:
                raise ValueError(
                    f"shot_selector='class_balanced': supports have no field {self.label!r}; choose label of "
                    f'{sorted(record)}.'
                )
            members[record[self.label]].append(index)
        wanted = sorted(members, key=str) if self.classes is None else list(self.classes)
        most = -(-count // max(len(wanted), 1))
        short = {name: len(members.get(name, ())) for name in wanted if len(members.get(name, ())) < most}
        if short or not wanted:
            raise ValueError(
                f"shot_selector='class_balanced': {count} shots of {len(wanted)} classes need {most} supports of each, "
                f'but there are fewer of {some(f"{name}: {n}" for name, n in short.items())}. '
                'Ask for fewer shots, or name the classes to draw from.'
            )
        self._pools = [ShotPool((record_key(supports[i]), i) for i in members[name]) for name in wanted]

    def select(self, query: Record, count: int, rng: Random) -> list[int]:
        pools = rng.sample(self._pools, len(self._pools))
        whole, rest = divmod(count, len(pools))
        drawn = [pool.draw(rng, whole + (i < rest), query['image_id']) for i, pool in enumerate(pools)]
        return [shots[turn] for turn in range(whole + 1) for shots in drawn if turn < len(shots)]


class SupportLists:
    """The supports that are listed for each query.

    Args:
        file: As of ListedShots.
    """

    def __init__(self, file: str | None = None) -> None:
        self._lists = None if file is None else _read_lists(file)

    def of(self, record: Record) -> Sequence | None:
        """The ids listed for a record; None for one that is not a query."""
        return record.get('support_ids') if self._lists is None else self._lists.get(str(record['sample_id']))

    def check(self, queries: Sequence[Record], supports: Sequence[Record], count: int) -> None:
        """Raise if a query's list is too short, or if its first ids are unknown or of its own image."""
        index_of = {record['sample_id']: index for index, record in enumerate(supports)}
        counts = Counter(record['sample_id'] for record in supports)
        lists = {query['sample_id']: self.of(query) or () for query in queries}
        short = {key: len(ids) for key, ids in lists.items() if len(ids) < count}
        if short:
            raise ValueError(
                f"shot_selector='listed': {count} shots a query need {count} listed supports, but {len(short)} of "
                f'{len(queries)} queries list fewer: {some(f"{k}: {n}" for k, n in short.items())}.'
            )
        unknown = {i for ids in lists.values() for i in ids[:count] if i not in index_of}
        if unknown:
            check_same_writing(unknown | index_of.keys(), 'support', "shot_selector='listed'")
            raise ValueError(
                f"shot_selector='listed': {len(unknown)} listed ids are not among the {len(supports)} supports: "
                f'{some(unknown)}. Name the support file that holds them.'
            )
        several = {i for ids in lists.values() for i in ids[:count] if counts[i] > 1}
        if several:
            raise ValueError(
                f"shot_selector='listed': {len(several)} listed ids are those of several supports: {some(several)}. "
                'Give each support an id of its own.'
            )
        own = [
            query['sample_id']
            for query in queries
            for i in lists[query['sample_id']][:count]
            if supports[index_of[i]]['image_id'] == query['image_id']
        ]
        if own:
            raise ValueError(f"shot_selector='listed': {len(own)} queries list their own image: {some(own)}.")


def _read_lists(file: str) -> dict[str, list[int | str]]:
    """The ids of supports by the id of their query, which JSON writes as a text.

    Raises:
        ValueError: The file holds something else.
    """
    argument, file = 'shot_selector.file', below(None, file)
    check_regular(file)
    account = Account('lists of shots, which is a JSON object with a list of ids for the id of each query')
    content = read_json(file, argument, unique_names=True)
    lists = account.read(f"{argument}: '{file}'", [('the object', content)], None, mapping_of(list_of(an_id)))
    account.check()
    return lists[0]


class ShotPool:
    """Examples ordered by image, so that a draw leaves those of one image out by a shift.

    Args:
        entries: `(record_key(record), index)` of each example, in any order.
    """

    def __init__(self, entries: Iterable[tuple[tuple, int]]) -> None:
        ordered = sorted(entries)
        self._indices = array('q', (index for _, index in ordered))
        self._spans: dict[Hashable, tuple[int, int]] = {}
        for position, ((_, image_id, *_), _) in enumerate(ordered):
            start, _ = self._spans.get(image_id, (position, position))
            self._spans[image_id] = start, position + 1

    def size_without(self, image_id: Hashable) -> int:
        """Count the examples of other images."""
        start, stop = self._spans.get(image_id, (0, 0))
        return len(self._indices) - (stop - start)

    def of_image(self, image_id: Hashable) -> list[int]:
        """Indices of the examples of one image."""
        start, stop = self._spans.get(image_id, (0, 0))
        return list(self._indices[start:stop])

    def draw(self, rng: Random, count: int, image_id: Hashable) -> list[int]:
        """Draw indices of other images, as `rng.sample` does from a list without this image."""
        start, stop = self._spans.get(image_id, (0, 0))
        places = rng.sample(range(self.size_without(image_id)), count)
        return [self._indices[p if p < start else p + stop - start] for p in places]
