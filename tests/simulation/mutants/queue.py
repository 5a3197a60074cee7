"""Mutants of the middle: marks, leases, batches, intents, attempts and budgets."""

from __future__ import annotations

from syncd.budget import WindowBudget
from syncd.flows import claim, ending, looks, settle
from syncd.flows.batch import Batches
from syncd.store import journal, mark_updates, marks
from tests.simulation.mutants.planting import Edit, Mutant

INTENDS = "intents = await self._db.run(intend(self._flow.name, token, intents, remembered, intended_at), ahead=True)"
APPLIES = "outcomes = await self._flow.apply(steps, turn, intended_at, looked_at)"

QUEUE = (
    Mutant(
        "done_before_call",
        "a mark is settled before its calls are made",
        (
            Edit(
                Batches._carry_out,
                APPLIES,
                "from syncd.store.marks import settle; "
                f"await self._db.run(settle(self._flow.name, [one.claimed for one in ready], token)); {APPLIES}",
            ),
        ),
    ),
    Mutant(
        "settled_without_token",
        "whoever lost its lease settles all the same",
        (
            Edit(mark_updates._ours, "IS_OURS", 'COLUMNS.flow == bindparam("b_flow")'),
            Edit(mark_updates._each, "IS_OURS", 'COLUMNS.flow == bindparam("b_flow")'),
        ),
        orders=100,
        seed=32373,
    ),
    Mutant(
        "lease_not_renewed",
        "whoever waited for its turn longer than its lease lasts sends all the same",
        (Edit(Batches._carry_out, "ready = await self._still_ours(token, ready)", "pass"),),
        test="tests/stories/test_backlog.py::test_an_order_that_is_cancelled_while_it_waits_for_its_turn_is_never_sent",
    ),
    Mutant(
        "wake_up_lost",
        "settling also settles the mark that came during the work",
        (Edit(mark_updates.settled, "settled=COLUMNS.claimed", "settled=COLUMNS.marked"),),
        test="tests/store/test_marks.py::test_a_mark_during_the_work_makes_the_subject_due_again[sqlite]",
    ),
    Mutant(
        "lease_for_ever",
        "what a dead worker held stays its own",
        (Edit(marks.claim, "timedelta(seconds=lease_s)", "timedelta(days=36500)"),),
        needs=("kill",),
    ),
    Mutant(
        "leases_ignored",
        "what somebody works on is claimed once more",
        (
            Edit(
                marks.claim,
                "_due_at(flow, now, settle_s)",
                '_due_at(flow, now, settle_s) | {"b_now": now + timedelta(hours=1)}',
            ),
        ),
        needs=("timeout_after",),
    ),
    Mutant(
        "intent_after_call",
        "what will be sent is written down when the answer is here",
        (
            Edit(Batches._carry_out, INTENDS, "pass"),
            Edit(Batches._carry_out, APPLIES, f"{APPLIES}; {INTENDS}"),
        ),
    ),
    Mutant(
        "crash_forgets_intents",
        "a call that was under way when the daemon died is not in doubt",
        (
            Edit(
                claim.read_known,
                "open_entries(refs)(session), ",
                '{ref: [one for one in some if one.outcome == "unknown"] for ref, some in open_entries(refs)(session).items()}, ',
            ),
        ),
        test="tests/flows/test_failures.py::test_what_was_under_way_when_the_daemon_died_is_no_edit_of_the_warehouse",
    ),
    Mutant(
        "rows_read_after_shopify",
        "our rows are read after Shopify was: a package reported in between looks as if its goods were wanted once more",
        (
            Edit(
                Batches._look,
                "sightings = await self._flow.observe({claimed.subject: known for claimed, known in work.items()})",
                "sightings = await self._flow.observe({claimed.subject: known for claimed, known in work.items()})\n"
                "        work = await self._read_again(list(work))",
            ),
        ),
        test="tests/flows/test_failures.py::test_a_package_that_is_told_while_shopify_is_read_asks_for_nobody",
    ),
    Mutant(
        "dropped_instead_of_parked",
        "what a person should look at is settled and told to nobody",
        (
            Edit(mark_updates.parked, "parked=COLUMNS.claimed", "settled=COLUMNS.claimed"),
            Edit(ending.ending_of, "worst.text, order=row)", "worst.text)"),
        ),
        orders=100,
        seed=32373,
    ),
    Mutant(
        "cancelled_while_it_waited",
        "an order that waited for its turn is sent although its cancellation was told meanwhile",
        (Edit(Batches._still_ours, "token, until, sent)", "token, until)"),),
        test="tests/stories/test_backlog.py::test_an_order_that_is_cancelled_while_it_waits_for_its_turn_is_never_sent",
    ),
    Mutant(
        "step_ended_twice",
        "a step that was confirmed counts as abandoned once its order is closed",
        (Edit(journal._close_of_keys, "text(IS_OPEN),", ""),),
    ),
    Mutant(
        "attempts_uncounted",
        "a failed attempt leaves no trace: it is tried again at once and for ever",
        (Edit(marks.defer, "int(counts_attempt)", "0"),),
        test="tests/store/test_marks.py::test_deferred_waits_for_its_time_even_when_marked_again[sqlite]",
    ),
    Mutant(
        "throttle_counted",
        "a throttled call counts as a failed attempt of its order",
        (
            Edit(
                looks.outcome_of,
                "case ThrottledError():\n            return Outcome(Result.POSTPONED",
                "case ThrottledError():\n            return Outcome(Result.UNKNOWN",
            ),
        ),
        needs=("e429",),
    ),
    Mutant(
        "waits_forgotten",
        "an order that is to be looked at again later is settled",
        (Edit(ending.ending_of, 'if plan.look_again_at:\n', 'if False:\n'),),
    ),
    Mutant(
        "other_flow_untold",
        "what the shipments flow did is no reason to look at the order again",
        (Edit(settle._lessons, 'yield mark([Mark("orders", verdict.claimed.subject)', 'yield mark([] and [Mark("orders", verdict.claimed.subject)'),),
        test="tests/intake/test_feeds.py::test_what_a_late_look_at_a_package_finds_reaches_the_state_of_its_order",
    ),
    Mutant(
        "budget_of_each_process",
        "each process counts its calls for itself",
        (Edit(WindowBudget._ask, "take_grant(self._account,", 'take_grant(f"{self._account} {id(self)}",'),),
        test="tests/test_budget.py::test_replicas_share_one_window",
    ),
    Mutant(
        "budget_blind_to_others",
        "what somebody else does with the key is not counted",
        (Edit(WindowBudget.note, "self._told(call, limit - remaining, reset_s)", "self._told(call, 0, reset_s)"),),
        test="tests/test_budget.py::test_calls_of_somebody_else_are_counted",
    ),
    Mutant(
        "throttle_ignored",
        "after a 429 everybody else goes on calling",
        (
            Edit(
                WindowBudget.throttled,
                "await self._db.run(block(self._account, now, self._blocked_until, self._longest_s), ahead=True)",
                "return",
            ),
        ),
        test="tests/test_budget.py::test_a_refusal_stops_everybody_until_the_window_ends",
    ),
)  # fmt: skip
