"""Mutants of the shell: sockets, files, headers and long lists. No seed reaches them; each has a test of its own."""

from __future__ import annotations

from syncd import logs
from syncd.http import AiohttpHttp
from syncd.intake.shifts import Shift
from syncd.shipstation import lists
from syncd.shipstation import webhooks as shipstation_webhooks
from syncd.shipstation.wire import Wire
from syncd.shopify import webhooks
from syncd.store import budgets, sqlite
from syncd.store.sqlite import PRAGMAS
from tests.simulation.mutants.planting import Constant, Edit, Mutant

SHELL = (
    Mutant(
        "synchronous_normal",
        "a commit does not wait for the disk",
        (
            Constant(
                "syncd.store.sqlite",
                "PRAGMAS",
                tuple(one.replace("synchronous=FULL", "synchronous=NORMAL") for one in PRAGMAS),
            ),
        ),
        "tests/store/test_engine.py::test_the_pragmas_that_keep_promises_are_set",
    ),
    Mutant(
        "deferred_begin",
        "a transaction asks for the write lock only when it writes",
        (Edit(sqlite.sqlite_engine, "driver_connection.execute(begin)", 'driver_connection.execute("BEGIN")'),),
        "tests/store/test_engine.py::test_two_processes_on_one_file_wait_for_each_other",
    ),
    Mutant(
        "signature_over_json",
        "the signature of a webhook is checked over what was understood, not over what came",
        (
            Edit(
                webhooks.is_authentic,
                'given = (header or "").encode("utf-8", "replace")',
                'given = (header or "").encode("utf-8", "replace")\n    body = json.dumps(_json(body)).encode()',
            ),
        ),
        "tests/shopify/test_webhooks.py::test_the_signature_is_over_the_bytes_that_came_not_over_what_they_mean",
    ),
    Mutant(
        "redirects_followed",
        "a redirect is followed, keys and all",
        (Edit(AiohttpHttp._exchange, "allow_redirects=False", "allow_redirects=True"),),
        "tests/test_http.py::test_a_redirect_is_not_followed",
    ),
    Mutant(
        "headers_logged",
        "the headers of each call are logged",
        (
            Edit(
                Wire.send,
                "timeout_s = self.read_timeout_s",
                '__import__("syncd.logs").logs.get_logger(__name__).info("call.begun", headers=headers)\n    timeout_s = self.read_timeout_s',
            ),
            Edit(logs.keep_registered, "for key, value in event.items() if key in ALLOWED", "for key, value in event.items()"),
        ),
        "tests/test_logs.py::test_no_canary_ever_reaches_a_log_line",
    ),
    Mutant(
        "pages_trusted",
        "a list ends where the vendor's count of pages says",
        (
            Edit(lists._chunk, 'total = body.get("total")', 'total = (body.get("pages") or 0) * LARGEST_PAGE'),
            Edit(
                lists.pages,
                "is_short = seen < LARGEST_PAGE and (number - 1) * LARGEST_PAGE + seen >= chunk.total",
                "is_short = number * LARGEST_PAGE >= chunk.total",
            ),
        ),
        "tests/shipstation/test_reads.py::test_every_order_is_listed_once[zero-1-501]",
    ),
    Mutant(
        "failed_commit_untold",
        "who waited for a commit that failed hears that all is well",
        (Edit(sqlite.fail, "job.error = job.error or store_error(error)", "pass"),),
        "tests/store/test_engine.py::test_a_commit_that_fails_fails_everyone_in_the_group",
    ),
    Mutant(
        "file_unlocked",
        "two daemons may run on one SQLite file",
        (Edit(sqlite.take_file_lock, "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass"),),
        "tests/store/test_engine.py::test_a_second_daemon_on_the_same_file_is_refused",
    ),
    Mutant(
        "commits_as_the_host_likes",
        "a PostgreSQL that acknowledges before the disk has it is taken as it is",
        (Constant("syncd.store.postgres", "SESSION", "SELECT 1"),),
        "tests/store/test_engine.py::test_commits_wait_for_the_disk_even_where_the_host_says_otherwise",
    ),
    Mutant(
        "budget_unlocked",
        "two replicas read the budget at once, and each takes the last slot",
        (Edit(budgets._locked, ".with_for_update()", ""),),
        "tests/store/test_budgets.py::test_concurrent_replicas_never_take_the_same_free_slot[postgres]",
    ),
    Mutant(
        "secret_unread",
        "whoever knows the path of ShipStation's webhooks is let in",
        (Edit(shipstation_webhooks.is_secret, "return any(", "return bool(secrets) or any("),),
        "tests/intake/test_server.py::test_the_shipstation_path_is_its_secret",
    ),
    Mutant(
        "shift_not_renewed",
        "a look that takes longer than its shift is begun by a second replica, too",
        (Edit(Shift._keep, "SHIFT_S / 3", "10.0**9"),),
        "tests/intake/test_shifts.py::test_a_duty_that_takes_long_stays_with_who_began_it",
    ),
    Mutant(
        "late_shift_writes",
        "a replica that slept through its shift writes all the same",
        (Edit(Shift.run, "if not has_lease(self.name, token)(session):", "if False:"),),
        "tests/intake/test_shifts.py::test_who_slept_through_its_shift_writes_nothing",
    ),
)  # fmt: skip
