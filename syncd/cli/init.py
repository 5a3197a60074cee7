"""The first command of a merchant: settings made in a conversation, or from options alone."""

from __future__ import annotations

import asyncio
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.terminal import EXIT_DIFFERENCE, EXIT_USAGE, tells_problems

if TYPE_CHECKING:
    from syncd.cli.first_answers import Wishes
    from syncd.cli.questions import Questions
    from syncd.operate.first_settings import Answers, Secrets
    from syncd.operate.offers import AccountOffer, ShopOffer


@click.command()
@click.option("--name", default="main", show_default=True, help="What the shop is called in settings and commands.")
@click.option("--shop", help="The shop's permanent address: main-shop.myshopify.com.")
@click.option("--client-id", help="Client id of the app; empty for an app of before 2026, with an access token.")
@click.option(
    "--secrets", type=click.Choice(["files", "env"]), help="Where secrets are: in files, or as SYNCD_... variables."
)
@click.option(
    "--secrets-folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("secrets"),
    show_default=True,
    help="The folder of those files.",
)
@click.option("--public-url", help="Where both vendors reach the daemon; empty: no webhooks, everything is polled.")
@click.option("--shipstation-store", metavar="STORE", help="The manual store in ShipStation, by id or name.")
@click.option(
    "--warehouse",
    multiple=True,
    metavar="LOCATION=WAREHOUSE",
    help="Once for each Shopify location, by ids or names; WAREHOUSE may be `none`.",
)
@click.option(
    "--stock", multiple=True, metavar="LOCATION=SHELF", help="Whose stock is compared: an inventory location."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.pass_context
def init(context: click.Context, /, **options: Any) -> None:
    """Make syncd.toml: ask for what it needs, try the logins at once, and offer what both accounts have.

    Secrets come from the environment or from files; they are never shown and never written into the settings. Each answer is also
    an option: without a terminal nothing is asked.

    Example: syncd init --shop main-shop.myshopify.com --client-id 5f0c --secrets env --warehouse "Main=501"
    """
    from syncd.cli.first_answers import Wishes

    target: Path = context.obj or Path("syncd.toml")
    if target.exists() and not options["force"]:
        click.echo(
            f"{target} is there already. Name another file with --config, or overwrite it with --force.", err=True
        )
        context.exit(EXIT_USAGE)
    with tells_problems(context):
        _converse(context, Wishes(**options), target)


def _converse(context: click.Context, wishes: Wishes, target: Path) -> None:
    from syncd.cli.first_answers import (
        ACCOUNT_SECRETS,
        secrets_of,
        what_belongs_together,
        where_it_is_reached,
        where_secrets_are,
        who_the_shop_is,
    )
    from syncd.cli.questions import Questions
    from syncd.logs import set_up_warnings
    from syncd.operate.first_settings import Secrets, settings_text, store_secrets
    from syncd.settings.reading import settings_of_values

    set_up_warnings()
    ask = Questions()
    answers = who_the_shop_is(ask, wishes)
    secrets = Secrets(where_secrets_are(ask, wishes), os.environ)
    ask.complete()
    secrets_of(ask, secrets, [*store_secrets(answers), *ACCOUNT_SECRETS])
    ask.complete()
    answers, shop, account = _let_in(context, ask, wishes, answers, secrets)
    answers = what_belongs_together(ask, wishes, answers, shop, account)
    answers = where_it_is_reached(ask, wishes, answers, secrets)
    ask.complete()
    text = settings_text(answers, secrets, shop, account)
    settings_of_values(tomllib.loads(text), target, secrets.environ)
    target.write_text(text, encoding="utf-8")
    _farewell(target, secrets)


def _let_in(
    context: click.Context, ask: Questions, wishes: Wishes, answers: Answers, secrets: Secrets
) -> tuple[Answers, ShopOffer, AccountOffer]:
    """Tries both logins; where one fails, its part is asked once more."""
    from syncd.cli.first_answers import ACCOUNT_SECRETS, secrets_of, who_the_shop_is
    from syncd.operate.doctor import checks_text
    from syncd.operate.first_settings import settings_values, store_secrets
    from syncd.operate.offers import ask_both_sides
    from syncd.settings.reading import settings_of_values

    while True:
        settings = settings_of_values(settings_values(answers, secrets), None, secrets.environ)
        shop, account = asyncio.run(ask_both_sides(settings, answers.store))
        if not isinstance(shop, dict) and not isinstance(account, dict):
            click.echo(
                f"Both let us in: the shop {shop.name}, and ShipStation with {len(account.stores)} manual stores."
            )
            return answers, shop, account
        click.echo(checks_text([one for one in (shop, account) if isinstance(one, dict)]), err=True)
        if not ask.has_terminal:
            context.exit(EXIT_DIFFERENCE)
        if isinstance(shop, dict):
            answers = who_the_shop_is(ask, wishes)
            secrets_of(ask, secrets, store_secrets(answers), again=True)
        if isinstance(account, dict):
            secrets_of(ask, secrets, ACCOUNT_SECRETS, again=True)


def _farewell(target: Path, secrets: Secrets) -> None:
    config = "" if target == Path("syncd.toml") else f" --config {target}"
    click.echo(f"\n{target} is written, without any secret in it.")
    if secrets.to_set:
        click.echo(f"Set in the environment before the next step: {', '.join(secrets.to_set)}")
    click.echo(f"Next: syncd{config} doctor         what is still to be put right")
    click.echo(f"      syncd{config} migrate        sets up the database")
    click.echo(f"      syncd{config} plan '#1001'   what would be done for one order; does nothing")
    click.echo(f"      syncd{config} run")
