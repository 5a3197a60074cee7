"""All settings together, and what must fit between them."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import (
    Field,
    InstanceOf,
    field_validator,
    model_validator,
)

from mappings.keys import longest_store_name
from mappings.rules import Rules
from syncd.settings.groups import Carrier, Database, Group, Limits, Log, Outbound, Privacy, Server, ShipStation, Sync
from syncd.settings.stores import Store

STORE_NAME = re.compile(r"[a-z][a-z0-9_]*")


class RulesSettings(Group):
    """Where the rules stand, and how they are read. The rules themselves are `[[rules]]`, here or in that file."""

    mode: Literal["first", "all"] | None = None
    file: str = ""
    """Beside the settings file, unless the path is absolute. Empty: the rules are in the settings file."""


class Settings(Group):
    database: Database = Database()
    server: Server = Server()
    shipstation: ShipStation
    sync: Sync = Sync()
    limits: Limits = Limits()
    privacy: Privacy = Privacy()
    log: Log = Log()
    carriers: dict[str, Carrier] = {}
    """By ShipStation's carrier code."""
    stores: dict[str, Store] = Field(min_length=1)
    outbound: tuple[Outbound, ...] = ()
    """Help desks."""
    rules_settings: RulesSettings = RulesSettings()
    rules: InstanceOf[Rules] = Rules()

    @field_validator("stores")
    @classmethod
    def _names(cls, stores: dict[str, Store]) -> dict[str, Store]:
        for name in stores:
            longest = longest_store_name()
            if not STORE_NAME.fullmatch(name) or len(name) > longest or name == "shipstation":
                raise ValueError(
                    f"{name!r}: a store name has 1 to {longest} small letters, digits or _, begins with a letter, and is not 'shipstation'"
                )
        shops = [store.shop for store in stores.values()]
        if len(set(shops)) < len(shops):
            raise ValueError("two stores name the same shop; every shop is listed once")
        return stores

    @model_validator(mode="after")
    def _stock_can_be_read(self) -> Settings:
        wanting = [name for name, store in self.stores.items() if store.stock]
        if wanting and not self.shipstation.v2_api_key.get_secret_value():
            raise ValueError(
                f"stores.{wanting[0]}.stock needs shipstation.v2_api_key, because only ShipStation's V2 API knows stock."
                " Create a key in ShipStation's settings, or remove the table"
            )
        return self

    @field_validator("outbound")
    @classmethod
    def _told_once(cls, outbound: tuple[Outbound, ...]) -> tuple[Outbound, ...]:
        if len({one.url for one in outbound}) < len(outbound):
            raise ValueError("two entries have the same url; join their events")
        return outbound

    @model_validator(mode="after")
    def _carriers_can_be_asked(self) -> Settings:
        if self.sync.delivery_news != "off" and not self.shipstation.v2_api_key.get_secret_value():
            raise ValueError(
                f'sync.delivery_news is "{self.sync.delivery_news}" and shipstation.v2_api_key is empty: only ShipStation\'s V2 API'
                ' tells where packages are. Create a key in ShipStation\'s settings, or set delivery_news = "off"'
            )
        if self.sync.notify_customer == "scan" and not self.shipstation.v2_api_key.get_secret_value():
            raise ValueError(
                'sync.notify_customer is "scan" and shipstation.v2_api_key is empty: only ShipStation\'s V2 API tells of scans.'
                ' Create a key in ShipStation\'s settings, or set notify_customer = "label"'
            )
        return self

    @model_validator(mode="after")
    def _days_can_be_asked(self) -> Settings:
        wanting = [rule.name for rule in self.rules.rules if "rate" in rule.then and rule.then["rate"].needs_days]
        if wanting and not self.shipstation.v2_api_key.get_secret_value():
            raise ValueError(
                f"rule {wanting[0]!r} asks how many days a service takes and shipstation.v2_api_key is empty: V1's rates tell no"
                ' days. Create a key in ShipStation\'s settings, or use rate = { choose = "cheapest" } without within_days'
            )
        return self

    @model_validator(mode="after")
    def _every_place_is_mapped(self) -> Settings:
        """A shipment of V2 must say from where it is sent."""
        if self.shipstation.orders_api == "v2":
            for name, store in self.stores.items():
                if not store.locations:
                    raise ValueError(
                        f"stores.{name}.locations: is empty, and ShipStation's V2 API takes no order without a warehouse."
                        f' Add [stores.{name}.locations] with a line such as "82734627" = 501'
                    )
        return self

    @field_validator("stores")
    @classmethod
    def _counted_by_one(cls, stores: dict[str, Store]) -> dict[str, Store]:
        """A shop that counts the goods hears nothing of what another one sold of them, and would count it back."""
        named = [(name, shelf) for name, store in stores.items() for shelf in store.stock.values()]
        for name, shelf in named:
            others = [other for other, one in named if other != name and one.place == shelf.place]
            if shelf.owner == "shopify" and others:
                raise ValueError(
                    f"{name} counts the goods of {shelf.place}, and {others[0]} sells them too: what it sold would be counted back."
                    f' Set owner = "shipstation" for both, or owner = "none" for {name}'
                )
        return stores

    @field_validator("stores")
    @classmethod
    def _numbers_apart(cls, stores: dict[str, Store]) -> dict[str, Store]:
        """Every shop counts its orders from #1001 on: in one ShipStation store nobody could tell them apart."""
        places: dict[tuple[int | None, str], str] = {}
        for name, store in stores.items():
            place = (store.shipstation_store_id, store.order_prefix)
            if place in places:
                raise ValueError(
                    f"{places[place]} and {name} would bring the same order numbers into one ShipStation store;"
                    " give them different order_prefix, or a shipstation_store_id each"
                )
            places[place] = name
        return stores
