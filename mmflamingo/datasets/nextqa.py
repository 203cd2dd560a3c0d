"""NExT-QA, questions about why and how: with five choices, and open-ended."""

from collections.abc import Iterable
from typing import Any

from mmflamingo.registry import DATASETS

from .base import Record
from .fields import Kind, Misfit, an_id, cell, mapping_of, one_of, text, whole_number
from .layouts import Account, Layout, all_or_none
from .questions import question_record
from .shots.few_shot import SupportFileMixin
from .video_questions import CSVQuestions

TYPES = ('CW', 'CH', 'TN', 'TP', 'TC', 'DB', 'DC', 'DL', 'DO')  # causal, temporal, descriptive
FIELDS = {
    'video': cell(an_id),
    'question': text,
    'answer': all_or_none(text),
    'qid': cell(an_id),
    'type': all_or_none(one_of(*TYPES)),
}
CHOICE_COLUMNS = [f'a{number}' for number in range(5)]
NUMBERS = {f'{number}{end}' for number in range(5) for end in ('', '.0')}


class _NExTQAFile(CSVQuestions):
    """Base of both.

    Args:
        map_file: `map_vid_vidorID.json`, which tells the files of the videos; empty where they are named by their ids.
        kwargs: Arguments of `VideoQuestionFile`.
    """

    video_name = '{video_id}.mp4'
    aliases = {'video_id': 'video'}  # NExT-GQA's

    def __init__(self, *args, map_file: str = '', **kwargs) -> None:
        self.map_file = map_file
        self.place_of: dict[str, str] = {}
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `map_file` and `ann_file`."""
        if self.map_file:
            expected = 'a JSON object: a path for each video id'
            self.place_of = self.load_mapping(self.map_file, 'map_file', mapping_of(text), expected)
        return super().load_data_list()

    def load_mapping(self, path: str, argument: str, kind: Kind, expected: str) -> dict[str, Any]:
        """Load a JSON object with something for each video; `expected` says what, in words."""
        path, account = self._under_root(path), Account(expected)
        content = self.load_annotations(path, argument, unique_names=True)
        mappings = account.read(f"{argument}: '{path}'", [('the object', content)], None, kind)
        account.check()
        return mappings[0]

    def record_of(self, entry: Any, **fields: Any) -> Record:
        """Make a record of a question with further fields; `qid` counts the questions of a video."""
        video_id = entry['video']
        if self.map_file and video_id not in self.place_of:
            raise Misfit(f"one of the {len(self.place_of)} ids in '{self.map_file}'", video_id, 'video')
        return question_record(
            f'{video_id}_{entry["qid"]}',
            video_id,
            self.file_of(self.place_of[video_id] if self.map_file else video_id),
            question=entry['question'],
            question_type=entry.get('type'),
            **fields,
        )


@DATASETS.register_module()
class NExTQA(_NExTQAFile):
    """Questions with five choices: `{train,val,test}.csv` of NExT-QA's multiple choice.

    Choices of a question may be equal. Files of NExT-GQA, whose answers are texts, are read too.

    Files: https://github.com/doc-doc/NExT-QA. Arguments of `VideoQuestionFile`, and `map_file`: `map_vid_vidorID.json`, which
    tells the files of the videos; empty where they are named by their ids.
    """

    task = 'multiple_choice'
    layout = 'a CSV file with video, question, answer, qid, type, a0 to a4'
    fields = Layout(**FIELDS | {'answer': all_or_none(cell(whole_number))}, **dict.fromkeys(CHOICE_COLUMNS, text))

    def entries(self, path: str, argument: str) -> Iterable[tuple[str, Any]]:
        """Load the rows; in NExT-GQA's files, where most answers are texts of choices, these become numbers."""
        rows = list(super().entries(path, argument))
        places = [_place_of_answer(row) for _, row in rows]
        if sum(place is not None for place in places) <= sum(
            row.get('answer', '').strip() in NUMBERS for _, row in rows
        ):
            return rows
        return [
            (line, row if place is None else row | {'answer': str(place)})
            for (line, row), place in zip(rows, places, strict=True)
        ]

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        choices = [entry[column] for column in CHOICE_COLUMNS]
        return self.record_of(entry, choices=choices, right=entry.get('answer'))


def _place_of_answer(row: dict) -> int | None:
    """The number of the choice that has the text of the answer."""
    choices = [row.get(column) for column in CHOICE_COLUMNS]
    return choices.index(row['answer']) if row.get('answer') in choices and 'answer' in row else None


@DATASETS.register_module()
class FlamingoEvalNExTQA(SupportFileMixin, NExTQA):
    """Few-shot NExT-QA; arguments of `SupportFileMixin` and `NExTQA`."""


@DATASETS.register_module()
class NExTQAOpenEnded(_NExTQAFile):
    """Open-ended questions: `{train,val,test}.csv` of NExT-OE.

    Files: https://github.com/doc-doc/NExT-OE.

    Args:
        more_answers_file: `add_reference_answer_test.json`, second answers of some videos' questions. Shots teach the first.
        kwargs: Arguments of `NExTQA`.
    """

    layout = 'a CSV file with video, question, answer, qid, type'
    fields = Layout(**FIELDS)

    def __init__(self, *args, more_answers_file: str = '', **kwargs) -> None:
        self.more_answers_file = more_answers_file
        self.more_answers: dict[str, dict[str, str]] = {}
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `more_answers_file`, `map_file` and `ann_file`."""
        if self.more_answers_file:
            kind, expected = mapping_of(mapping_of(text)), 'a JSON object: for each video id, an answer for each qid'
            self.more_answers = self.load_mapping(self.more_answers_file, 'more_answers_file', kind, expected)
        records = super().load_data_list()
        if self.more_answers and not any(len(record['gt_answer']) > 1 for record in records):
            raise ValueError(
                f"more_answers_file: '{self.more_answers_file}' has answers about {len(self.more_answers)} videos, but to no "
                f"questions in '{self.ann_file}'. Use the file of the same split."
            )
        return records

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        more = self.more_answers.get(entry['video'], {}).get(entry['qid'])
        return self.record_of(entry, answers=[answer for answer in (entry.get('answer'), more) if answer])


@DATASETS.register_module()
class FlamingoEvalNExTQAOpenEnded(SupportFileMixin, NExTQAOpenEnded):
    """Few-shot open-ended NExT-QA; arguments of `SupportFileMixin` and `NExTQAOpenEnded`."""
