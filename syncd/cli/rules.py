"""Commands that try rules on real orders. Nothing is changed."""

from __future__ import annotations

import click

from syncd.cli.terminal import EXIT_DIFFERENCE, as_json, at_desk, show


@click.group()
def rules() -> None:
    """Try the rules of the settings, or a file of rules, on real orders. Nothing is changed."""


@rules.command(name="test")
@click.argument("orders", nargs=-1, required=True, metavar="ORDER...")
@click.option("--file", default="current", show_default=True, help="A file of rules instead of those in the settings.")
@as_json
@click.pass_context
def rules_test(context: click.Context, orders: tuple[str, ...], file: str, is_json: bool) -> None:
    """Tell which rules fire for ORDER, what they decide, and why the others do not.

    Orders are read from Shopify as they are now.

    Example: syncd rules test '#1001' '#1002' --file new-rules.toml
    """
    from syncd.operate.rule_trials import trials_text, try_rules

    show(at_desk(context, lambda desk: try_rules(desk, file, orders)), is_json, trials_text)


@rules.command(name="diff")
@click.argument("old")
@click.argument("new")
@click.argument("orders", nargs=-1, metavar="[ORDER...]")
@click.option("--last", default=200, show_default=True, help="Without ORDER: so many of the newest known orders.")
@as_json
@click.pass_context
def rules_diff(context: click.Context, old: str, new: str, orders: tuple[str, ...], last: int, is_json: bool) -> None:
    """Show for which past orders the rules NEW decide otherwise than OLD. Exit code 1 when there are any.

    OLD and NEW are files of rules; `current` stands for the rules of the settings.

    Example: syncd rules diff current new-rules.toml --last 500
    """
    from syncd.operate.rule_trials import compare_rules, comparison_text

    answer = at_desk(context, lambda desk: compare_rules(desk, old, new, orders, last))
    show(answer, is_json, comparison_text)
    context.exit(EXIT_DIFFERENCE if answer["different"] else 0)
