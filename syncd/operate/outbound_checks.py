"""Whether help desks can be reached, and whether they take what we sign: a message of its own type that says nothing.

Standard Webhooks know no other way: only a signed message shows that both sides have the same secret, and receivers let pass what they
do not know (standardwebhooks.com, 2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence

from mappings.outbound import TEST_TYPE, endpoint_id, trial_message
from syncd.errors import SyncError, UncertainError
from syncd.flows.outbound import TIMEOUT_S, new_webhook_id, post_signed
from syncd.http import json_bytes
from syncd.operate.checks import Check, Finding, fault, ok
from syncd.ports import Clock, Http, Rng
from syncd.settings.groups import Outbound

UNSIGNED = "Give it the same secret as in the settings, and see that it checks signatures of Standard Webhooks."
ADDRESS = "Check the path of its url: there must be something that takes POST."
CURES = {
    400: f"See its own log: either the secret differs, or it does not let types pass that it does not know, such as {TEST_TYPE}.",
    401: UNSIGNED,
    403: UNSIGNED,
    404: ADDRESS,
    405: ADDRESS,
    410: "It wants no more webhooks at this address: take the entry out of the settings, or correct its url.",
}
FURTHER = "Set url to the address where it answers: redirects are not followed."
LATE = f"See whether it runs; it has {TIMEOUT_S:.0f} seconds, so it should answer first and work afterwards."
NOWHERE = "Check the name, the port and the certificate of its url. A receiver in your own network needs allow_private = true."
ITS_LOG = "See the log of the receiver; what it does not take is tried again for three days."


async def check_receivers(endpoints: Sequence[Outbound], http: Http, clock: Clock, rng: Rng) -> Finding:
    return [await _receiver(one, http, clock, rng) for one in endpoints]


async def _receiver(endpoint: Outbound, http: Http, clock: Clock, rng: Rng) -> Check:
    name, now = f"outbound {endpoint_id(endpoint.url)}", clock.now()
    try:
        status = await post_signed(http, endpoint, new_webhook_id(rng), json_bytes(trial_message(now)), now)
    except UncertainError as error:
        return fault(name, f"gives no answer ({error})", LATE)
    except SyncError as error:
        return fault(name, f"cannot be reached ({error})", NOWHERE)
    if 200 <= status < 300:
        return ok(name, f"took a message of type {TEST_TYPE} ({status})")
    cure = FURTHER if 300 <= status < 400 else CURES.get(status, ITS_LOG)
    return fault(name, f"answered {status} to a message of type {TEST_TYPE}", cure)
