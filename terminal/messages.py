"""`notices`: what became of messages, and who gets them beside their reader's direct channel."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from quota_core.accounts import AccountRef
from quota_core.addresses import shown
from quota_core.errors import PreferenceError
from quota_core.events import TYPES
from quota_core.messages import Messages
from quota_core.store.recipients import Recipient
from terminal.proof_arguments import Action
from terminal.reply import Reply

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name
CHANNELS = ("channel", "email", "slack", "webhook")
STATES = ("owed", "sent", "kept", "shown", "dead")
_ADVICE = {
    "address": "that is no address for this channel: https://… for webhooks, an id for channels of Discord",
    "channel": "this bot has no such channel; e-mail needs SMTP_HOST",
    "kind": f"no such event; there are: {', '.join(TYPES)}",
    "off": "it was turned off: python bot.py notices enable ID",
    "unproved": "the code that was sent there was not entered yet",
    "soon": "something is on its way there already; wait a second",
    "nobody": "the operators' own recipients are tried in the name of an operator: set OPERATOR_IDS",
    "twice": "it is there already: python bot.py notices recipients",
    "many": "there are ten already, and no more are possible",
}


def add_message_commands(commands: Commands, shared: argparse.ArgumentParser, *, tool: Action) -> None:
    """Add the commands; `tool` does them with the ledger."""
    group = commands.add_parser("notices", help="messages and who gets them")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", parents=[shared], help="what became of messages, newest first")
    listing.add_argument("--state", choices=STATES, help="only those in this state")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="so many (50)")
    listing.set_defaults(action=tool, command="notices list")
    retry = actions.add_parser("retry", parents=[shared], help="send a message again, under the same id")
    retry.add_argument("id", type=int, help="as `notices list` shows it")
    retry.set_defaults(action=tool, command="notices retry")

    everybody = actions.add_parser("recipients", parents=[shared], help="who gets messages")
    everybody.set_defaults(action=tool, command="notices recipients")
    add = actions.add_parser("add", parents=[shared], help="add a recipient, the operators' own unless told")
    add.add_argument("channel", choices=CHANNELS)
    add.add_argument("target", help="an e-mail address, a URL, or the id of a channel of Discord")
    add.add_argument("--account", help="of this account alone, such as user:1; else of all")
    add.add_argument("--events", nargs="+", default=[], metavar="TYPE", help="only these; all unless given")
    add.add_argument("--locale", help="the language, such as fr; DEFAULT_LOCALE unless given")
    add.set_defaults(action=tool, command="notices add")
    for name, text in (
        ("remove", "send nothing there any more"),
        ("enable", "send there again, after it was turned off"),
        ("rotate", "give a webhook a new secret; the old one signs too for a day"),
        ("test", "send a test there"),
    ):
        one = actions.add_parser(name, parents=[shared], help=text)
        one.add_argument("id", type=int, help="as `notices recipients` shows it")
        one.set_defaults(action=tool, command=f"notices {name}")


class MessageDesk:
    """Answer these commands."""

    def __init__(self, messages: Messages) -> None:
        self._recipients = messages.recipients
        self._log = messages.log
        self._resending = messages.resending

    async def list_messages(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Show what became of messages."""
        found = await self._log.last(state=options.get("state") or "", limit=int(options["limit"]))
        for one in found:
            to = f"recipient {one.target}" if one.target else "itself"
            failure = f"  {one.failure}" if one.failure else ""
            reply.tell(
                f"{one.id}  {_moment(one.created_ms)}  {one.state:<5}  {one.channel:<7}  {one.kind}  "
                f"{one.account} -> {to}  tries {one.attempts}{failure}"
            )
        if not found:
            reply.tell("no messages")
        return 0

    async def retry(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Send a message again."""
        if await self._log.retry(int(options["id"])):
            reply.tell(f"{options['id']} is owed again")
            return 0
        reply.tell(
            f"{options['id']} is owed already, or there is no such message: python bot.py notices list"
        )
        return 1

    async def list_recipients(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Show who gets messages, without addresses that are secrets."""
        del options
        found = await self._recipients.every()
        for one, account in found:
            whose = "operators (all accounts)" if account is None else str(account)
            reply.tell(
                f"{one.id}  {one.channel:<7}  {_standing(one):<12}  {shown(one)}  {whose}  {one.kinds or 'all'}"
            )
        if not found:
            reply.tell("no recipients: python bot.py notices add webhook https://example.org/hook")
        return 0

    async def add(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Add a recipient, and show a webhook's secret."""
        try:
            account = None if options.get("account") is None else AccountRef.parse(options["account"])
            added = await self._recipients.add(
                account,
                options["channel"],
                options["target"],
                kinds=[TYPES.get(name, name) for name in options["events"]],
                locale=options.get("locale"),
            )
        except ValueError as error:
            reply.tell(str(error))
            return 2
        except PreferenceError as error:
            reply.tell(_ADVICE.get(error.what, str(error)))
            return 2
        reply.tell(f"recipient {added.id} was added")
        if added.secret is not None:
            reply.tell(added.secret)
            reply.tell("This is the only time that the secret is shown.")
        return 0

    async def remove(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Remove a recipient."""
        return await self._change("remove", options, reply)

    async def enable(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Turn a recipient on again."""
        return await self._change("enable", options, reply)

    async def rotate(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Give a webhook a new secret."""
        return await self._change("rotate", options, reply)

    async def test(self, options: Mapping[str, Any], reply: Reply) -> int:
        """Send a test to a recipient."""
        number = int(options["id"])
        owners = {one.id: account for one, account in await self._recipients.every()}
        try:
            done = number in owners and await self._resending.test(owners[number], number)
        except PreferenceError as error:
            reply.tell(_ADVICE.get(error.what, str(error)))
            return 1
        reply.tell(
            f"a test is on its way to recipient {number}: python bot.py notices list"
            if done
            else f"no recipient {number}: python bot.py notices recipients"
        )
        return 0 if done else 1

    async def _change(self, what: str, options: Mapping[str, Any], reply: Reply) -> int:
        number = int(options["id"])
        owners = {one.id: account for one, account in await self._recipients.every()}
        if number not in owners:
            reply.tell(f"no recipient {number}: python bot.py notices recipients")
            return 1
        if what == "rotate":
            secret = await self._recipients.rotate(owners[number], number)
            reply.tell(secret or f"recipient {number} is no signed webhook")
            return 0 if secret else 1
        done = self._recipients.remove if what == "remove" else self._recipients.enable
        await done(owners[number], number)
        reply.tell(f"recipient {number}: {what}d")
        return 0


def _standing(one: Recipient) -> str:
    if one.disabled_ms is not None:
        return "turned off"
    if one.code is not None:
        return "unproved"
    return "failing" if one.failures else "on"


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
