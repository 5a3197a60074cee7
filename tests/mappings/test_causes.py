from __future__ import annotations

from mappings.causes import MEANINGS, Cause, State, state_of


def test_every_cause_has_one_meaning_and_every_state_a_cause() -> None:
    assert MEANINGS.keys() == set(Cause)
    assert {state_of(cause) for cause in Cause} == set(State)


def test_codes_are_lower_case_words() -> None:
    assert all(cause.value == cause.name.lower() for cause in Cause)
    assert all(meaning.sentence.endswith(".") and meaning.next_step.endswith(".") for meaning in MEANINGS.values())
