"""What a parcel would cost before it is there: V1 asks one carrier a call, V2 all of them at once.

V1 `POST /shipments/getrates` tells no days, and no currency; V2 `POST /v2/rates/estimate` tells both (vendor's pages, 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from mappings.rates import Parcel, Rate
from syncd.budget import Call, Urgency, WindowBudget
from syncd.errors import TransientError
from syncd.shipstation import reads, v2_reads
from syncd.shipstation.client import ACCOUNT as V1_ACCOUNT
from syncd.shipstation.client import ShipStationClient
from syncd.shipstation.v2_client import ACCOUNT as V2_ACCOUNT
from syncd.shipstation.v2_client import ShipStationV2Client

Found = dict[str, tuple[Rate, ...]]
"""By carrier, each that was asked; empty where it will not carry the parcel."""


class Places(NamedTuple):
    """`origins`: warehouse id -> where it is, None for the default one. `carriers`: codes of all that are connected."""

    origins: Mapping[int | None, reads.Origin]
    carriers: tuple[str, ...]


class RateSource(Protocol):
    account: str
    at_once: int
    """How many carriers one call asks."""

    @property
    def budget(self) -> WindowBudget:
        """Where the call for `rates` comes from."""

    async def places(self) -> Places: ...

    async def rates(self, parcel: Parcel, origin: reads.Origin, carriers: Sequence[str], granted: Call) -> Found:
        """One call. Raises what the client raises; `RejectedError` where these carriers will not."""


class V1Rates:
    account = V1_ACCOUNT
    at_once = 1

    def __init__(self, client: ShipStationClient) -> None:
        self._client = client

    @property
    def budget(self) -> WindowBudget:
        return self._client.budget

    async def places(self) -> Places:
        return Places(await reads.origins(self._client), tuple(await reads.carriers(self._client)))

    async def rates(self, parcel: Parcel, origin: reads.Origin, carriers: Sequence[str], granted: Call) -> Found:
        (carrier,) = carriers
        body = {
            "carrierCode": carrier,
            "packageCode": parcel.package,
            "fromPostalCode": origin.postal_code,
            "fromCity": origin.city,
            "fromState": origin.state,
            "toCountry": parcel.country,
            "toState": parcel.state,
            "toPostalCode": parcel.postal_code,
            "weight": {"value": parcel.weight_grams, "units": "grams"},
            "confirmation": parcel.confirmation,
            "residential": parcel.is_residential,
        }
        rows = await self._client.post("/shipments/getrates", body, Urgency.RATES, granted)
        if not isinstance(rows, list):
            raise TransientError("malformed", "/shipments/getrates is no list")
        return {carrier: tuple(_rate(carrier, row) for row in rows)}


class V2Rates:
    account = V2_ACCOUNT
    at_once = 100

    def __init__(self, client: ShipStationV2Client) -> None:
        self._client = client
        self._ids: dict[str, list[str]] = {}

    @property
    def budget(self) -> WindowBudget:
        return self._client.budget

    async def places(self) -> Places:
        ids: dict[str, list[str]] = {}
        for one in await v2_reads.carriers(self._client):
            ids.setdefault(one.code, []).append(one.carrier_id)
        self._ids = ids
        return Places(await v2_reads.origins(self._client), tuple(ids))

    async def rates(self, parcel: Parcel, origin: reads.Origin, carriers: Sequence[str], granted: Call) -> Found:
        wish = {
            "carrier_ids": [one for carrier in carriers for one in self._ids.get(carrier, ())],
            "from_country_code": origin.country,
            "from_postal_code": origin.postal_code,
            "from_city_locality": origin.city,
            "from_state_province": origin.state,
            "to_country_code": parcel.country,
            "to_postal_code": parcel.postal_code,
            "to_state_province": parcel.state,
            "weight": {"value": parcel.weight_grams, "unit": "gram"},
            "confirmation": parcel.confirmation,
            "address_residential_indicator": "yes" if parcel.is_residential else "no",
        }
        found: dict[str, list[Rate]] = {carrier: [] for carrier in carriers}
        for package, rate in await v2_reads.estimates(self._client, wish, granted):
            if not rate.refusal and package in (None, "", parcel.package) and rate.carrier_code in found:
                amount = Decimal(str(rate.amount))
                days = rate.days if isinstance(rate.days, int) else None
                found[rate.carrier_code].append(Rate(rate.carrier_code, rate.service_code, amount, rate.currency, days))
        return {carrier: tuple(rates) for carrier, rates in found.items()}


def _rate(carrier: str, row: Any) -> Rate:
    try:
        amount = Decimal(str(row["shipmentCost"])) + Decimal(str(row.get("otherCost") or 0))
        return Rate(carrier, str(row["serviceCode"]), amount)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise TransientError("malformed", f"a rate without {error}") from error
