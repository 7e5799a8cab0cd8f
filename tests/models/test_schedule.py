"""Schedules: rates, lengths and ends at given steps; a course goes on where its state was taken."""

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopstab.models.training.schedule import (
    FixedSteps,
    LengthCurriculum,
    from_json,
    loops_for,
    to_json,
)
from loopstab.support.errors import UsageError

RATES = [
    (FixedSteps(100, decay="published"), {0: 1.0, 59: 1.0, 60: 0.1, 99: 0.1}),
    (
        FixedSteps(100, decay="cosine"),
        {0: 1.0, 25: 0.5 + 0.5**1.5, 50: 0.5, 75: 0.5 - 0.5**1.5, 100: 0.0},
    ),
    (LengthCurriculum(bits=32, start_bits=4), {0: 1.0, 1000: 1.0}),
    (LengthCurriculum(bits=32, start_bits=24), {0: 0.5, 1000: 0.5}),
]


@pytest.mark.parametrize(("schedule", "rates"), RATES)
def test_rate_at_step(schedule, rates):
    course = schedule.start()
    assert {step: course.rate(step) for step in rates} == pytest.approx(rates)


@pytest.mark.parametrize(("bits", "loops"), [(1, 4), (4, 6), (5, 6), (16, 12), (32, 20)])
def test_loops_reach_across_the_sequence(bits, loops):
    assert loops_for(bits) == loops
    assert 2 * loops >= bits  # the window carries information two cells a loop


CURRICULA = [
    # solved at each check of five steps, (bits, polish_from) after them
    ([1.0, 1.0], (6, -1)),
    ([0.94, 0.0], (4, -1)),
    ([0.95, 0.94, 0.95], (6, -1)),
    ([1.0] * 3, (6, 15)),
    ([1.0] * 5, (6, 15)),
    ([0.0] * 6, (4, 30)),
    ([0.0] * 5 + [1.0], (5, 30)),
    ([0.0] * 7 + [1.0], (4, 30)),
]


@pytest.mark.parametrize(("solved", "end"), CURRICULA)
def test_curriculum(solved, end):
    course = LengthCurriculum(bits=6, start_bits=4, max_steps=30, polish=10).start()
    for n, share in enumerate(solved, 1):
        assert course.due(5 * n)
        assert not course.due(5 * n - 1)
        course.observe(5 * n, share)
    assert (course.bits, course.polish_from) == end
    assert course.level == str(end[0])
    if end[1] >= 0:
        assert [course.done(end[1] + k) for k in (0, 9, 10)] == [False, False, True]
        assert [course.rate(end[1] + k) for k in (0, 5, 10)] == pytest.approx([1.0, 0.5, 0.0])
    else:
        assert not course.done(10**9)


SCHEDULES = st.one_of(
    st.builds(
        LengthCurriculum,
        bits=st.integers(4, 40),
        lr_bits=st.integers(1, 40),
        max_steps=st.integers(1, 60),
        polish=st.integers(1, 30),
    ),
    st.builds(
        FixedSteps,
        steps=st.integers(1, 100),
        loops=st.integers(1, 30),
        decay=st.sampled_from(["cosine", "published"]),
    ),
)


@given(SCHEDULES, st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(0, 29))
def test_a_restored_course_goes_on_alike(schedule, solved, cut):
    assert from_json(json.loads(json.dumps(to_json(schedule)))) == schedule
    whole, part = schedule.start(), schedule.start()
    step = 0
    for n, share in enumerate(solved):
        if whole.done(step + schedule.check_every):
            break
        step += schedule.check_every
        whole.observe(step, share)
        part.observe(step, share)
        if n == cut:
            state = json.loads(json.dumps(part.state()))
            part = schedule.start()
            part.restore(state, step)
    for s in range(step, step + 80):
        assert (whole.rate(s), whole.level, whole.loops, whole.done(s), whole.due(s)) == (
            part.rate(s),
            part.level,
            part.loops,
            part.done(s),
            part.due(s),
        )
        if not whole.done(s):
            assert 0 <= whole.rate(s) <= 1
            assert math.isfinite(whole.rate(s))


BAD = [
    (LengthCurriculum, {"bits": 3}, "start_bits"),
    (LengthCurriculum, {"advance_at": 0.0}, "advance_at must be a finite number above 0 up to 1"),
    (LengthCurriculum, {"polish": 0}, "polish"),
    (FixedSteps, {"steps": 0}, "steps"),
    (FixedSteps, {"loops": 1.5}, "loops"),
    (FixedSteps, {"decay": "linear"}, "cosine, published"),
]


@pytest.mark.parametrize(("kind", "options", "words"), BAD)
def test_wrong_settings(kind, options, words):
    with pytest.raises(UsageError, match=words):
        kind(**options)


def test_wrong_json():
    with pytest.raises(UsageError, match="one of length-curriculum, fixed-steps, not 'daily'"):
        from_json({"kind": "daily"})
    with pytest.raises(UsageError, match=r"schedule\.'bits' is unknown"):
        from_json({**to_json(FixedSteps()), "bits": 3})
    with pytest.raises(UsageError, match=r"schedule\.steps is missing"):
        from_json({"kind": "fixed-steps"})
    assert dataclasses.asdict(FixedSteps())["steps"] == 2000
