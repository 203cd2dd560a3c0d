# MSVD-QA test (13,157 questions), exact match; shots from train.
_base_ = ['../evaluation/videos.py']

test_dataloader = dict(
    dataset=dict(
        type='FlamingoEvalMSVDQA',
        data_root='data/msvdqa',
        ann_file='test_qa.json',
        support_ann_file='train_qa.json',
        data_prefix=dict(img_path='videos'),
        num_shots=0,
        num_support_examples=2048,
        num_query_examples=-1,
        seed=0,
        pipeline={{_base_.eval_pipeline}},
    )
)
test_evaluator = dict(type='AnswerMatch', by='question_type')

how_to_get_data = {
    'data/msvdqa': 'fetch MSVD-QA.zip and YouTubeClips.tar as https://github.com/xudejing/video-question-answering says, and '
    'name the videos by youtube_mapping.txt: data/msvdqa/videos/vid1.avi, ...',
}
