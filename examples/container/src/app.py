"""An order is made in a container, with a module of a layer, and written to the only place where files can be written."""

import os

import menu


def take_order(event, context):
    for record in event["Records"]:
        item = record["body"]
        if item == "everything":
            print("making everything at once ...")
            bytearray(b"x" * (256 << 20))  # twice the memory that the function has
        with open(f"/tmp/{item}", "w", encoding="utf-8") as cup:
            cup.write(item)
        print(f"{item} costs {menu.PRICES[item]}, made by user {os.getuid()}")
    try:
        open("/var/task/note", "w", encoding="utf-8")
    except OSError as error:
        print(f"nothing is written beside the code: {error.strerror}")


def show_dead_letter(event, context):
    for record in event["Records"]:
        print(f"nobody made {record['body']}")
