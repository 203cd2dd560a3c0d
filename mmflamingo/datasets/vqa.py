"""Visual questions in the layout of VQAv2 (OK-VQA's is the same)."""

import os.path as osp
import re
from collections.abc import Hashable, Sequence
from sys import intern

from mmflamingo.registry import DATASETS

from .base import Record, check_same_writing, check_unique, some
from .fields import an_id, answers, any_text, list_of, needed, show, text
from .layouts import Account, Layout, all_or_none, optional
from .questions import QuestionSet, majority
from .shots.few_shot import FewShotMixin

OURS = {'group': optional(an_id), 'support_question_ids': optional(list_of(an_id))}
QUESTION = Layout(question_id=an_id, image_id=an_id, question=text, **OURS)
ANNOTATION = Layout(
    question_id=an_id,
    image_id=all_or_none(an_id),
    answers=needed(answers),
    multiple_choice_answer=optional(any_text),
    answer_type=all_or_none(any_text),
    question_type=all_or_none(any_text),
    **OURS,
)


@DATASETS.register_module()
class COCOVQA(QuestionSet):
    """Questions about images, one record a question with its ten answers.

    Questions and annotations are paired by `question_id`. Files:
    https://visualqa.org/download.html.

    Optional keys of ours, on a question or its annotation: `group`, `support_question_ids` (see
    `InterleavedDataset` and the shot selector 'listed').

    Args:
        question_file: `..._questions.json`.
        ann_file: `..._annotations.json`; empty on a test split.
        img_name: Template of the image file names, e.g. 'COCO_val2014_{image_id:012d}.jpg'. By
            default the COCO name of the split that the question file's name tells (train2014,
            val2014, test2015, ...).
        answer_types: Keep only the questions that the annotation file gives one of these types, e.g. ('yes/no',).
        kwargs: Arguments of `QuestionSet`.
    """

    def __init__(
        self,
        question_file: str,
        ann_file: str = '',
        *args,
        img_name: str | None = None,
        answer_types: str | Sequence[str] | None = None,
        **kwargs,
    ) -> None:
        self.question_file = question_file
        self.img_name = img_name
        self.answer_types = [answer_types] if isinstance(answer_types, str) else answer_types
        super().__init__(ann_file, *args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read `question_file` and `ann_file`."""
        return self.read(
            self._under_root(self.question_file),
            self.ann_file,
            self.data_prefix['img_path'],
            self.img_name,
        )

    def read(
        self,
        question_file: str,
        ann_file: str,
        img_prefix: str,
        img_name: str | None,
        side: str = '',
    ) -> list[Record]:
        """Read one pair of files into records.

        Args:
            question_file: The questions.
            ann_file: Their annotations; empty if there are none.
            img_prefix: Folder of the images.
            img_name: As in the constructor.
            side: 'support_' for the support set, the prefix of its arguments in messages.
        """
        template = img_name or _coco_img_name(question_file, f'{side}img_name')
        account = Account("VQAv2's files")
        questions = self._read_list(account, question_file, f'{side}question_file', 'questions', QUESTION)
        entries = []
        if ann_file:
            entries = self._read_list(account, ann_file, f'{side}ann_file', 'annotations', ANNOTATION)
        account.check()
        check_unique((entry['question_id'] for entry in questions), 'question', question_file)
        annotations = _pair(questions, entries, question_file, ann_file) if ann_file else {}
        records = [_record(question, annotations.get(question['question_id'], {})) for question in questions]
        if self.answer_types is not None:
            present = sorted({str(record['answer_type']) for record in records})
            records = [record for record in records if record['answer_type'] in self.answer_types]
            if not records:
                raise ValueError(
                    f"answer_types={self.answer_types!r}: '{ann_file}' has questions of the types {present}."
                )
        for record in records:
            record['task'] = self.task
            record['img_path'] = osp.join(img_prefix, _file_name(template, record, question_file))
        return records

    def _read_list(self, account: Account, path: str, argument: str, key: str, layout: Layout) -> list[dict]:
        content = self.load_annotations(path, argument)
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not entries:
            raise ValueError(f"{argument}: '{path}' holds no {key}. It must be a JSON object with a list '{key}'.")
        return account.read(f"{argument}: '{path}'", enumerate(entries), layout)


@DATASETS.register_module()
class FlamingoEvalCOCOVQA(FewShotMixin, COCOVQA):
    """Few-shot visual questions: support and queries disjoint by image.

    Args:
        support_question_file: Questions of the support set; None splits `question_file`.
        support_ann_file: Their annotations.
        support_img_name: Template of the support images' names; by default told by the support
            question file's name.
        support_data_prefix: Its `img_path` is the folder of the support images; `data_prefix` by
            default.
        kwargs: Arguments of `FewShotMixin` and `COCOVQA`.
    """

    def __init__(
        self,
        *args,
        support_question_file: str | None = None,
        support_ann_file: str | None = None,
        support_img_name: str | None = None,
        support_data_prefix: dict[str, str] | None = None,
        **kwargs,
    ) -> None:
        if (support_question_file is None) != (support_ann_file is None):
            raise ValueError(
                f'support_question_file={support_question_file!r} and '
                f'support_ann_file={support_ann_file!r} '
                'belong together: give both, or none to split question_file.'
            )
        self.support_question_file = support_question_file
        self.support_ann_file = support_ann_file
        self.support_img_name = support_img_name
        self.support_data_prefix = support_data_prefix
        super().__init__(*args, **kwargs)

    def load_support_list(self) -> list[Record] | None:
        """Read the support files, if there are any."""
        if self.support_question_file is None:
            return None
        return self.read(
            self._under_root(self.support_question_file),
            self._under_root(self.support_ann_file),
            self._support_img_prefix(self.support_data_prefix),
            self.support_img_name,
            side='support_',
        )


def _pair(questions: list[dict], entries: list[dict], question_file: str, ann_file: str) -> dict[Hashable, dict]:
    """Map question ids to annotations; raise unless both files are about the same questions."""
    check_unique((entry['question_id'] for entry in entries), 'annotated question', ann_file)
    annotations = {entry['question_id']: entry for entry in entries}
    check_same_writing(
        annotations.keys() | {q['question_id'] for q in questions}, 'question', f"'{question_file}' and '{ann_file}'"
    )
    unpaired = [q['question_id'] for q in questions if q['question_id'] not in annotations]
    if unpaired or len(questions) != len(annotations):
        raise ValueError(
            f"{len(questions)} questions in '{question_file}' but {len(annotations)} annotations "
            f"in '{ann_file}'; "
            f'{len(unpaired)} questions have none ({some(unpaired) or "all have one"}). '
            'Use files of the same split.'
        )
    images = [(q, annotations[q['question_id']].get('image_id')) for q in questions]
    moved = [q['question_id'] for q, image_id in images if image_id is not None and image_id != q['image_id']]
    if moved:
        raise ValueError(
            f"{len(moved)} questions have another image_id in '{ann_file}' than in "
            f"'{question_file}': {some(moved)}. "
            'Use files of the same split.'
        )
    return annotations


def _record(question: dict, annotation: dict) -> Record:
    references = [intern(answer) for answer in annotation.get('answers') or ()]
    record = {
        'sample_id': question['question_id'],
        'image_id': question['image_id'],
        'question': question['question'],
        'gt_answer': references,
        'majority_answer': majority(references, annotation.get('multiple_choice_answer')),
        'answer_type': annotation.get('answer_type'),
        'question_type': annotation.get('question_type'),
    }
    both = annotation | question
    if both.get('support_question_ids') is not None:
        record['support_ids'] = both['support_question_ids']
    if both.get('group') is not None:
        record['group'] = both['group']
    return record


def _coco_img_name(question_file: str, argument: str) -> str:
    """Tell COCO's image names from the split in a file name; test-dev2015 has test2015's."""
    match = re.search(r'(train|val|test)(?:-dev)?(20\d\d)', osp.basename(question_file))
    if match is None:
        raise ValueError(
            f"Cannot tell the COCO split from the name '{question_file}' (train2014, val2014, test2015, ...). "
            f"Say how image files are named, e.g. {argument}='COCO_val2014_{{image_id:012d}}.jpg'."
        )
    return f'COCO_{match[1]}{match[2]}_{{image_id:012d}}.jpg'


def _file_name(template: str, record: Record, question_file: str) -> str:
    image_id = record['image_id']
    try:
        return template.format(image_id=image_id)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(
            f"'{question_file}', question {show(record['sample_id'])}: img_name={template!r} does not fit "
            f'image_id={show(image_id)} ({error!r}). '
            "Its only field is {image_id}, e.g. '{image_id}.jpg'."
        ) from error
