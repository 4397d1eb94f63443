"""A small workbench for the tests: the published files and columns, with a few rows of our own."""

FILES = {
    "processed/emails.csv": """\
email_id,inbox/outbox,sender/recipient,subject,sent_datetime,body
00000001,inbox,ann.lee@firm.com,Budget plan,2023-11-28 09:00:00,"Sam, see the plan."
00000002,outbox,bo.ray@firm.com,Budget,2023-11-29 10:00:00,Done.
00000003,inbox,bo.ray@firm.com,Lunch,2023-11-29 12:30:00,Today?
""",
    "processed/calendar_events.csv": """\
event_id,event_name,participant_email,event_start,duration
00000001,Sync,ann.lee@firm.com,2023-12-01 09:00:00,30
00000002,Review,bo.ray@firm.com,2023-12-04 11:00:00,60
00000004,Sync up,bo.ray@firm.com,2023-12-01 14:00:00,90
""",
    "processed/analytics_data.csv": """\
date_of_visit,visitor_id,page_views,session_duration_seconds,traffic_source,user_engaged
2023-11-29,0001,2,5,direct,False
2023-11-28,0001,3,10,direct,True
2023-11-28,0002,1,15,referral,False
""",
    "processed/project_tasks.csv": """\
task_id,task_name,assigned_to_email,list_name,due_date,board
00000001,Fix login,ann.lee@firm.com,Backlog,2023-12-05,Back end
00000002,Draw logo,bo.ray@firm.com,In Review,2023-12-06,Design
""",
    "processed/customer_relationship_manager_data.csv": """\
customer_id,assigned_to_email,customer_name,customer_email,customer_phone,last_contact_date,product_interest,status,\
follow_up_by,notes
00000001,ann.lee@firm.com,Cy Day,cy.day@shop.com,,2023-11-20 10:00:00,Software,Lead,2023-12-01 10:00:00,Called.
00000002,bo.ray@firm.com,Di Fox,,555-1,2023-11-25 10:00:00,Hardware,Won,2023-12-09 10:00:00,
""",
    "raw/email_addresses.csv": "ann.lee@firm.com\nbo.ray@firm.com\n",
}


def write_tables(folder, changed=None):
    """Write the files, some of them `changed` (None: left out), and give the folder as text."""
    for name, text in {**FILES, **(changed or {})}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            file.write_text(text, encoding="utf-8")
    return str(folder)


def tool(name, *arguments):
    """The schema of a tool, as the published rows offer it."""
    properties = {argument: {"type": "string", "description": "An argument."} for argument in arguments}
    return {"type": "function", "name": name, "description": "A tool.", "strict": False,
            "parameters": {"type": "object", "properties": properties, "required": [], "additionalProperties": False}}
