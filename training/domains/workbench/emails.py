"""The mailbox of a workbench: six tools on its e-mails; and its company directory, with one.

It is always the same minute (`NOW`). An e-mail that is sent is a new row of the outbox.
"""

from __future__ import annotations

from training.domains.workbench import rows
from training.domains.workbench.tables import ADDRESSES, EMAILS, Change, Row, Tables, moment
from training.domains.workplace import ToolError, short

NOW = "2023-11-30 23:59:00"
_ID = "email_id"
_SEARCHED = ("subject", "body", "sender/recipient")


def find_email_address(tables: Tables, name: str) -> list[str]:
    """The addresses of the company that contain a name."""
    return [row["email_address"] for row in rows.containing(tables[ADDRESSES], "email_address", name)]


def get_email_information_by_id(tables: Tables, email_id: str, field: str) -> Row:
    """One field of an e-mail."""
    return rows.information(tables[EMAILS], _ID, email_id, field)


def search_emails(tables: Tables, query: str = "", date_min: str = "", date_max: str = "", page: int = 1,
                  page_size: int = 5) -> dict:
    """E-mails with all words of the query somewhere, sent on the days within the bounds, the latest first (of those of
    one moment the last in the table, as in NeMo-Gym)."""
    low, high = (moment(bound).date() if bound else None for bound in (date_min, date_max))
    words = query.lower().split()
    found = [email for email in tables[EMAILS] if _holds(email, words)
             and (low is None or _sent(email).date() >= low) and (high is None or _sent(email).date() <= high)]
    return rows.paged("emails", tuple(sorted(found, key=_sent)[::-1]), page, page_size)


def send_email(tables: Tables, recipient: str, subject: str, body: str) -> Change:
    """Send an e-mail; its id is given, without zeros in front."""
    if "@" not in recipient or "." not in recipient:
        raise ToolError(f"recipient must be an e-mail address, got {short(recipient)}")
    return _sending(tables, recipient, subject, body)


def delete_email(tables: Tables, email_id: str) -> Change:
    """Delete an e-mail."""
    return Change(EMAILS, rows.without(tables[EMAILS], _ID, email_id), email_id)


def forward_email(tables: Tables, email_id: str, recipient: str) -> Change:
    """Send an e-mail on, as `FW: subject`."""
    email = rows.with_id(tables[EMAILS], _ID, email_id)
    return send_email(tables, recipient, f"FW: {email['subject']}", email["body"])


def reply_email(tables: Tables, email_id: str, body: str) -> Change:
    """Send an e-mail, `RE: subject`, to whom one is from; of the outbox, to whom it went."""
    email = rows.with_id(tables[EMAILS], _ID, email_id)
    return send_email(tables, email["sender/recipient"] or "", f"RE: {email['subject']}", body)


def _sending(tables: Tables, recipient: str, subject: str, body: str | None) -> Change:
    sent = tables[EMAILS]
    email = {_ID: rows.next_id(sent, _ID, width=0) if sent else "1", "inbox/outbox": "outbox",
             "sender/recipient": recipient.lower(), "subject": subject, "sent_datetime": NOW, "body": body}
    return Change(EMAILS, (*sent, email), email[_ID])


def _holds(email: Row, words: list[str]) -> bool:
    text = " ".join(email[field] or "" for field in _SEARCHED).lower()
    return all(word in text for word in words)


def _sent(email: Row):
    return moment(email["sent_datetime"])


TOOLS = (get_email_information_by_id, search_emails, send_email, delete_email, forward_email, reply_email)
DIRECTORY_TOOLS = (find_email_address,)
