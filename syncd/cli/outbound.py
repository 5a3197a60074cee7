"""Commands about webhooks to help desks: see them, try them again."""

from __future__ import annotations

import click

from syncd.cli.terminal import as_json, at_desk, show


@click.group()
def outbound() -> None:
    """See what help desks were told by webhook, and tell them again."""


@outbound.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="Rows at most.")
@as_json
@click.pass_context
def list_(context: click.Context, limit: int, is_json: bool) -> None:
    """Show messages: those that did not arrive first, then the newest."""
    from syncd.operate.outbound import list_messages, messages_text

    show(at_desk(context, lambda desk: list_messages(desk, limit)), is_json, messages_text)


@outbound.command()
@click.argument("ids", nargs=-1, type=int, metavar="[ID...]")
@click.pass_context
def retry(context: click.Context, ids: tuple[int, ...]) -> None:
    """Try messages again that did not arrive: those with these IDs, or all.

    Example: syncd outbound retry 17
    """
    from syncd.operate.outbound import retry_messages

    for line in at_desk(context, lambda desk: retry_messages(desk, ids)):
        click.echo(line)
