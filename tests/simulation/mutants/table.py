"""All mutants by name."""

from __future__ import annotations

from tests.simulation.mutants.beside import BESIDE
from tests.simulation.mutants.fulfillments import FULFILLMENTS
from tests.simulation.mutants.intake import INTAKE
from tests.simulation.mutants.orders import ORDERS
from tests.simulation.mutants.queue import QUEUE
from tests.simulation.mutants.shell import SHELL

MUTANTS = {one.name: one for one in (*INTAKE, *QUEUE, *ORDERS, *FULFILLMENTS, *BESIDE, *SHELL)}
