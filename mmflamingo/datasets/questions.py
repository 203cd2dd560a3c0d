"""What sets of questions about images or videos share, whatever their files look like."""

import os.path as osp
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from random import Random
from typing import Any

from mmengine.logging import print_log

from .base import FlamingoDataset, Record, check_unique, not_blank
from .fields import Misfit
from .layouts import Account, Layout

ANSWER_POLICIES = ('majority', 'sample')


class QuestionSet(FlamingoDataset):
    """Base of sets of questions, one record a question with all its answers.

    Args:
        answer_policy: The answer that an example teaches: 'majority' (the annotation file's own choice, or else the most
            common one), or 'sample', one of all.
        kwargs: Arguments of `FlamingoDataset`.
    """

    task = 'vqa'
    shot_fields: Sequence[str] = ('question',)  # what an example shows beside its answer

    def __init__(self, *args, answer_policy: str = 'majority', **kwargs) -> None:
        if answer_policy not in ANSWER_POLICIES:
            raise ValueError(f'answer_policy={answer_policy!r} is not known; choose one of {ANSWER_POLICIES}.')
        self.answer_policy = answer_policy
        super().__init__(*args, **kwargs)

    def choose_output(self, record: Record, rng: Random, group: Hashable = None) -> tuple[str, Hashable]:
        """Choose the majority answer or one of all, as `answer_policy` says."""
        sample = self.answer_policy == 'sample'
        answer = rng.choice(not_blank(record['gt_answer'])) if sample else record['majority_answer']
        return answer, record.get('group')

    def has_output(self, record: Record) -> bool:
        """Say whether the question has answers."""
        return bool(record['gt_answer'])

    def as_shot(self, record: Record, output: str) -> Record:
        """Make an example with the chosen answer."""
        ids = {key: record[key] for key in ('sample_id', 'image_id', 'img_path')}
        return ids | {key: record[key] for key in self.shot_fields} | {'answer': output}


class QuestionFile(QuestionSet):
    """Base of sets that hold questions and answers in one file.

    A subclass states the `fields` of an entry and makes a record of it in `record`; it reads the file in `entries` if that
    is not a JSON list.
    """

    layout = 'a JSON list of questions'
    fields: Layout | None = None

    def load_data_list(self) -> list[Record]:
        """Read `ann_file`."""
        records = self.read_file(self.ann_file, self.data_prefix['img_path'], 'ann_file')
        check_unique((record['sample_id'] for record in records), 'question', self.ann_file)
        return records

    def read_file(self, path: str, img_prefix: str, argument: str) -> list[Record]:
        """Read one file into records.

        Args:
            path: The file, already joined with `data_root`.
            img_prefix: Folder of the images or videos.
            argument: Name of the argument that gave `path`, for messages.

        Raises:
            ValueError: The file has another layout; lists the values that do not fit.
        """
        account = Account(f'{type(self).__name__}, which is {self.layout}')
        records = account.read(f"{argument}: '{path}'", self.entries(path, argument), self.fields, self.record)
        account.check()
        repeated = len(records) - len({record['sample_id'] for record in records})
        if repeated:
            print_log(f"{argument}: {repeated} question ids of '{path}' come again.", 'current')
        for record in records:
            record['task'] = self.task
            record['img_path'] = osp.join(img_prefix, record['img_path'])
        return records

    def entries(self, path: str, argument: str) -> Iterable[tuple[int | str, Any]]:
        """Load what the file lists, one entry a question, each with its place for messages."""
        return self.load_list(path, argument)

    def record(self, entry: Any) -> Record:
        """Make a record of an entry, `img_path` relative to the folder of the images."""
        raise NotImplementedError


def question_record(
    sample_id: int | str,
    image_id: int | str,
    img_path: str,
    answers: Sequence[str] = (),
    choices: Sequence[str] | None = None,
    right: int | None = None,
    **fields: Any,
) -> Record:
    """Make the record of a question.

    Args:
        sample_id: Id of the question.
        image_id: Id of its image or video.
        img_path: File of the image or video.
        answers: All references of an open-ended question; none on a test split.
        choices: Texts to rank, of a close-ended question.
        right: Number of the right one; None on a test split.
        fields: The question and what else is known.

    Raises:
        ValueError: There is no choice with the number of the right one, or a text is given for a list.
    """
    for name, value in ('answers', answers), ('choices', choices):
        if isinstance(value, str):
            raise Misfit('a list of texts', value, name)
    if choices is not None:
        fields['choices'] = list(choices)
        if right is not None:
            if not 0 <= right < len(choices):
                raise Misfit(f'the number of a choice, 0 to {len(choices) - 1}', right, 'the right choice')
            fields['gt_choice'] = right
            answers = [choices[right]]
    answers = list(answers or ())
    ids = {'sample_id': sample_id, 'image_id': image_id, 'img_path': img_path}
    return ids | {'gt_answer': answers, 'majority_answer': most_common(answers)} | fields


def most_common(answers: Sequence[str]) -> str | None:
    """The answer that most annotators gave, of equally common ones the first; None for no answers but empty ones."""
    counts = Counter(not_blank(answers))
    return counts.most_common(1)[0][0] if counts else None


def majority(answers: Sequence[str], given: str | None) -> str | None:
    """The answer that a file calls the majority's, if no other one is more common; else the most common one."""
    given_by = answers.count(given)
    if given and 2 * given_by >= len(answers):
        return given
    counted = most_common(answers)
    return given if given and given.strip() and given_by >= answers.count(counted) else counted
