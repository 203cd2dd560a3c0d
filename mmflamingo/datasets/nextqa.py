"""NExT-QA, questions about why and how: with five choices, and open-ended."""

from typing import Any

from mmflamingo.registry import DATASETS

from .base import Record
from .questions import question_record
from .shots.few_shot import SupportFileMixin
from .video_questions import CSVQuestions


class _NExTQAFile(CSVQuestions):
    """Base of both.

    Args:
        map_file: `map_vid_vidorID.json`, which tells the files of the videos; empty where they are named by their ids.
        kwargs: Arguments of `VideoQuestionFile`.
    """

    video_name = '{video_id}.mp4'

    def __init__(self, *args, map_file: str = '', **kwargs) -> None:
        self.map_file = map_file
        self.place_of: dict[str, str] = {}
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `map_file` and `ann_file`."""
        if self.map_file:
            self.place_of = self.load_annotations(self._under_root(self.map_file), 'map_file')
        return super().load_data_list()

    def record_of(self, entry: Any, **fields: Any) -> Record:
        """Make a record of a question with further fields; `qid` counts the questions of a video."""
        video_id = entry['video']
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

    Files: https://github.com/doc-doc/NExT-QA. Arguments of `VideoQuestionFile`, and `map_file`: `map_vid_vidorID.json`, which
    tells the files of the videos; empty where they are named by their ids.
    """

    task = 'multiple_choice'
    layout = 'a CSV file with video, question, answer, qid, type, a0 to a4'

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        choices = [entry[f'a{number}'] for number in range(5)]
        return self.record_of(entry, choices=choices, right=int(entry['answer']) if entry.get('answer') else None)


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

    def __init__(self, *args, more_answers_file: str = '', **kwargs) -> None:
        self.more_answers_file = more_answers_file
        self.more_answers: dict[str, dict[str, str]] = {}
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `more_answers_file`, `map_file` and `ann_file`."""
        if self.more_answers_file:
            path = self._under_root(self.more_answers_file)
            self.more_answers = self.load_annotations(path, 'more_answers_file')
        return super().load_data_list()

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        more = self.more_answers.get(entry['video'], {}).get(entry['qid'])
        return self.record_of(entry, answers=[answer for answer in (entry['answer'], more) if answer])


@DATASETS.register_module()
class FlamingoEvalNExTQAOpenEnded(SupportFileMixin, NExTQAOpenEnded):
    """Few-shot open-ended NExT-QA; arguments of `SupportFileMixin` and `NExTQAOpenEnded`."""
