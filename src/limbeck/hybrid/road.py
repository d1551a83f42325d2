"""Section 4's road over a study: baseline, ensemble, one choice, distilled nets, words; and section 6's table."""

import torch

from limbeck.conclusion import Result
from limbeck.evidence import setting_rows
from limbeck.hybrid.choosing import best_of, kept_scales, tried
from limbeck.hybrid.findings import ENSEMBLE, frames_told, parts_told, scales_told, tries_told, words_told
from limbeck.hybrid.ground import Ground
from limbeck.hybrid.lessons import LONG_TWIN, STUDENT, TWIN, MeanLogits, first_alone, for_students, parts, student, twin
from limbeck.hybrid.shown import speech_of
from limbeck.hybrid.tables import Logits, frame_rows, heard_by, word_rows
from limbeck.hybrid.transcriber import save_transcriber, transcriber_of
from limbeck.judge import count_parameters, measure
from limbeck.report.speech import keep_speech
from limbeck.study import as_trained
from limbeck.teachers import Ensemble, predict

TEACHER = "teacher"


def travel(ground: Ground) -> Result:
    """Take section 4's road and return what it came to.

    One ensemble serves all seeds; baseline and distilled nets are one a seed.

    Raises:
        LimbeckError: as training, decoding and shipping do; what was finished is kept.
    """
    study, plan = ground.study, ground.plan
    study.check(ground.make_net(), plan.budget)
    fitted = study.teach(TEACHER, ground.make_net, study.train, plan.budget, plan.members)
    together = MeanLogits([each.net for each in fitted])
    targets = study.soften(as_trained(together, plan.budget), study.train, plan.views)
    baseline = study.compare(lambda _: [twin(ground)])
    scales = kept_scales(ground, baseline[TWIN][0])
    tries = tried(ground, targets)
    temperature, hard_weight = best_of(tries)

    trials = study.compare(
        lambda seed: [
            twin(ground),
            student(ground, targets, temperature, hard_weight),
            *parts(ground, targets, temperature, seed),
        ],
        controlled=[STUDENT],
        random_teacher=ground.make_student,
    )
    if plan.longer > 1:
        longer = twin(ground, setting=LONG_TWIN, budget=for_students(ground))
        trials |= first_alone(study).compare(lambda _: [longer])
    with torch.inference_mode():
        said = predict(together, study.test)
    teachers = [study.trial(each) for each in fitted]
    logits: Logits = {
        TEACHER: [each.test_logits for each in teachers],
        ENSEMBLE: [said],
        **{name: [each.test_logits for each in own] for name, own in trials.items()},
    }
    systems = heard_by(ground, {name: logits[name] for name in (TWIN, ENSEMBLE, STUDENT)}, scales)
    rows = study.rows({TEACHER: teachers}, None)
    rows += setting_rows(ENSEMBLE, [[measure(said, study.labels, None, count_parameters(together))]], {})
    rows += study.rows(trials, said)
    rows += frame_rows(ground, logits) + word_rows(ground, systems)
    keep_speech(study.run.folder, speech_of(ground, logits, systems, scales))
    findings = [
        *scales_told(ground, scales),
        *tries_told(ground, tries, (temperature, hard_weight)),
        *frames_told(ground, logits),
        *words_told(systems),
        *parts_told(ground, logits),
        *study.controls_told(trials, STUDENT),
    ]
    result = study.conclude(
        rows,
        findings,
        trials,
        teacher=(ENSEMBLE, said),
        asked=Ensemble([each.net for each in fitted], mean="geometric"),
        twin=TWIN,
        student=STUDENT,
        teacher_validation=study.validation_logits(together),
    )
    if ground.front is not None:
        save_transcriber(study.run.folder, transcriber_of(ground, ground.front, scales))
    return result
