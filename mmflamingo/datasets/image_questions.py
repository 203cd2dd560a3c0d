"""Open-ended questions about images in files of one's own layout: TextVQA, VizWiz and GQA.

Files in the layout of VQAv2, OK-VQA's and those that OpenFlamingo made of TextVQA and VizWiz, are read by `COCOVQA`.
"""

from collections.abc import Iterable
from typing import Any

from mmflamingo.registry import DATASETS

from .base import Record
from .fields import an_id, answers, any_text, file_name, references, text
from .layouts import Layout, all_or_none
from .questions import QuestionFile, question_record
from .shots.few_shot import SupportFileMixin


@DATASETS.register_module()
class TextVQA(QuestionFile):
    """Questions about text in images, ten answers each: `TextVQA_0.5.1_{train,val,test}.json`.

    Images are `{image_id}.jpg`; those of train and val both lie in `train_images`. Files: https://textvqa.org/dataset/.
    """

    layout = "a JSON object with a list 'data' of questions"
    fields = Layout(question_id=an_id, image_id=an_id, question=text, answers=all_or_none(references))

    def entries(self, path: str, argument: str) -> Iterable[tuple[int, Any]]:
        """Load the list `data`."""
        return self.load_list(path, argument, 'data')

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        image_id = entry['image_id']
        return question_record(
            entry['question_id'],
            image_id,
            f'{image_id}.jpg',
            answers=entry.get('answers'),
            question=entry['question'],
        )


@DATASETS.register_module()
class FlamingoEvalTextVQA(SupportFileMixin, TextVQA):
    """Few-shot TextVQA; arguments of `SupportFileMixin` and `TextVQA`."""


@DATASETS.register_module()
class VizWiz(QuestionFile):
    """Questions that blind people asked about their photos, ten answers each: `{train,val,test}.json`.

    An image has one question, so its file name is the id of both. Files: https://vizwiz.org/tasks-and-datasets/vqa/.
    """

    layout = 'a JSON list of {image, question, answers}'
    fields = Layout(image=file_name, question=text, answers=all_or_none(answers), answer_type=all_or_none(any_text))

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        return question_record(
            entry['image'],
            entry['image'],
            entry['image'],
            answers=entry.get('answers'),
            question=entry['question'],
            answer_type=entry.get('answer_type'),
        )


@DATASETS.register_module()
class FlamingoEvalVizWiz(SupportFileMixin, VizWiz):
    """Few-shot VizWiz; arguments of `SupportFileMixin` and `VizWiz`."""


@DATASETS.register_module()
class GQA(QuestionFile):
    """Questions made of scene graphs, one answer each: `{train,val,testdev,test}_balanced_questions.json`.

    Images are `{imageId}.jpg`. Files: https://cs.stanford.edu/people/dorarad/gqa/download.html.
    """

    layout = 'a JSON object with a question for each question id'
    fields = Layout(
        question_id=an_id,
        imageId=an_id,
        question=text,
        answer=all_or_none(text),
        types=all_or_none(Layout(structural=any_text)),
    )

    def entries(self, path: str, argument: str) -> Iterable[tuple[str, Any]]:
        """Load the questions with their ids."""
        return self.load_keyed(path, argument, 'question_id')

    def record(self, entry: Any) -> Record:
        """Make a record of a question."""
        image_id, types = entry['imageId'], entry.get('types')
        return question_record(
            entry['question_id'],
            image_id,
            f'{image_id}.jpg',
            answers=[entry['answer']] if entry.get('answer') else (),
            question=entry['question'],
            question_type=types and types['structural'],
        )


@DATASETS.register_module()
class FlamingoEvalGQA(SupportFileMixin, GQA):
    """Few-shot GQA; arguments of `SupportFileMixin` and `GQA`."""
