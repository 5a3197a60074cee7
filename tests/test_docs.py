"""The documentation says what the code says. `python -m tests.test_docs` writes the generated pages anew."""

from __future__ import annotations

from pathlib import Path

from mappings.causes import MEANINGS, Cause, State

ROOT = Path(__file__).parent.parent
CAUSES = ROOT / "docs" / "causes.md"


def causes_page() -> str:
    head = [
        "# Every state and every cause",
        "",
        "Every order is in exactly one state, and every state has one cause. `syncd explain ORDER` shows both. The codes",
        "never change their meaning. This page is generated from `mappings/causes.py`.",
    ]
    body = [line for state in State for line in _section(state)]
    return "\n".join([*head, *body, ""])


def _section(state: State) -> list[str]:
    rows = [
        f"| `{cause}` | {meaning.sentence} | {meaning.next_step} |"
        for cause, meaning in MEANINGS.items()
        if meaning.state is state
    ]
    return ["", f"## {state}", "", "| cause | what is so | what to do |", "|---|---|---|", *rows]


def test_every_cause_has_one_meaning() -> None:
    assert set(MEANINGS) == set(Cause)


def test_the_page_of_causes_is_what_the_code_says() -> None:
    assert CAUSES.read_text(encoding="utf-8") == causes_page()


if __name__ == "__main__":
    CAUSES.write_text(causes_page(), encoding="utf-8")
