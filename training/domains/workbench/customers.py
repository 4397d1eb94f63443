"""The customer relationship manager of a workbench: four tools on its customers."""

from __future__ import annotations

from training.domains.workbench import rows
from training.domains.workbench.tables import CUSTOMERS, Change, Tables
from training.domains.workplace import ToolError

_ID = "customer_id"
CHOICES = {"status": ("Qualified", "Won", "Lost", "Lead", "Proposal"),
           "product_interest": ("Software", "Hardware", "Services", "Consulting", "Training")}
"""What an update may set; a new customer may have any."""


def search_customers(tables: Tables, customer_name: str = "", customer_email: str = "", product_interest: str = "",
                     status: str = "", assigned_to_email: str = "", last_contact_date_min: str = "",
                     last_contact_date_max: str = "", follow_up_by_min: str = "", follow_up_by_max: str = "",
                     page: int = 1, page_size: int = 5) -> dict:
    """Customers whose columns contain what is asked for, and whose times, compared as text, are within the bounds."""
    asked = {"customer_name": customer_name, "customer_email": customer_email, "product_interest": product_interest,
             "status": status, "assigned_to_email": assigned_to_email}
    bounds = {"last_contact_date": (last_contact_date_min, last_contact_date_max),
              "follow_up_by": (follow_up_by_min, follow_up_by_max)}
    if not any(asked.values()) and not any(map(any, bounds.values())):
        raise ToolError("nothing is searched for; give at least one argument")
    found = tables[CUSTOMERS]
    for column, text in asked.items():
        found = rows.containing(found, column, text)
    for column, (low, high) in bounds.items():
        found = rows.between(found, column, low, high)
    return rows.paged("customers", found, page, page_size)


def update_customer(tables: Tables, customer_id: str, field: str, new_value: str) -> Change:
    """Change one field of a customer."""
    if field in CHOICES:
        rows.check_choice(field, new_value, CHOICES[field])
    new_value = new_value.lower() if field in ("customer_email", "assigned_to_email") else new_value
    return Change(CUSTOMERS, rows.updated(tables[CUSTOMERS], _ID, customer_id, field, new_value), customer_id)


def add_customer(tables: Tables, customer_name: str, assigned_to_email: str, status: str, customer_email: str = "",
                 customer_phone: str = "", last_contact_date: str = "", product_interest: str = "", notes: str = "",
                 follow_up_by: str = "") -> Change:
    """Add a customer; the id is given, and what is left out is missing."""
    customer = {_ID: rows.next_id(tables[CUSTOMERS], _ID), "assigned_to_email": assigned_to_email.lower(),
                "customer_name": customer_name, "customer_email": customer_email.lower() or None,
                "customer_phone": customer_phone or None, "last_contact_date": last_contact_date or None,
                "product_interest": product_interest or None, "status": status, "follow_up_by": follow_up_by or None,
                "notes": notes or None}
    return Change(CUSTOMERS, (*tables[CUSTOMERS], customer), customer[_ID])


def delete_customer(tables: Tables, customer_id: str) -> Change:
    """Delete a customer."""
    return Change(CUSTOMERS, rows.without(tables[CUSTOMERS], _ID, customer_id), customer_id)


TOOLS = (search_customers, update_customer, add_customer, delete_customer)
